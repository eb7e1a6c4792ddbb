"""Recurrent layers: a cell looped over time."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..dims import show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..functions import arange, less, where
from ..loops import scan
from ..tree import tree_map
from ..variables import Variable, as_variables
from .cells import GRUCell, LSTMCell, RNNCell, StackedCells
from .layers import Rng
from .module import Module

__all__ = ["GRU", "LSTM", "RNN", "Recurrent"]


class Recurrent(Module):
    """A cell applied to each step of a sequence: ``ys, state = layer(xs, state=None,
    lengths=None)``.

        ys = []
        for x in (reversed(xs) if reverse else xs):
            y, state = cell(x, state)
            ys.append(y)                 # and put back in the order of xs when reverse
        return stack(ys), state

    xs (T, B, F) → ys (T, B, H), and the state after the last step; give it to the next call to go
    on where this one ended.

    Args:
        cell: a cell, or any function ``cell(x, state) -> (y, state)``.
        reverse: run from the last step to the first.
        unroll: True writes the steps out instead of looping (T must be an int), a number so many
            steps in each turn of the loop.

    The call takes:
        state: where to start; ``cell.zero_state(B)`` when None.
        lengths: (B,) integers: row b is a sequence of lengths[b] ≤ T steps, and what follows is
            padding. There its ys are zeros and its state stays as it is; a reversed row starts at
            its own last step. A row of length 0 keeps the state it starts with.

    >>> import minigrad as mg
    >>> layer = Recurrent(LSTMCell(4, 5, rng=0))
    >>> ys, (h, c) = layer(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 5), (B, 5))

    Raises ShapeError for xs without time and batch or lengths that are not (B,), DTypeError for
    lengths that are not integers, ArgumentError where there is no state to start from, ScanError
    for a cell whose state changes its form.
    """

    def __init__(
        self,
        cell: Callable[[Any, Any], tuple[Any, Any]],
        reverse: bool = False,
        unroll: bool | int = False,
    ) -> None:
        self.cell, self.reverse, self.unroll = cell, reverse, unroll

    def __call__(self, xs: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        (xs,) = as_variables(xs)
        if xs.ndim < 2:
            raise ShapeError(
                f"a recurrent layer needs xs (time, batch, …), and had {show_shape(xs.shape)}",
                xs.where,
            )
        if state is None:
            state = self._zero_state(xs.shape[1])
        masked = lengths is not None
        state, ys = scan(
            self._masked_step if masked else self._step,
            state,
            (xs, _inside(xs, lengths)) if masked else xs,
            reverse=self.reverse,
            unroll=self.unroll or 1,
            name=type(self.cell).__name__ if isinstance(self.cell, Module) else None,
        )
        return ys, state

    def _zero_state(self, batch: Any) -> Any:
        if not hasattr(self.cell, "zero_state"):
            raise ArgumentError(
                f"{self.cell!r} has no zero_state(batch): give the layer a state to start from"
            )
        return self.cell.zero_state(batch)

    def _step(self, state: Any, x: Variable) -> tuple[Any, Any]:
        y, state = self.cell(x, state)
        return state, y

    def _masked_step(self, state: Any, row: tuple[Variable, Variable]) -> tuple[Any, Any]:
        """A step for the rows that are inside their length; the others stay as they are."""
        x, inside = row  # (B, F), (B,)

        def chosen(new: Variable, old: Any) -> Variable:
            rows = inside.expand_dims(tuple(range(1, new.ndim)))  # (B, 1, …)
            return where(rows, new, old).named(new.name)

        y, new = self.cell(x, state)
        return tree_map(chosen, new, state), tree_map(lambda part: chosen(part, 0.0), y)


def _inside(xs: Variable, lengths: Any) -> Variable:
    """(T, B) bool: whether step t is one of row b's own."""
    (lengths,) = as_variables(lengths)
    time, batch = xs.shape[:2]
    if lengths.dtype.kind not in "iu":
        raise DTypeError(f"lengths are integers, and these are {lengths.dtype}", lengths.where)
    if lengths.shape != (batch,):
        raise ShapeError(
            f"lengths are one for each row, ({batch},), and these are {show_shape(lengths.shape)}",
            lengths.where,
        )
    return less(arange(time).expand_dims(1), lengths).named("inside")


class _Layers(Recurrent):
    """What RNN, LSTM and GRU share: layers of one kind of cell, stacked."""

    kind: ClassVar[type[RNNCell] | type[LSTMCell] | type[GRUCell]]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        reverse: bool = False,
        unroll: bool | int = False,
        rng: Rng = None,
        **settings: Any,
    ) -> None:
        if not isinstance(num_layers, int) or num_layers < 1:
            raise ArgumentError(f"num_layers is a number from 1 up, and not {num_layers!r}")
        rng = np.random.default_rng(rng)
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        cells = [self.kind(size, hidden_size, rng=rng, **settings) for size in sizes]
        super().__init__(StackedCells(cells, dropout, rng), reverse, unroll)


class RNN(_Layers):
    """Layers of `RNNCell`: h_t = tanh(x_t W_ih + h_{t-1} W_hh + b).

    Called as `Recurrent` is; the state is a tuple with one h (B, H) for each layer.

    Args:
        input_size, hidden_size: F and H.
        num_layers: how many, the output of each being the input of the next.
        dropout: the share of values dropped between one layer and the next while training.
        reverse, unroll: as of `Recurrent`.
        rng: a NumPy generator, or a seed, for the initial weights and the dropout.
        settings: those of the cell: `activation`, `dtype`, `input_init`, `recurrent_init`.

    >>> import minigrad as mg
    >>> ys, (h0, h1) = RNN(4, 5, num_layers=2, activation="relu")(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h1.shape
    ((T, B, 5), (B, 5))
    """

    kind = RNNCell


class LSTM(_Layers):
    """Layers of `LSTMCell`.

    Called as `Recurrent` is; the state is a tuple with one (h, c), each (B, H), for each layer.
    Arguments as of `RNN`, but for `activation`.

    >>> import minigrad as mg
    >>> layer = LSTM(4, 5, num_layers=2, dropout=0.5)
    >>> ys, ((h0, c0), (h1, c1)) = layer(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, c1.shape
    ((T, B, 5), (B, 5))
    """

    kind = LSTMCell


class GRU(_Layers):
    """Layers of `GRUCell`.

    Called as `Recurrent` is; the state is a tuple with one h (B, H) for each layer. Arguments as of
    `RNN`, but for `activation`.

    >>> import minigrad as mg
    >>> ys, (h,) = GRU(4, 5, reverse=True)(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 5), (B, 5))
    """

    kind = GRUCell
