"""Batches of text for training with carried state."""

from collections.abc import Iterator

import numpy as np

from ..errors import DataError
from ..types import Array

__all__ = ["StatefulBatches"]


class StatefulBatches:
    """A text cut into B rows that are read side by side, T symbols at a time.

    Row b of one batch goes on where row b of the last one ended, so a recurrent state can be
    carried from batch to batch; the targets are the inputs one symbol later.

    >>> batches = StatefulBatches(np.arange(13), batch=2, length=3)
    >>> len(batches)
    2
    >>> x, y = batches[0]
    >>> x.T.tolist(), y.T.tolist()
    ([[0, 1, 2], [6, 7, 8]], [[1, 2, 3], [7, 8, 9]])
    >>> batches[1][0].T.tolist()
    [[3, 4, 5], [9, 10, 11]]

    What does not fill a batch at the end of the text is left out. Raises DataError when the text
    does not fill one; `unit` is what its message calls the symbols.
    """

    def __init__(self, numbers: Array, batch: int, length: int, unit: str = "characters") -> None:
        if batch < 1 or length < 1:
            raise DataError(f"a batch needs rows and steps from 1 up, not {batch} × {length}")
        self._count = (len(numbers) - 1) // (batch * length)
        if self._count < 1:
            raise DataError(
                f"the text has {len(numbers):,} {unit}, and one batch of {batch} rows and "
                f"{length} steps needs {batch * length + 1:,}: use a longer text or smaller batches"
            )
        steps = self._count * length
        windows = np.lib.stride_tricks.sliding_window_view(np.asarray(numbers), steps + 1)
        self._rows = np.ascontiguousarray(windows[::steps][:batch].T)  # (count·T + 1, B)
        self.batch, self.length = batch, length

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int) -> tuple[Array, Array]:
        """Batch i: inputs and targets, each (T, B)."""
        if not 0 <= i < self._count:
            raise IndexError(f"there are {self._count} batches, and no number {i}")
        start = i * self.length
        stop = start + self.length
        return self._rows[start:stop], self._rows[start + 1 : stop + 1]

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return (self[i] for i in range(self._count))
