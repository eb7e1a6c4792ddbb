"""Cells whose state enters linearly, so that all steps can be computed at once.

    h_t = a_t ⊙ h_{t-1} + b_t        with a_t, b_t from x_t alone

Two such steps are one of the same form, (a, b) then (a', b'): (a' a, a' b + b'). That is
associative, so the states of all steps are prefixes, of depth log T (Martin and Cundy,
"Parallelizing linear recurrent neural nets over sequence length", 2018).
"""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..functions import concat, sigmoid, softplus, split, where
from ..loops import associative_scan
from ..variables import Parameter, Variable
from . import init
from .cell import Cell, State
from .cells import side_by_side
from .layers import Rng
from .module import call_of
from .recurrent import Recurrent, broadcastable

__all__ = ["LinearCell", "LinearRecurrent", "MinGRUCell", "MinLSTMCell"]


class LinearCell(Cell):
    """What cells with h' = a ⊙ h + b share; one of them states its `coefficients`.

    It is a cell as any other: ``cell(x, h) -> (h', h')``, to be looped by `Recurrent` step by step,
    or by `LinearRecurrent` for all steps at once.

    Args:
        input_size, hidden_size, dtype, learned_state: as of `Cell`.
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
        learned_state: bool = False,
    ) -> None:
        super().__init__(input_size, hidden_size, dtype, learned_state)
        rng = np.random.default_rng(rng)
        values = side_by_side(input_init, input_size, hidden_size, self.gates, rng, dtype)
        self.weight = Parameter(values, "weight")
        self.bias = Parameter(np.zeros(self.gates * hidden_size, dtype), "bias")

    @abstractmethod
    def coefficients(self, x: Variable) -> tuple[Variable, Variable]:
        """a and b (…, H), of x (…, F)."""

    def pieces(self, x: Variable) -> tuple[Variable, ...]:
        """x W + b, apart for each gate: (…, H)."""
        return split(x @ self.weight + self.bias, self.gates, axis=-1)

    def step(self, x: Variable, *state: Variable) -> State:
        a, b = self.coefficients(x)
        return (a * state[0] + b,)


class MinGRUCell(LinearCell):
    """The GRU without what its gates read of the state:

        z = σ(x W_z + b_z)
        h' = (1 - z) ⊙ h + z ⊙ (x W_h + b_h)

    with W_z, W_h side by side in weight (F, 2H) (Feng et al., "Were RNNs all we needed?",
    2024).

    >>> import minigrad as mg
    >>> cell = MinGRUCell(4, 5, rng=0)
    >>> cell(mg.input("x", ("B", 4)), cell.zero_state("B"))[0].shape
    (B, 5)
    """

    gates = 2

    def coefficients(self, x: Variable) -> tuple[Variable, Variable]:
        z, new = self.pieces(x)
        z = sigmoid(z).named("z")
        return 1 - z, z * new


class MinLSTMCell(LinearCell):
    """The LSTM without what its gates read of the state, and forget and input shares that add up:

        f = σ(x W_f + b_f),  i = σ(x W_i + b_i)
        h' = f / (f + i) ⊙ h + i / (f + i) ⊙ (x W_h + b_h)

    with W_f, W_i, W_h side by side in weight (F, 3H) (Feng et al., "Were RNNs all we
    needed?", 2024).

    >>> import minigrad as mg
    >>> cell = MinLSTMCell(4, 5, rng=0)
    >>> cell(mg.input("x", ("B", 4)), cell.zero_state("B"))[0].shape
    (B, 5)
    """

    gates = 3

    def coefficients(self, x: Variable) -> tuple[Variable, Variable]:
        f, i, new = self.pieces(x)
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

    def _run(self, xs: Variable, state: Any, mask: Variable | None) -> tuple[Variable, Variable]:
        cell: Any = self.cell
        xs = cell.checked_input(xs)
        (start,) = cell.checked_state(state, xs.shape[1:-1])
        start = start.expand_dims(0)  # (1, B, H)
        with call_of(cell):
            a, b = cell.coefficients(xs)  # (T, B, H)
        if mask is not None:  # in other steps h' = h
            a, b = where(broadcastable(mask, a), a, 1.0), where(broadcastable(mask, b), b, 0.0)
        a, b = associative_scan(
            lambda p, q: (q[0] * p[0], q[0] * p[1] + q[1]), (a, b), self.reverse
        )
        hs = a * start + b
        # With the start at their end, the last state is there where T is 0 too.
        whole = concat([hs, start] if self.reverse else [start, hs])  # (T + 1, B, H)
        hs, last = (whole[:-1], whole[0]) if self.reverse else (whole[1:], whole[-1])
        ys = hs if mask is None else where(broadcastable(mask, hs), hs, 0.0)
        return ys.named("h"), last.named("h")
