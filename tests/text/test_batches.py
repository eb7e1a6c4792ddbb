"""Batches: row b of one goes on where row b of the last one ended."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.errors import DataError
from minigrad.text import StatefulBatches

sizes = st.integers(1, 5)


@given(st.integers(0, 200), sizes, sizes)
def test_rows_are_stretches_of_the_text(n: int, batch: int, length: int) -> None:
    text = np.arange(n) * 7
    fits = (n - 1) // (batch * length)
    if fits < 1:
        with pytest.raises(DataError, match=f"needs {batch * length + 1:,}"):
            StatefulBatches(text, batch, length)
        return
    batches = StatefulBatches(text, batch, length)
    assert len(batches) == len(list(batches)) == fits  # no batch that would fit is left out
    inputs, targets = (np.concatenate(part) for part in zip(*batches, strict=True))
    assert inputs.shape == targets.shape == (fits * length, batch)
    stretch = fits * length
    for b in range(batch):
        np.testing.assert_array_equal(inputs[:, b], text[b * stretch : (b + 1) * stretch])
        np.testing.assert_array_equal(targets[:, b], text[b * stretch + 1 : (b + 1) * stretch + 1])


@given(st.integers(50, 200), sizes, sizes)
def test_a_batch_goes_on_where_the_last_one_ended(n: int, batch: int, length: int) -> None:
    batches = StatefulBatches(np.arange(n), batch, length)
    for i in range(len(batches) - 1):
        _, targets = batches[i]
        following, _ = batches[i + 1]
        np.testing.assert_array_equal(targets[-1], following[0])


@pytest.mark.parametrize("i", [-1, 2])
def test_there_is_no_batch_outside(i: int) -> None:
    with pytest.raises(IndexError, match=f"2 batches, and no number {i}"):
        StatefulBatches(np.arange(9), 2, 2)[i]


@pytest.mark.parametrize(("batch", "length"), [(0, 3), (3, 0), (-1, -1)])
def test_sizes_start_at_one(batch: int, length: int) -> None:
    with pytest.raises(DataError, match="from 1 up"):
        StatefulBatches(np.arange(9), batch, length)
