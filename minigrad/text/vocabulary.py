"""Vocabularies: the symbols of a text (its characters, words or bytes) and their numbers."""

import codecs
import re
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Self

import numpy as np

from ..errors import ArgumentError, DataError
from ..types import Array

__all__ = ["LEVELS", "UNKNOWN", "Bytes", "Vocabulary", "Words"]

UNKNOWN = "<unk>"
_Decoder = codecs.getincrementaldecoder("utf-8")


class Vocabulary:
    """A fixed list of characters; each has the number of its place. Other levels build on it.

    >>> v = Vocabulary.of("hello")
    >>> v.symbols, v.encode("hole").tolist(), v.decode([2, 1])
    ('ehlo', [1, 3, 2, 0], 'lh')

    Attributes: `symbols`, or a list of them, which ``LEVELS[v.level]`` makes the same vocabulary of
    again; `level`; `unit`, what the symbols are in plain words.

    Raises DataError for symbols that are not of its level, and for one that is there twice.
    """

    level: ClassVar[str] = "char"
    unit: ClassVar[str] = "characters"
    _symbol: ClassVar[re.Pattern[str]] = re.compile(".", re.DOTALL)
    symbols: Sequence[str]

    def __init__(self, symbols: Iterable[str]) -> None:
        listed = tuple(symbols)
        for s in listed:
            if not (isinstance(s, str) and self._symbol.fullmatch(s)):
                raise DataError(f"a vocabulary of {self.unit} cannot hold {s!r:.60}")
        self._numbers = {s: i for i, s in enumerate(listed)}
        if len(self._numbers) != len(listed):
            twice = Counter(listed).most_common(1)[0][0]
            raise DataError(f"a vocabulary holds each {self.unit[:-1]} once, not {twice!r} twice")
        self.symbols = "".join(listed)

    @classmethod
    def of(cls, text: str) -> Self:
        """The characters of a text, sorted."""
        return cls(sorted(set(text)))

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def starts(self) -> range:
        """The numbers that a text can begin with."""
        return range(len(self))

    def split(self, text: str) -> Sequence[str]:
        """The pieces of a text, one for each of its symbols; put together they are the text."""
        return text

    def encode(self, text: str) -> Array:
        """The numbers of a text of n symbols: (n,) int64.

        Raises DataError for a character that the vocabulary has not, naming it and its place.
        """
        try:
            return np.fromiter(map(self._numbers.__getitem__, text), np.int64, len(text))
        except KeyError as missing:
            place = text.index(missing.args[0])
            line = text.count("\n", 0, place) + 1
            raise DataError(
                f"the character {missing.args[0]!r}, at place {place:,} of the text, in line "
                f"{line:,}, is not among the {len(self):,} that the vocabulary has"
            ) from None

    def known(self, text: str) -> str:
        """The text without what the vocabulary has not."""
        return "".join(c for c in text if c in self._numbers)

    def decode(self, numbers: Iterable[int] | Array) -> str:
        """The text of a sequence of numbers."""
        return "".join(self.decode_stream(numbers))

    def decode_stream(self, numbers: Iterable[int] | Array) -> Iterator[str]:
        """The same text in pieces, each as soon as its numbers are there."""
        return (self.symbols[int(n)] for n in numbers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.symbols!r})"


