"""Cells whose state enters linearly, so that all steps can be computed at once.

    h_t = a_t ⊙ h_{t-1} + b_t        with a_t, b_t from x_t alone

Two such steps are one of the same form, (a, b) then (a', b'): (a' a, a' b + b'). That is
associative, so the states of all steps are prefixes, of depth log T (Martin and Cundy,
"Parallelizing linear recurrent neural nets over sequence length", 2018).
"""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy.typing as npt

from ..dims import Shape, show_shape
from ..errors import ArgumentError, ShapeError
from ..functions import concat, sigmoid, softplus, split, where, zeros
from ..loops import associative_scan
from ..types import as_dtype
from ..variables import Variable
from . import init
from .layers import Linear, Rng
from .module import Module, features
from .recurrent import Recurrent, beside

__all__ = ["LinearCell", "LinearRecurrent", "MinGRUCell", "MinLSTMCell"]


class LinearCell(Module):
    """What cells with h' = a ⊙ h + b share; one of them states its `coefficients`.

    It is a cell as any other: ``cell(x, h) -> (h', h')``, to be looped by `Recurrent` step by step,
    or by `LinearRecurrent` for all steps at once.

    Args:
        input_size: F, the features of x.
        hidden_size: H, those of the state.
        rng: a NumPy generator, or a seed, for the initial weights.
        input_init: the start of each gate's (F, H); biases start as zeros.
    """

    gates: ClassVar[int]
    """How many matrices lie side by side in its weights."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        rng: Rng = None,
        dtype: npt.DTypeLike = "float32",
        input_init: init.Init = init.recurrent_uniform,
    ) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        self.dtype = as_dtype(dtype)
        self.project = Linear(input_size, self.gates * hidden_size, True, rng, dtype, input_init)

    @abstractmethod
    def coefficients(self, x: Variable) -> tuple[Variable, Variable]:
        """a and b (…, H), of x (…, F)."""

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """How many units each part of the state has."""
        return (self.hidden_size,)

    def zero_state(self, batch: Any, dtype: npt.DTypeLike | None = None) -> Variable:
        """Zeros to start from, for `batch` rows (a number, or a name such as "B")."""
        dtype = self.dtype if dtype is None else dtype
        return zeros((batch, self.hidden_size), dtype).named("h")

    def checked_state(self, state: Any, rows: Shape) -> Variable:
        """h (B, H) for the rows (B,) of a step, or an error that says why it does not fit."""
        h = features(state, self.hidden_size, self, "h")
        if h.shape[:-1] != rows:
            raise ShapeError(
                f"{type(self).__name__} needs a row of h for each row of x, and had rows "
                f"{show_shape(rows)} with h {show_shape(h.shape)}",
                h.where,
            )
        return h

    def __call__(self, x: Any, state: Any) -> tuple[Variable, Variable]:
        x = features(x, self.input_size, self)
        h = self.checked_state(state, x.shape[:-1])
        a, b = self.coefficients(x)
        h = (a * h + b).named("h")
        return h, h


class MinGRUCell(LinearCell):
    """The GRU without what its gates read of the state:

        z = σ(x W_z + b_z)
        h' = (1 - z) ⊙ h + z ⊙ (x W_h + b_h)

    with W_z, W_h side by side in project.weight (F, 2H) (Feng et al., "Were RNNs all we needed?",
    2024).

    >>> import minigrad as mg
    >>> cell = MinGRUCell(4, 5, rng=0)
    >>> cell(mg.input("x", ("B", 4)), cell.zero_state("B"))[0].shape
    (B, 5)
    """

    gates = 2

    def coefficients(self, x: Variable) -> tuple[Variable, Variable]:
        z, new = split(self.project(x), 2, axis=-1)
        z = sigmoid(z).named("z")
        return 1 - z, z * new


class MinLSTMCell(LinearCell):
    """The LSTM without what its gates read of the state, and forget and input shares that add up:

        f = σ(x W_f + b_f),  i = σ(x W_i + b_i)
        h' = f / (f + i) ⊙ h + i / (f + i) ⊙ (x W_h + b_h)

    with W_f, W_i, W_h side by side in project.weight (F, 3H) (Feng et al., "Were RNNs all we
    needed?", 2024).

    >>> import minigrad as mg
    >>> cell = MinLSTMCell(4, 5, rng=0)
    >>> cell(mg.input("x", ("B", 4)), cell.zero_state("B"))[0].shape
    (B, 5)
    """

    gates = 3

    def coefficients(self, x: Variable) -> tuple[Variable, Variable]:
        f, i, new = split(self.project(x), 3, axis=-1)
        f = sigmoid(softplus(-i) - softplus(-f)).named("f")  # σ(log σ(f) - log σ(i)): never 0 / 0
        return f, (1 - f) * new


class LinearRecurrent(Recurrent):
    """A `LinearCell` applied to all steps of a sequence at once, by `mg.associative_scan`.

    Called as `Recurrent` is, with the same results, up to rounding.

    >>> import minigrad as mg
    >>> layer = LinearRecurrent(MinGRUCell(4, 5, rng=0))
    >>> ys, h = layer(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 5), (B, 5))

    There is no loop, so nothing to unroll, truncate or checkpoint. Raises ArgumentError for a cell
    that is no `LinearCell`, and what `Recurrent` raises.
    """

    def __init__(
        self, cell: LinearCell, reverse: bool = False, return_sequences: bool = True
    ) -> None:
        if not isinstance(cell, LinearCell):
            raise ArgumentError(f"all steps at once need a LinearCell, and this is {cell!r}")
        super().__init__(cell, reverse, return_sequences=return_sequences)

    def _run(self, xs: Variable, state: Any, own: Variable | None) -> tuple[Variable, Variable]:
        cell: Any = self.cell
        xs = features(xs, cell.input_size, cell)
        start = cell.checked_state(state, xs.shape[1:-1]).expand_dims(0)  # (1, B, H)
        a, b = cell.coefficients(xs)  # (T, B, H)
        if own is not None:  # in other steps h' = h
            a, b = where(beside(own, a), a, 1.0), where(beside(own, b), b, 0.0)
        a, b = associative_scan(
            lambda p, q: (q[0] * p[0], q[0] * p[1] + q[1]), (a, b), self.reverse
        )
        hs = a * start + b
        # With the start at their end, the last state is there where T is 0 too.
        whole = concat([hs, start] if self.reverse else [start, hs])  # (T + 1, B, H)
        hs, last = (whole[:-1], whole[0]) if self.reverse else (whole[1:], whole[-1])
        ys = hs if own is None else where(beside(own, hs), hs, 0.0)
        return ys.named("h"), last.named("h")
