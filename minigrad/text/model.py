"""`CharRNN`: a recurrent network that reads a text and says what comes next."""

from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..functions import one_hot
from ..nn import GRU, LSTM, RNN, Linear, MinGRU, MinLSTM, Module
from ..variables import Variable

__all__ = ["CELLS", "CharRNN"]

CELLS: dict[str, Any] = {
    "rnn": RNN, "lstm": LSTM, "gru": GRU, "mingru": MinGRU, "minlstm": MinLSTM
}  # fmt: skip


class CharRNN(Module):
    """Recurrent layers on one-hot symbols, and a linear layer to the logits of the next one
    (A. Karpathy, "The unreasonable effectiveness of recurrent neural networks", 2015).

    symbols (T, B) int64, state  →  logits (T, B, V), state

    Args:
        size: V, how many symbols there are.
        cell: "rnn", "lstm", "gru", "mingru" or "minlstm".
        hidden, layers: units in each layer, and how many layers.
        dropout: the share dropped between layers while training.
        seed: of the initial weights and of the masks.
        settings: those of the cell: `recurrent_dropout`, `zoneout`, `layer_norm` …

    >>> import minigrad as mg
    >>> net = CharRNN(81, hidden=16)
    >>> logits, state = net(mg.input("ids", ("T", "B"), "int64"), net.zero_state("B"))
    >>> logits.shape
    (T, B, 81)
    """

    def __init__(
        self,
        size: int,
        cell: str = "lstm",
        hidden: int = 128,
        layers: int = 2,
        dropout: float = 0.0,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        if cell not in CELLS:
            raise ArgumentError(f"there is no cell {cell!r}: choose one of {', '.join(CELLS)}")
        if unfit := {"bidirectional", "learned_state", "return_sequences"} & settings.keys():
            raise ArgumentError(
                f"a network that says what comes next, and carries its state, has no {unfit.pop()}"
            )
        rng = np.random.default_rng(seed)
        self.size = size
        self.recurrent = CELLS[cell](size, hidden, layers, dropout=dropout, rng=rng, **settings)
        self.readout = Linear(self.recurrent.output_size, size, rng=rng)

    def zero_state(self, batch: Any) -> Any:
        """The state before the first symbol, for `batch` texts (a number, or a name)."""
        return self.recurrent.zero_state(batch)

    def __call__(self, symbols: Variable, state: Any) -> tuple[Variable, Any]:
        ys, state = self.recurrent(one_hot(symbols, self.size), state)  # (T, B, H)
        return self.readout(ys), state
