"""How well a network predicts a text, symbol by symbol and line by line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compile import function
from ..errors import ArgumentError, DataError
from ..nn.losses import softmax_cross_entropy
from ..types import Array
from ..variables import input
from .model import CharRNN
from .sampling import check_finite, reading, start_state
from .vocabulary import Vocabulary

__all__ = ["Scorer", "Scores"]


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """The surprisal of each symbol of a text, -ln p(symbol | all before), in nats.

    Attributes: `pieces`, the symbols as they stand in the text (those of `Vocabulary.split`), and
    `nats` (n,) float64, one for each; `level`, that of the vocabulary.

    >>> scores = Scores(["a", "b", "\\n", "c"], np.array([1.0, 3.0, 2.0, 6.0]))
    >>> scores.mean, round(scores.bits, 2), round(scores.perplexity, 2)
    (3.0, 4.33, 20.09)
    >>> [(line.text, line.mean) for line in scores.lines()]
    [('ab\\n', 2.0), ('c', 6.0)]
    >>> scores.most_surprising(1)
    [(2, Scores of 1 symbol, 6.000 nats each)]
    """

    pieces: Sequence[str]
    nats: Array
    level: str = "char"

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def mean(self) -> float:
        """Nats a symbol."""
        return float(self.nats.mean())

    @property
    def bits(self) -> float:
        """Bits a symbol."""
        return self.mean / math.log(2)

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte of the text in UTF-8: what a compressor that has this network would
        need. It compares networks of any vocabularies, but for one that has unknown words: those
        are easier to predict than the words that they stand for."""
        whole = self.level == "byte"  # whose text may be none, and then shows as U+FFFD
        size = len(self.nats) if whole else len(self.text.encode("utf-8", "surrogatepass"))
        return float(self.nats.sum()) / math.log(2) / size

    @property
    def perplexity(self) -> float:
        """exp(mean): among how many equally likely symbols it would be as hard to choose."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.mean))

    def lines(self) -> list["Scores"]:
        """Each line by itself, with the newline that ends it."""
        ends = np.flatnonzero(np.array([piece == "\n" for piece in self.pieces])) + 1
        starts = [0, *ends.tolist()]
        stops = [*starts[1:], len(self.pieces)]
        return [
            Scores(self.pieces[start:stop], self.nats[start:stop], self.level)
            for start, stop in zip(starts, stops, strict=True)
            if start < stop
        ]

    def most_surprising(self, count: int = 10) -> list[tuple[int, "Scores"]]:
        """The lines of the highest mean, from the highest down, each with its number (from 1)."""
        numbered = enumerate(self.lines(), start=1)
        return sorted(numbered, key=lambda line: -line[1].mean)[:count]

    def __repr__(self) -> str:
        count = len(self.pieces)
        return f"Scores of {count:,} symbol{'s' * (count != 1)}, {self.mean:.3f} nats each"


class Scorer:
    """Says how surprising a text is to a network.

    >>> vocabulary = Vocabulary("abc")
    >>> scorer = Scorer(CharRNN(3, hidden=4, seed=1), vocabulary)
    >>> scores = scorer.score("abba")
    >>> scores.nats.shape, round(float(scores.nats[0]), 4)
    ((4,), 1.0986)

    `chunk` is the number of symbols that are read at once, whatever the length of the text: more
    need more memory, and change nothing else. Raises ArgumentError for a network and a vocabulary
    of different sizes, and for a chunk below 1.
    """

    def __init__(self, network: CharRNN, vocabulary: Vocabulary, chunk: int = 1000) -> None:
        if chunk < 1:
            raise ArgumentError(f"chunk must be from 1 up, and is {chunk}")
        self.vocabulary, self.chunk = vocabulary, chunk
        symbols, state, logits, new_state = reading(network, vocabulary)
        targets = input("targets", ("T", "B"), "int64")
        nats = softmax_cross_entropy(logits, targets, reduce="none")  # (T, B)
        self._read = function([symbols, targets, state], (nats, new_state), name="scorer")
        self._start = start_state(network)

    def score(self, text: str | bytes) -> Scores:
        """The surprisal of each symbol of a text (bytes: at level byte).

        Nothing is before the first symbol, which therefore has that of an even choice, ln V. Raises
        DataError for an empty text, one with a character that the vocabulary has not, and when the
        network has diverged.
        """
        numbers = self.vocabulary.encode(text)[:, None]  # type: ignore[arg-type]  # (n, B = 1)
        if not len(numbers):
            raise DataError("the text is empty: there is nothing to score")
        nats = np.empty(len(numbers))
        nats[0] = math.log(len(self.vocabulary))
        state = self._start
        for start in range(0, len(numbers) - 1, self.chunk):
            part = numbers[start : start + self.chunk + 1]
            found, state = self._read(part[:-1], part[1:], state)
            nats[start + 1 : start + len(part)] = found[:, 0]
        check_finite(nats)
        pieces = self.vocabulary.split(text)  # type: ignore[arg-type]
        return Scores(pieces, nats, self.vocabulary.level)
