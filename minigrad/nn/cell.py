"""`Cell`: what recurrent cells share, and what is asked of anything that is used as one.

A cell is called ``cell(x, state) -> (out, state)``, and ``cell.zero_state(batch)`` is where it
starts. The loop over time is elsewhere (`Recurrent`, or a `mg.scan` of your own): any function of
this form is a cell. Shapes: x (B, F), h (B, H), or (F,) and (H,) for one row alone.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..dims import show_shape
from ..errors import ArgumentError, ShapeError
from ..functions import astype, broadcast_to, zeros
from ..tree import flatten, unflatten
from ..types import Array, as_dtype
from ..variables import Parameter, Variable, input
from . import init
from .layers import Dropout, Rng, as_generator, standardised
from .module import Module, features

__all__ = ["EPSILON", "Cell", "State", "initial_state", "parts_of", "state_inputs"]

State = tuple[Variable, ...]
EPSILON = 1e-5  # of layer normalisation, as in LayerNorm


class Cell(Module):
    """What the cells share: weights for a number of gates, a start, and what regularises them.

    Args:
        input_size: F, the features of x.
        hidden_size: H, those of the state.
        rng: a NumPy generator, or a seed, for the initial weights and for masks.
        dtype: of the weights and of `zero_state`.
        input_init, recurrent_init: the start of each gate's (F, H) and (H, H); biases start as
            zeros.
        recurrent_dropout: the share of h that is dropped while training, on its way into the
            products with weight_hh, the same units at all steps of the scan around (Gal and
            Ghahramani, "A theoretically grounded application of dropout in recurrent neural
            networks", 2016).
        zoneout: the share of units of the state that keep their old value in a step while training,
            one number or one for each part of the state; in use each is the mean of both,
            p · old + (1 - p) · new (Krueger et al., "Zoneout", 2017).
        layer_norm: whether x W_ih and h W_hh, each product as a whole, are normalised to mean 0 and
            variance 1 and scaled by learned gains, before the bias is added; and the c of an LSTM,
            scaled and shifted, before its tanh (Ba, Kiros and Hinton, "Layer normalization", 2016).
        learned_state: whether the state that a sequence starts from is learned; else it is zero.

    The cells raise ShapeError, DTypeError or ArgumentError for an x or a state that does not fit,
    and ArgumentError for shares outside 0 ≤ p < 1.

    A cell of your own states its `step`:

    >>> import minigrad as mg
    >>> class Leaky(mg.nn.Cell):
    ...     gates = 1
    ...
    ...     def step(self, x, h):
    ...         return (0.9 * h + 0.1 * mg.tanh(self.of_input(x) + self.of_state(h)),)
    >>> cell = Leaky(4, 5, zoneout=0.1)
    >>> cell(mg.input("x", ("B", 4)), cell.zero_state("B"))[0].shape
    (B, 5)
    """

    gates: ClassVar[int]
    """How many matrices lie side by side in its weights."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The parts of its state: one is a Variable, several are a tuple. The first is its output."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        rng: Rng = None,
        dtype: npt.DTypeLike = "float32",
        input_init: init.Init = init.recurrent_uniform,
        recurrent_init: init.Init = init.recurrent_uniform,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, ...] = 0.0,
        layer_norm: bool = False,
        learned_state: bool = False,
    ) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        self.dtype = as_dtype(dtype)
        rng = np.random.default_rng(rng)
        self.weight_ih = Parameter(self._side_by_side(input_init, input_size, rng), "weight_ih")
        rows = self.state_sizes[0]
        self.weight_hh = Parameter(self._side_by_side(recurrent_init, rows, rng), "weight_hh")
        columns = self.gates * hidden_size
        self.bias = Parameter(np.zeros(columns, dtype), "bias")
        if layer_norm:
            self.gain_ih = Parameter(np.ones(columns, dtype), "gain_ih")
            self.gain_hh = Parameter(np.ones(columns, dtype), "gain_hh")
        self.layer_norm = layer_norm
        if learned_state:
            self.initial = [
                Parameter(np.zeros(size, dtype), f"initial {name}")
                for name, size in zip(self.state_names, self.state_sizes, strict=True)
            ]
        self.learned_state = learned_state
        self.recurrent_dropout = (
            Dropout(recurrent_dropout, rng, each_step=False) if recurrent_dropout else None
        )
        self.zoneout, self._zoneout_shares = zoneout, self._shares(zoneout)
        if self.zones_out:
            self.zoneout_rng = as_generator(rng)

    def _side_by_side(self, start: init.Init, rows: int, rng: np.random.Generator) -> Array:
        blocks = [start((rows, self.hidden_size), rng, self.dtype) for _ in range(self.gates)]
        return np.concatenate(blocks, axis=1)  # (rows, gates · H)

    def _shares(self, zoneout: float | tuple[float, ...]) -> tuple[float, ...]:
        names = self.state_names
        shares = zoneout if isinstance(zoneout, tuple) else (zoneout,) * len(names)
        if len(shares) != len(names) or not all(
            isinstance(p, int | float) and 0 <= p < 1 for p in shares
        ):
            raise ArgumentError(
                "zoneout is a share in 0 ≤ p < 1, or a tuple with one for each of "
                f"{', '.join(names)}, and not {zoneout!r}"
            )
        return shares

    @property
    def zones_out(self) -> bool:
        """Whether any part of the state is zoned out."""
        return any(self._zoneout_shares)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """How many units each part of the state has."""
        return (self.hidden_size,) * len(self.state_names)

    def zero_state(self, batch: Any, dtype: npt.DTypeLike | None = None) -> Any:
        """Zeros to start from. `batch` is a number of rows, or a dimension name such as "B"."""
        dtype = self.dtype if dtype is None else dtype
        return self._packed(tuple(zeros((batch, size), dtype) for size in self.state_sizes))

    def initial_state(self, batch: Any) -> Any:
        """Where a sequence starts: what was learned, or zeros. `batch` as for `zero_state`."""
        if not self.learned_state:
            return self.zero_state(batch)
        return self._packed(tuple(broadcast_to(p, (batch, *p.shape)) for p in self.initial))

    @abstractmethod
    def step(self, x: Variable, *state: Variable) -> State:
        """The equations: from x (B, F) and the parts of the state to the new parts."""

    def __call__(self, x: Any, state: Any) -> tuple[Variable, Any]:
        x, *old = self._checked(x, state)
        new = tuple(map(self._zoned_out, self._zoneout_shares, self.step(x, *old), old))
        return new[0], self._packed(new)

    def of_input(self, x: Variable) -> Variable:
        """x W_ih + b, the part of all gates that the input gives: (B, gates · H)."""
        a = x @ self.weight_ih
        return (standardised(a, EPSILON) * self.gain_ih if self.layer_norm else a) + self.bias

    def of_state(self, h: Variable, gates: slice = slice(None)) -> Variable:
        """h W_hh, the part of all gates, or of some, that the state gives: (B, gates · H)."""
        if self.recurrent_dropout is not None:
            h = self.recurrent_dropout(h)
        a = h @ self._columns(self.weight_hh, gates)
        if not self.layer_norm:
            return a
        return standardised(a, EPSILON) * self._columns(self.gain_hh, gates)

    def _columns(self, weight: Parameter, gates: slice) -> Variable:
        """The columns of some gates in (…, gates · H)."""
        start, stop, _ = gates.indices(self.gates)
        if stop - start == self.gates:
            return weight
        return weight[..., start * self.hidden_size : stop * self.hidden_size]

    def _zoned_out(self, p: float, new: Variable, old: Variable) -> Variable:
        if not p:
            return new
        kept: Any = p
        if self.training:
            kept = astype(self.zoneout_rng.bernoulli(p, new.shape), new.dtype).named("kept")
        return kept * old + (1 - kept) * new

    def _packed(self, parts: State) -> Any:
        named = tuple(v.named(name) for v, name in zip(parts, self.state_names, strict=True))
        return named[0] if len(named) == 1 else named

    def _checked(self, x: Any, state: Any) -> tuple[Variable, ...]:
        """x and the parts of the state: x (B, F) goes with h (B, H)."""
        x = features(x, self.input_size, self)
        found = [x]
        parts = self._parts(state)
        for name, part, size in zip(self.state_names, parts, self.state_sizes, strict=True):
            h = features(part, size, self, name)
            if h.shape[:-1] != x.shape[:-1]:
                raise ShapeError(
                    f"{type(self).__name__} needs a row of {name} for each row of x, and had x "
                    f"{show_shape(x.shape)} with {name} {show_shape(h.shape)}",
                    h.where,
                )
            found.append(h)
        return tuple(found)

    def _parts(self, state: Any) -> tuple[Any, ...]:
        """A Variable must not be unpacked as if it were (h, c): it would fall into its rows."""
        names = self.state_names
        single, nested = len(names) == 1, isinstance(state, tuple | list)
        if nested == single or (nested and len(state) != len(names)):
            shown = names[0] if single else f"({', '.join(names)})"
            raise ArgumentError(
                f"the state of {type(self).__name__} is {shown}, and it was given {state!r}"
            )
        return (state,) if single else tuple(state)


