"""Seeded random numbers in graphs.

A draw is a pure function of a key, so it is the same in the forward pass, on the way back, and when
a checkpointed loop runs again. The key of a draw is folded together from the generator's state, the
number of the draw, and for draws inside loops the number of each loop and its time step: a draw
built inside a step is new at each step, one built outside is the same for all (variational
dropout), and so is one built inside with ``each_step=False``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import gates
from .dims import Shape, broadcast, dim
from .errors import ArgumentError
from .functions import argmax, cos, less, log, sqrt
from .functions.reductions import front_axis, variable
from .types import as_dtype
from .variables import Parameter, Variable, as_variables

__all__ = ["Generator"]


@dataclass(eq=False)
class Loop:
    """A loop that steps are being built for.

    A step that is built several times (unrolled) numbers its draws from 0 each time, so that it
    draws what the loop would have drawn.
    """

    parent: "_Step | None" = field(default_factory=lambda: _step.get())
    numbers: dict["Generator", int] = field(default_factory=dict)

    @contextmanager
    def step(self, index: Variable) -> Iterator[None]:
        """What is drawn inside belongs to time step `index` of this loop."""
        token = _step.set(_Step(self, index))
        try:
            yield
        finally:
            _step.reset(token)


@dataclass(eq=False)
class _Step:
    loop: Loop
    index: Variable
    numbers: dict[tuple["Generator", bool], int] = field(default_factory=dict)


_step: ContextVar[_Step | None] = ContextVar("step", default=None)
_NO_STEP = 2**62  # in the place of a time step, for what is the same at all of them


class Generator:
    """A source of random draws. Each call of a compiled function draws anew: it moves `state` on.

    `state` is a Parameter, (2,) uint64: save it and set it again to repeat what followed.

    >>> import minigrad as mg
    >>> rng = Generator(seed=0)
    >>> f = mg.function([], rng.uniform((2,)))
    >>> first, second = f(), f()
    >>> bool((first != second).all())
    True
    >>> rng.state.set_value(Generator(seed=0).state.get_value())
    >>> bool((f() == first).all())
    True
    """

    def __init__(self, seed: int = 0) -> None:
        if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
            raise ArgumentError(f"a seed is an int from 0 to 2^63 - 1, not {seed!r}")
        self.state = Parameter(np.array([seed, 0], np.uint64), "random state")  # seed, calls
        self.state.default_update = self.state + np.array([0, 1], np.uint64)
        self._draws = 0

    def _number(self, step: _Step | None, each_step: bool = True) -> int:
        """How many such draws came before, in this step or outside of all loops."""
        if step is None:
            self._draws += 1
            return self._draws - 1
        number = step.numbers.get((self, each_step), 0)
        step.numbers[self, each_step] = number + 1
        return number

    def _key_in(self, step: _Step | None, each_step: bool = True) -> Variable:
        if step is None:
            return gates.FoldIn()(self.state[0], self.state[1])
        loop = step.loop
        if self not in loop.numbers:
            loop.numbers[self] = self._number(loop.parent)
        in_loop = gates.FoldIn()(self._key_in(loop.parent), loop.numbers[self])
        return gates.FoldIn()(in_loop, step.index if each_step else _NO_STEP)

    def _unit(self, sizes: Shape, dtype: npt.DTypeLike, each_step: bool = True) -> Variable:
        """One draw: numbers in [0, 1)."""
        step = _step.get()
        key = gates.FoldIn()(self._key_in(step, each_step), self._number(step, each_step))
        return gates.Uniform(sizes, as_dtype(dtype))(key)

    def uniform(
        self,
        shape: Any = None,
        low: Any = 0.0,
        high: Any = 1.0,
        dtype: npt.DTypeLike = "float32",
        each_step: bool = True,
    ) -> Variable:
        """Numbers evenly spread over [low, high), of `shape`: by default that of the bounds.

        Inside the step of a loop, `each_step` False draws the same at all of its steps (and where
        that loop is in a step of another, anew for each of those).
        """
        unit = self._unit(_sizes(shape, low, high), dtype, each_step)
        if isinstance(low, int | float) and isinstance(high, int | float) and (low, high) == (0, 1):
            return unit
        return low + unit * (high - low)

    def normal(
        self,
        shape: Any = None,
        mean: Any = 0.0,
        std: Any = 1.0,
        dtype: npt.DTypeLike = "float32",
        each_step: bool = True,
    ) -> Variable:
        """Normal numbers of `shape` (by default that of mean and std), by Box and Muller:
        √(-2 log u) · cos 2πv. `each_step` as of `uniform`."""
        sizes = _sizes(shape, mean, std)
        radius = sqrt(-2 * log(1 - self._unit(sizes, dtype, each_step)))
        return radius * cos(2 * np.pi * self._unit(sizes, dtype, each_step)) * std + mean

    def bernoulli(self, p: Any, shape: Any = None, each_step: bool = True) -> Variable:
        """True with probability `p` each, bool, of `shape`: by default that of p. `each_step` as of
        `uniform`."""
        return less(self._unit(_sizes(shape, p), "float32", each_step), p)

    def categorical(self, logits: Any, axis: int = -1) -> Variable:
        """Indices drawn with probability softmax(logits) along `axis`; int64, without that axis.

        By the Gumbel trick: argmax (logits - log(-log u)).
        """
        logits = variable(logits)
        axis = front_axis(axis, logits.ndim, logits)
        u = self._unit(logits.shape, logits.dtype)
        tiny = float(np.finfo(logits.dtype).tiny)
        return argmax(logits - log(-log(u + tiny)), axis)


def _sizes(shape: Any, *settings: Any) -> Shape:
    """`shape` as sizes; None is the shape that the settings broadcast to."""
    if shape is None:
        return broadcast(*(v.shape for v in as_variables(*settings)))
    return tuple(dim(s) for s in (shape if isinstance(shape, tuple | list) else (shape,)))
