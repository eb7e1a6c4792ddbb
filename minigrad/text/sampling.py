"""Writing text with a trained network, one character after the other."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compile import function
from ..errors import ArgumentError, DataError
from ..tree import tree_map
from ..types import Array
from ..variables import input
from .model import CharRNN, state_inputs
from .vocabulary import Vocabulary

__all__ = ["Sampler"]


class Sampler:
    """Draws characters from a network: p(next) = softmax(logits / temperature).

    >>> vocabulary = Vocabulary("abc")
    >>> sampler = Sampler(CharRNN(3, hidden=4, seed=1), vocabulary)
    >>> text = "".join(sampler.stream(10, prime="ab", seed=0))
    >>> len(text), set(text) <= set("abc")
    (10, True)
    """

    def __init__(self, network: CharRNN, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        training = network.training
        network.eval()
        characters, state = input("characters", ("T", "B"), "int64"), state_inputs(network)
        logits, new_state = network(characters, state)
        self._next = function([characters, state], (logits[-1, 0], new_state), name="sampler")
        self._start = tree_map(lambda v: v.eval(), network.zero_state(1))
        if training:
            network.train()

    def stream(
        self, length: int, prime: str = "", temperature: float = 1.0, seed: int | None = None
    ) -> Iterator[str]:
        """`length` characters that follow `prime`, as they are drawn.

        Args:
            prime: the text to go on from; without one the first character is drawn evenly.
            temperature: below 1 closer to what is likely, above 1 wilder; 0 takes the likeliest.
            seed: the same seed gives the same text; None a new one each time.

        Raises DataError when the prime has a character that the network does not know, and when the
        network has diverged; ArgumentError for a length, temperature or seed below 0.
        """
        for name, value in [("length", length), ("temperature", temperature), ("seed", seed or 0)]:
            if not value >= 0:  # NaN is not
                raise ArgumentError(f"{name} must be from 0 up, and is {value}")
        known = self.vocabulary.encode(prime)
        return self._stream(length, known, temperature, np.random.default_rng(seed))

    def _stream(
        self, length: int, read: Array, temperature: float, rng: np.random.Generator
    ) -> Iterator[str]:
        state: Any = self._start
        for _ in range(length):
            if len(read):
                logits, state = self._next(read[:, None], state)
                number = draw(logits, temperature, rng)
            else:
                number = int(rng.integers(len(self.vocabulary)))
            read = np.array([number])
            yield self.vocabulary.decode(read)


def draw(logits: Array, temperature: float, rng: np.random.Generator) -> int:
    """A number drawn with probability softmax(logits / temperature); logits (V,)."""
    if not np.isfinite(logits).all():
        raise DataError("the network makes no finite numbers: its training has diverged")
    if temperature == 0:
        return int(logits.argmax())
    with np.errstate(over="ignore"):  # a temperature next to 0: -∞, whose exp is 0
        p = np.exp((logits - logits.max()).astype(np.float64) / temperature)
    return int(rng.choice(len(p), p=p / p.sum()))
