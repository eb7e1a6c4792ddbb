"""`Vocabulary`: symbols and their numbers."""

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import DataError
from ..types import Array

__all__ = ["Vocabulary"]


class Vocabulary:
    """A fixed list of characters; each has the number of its place.

    >>> v = Vocabulary.of("hello")
    >>> v.symbols, v.encode("hole").tolist(), v.decode([2, 1])
    ('ehlo', [1, 3, 2, 0], 'lh')
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = "".join(symbols)
        self._numbers = {s: i for i, s in enumerate(self.symbols)}
        if len(self._numbers) != len(self.symbols):
            raise DataError("a vocabulary holds each character once")

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """The characters of a text, sorted."""
        return cls(sorted(set(text)))

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> Array:
        """The numbers of a text of n characters: (n,) int64.

        Raises DataError for a character that the vocabulary has not, naming it and its place.
        """
        numbers = self._numbers
        try:
            return np.fromiter((numbers[c] for c in text), np.int64, len(text))
        except KeyError as missing:
            place = text.index(missing.args[0])
            raise DataError(
                f"the character {missing.args[0]!r}, at place {place:,} of the text, is not among "
                f"the {len(self):,} that the vocabulary has"
            ) from None

    def decode(self, numbers: Sequence[int] | Array) -> str:
        """The text of a sequence of numbers."""
        return "".join(self.symbols[int(n)] for n in numbers)

    def __repr__(self) -> str:
        return f"Vocabulary({self.symbols!r})"
