"""`Cell`: a step with a state, and what is asked of anything that is used as one.

A cell is called ``cell(x, state) -> (out, state)``, and ``cell.zero_state(batch)`` is where it
starts. The loop over time is elsewhere (`Recurrent`, or a `mg.scan` of your own): any function of
this form is a cell. Shapes: x (B, F), h (B, H), or (F,) and (H,) for one row alone.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..dims import Shape, show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..functions import broadcast_to, zeros
from ..tree import flatten, unflatten
from ..types import as_dtype
from ..variables import Parameter, Variable, input
from .module import Module, features

__all__ = ["Cell", "State", "initial_state", "parts_of", "state_inputs"]

State = tuple[Variable, ...]


class Cell(Module):
    """What all cells of this package share: sizes, a start, and checks.

    Args:
        input_size: F, the features of x.
        hidden_size: H, those of the state.
        dtype: of the weights and the state.
        learned_state: whether the state that a sequence starts from is learned; else it is zero.

    One of your own states its `step`:

    >>> import minigrad as mg
    >>> class Leaky(Cell):
    ...     def step(self, x, h):
    ...         return (0.9 * h + 0.1 * x,)
    >>> cell = Leaky(4, 4)
    >>> out, h = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> out.shape
    (B, 4)

    A call raises ShapeError, DTypeError or ArgumentError for an x or a state that does not fit.
    """

    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The parts of its state: one is a Variable, several are a tuple. The first is its output."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        dtype: npt.DTypeLike = "float32",
        learned_state: bool = False,
    ) -> None:
        for name, size in {"input_size": input_size, "hidden_size": hidden_size}.items():
            if not isinstance(size, int) or size < 1:
                raise ArgumentError(f"{name} is a number from 1 up, and not {size!r}")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.dtype = as_dtype(dtype)
        self.learned_state = learned_state
        if learned_state:
            self.initial = [
                Parameter(np.zeros(size, dtype), f"initial {name}")
                for name, size in zip(self.state_names, self.state_sizes, strict=True)
            ]

    @abstractmethod
    def step(self, x: Variable, *state: Variable) -> State:
        """The equations: from x (B, F) and the parts of the state to the new parts."""

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """How many units each part of the state has."""
        return (self.hidden_size,) * len(self.state_names)

    def zero_state(self, batch: Any) -> Any:
        """Zeros to start from. `batch` is a number of rows, or a dimension name such as "B"."""
        return self._packed(tuple(zeros((batch, size), self.dtype) for size in self.state_sizes))

    def initial_state(self, batch: Any) -> Any:
        """Where a sequence starts: what was learned, or zeros. `batch` as for `zero_state`."""
        if not self.learned_state:
            return self.zero_state(batch)
        return self._packed(tuple(broadcast_to(p, (batch, *p.shape)) for p in self.initial))

    def __call__(self, x: Any, state: Any) -> tuple[Variable, Any]:
        x = self.checked_input(x)
        old = self.checked_state(state, x.shape[:-1])
        new = self.step(x, *old)
        if not isinstance(new, tuple) or len(new) != len(self.state_names):
            names = ", ".join(self.state_names)
            raise ArgumentError(
                f"the step of {type(self).__name__} must return a tuple ({names},), by its "
                f"state_names, and returned {new!r}"
            )
        new = self.settled(new, old)
        return new[0], self._packed(new)

    def settled(self, new: State, old: State) -> State:
        """The parts of the state after a step, of what its equations say and what they were."""
        return new

    def checked_input(self, x: Any) -> Variable:
        """x (…, F) as a Variable, or an error that says why it does not fit."""
        x = features(x, self.input_size, self)
        if np.result_type(x.dtype, self.dtype) != self.dtype:
            name = type(self).__name__
            raise DTypeError(
                f"{name} has {self.dtype} weights, and x is {x.dtype}: use "
                f'.astype("{self.dtype}"), or make the cell with dtype="{x.dtype}"',
                x.where,
            )
        return x

    def checked_state(self, state: Any, rows: Shape) -> State:
        """The parts of the state, each (B, H) where the rows are (B,)."""
        found = []
        parts = self._parts(state)
        for name, part, size in zip(self.state_names, parts, self.state_sizes, strict=True):
            h = features(part, size, self, name)
            if h.shape[:-1] != rows:
                raise ShapeError(
                    f"{type(self).__name__} needs a row of {name} for each row of x, and had x "
                    f"{show_shape((*rows, self.input_size))} with {name} {show_shape(h.shape)}",
                    h.where,
                )
            found.append(h)
        return tuple(found)

    def _packed(self, parts: Sequence[Variable]) -> Any:
        named = tuple(v.named(name) for v, name in zip(parts, self.state_names, strict=True))
        return named[0] if len(named) == 1 else named

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
