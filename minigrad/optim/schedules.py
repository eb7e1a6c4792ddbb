"""Schedules: learning rates that change from update to update, as scalars of the graph.

Each is a Variable of float64, given to an optimiser as its `lr`. They are numbers like any other:
``warmup(100) * cosine(2e-3, steps=1000)`` is a schedule too.

A schedule depends on t, the number of updates that came before. By default it has a count of its
own, a parameter that each call of a compiled function which reads it moves on by one; with `count`,
any Variable is t, so that several can share one, or begin later (``count - 100``). To look at a
rate, put it among the outputs of the function that trains, or use `.eval()`, which moves nothing.
An optimiser's `state` holds the counts of its schedule, so a training goes on where it stopped.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..functions import astype, cos, floor, maximum, minimum
from ..groups import group
from ..variables import Parameter, Variable
from ..variables import constant as _constant
from .arguments import number

__all__ = ["Plateau", "constant", "cosine", "exponential", "step", "update_count", "warmup"]


def update_count() -> Parameter:
    """t: how often functions that read it were called, 0 at first.

    >>> import minigrad as mg
    >>> t = update_count()
    >>> f = mg.function([], t)
    >>> int(f()), int(f())
    (0, 1)
    """
    t = Parameter(0, "updates")
    t.default_update = t + 1
    return t


def constant(rate: float) -> Variable:
    """The same at every update.

    >>> float(constant(0.1).eval())
    0.1
    """
    return _constant(number("rate", rate), "float64", "rate")


def step(
    rate: float,
    every: float | None = None,
    factor: float = 0.1,
    milestones: Sequence[float] = (),
    count: Variable | None = None,
) -> Variable:
    """rate · factor^⌊t / every⌋, and one factor more from each t of `milestones` on.

    >>> [float(step(1.0, every=2, factor=0.5, count=_constant(t)).eval()) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    >>> rates = [step(1.0, factor=0.5, milestones=[1, 4], count=_constant(t)) for t in range(5)]
    >>> [float(rate.eval()) for rate in rates]
    [1.0, 0.5, 0.5, 0.5, 0.25]
    """
    with group("step schedule"):
        t = _count(count)
        done: Variable = (
            _constant(0.0, "float64") if every is None else floor(t / _above_0("every", every))
        )
        for start in milestones:
            done = done + astype(t >= number("milestones", start), "float64")
        return (number("rate", rate) * _above_0("factor", factor) ** done).named("rate")


def exponential(
    rate: float, factor: float, every: float = 1, start: float = 0, count: Variable | None = None
) -> Variable:
    """rate · factor^(max(0, t - start) / every): a factor smaller for every so many updates.

    >>> rates = [exponential(1.0, 0.81, every=2, count=_constant(t)) for t in range(3)]
    >>> [round(float(rate.eval()), 4) for rate in rates]
    [1.0, 0.9, 0.81]
    """
    with group("exponential schedule"):
        done = maximum(_count(count) - number("start", start), 0.0) / _above_0("every", every)
        return (number("rate", rate) * _above_0("factor", factor) ** done).named("rate")


def cosine(rate: float, steps: int, end: float = 0.0, count: Variable | None = None) -> Variable:
    """Half a wave from `rate` down to `end`, which is reached after so many steps and stays:

        end + (rate - end) · (1 + cos(π · min(1, t / steps))) / 2

    (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.)

    >>> [round(float(cosine(1.0, 4, count=_constant(t)).eval()), 3) for t in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    with group("cosine schedule"):
        done = minimum(_count(count) / _above_0("steps", steps), 1.0)
        end, rate = number("end", end), number("rate", rate)
        return (end + (rate - end) * (1 + cos(np.pi * done)) / 2).named("rate")


def warmup(steps: int, count: Variable | None = None) -> Variable:
    """A factor that rises to 1 in so many updates: min(1, (t + 1) / steps).

    (Goyal et al., "Accurate, large minibatch SGD", 2017.)

    >>> rate = warmup(4) * cosine(2e-3, steps=1000)
    >>> [float(warmup(4, count=_constant(t)).eval()) for t in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    with group("warm-up"):
        return minimum((_count(count) + 1) / _above_0("steps", steps), 1.0).named("warm-up")


class Plateau:
    """A rate that falls when a loss does not: after `patience` observations without a new best, it
    is multiplied by `factor`.

    Attributes: `rate`, the Variable for an optimiser's `lr`; `memory`, the parameter behind it:
    rate, best loss, and how many observations it is old.

    >>> plateau = Plateau(0.1, factor=0.5, patience=2)
    >>> [plateau.observe(loss) for loss in (3.0, 2.0, 2.5, 2.5, 1.0)]
    [0.1, 0.1, 0.1, 0.05, 0.05]
    >>> float(plateau.rate.eval())
    0.05

    Args:
        least: the rate never falls below it.

    Raises ArgumentError for numbers out of their range.
    """

    def __init__(
        self, rate: float, factor: float = 0.1, patience: int = 10, least: float = 0.0
    ) -> None:
        self.factor = _above_0("factor", factor, 1)
        self.patience = _above_0("patience", patience)
        self.least = number("least", least)
        self._start = [number("rate", rate), np.inf, 0.0]
        self.memory = Parameter(np.array(self._start), "plateau")
        self.rate = self.memory[0].named("rate")

    def observe(self, loss: float) -> float:
        """Take note of a loss, such as that of validation. The rate from here on."""
        self.memory.set_value(self._after(self.memory.get_value().tolist(), loss))
        return float(self.memory.get_value()[0])

    def replay(self, losses: Iterable[float]) -> None:
        """Remember just these losses, observed from the start on."""
        self.memory.set_value(reduce(self._after, losses, self._start))

    def _after(self, memory: list[float], loss: float) -> list[float]:
        rate, best, old = memory
        best, old = (loss, 0) if loss < best else (best, old + 1)
        if old >= self.patience:
            rate, old = min(rate, max(self.least, rate * self.factor)), 0
        return [rate, best, old]


def _count(count: Variable | None) -> Variable:
    """t, in float64; 0 where it is still below."""
    if count is None:
        count = update_count()
    elif not isinstance(count, Variable) or count.shape != ():
        raise ArgumentError(f"a count is a scalar Variable, and not {count!r}")
    return maximum(astype(count, "float64"), 0.0)


def _above_0(name: str, value: Any, end: float = np.inf) -> float:
    if isinstance(value, int | float) and not 0 < value < end:
        raise ArgumentError(f"{name} is in 0 < {name} < {end:g}, and not {value!r}")
    return number(name, value)