class Words(Vocabulary):
    """Words, single punctuation marks, newlines, and runs of other white space.

    >>> v = Words.of("the cat, the rat", most=3)
    >>> v
    Words(('<unk>', ' ', 'the', 'cat'))
    >>> v.split("the cat, no?"), v.decode(v.encode("the cat, no?"))
    (['the', ' ', 'cat', ',', ' ', 'no', '?'], 'the cat<unk> <unk><unk>')

    Symbol 0 is ``<unk>``, which stands for whatever the vocabulary has not, so that every text can
    be encoded. (In a text, the letters ``<unk>`` are three symbols.)
    """

    level = "word"
    unit = "words"
    # Each character is of one of four kinds, so nothing is lost between two pieces; a newline is
    # alone, so no piece is of two lines.
    _piece = re.compile(r"\w+|[^\w\s]|\n|[^\S\n]+")
    _symbol = re.compile(f"{UNKNOWN}|{_piece.pattern}")

    def __init__(self, symbols: Iterable[str]) -> None:
        listed = tuple(symbols)
        super().__init__(listed)
        if listed[:1] != (UNKNOWN,):
            raise DataError(f"the first symbol of a vocabulary of words is {UNKNOWN!r}")
        self.symbols = listed

    @classmethod
    def of(cls, text: str, most: int = 10_000) -> Self:
        """The `most` most frequent symbols of a text, and the unknown one.

        A network meets the unknown one while it trains only where `most` leaves some out. Raises
        ArgumentError for less than 1.
        """
        if most < 1:
            raise ArgumentError(f"a vocabulary holds from 1 word up, and not {most}")
        frequent = Counter(cls._piece.findall(text)).most_common(most)
        return cls([UNKNOWN, *(piece for piece, _ in frequent)])

    @property
    def starts(self) -> range:
        return range(min(1, len(self) - 1), len(self))

    def split(self, text: str) -> list[str]:
        return self._piece.findall(text)

    def known(self, text: str) -> str:
        return text  # what it has not is the unknown symbol

    def encode(self, text: str) -> Array:
        """The numbers of a text of n symbols: (n,) int64, 0 for those that are not known."""
        numbers = self._numbers
        return np.array([numbers.get(piece, 0) for piece in self.split(text)], np.int64)

    def __repr__(self) -> str:
        return f"Words({reprlib.repr(self.symbols)})"


class Bytes(Vocabulary):
    """The 256 bytes, for any text and any file; a text is read and written as UTF-8.

    >>> v = Bytes()
    >>> v.encode("né").tolist(), v.decode([110, 195, 169]), v.decode([110, 195])
    ([110, 195, 169], 'né', 'n\ufffd')
    >>> list(v.decode_stream([110, 195, 169]))
    ['n', 'é']

    It has no list of symbols: `symbols` is empty, and what makes it again.
    """

    level = "byte"
    unit = "bytes"

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        super().__init__(())
        if listed := tuple(symbols):
            raise DataError(f"a vocabulary of bytes holds all 256 and takes no {listed[0]!r:.60}")
        self.symbols = ()

    @classmethod
    def of(cls, text: str | bytes = "") -> Self:
        """The same for all texts."""
        return cls()

    def __len__(self) -> int:
        return 256

    @property
    def starts(self) -> range:
        """The numbers of printable ASCII, as half of all bytes are in the middle of a character."""
        return range(0x20, 0x7F)

    def split(self, text: str | bytes) -> list[str]:
        """The piece of a byte is the character that it completes, or else empty."""
        raw = _utf8(text)
        decoder = _Decoder("replace")
        pieces = [decoder.decode(raw[i : i + 1]) for i in range(len(raw))]
        if pieces:
            pieces[-1] += decoder.decode(b"", final=True)
        return pieces

    def known(self, text: str) -> str:
        return text  # it has all

    def encode(self, text: str | bytes) -> Array:
        """The numbers of a text of n bytes: (n,) int64."""
        return np.frombuffer(_utf8(text), np.uint8).astype(np.int64)

    def decode_stream(self, numbers: Iterable[int] | Array) -> Iterator[str]:
        """The text in pieces of whole characters; what is no UTF-8 is \ufffd."""
        decoder = _Decoder("replace")
        for n in numbers:
            if piece := decoder.decode(bytes([n])):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def __repr__(self) -> str:
        return "Bytes()"


LEVELS: dict[str, type[Vocabulary]] = {kind.level: kind for kind in (Vocabulary, Words, Bytes)}


def _utf8(text: str | bytes) -> bytes:
    """A lone surrogate, which is no character, passes as three bytes: any text can be encoded."""
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
