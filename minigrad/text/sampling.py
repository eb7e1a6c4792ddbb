"""Writing text with a trained network, one symbol after the other."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compile import function
from ..errors import ArgumentError, DataError
from ..nn import state_inputs
from ..tree import tree_map
from ..types import Array
from ..variables import Variable, input
from .model import CharRNN
from .vocabulary import Vocabulary

__all__ = ["Sampler"]


class Sampler:
    """Draws symbols from a network: p(next) = softmax(logits / temperature).

    >>> vocabulary = Vocabulary("abc")
    >>> sampler = Sampler(CharRNN(3, hidden=4, seed=1), vocabulary)
    >>> text = "".join(sampler.stream(10, prime="ab", seed=0))
    >>> len(text), set(text) <= set("abc")
    (10, True)

    Raises ArgumentError for a network and a vocabulary of different sizes.
    """

    def __init__(self, network: CharRNN, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        symbols, state, logits, new_state = reading(network, vocabulary)
        self._next = function([symbols, state], (logits[-1, 0], new_state), name="sampler")
        self._start = start_state(network)

    def stream(
        self,
        length: int,
        prime: str = "",
        temperature: float = 1.0,
        seed: int | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Iterator[str]:
        """`length` symbols that follow `prime`, as they are drawn (bytes: as characters are whole).

        Args:
            prime: the text to go on from; without one the first symbol is drawn evenly.
            temperature: below 1 closer to what is likely, above 1 wilder; 0 takes the likeliest.
            seed: the same seed gives the same text; None a new one each time.
            top_k: draw from the k likeliest only (A. Fan, M. Lewis, Y. Dauphin, "Hierarchical
                neural story generation", 2018).
            top_p: the nucleus: draw from the fewest likeliest that have a probability of p together
                (A. Holtzman et al., "The curious case of neural text degeneration", 2020), at this
                temperature and among the `top_k` where that is given.

        Raises DataError when the prime has a character that the vocabulary has not, and when the
        network has diverged; ArgumentError for a length, temperature or seed below 0, a `top_k`
        below 1, a `top_p` not above 0 or above 1.
        """
        for name, value in [("length", length), ("temperature", temperature), ("seed", seed or 0)]:
            if not value >= 0:  # NaN is not
                raise ArgumentError(f"{name} must be from 0 up, and is {value}")
        if top_k is not None and not (isinstance(top_k, int | np.integer) and top_k >= 1):
            raise ArgumentError(f"top_k must be a whole number from 1 up, and is {top_k!r}")
        if top_p is not None and not 0 < top_p <= 1:
            raise ArgumentError(f"top_p must be above 0 and at most 1, and is {top_p}")
        known, rng = self.vocabulary.encode(prime), np.random.default_rng(seed)
        return self.vocabulary.decode_stream(
            self._numbers(length, known, temperature, rng, top_k, top_p)
        )

    def _numbers(
        self, length: int, read: Array, temperature: float, rng: np.random.Generator, *top: Any
    ) -> Iterator[int]:
        state = self._start
        for _ in range(length):
            if len(read):
                logits, state = self._next(read[:, None], state)
                number = draw(logits, temperature, rng, *top)
            else:
                starts = self.vocabulary.starts
                number = starts[int(rng.integers(len(starts)))]
            read = np.array([number])
            yield number


def reading(network: CharRNN, vocabulary: Vocabulary) -> tuple[Variable, Any, Variable, Any]:
    """The graph of a network at work: symbols (T, B), state, logits (T, B, V), new state."""
    symbols, state = input("symbols", ("T", "B"), "int64"), state_inputs(network)
    with network.evaluating():
        logits, new_state = network(symbols, state)
    check_sizes(network, vocabulary)
    return symbols, state, logits, new_state


def check_sizes(network: CharRNN, vocabulary: Vocabulary) -> None:
    """ArgumentError for a network and a vocabulary of different sizes."""
    if network.size != len(vocabulary):
        raise ArgumentError(
            f"the network is for {network.size:,} symbols, and the vocabulary has "
            f"{len(vocabulary):,}"
        )


def check_finite(numbers: Array) -> None:
    """DataError for what a network that has diverged makes."""
    if not np.isfinite(numbers).all():
        raise DataError("the network makes no finite numbers: its training has diverged")


def start_state(network: CharRNN, batch: int = 1) -> Any:
    """The state before `batch` texts, as arrays."""
    return tree_map(lambda v: v.eval(), network.zero_state(batch))


def draw(
    logits: Array,
    temperature: float,
    rng: np.random.Generator,
    top_k: int | None = None,
    top_p: float | None = None,
) -> int:
    """A number drawn with its probability; logits (V,)."""
    p = probabilities(logits, temperature, top_k, top_p)
    return int(rng.choice(len(p), p=p))


def probabilities(
    logits: Array, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Array:
    """softmax(logits / temperature) of the numbers that may be drawn, 0 for others: (V,) float64.

    Of equal logits the one with the smaller number counts as likelier.

    >>> logits = np.log([0.1, 0.4, 0.3, 0.2])
    >>> probabilities(logits, top_k=3).round(3).tolist()
    [0.0, 0.444, 0.333, 0.222]
    >>> probabilities(logits, top_p=0.5).round(3).tolist()
    [0.0, 0.571, 0.429, 0.0]
    """
    check_finite(logits)
    if temperature == 0:
        temperature, top_k = 1.0, 1
    with np.errstate(over="ignore"):  # a temperature next to 0: -∞, whose exp is 0
        p = np.exp((logits - logits.max()).astype(np.float64) / temperature)
    p /= p.sum()
    if top_k is None and top_p is None:
        return p
    order = np.argsort(-logits, kind="stable")  # the likeliest first
    count = len(p) if top_k is None else min(top_k, len(p))
    if top_p is not None and top_p < 1:
        upto = np.cumsum(p[order[:count]])
        count = int(np.searchsorted(upto, top_p * upto[-1])) + 1
    p[order[count:]] = 0
    return p / p.sum()
