"""What is timed: sizes, weights and data, the same arrays for every contestant.

A case is a character RNN that learns: ids (T, B) → one-hot (T, B, V) → layers → logits (T, B, V) →
cross-entropy. One step is forward, backward, update and reading the loss; the state is carried on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np

GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}


@dataclass(frozen=True)
class Case:
    """A training step, by its sizes.

    Args:
        cell: "rnn", "lstm" or "gru".
        hidden, layers, length, batch, size: H, the number of layers, T, B and V.
        optimizer: "adam" (rate 2e-3, gradients clipped to a global norm of 5, the mean loss) or
            "adagrad" (rate 0.1, each gradient clipped to ±5, the loss summed over time).
        layer_norm: whether the cell, an LSTM, normalises x W_ih, h W_hh and c, as `LSTMCell` does.
        checkpoint: for `scan`, ours only.
    """

    cell: str
    hidden: int
    layers: int
    length: int
    batch: int
    size: int
    optimizer: str = "adam"
    layer_norm: bool = False
    checkpoint: str | None = None

    @property
    def rate(self) -> float:
        return {"adam": 2e-3, "adagrad": 0.1}[self.optimizer]

    @property
    def parts(self) -> int:
        """How many arrays the state of a layer is made of."""
        return 2 if self.cell == "lstm" else 1

    def weights(self) -> dict[str, np.ndarray]:
        """``0.weight_ih`` (F, gates · H), ``0.weight_hh`` (H, gates · H), ``0.bias`` … float32.

        Gains are near 1, not 1, so that the first loss tells whether all scale the same.
        """
        rng = np.random.default_rng(0)
        limit, width = self.hidden**-0.5, len(GATES[self.cell]) * self.hidden

        def uniform(*shape: int) -> np.ndarray:
            return rng.uniform(-limit, limit, shape).astype("float32")

        found = {}
        for layer in range(self.layers):
            found[f"{layer}.weight_ih"] = uniform(self.hidden if layer else self.size, width)
            found[f"{layer}.weight_hh"] = uniform(self.hidden, width)
            found[f"{layer}.bias"] = np.zeros(width, "float32")
            if self.cell == "gru":
                found[f"{layer}.bias_hn"] = np.zeros(self.hidden, "float32")
            if self.layer_norm:
                for gain in ("gain_ih", "gain_hh"):
                    found[f"{layer}.{gain}"] = 1 + uniform(width)
                found[f"{layer}.norm_c.weight"] = 1 + uniform(self.hidden)
                found[f"{layer}.norm_c.bias"] = np.zeros(self.hidden, "float32")
        found["readout.weight"] = uniform(self.hidden, self.size)
        found["readout.bias"] = np.zeros(self.size, "float32")
        return found

    def weights_by_gate(self) -> dict[str, np.ndarray]:
        """The same numbers as one matrix per gate: ``0.weight_ih.f`` (F, H) and so on."""
        found = {}
        for name, value in self.weights().items():
            if name.startswith("readout") or name.endswith("bias_hn"):
                found[name] = value
                continue
            pieces = np.split(value, len(GATES[self.cell]), axis=-1)
            found |= {f"{name}.{g}": p for g, p in zip(GATES[self.cell], pieces, strict=True)}
        return found

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(ids, targets), both (T, B) int64, over and over: eight batches of random characters."""
        rng = np.random.default_rng(1)
        shape = (8, 2, self.length, self.batch)
        return cycle([(ids, targets) for ids, targets in rng.integers(self.size, size=shape)])

    def zero_state(self) -> list[np.ndarray]:
        """(B, H) for each part of each layer: h, or h and c."""
        shape = (self.batch, self.hidden)
        return [np.zeros(shape, "float32") for _ in range(self.layers * self.parts)]


MIN_CHAR_RNN = Case("rnn", 100, 1, 25, 1, 81, "adagrad")
LSTM_128 = Case("lstm", 128, 2, 50, 50, 81)
GRU_512 = Case("gru", 512, 3, 30, 100, 98)
LSTM_512 = Case("lstm", 512, 2, 30, 100, 98)
LSTM_512_LONG = Case("lstm", 512, 2, 100, 64, 98)
NORMALISED_LSTM = Case("lstm", 128, 2, 50, 50, 81, layer_norm=True)
