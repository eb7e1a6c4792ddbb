"""RNN, LSTM, GRU, MinGRU, MinLSTM: layers of one kind of cell, each above the last."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..types import Array
from . import pytorch
from .cell import parts_of
from .cells import GatedCell, GRUCell, LSTMCell, RNNCell
from .layers import Dropout, Rng
from .linear_recurrence import LinearCell, LinearRecurrent, MinGRUCell, MinLSTMCell
from .module import Module
from .recurrent import MERGES, Bidirectional, Recurrent

__all__ = ["GRU", "LSTM", "RNN", "MinGRU", "MinLSTM", "Stack"]


class Stack(Module):
    """Recurrent layers of one kind of cell: the outputs of each are the inputs of the next.

    Called as `Recurrent` is, ``ys, state = layer(xs, state=None, lengths=None, mask=None)`` with xs
    (T, B, F) and ys (T, B, H). The state is a tuple with one part for each layer: the state of a
    cell, h (B, H) or (h, c), or of both cells of a bidirectional layer, a pair of such.

    Args:
        input_size, hidden_size: F and H.
        num_layers: how many.
        bidirectional: whether each layer reads the sequence from both ends.
        dropout: the share of values dropped between one layer and the next while training; never
            on the way through time (Zaremba, Sutskever and Vinyals, "Recurrent neural network
            regularization", 2014).
        merge: of bidirectional layers, see `Bidirectional`: with "concat" ys is (T, B, 2H).
        reverse: run from the last step to the first.
        return_sequences: whether ys are the outputs of all steps, or of each row's last, (B, H).
        unroll, truncate, checkpoint: as of `Recurrent`.
        rng: a NumPy generator, or a seed, for the initial weights and the masks.
        settings: those of the cell.

    Raises ArgumentError for num_layers below 1, dropout in a single layer, another merge, reverse
    together with bidirectional, and what is of loops in a layer that has none.
    """

    kind: ClassVar[type[GatedCell] | type[LinearCell]]
    loop: ClassVar[type[Recurrent]] = Recurrent

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        merge: str = "concat",
        reverse: bool = False,
        return_sequences: bool = True,
        unroll: bool | int = False,
        truncate: tuple[int, int] | None = None,
        checkpoint: str | int | None = None,
        rng: Rng = None,
        **settings: Any,
    ) -> None:
        if not isinstance(num_layers, int) or isinstance(num_layers, bool) or num_layers < 1:
            raise ArgumentError(f"num_layers is a number from 1 up, and not {num_layers!r}")
        if dropout and num_layers == 1:
            raise ArgumentError(
                "dropout is applied between layers, and there is one: put an nn.Dropout after it"
            )
        if merge not in MERGES:
            raise ArgumentError(f"merge is one of {', '.join(MERGES)}, and not {merge!r}")
        how: dict[str, Any] = {"unroll": unroll, "truncate": truncate, "checkpoint": checkpoint}
        how = {name: value for name, value in how.items() if value}
        if how and self.loop is not Recurrent:
            raise ArgumentError(f"{type(self).__name__} has no loop to {', '.join(how)}")
        if bidirectional and reverse:
            raise ArgumentError("a bidirectional layer runs in reverse too: leave reverse away")
        rng = np.random.default_rng(rng)
        layers: list[Recurrent | Bidirectional] = []
        for number in range(num_layers):
            how["return_sequences"] = return_sequences or number < num_layers - 1
            cell = self.kind(input_size, hidden_size, rng=rng, **settings)
            if bidirectional:
                other = self.kind(input_size, hidden_size, rng=rng, **settings)
                layers.append(Bidirectional(cell, other, merge, self.loop, **how))
            else:
                layers.append(self.loop(cell, reverse, **how))
            outputs = cell.state_sizes[0]
            input_size = 2 * outputs if bidirectional and merge == "concat" else outputs
        self.layers = tuple(layers)
        self.output_size = input_size
        self.dropout = Dropout(dropout, rng) if dropout else None

    def zero_state(self, batch: Any) -> tuple[Any, ...]:
        """Zeros for all layers to start from, for `batch` rows (a number, or a name like "B")."""
        return tuple(layer.zero_state(batch) for layer in self.layers)

    def initial_state(self, batch: Any) -> tuple[Any, ...]:
        """Where the layers start: what they learned, or zeros. `batch` as for `zero_state`."""
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def __call__(
        self, xs: Any, state: Any = None, lengths: Any = None, mask: Any = None
    ) -> tuple[Any, tuple[Any, ...]]:
        count = len(self.layers)
        states = (None,) * count if state is None else parts_of(state, count, "layers")
        last = []
        for number, (layer, start) in enumerate(zip(self.layers, states, strict=True)):
            if number > 0 and self.dropout:
                xs = self.dropout(xs)
            xs, new = layer(xs, start, lengths, mask)
            last.append(new)
        return xs, tuple(last)

    def torch_state_dict(self) -> dict[str, Array]:
        """The weights as PyTorch's layer of this name has them: weight_ih_l0 …, float arrays.

        Of its two biases, which only add up, the first has all and the second is zeros (but for
        the part of a GRU that r scales).

        >>> weights = LSTM(4, 5, bidirectional=True).torch_state_dict()
        >>> list(weights)[:3], weights["weight_ih_l0_reverse"].shape
        (['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0'], (20, 4))

        Raises ArgumentError where a cell has what PyTorch's has not.
        """
        return pytorch.state_dict(self._cells())

    def load_torch_state_dict(self, arrays: Mapping[str, npt.ArrayLike]) -> None:
        """Take the weights of a PyTorch layer of the same name and settings: all, or none.

        Raises ArgumentError for names that are missing or too many, and where a cell has what
        PyTorch's has not; ShapeError or DTypeError for arrays that do not fit.
        """
        pytorch.load_state_dict(self._cells(), arrays)

    def _cells(self) -> dict[str, Any]:
        """The cells by the end that PyTorch's names have: l0, l0_reverse, l1 …"""
        found: dict[str, Any] = {}
        for number, layer in enumerate(self.layers):
            if isinstance(layer, Bidirectional):
                if layer.merge != "concat":
                    raise ArgumentError(f"PyTorch's layers concatenate, and this has {layer.merge}")
                found[f"l{number}"] = layer.forward.cell
                found[f"l{number}_reverse"] = layer.backward.cell
            elif layer.reverse:
                raise ArgumentError("PyTorch's layers run forward, or both ways, and not reverse")
            else:
                found[f"l{number}"] = layer.cell
        return found


class RNN(Stack):
    """Layers of `RNNCell`: h_t = tanh(x_t W_ih + h_{t-1} W_hh + b). Arguments as of `Stack`.

    >>> import minigrad as mg
    >>> ys, (h0, h1) = RNN(4, 5, num_layers=2, activation="relu")(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h1.shape
    ((T, B, 5), (B, 5))
    """

    kind = RNNCell


class LSTM(Stack):
    """Layers of `LSTMCell`. Arguments as of `Stack`.

    >>> import minigrad as mg
    >>> layer = LSTM(4, 5, num_layers=2, dropout=0.5, forget_bias=1.0)
    >>> ys, ((h0, c0), (h1, c1)) = layer(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, c1.shape
    ((T, B, 5), (B, 5))
    """

    kind = LSTMCell


class GRU(Stack):
    """Layers of `GRUCell`. Arguments as of `Stack`.

    >>> import minigrad as mg
    >>> ys, ((h, h_backward),) = GRU(4, 5, bidirectional=True)(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 10), (B, 5))
    """

    kind = GRUCell


class MinGRU(Stack):
    """Layers of `MinGRUCell`, each computed for all steps at once. Arguments as of `Stack`.

    >>> import minigrad as mg
    >>> ys, (h,) = MinGRU(4, 5)(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 5), (B, 5))
    """

    kind = MinGRUCell
    loop = LinearRecurrent


class MinLSTM(Stack):
    """Layers of `MinLSTMCell`, each computed for all steps at once. Arguments as of `Stack`.

    >>> import minigrad as mg
    >>> ys, (h,) = MinLSTM(4, 5)(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 5), (B, 5))
    """

    kind = MinLSTMCell
    loop = LinearRecurrent