def initial_state(cell: Any, batch: Any) -> Any:
    """Where a sequence starts for a cell, which may be any callable.

    Raises ArgumentError for one that knows no start.
    """
    for name in ("initial_state", "zero_state"):
        if hasattr(cell, name):
            return getattr(cell, name)(batch)
    raise ArgumentError(f"{cell!r} has no zero_state(batch): give the layer a state to start from")


def state_inputs(layer: Any, batch: Any = "B") -> Any:
    """Placeholders for the state of a cell, layer or network, in the structure of its `zero_state`.

    With them the state is carried from call to call of a compiled function:

    >>> import minigrad as mg
    >>> cell = mg.nn.LSTMCell(4, 5)
    >>> state_inputs(cell)
    (<state[0]: float32 (B, 5) (input)>, <state[1]: float32 (B, 5) (input)>)
    """
    parts, paths, structure = flatten(layer.zero_state(batch))
    placeholders = [
        input(f"state{path}", v.shape, v.dtype) for v, path in zip(parts, paths, strict=True)
    ]
    return unflatten(structure, placeholders)


def parts_of(state: Any, count: int, what: str) -> tuple[Any, ...]:
    """A state as its `count` parts. (A Variable would fall into its rows.)"""
    if not isinstance(state, tuple | list) or len(state) != count:
        raise ArgumentError(
            f"the state is a tuple of {count}, one for each of the {what}, and not {state!r}"
        )
    return tuple(state)
