"""`verify_grad`: the gradients that minigrad derives against central differences."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .autodiff import grad
from .errors import ArgumentError, GradientError
from .functions import sum as sum_
from .graph import applies, leaves
from .interpret import evaluate, keyed, label
from .markup import preformatted, table
from .tree import flatten
from .types import Array
from .variables import Input, Parameter, Variable, constant

__all__ = ["Entry", "GradientReport", "verify_grad"]

_PRECISION = float(np.finfo(np.float64).eps)
_STEP = 6e-6  # about its cube root: where rounding and curvature err alike
_TOLERANCE = 1e-5  # of the larger of the two numbers
_ROUNDING = 64 * _PRECISION  # of the cost
_MOST_ENTRIES = 64


@dataclass(frozen=True)
class Entry:
    """One number of a gradient: derived by minigrad, and measured."""

    name: str
    derived: float
    numeric: float
    noise: float = 0.0
    """How far off the measured number may be by itself."""

    @property
    def right(self) -> bool:
        scale = max(abs(self.derived), abs(self.numeric))
        return bool(abs(self.derived - self.numeric) <= _TOLERANCE * scale + self.noise)


@dataclass(frozen=True)
class GradientReport:
    """What `verify_grad` found. True when every entry is right; prints both numbers of each."""

    values: tuple[tuple[str, Array], ...]
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]
    """Large arrays of which only some entries were measured."""

    def __bool__(self) -> bool:
        return all(entry.right for entry in self.entries)

    @property
    def wrong(self) -> tuple[Entry, ...]:
        """The entries where the two numbers differ."""
        return tuple(entry for entry in self.entries if not entry.right)

    def __str__(self) -> str:
        width = max((len(entry.name) for entry in self.entries), default=0)
        lines = [*self._values(), "", f"{'':{width}}  {_HEAD[1]:>14}  {_HEAD[2]:>14}"]
        for name, derived, numeric, verdict in map(_row, self.entries):
            lines.append(f"{name:{width}}  {derived:>14}  {numeric:>14}  {verdict}")
        return "\n".join([*lines, "", *self._summary()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = table(_HEAD, map(_row, self.entries))
        texts = ["\n".join(self._values()), "\n".join(self._summary())]
        above, below = (preformatted(text) if text else "" for text in texts)
        return above + rows + below

    def _values(self) -> list[str]:
        return [f"{name} = {_shown(value)}" for name, value in self.values]

    def _summary(self) -> list[str]:
        good = len(self.entries) - len(self.wrong)
        return [*self.left_out, f"{good} of {len(self.entries)} entries agree"]


_HEAD = ("", "minigrad", "numeric", "")


def _row(e: Entry) -> tuple[str, ...]:
    return e.name, f"{e.derived:.6g}", f"{e.numeric:.6g}", "ok" if e.right else "WRONG"


def _shown(value: Array) -> str:
    return f"{value.item():.6g}" if value.ndim == 0 else f"{value.dtype} {value.shape}"


def verify_grad(
    cost: Variable, at: Mapping[Any, Any], wrt: Any = None, order: int = 1
) -> GradientReport:
    """Check ``mg.grad(cost, wrt)`` against central differences in float64.

    Args:
        cost: a scalar ().
        at: {Variable or name: value}, the point. Parameters not in it have the value they hold.
        wrt: the variables to check; by default every float leaf that the cost depends on, and every
            variable on the way that has a name.
        order: 2 checks the gradient of the gradient: that of d cost / d v for each scalar v of
            `wrt`, and for each larger one that of Σ u · d cost / d v, with a fixed random u.

    Of an array with more than 64 entries, 64 evenly spread ones are measured; the report says so.

    >>> import minigrad as mg
    >>> x, y, z = mg.inputs("x y z")
    >>> q = (x + y).named("q")
    >>> report = mg.verify_grad((q * z).named("f"), {x: -2, y: 5, z: -4}, wrt=[x, q])
    >>> print(report)
    q = 3
    f = -12
    <BLANKLINE>
                 minigrad         numeric
    df/dx              -4              -4  ok
    df/dq              -4              -4  ok
    <BLANKLINE>
    2 of 2 entries agree
    >>> bool(report)
    True
    """
    if order not in (1, 2):
        raise ArgumentError(f"verify_grad checks order 1 or 2, not {order!r}")
    point = keyed([cost], at)
    targets = _default_targets(cost) if wrt is None else flatten(wrt)[0]
    if not targets:
        raise GradientError(f"{label(cost)} depends on no float to differentiate by", cost.where)
    title = f"d{cost.name or 'cost'}/d"
    if order == 1:
        checks = [(cost, targets, title)]
    else:
        names = [f"d({title}{label(v)}{'·u' if v.ndim else ''})/d" for v in targets]
        contracted = [_contracted(g, i) for i, g in enumerate(grad(cost, targets, "zeros"))]
        checks = list(zip(contracted, [targets] * len(targets), names, strict=True))
    entries: list[Entry] = []
    left_out: dict[str, None] = {}
    for scalar, variables, prefix in checks:
        gradients = evaluate(grad(scalar, variables, "zeros"), point, precise=True)
        for v, derived in zip(variables, gradients, strict=True):
            found = _measure(scalar, v, point, derived, prefix + label(v))
            entries += found
            if len(found) < derived.size:
                measured = f"{len(found)} of its {derived.size} entries were measured"
                left_out[f"{label(v)}: {measured}"] = None
    shown = [v for v in _named(cost) if v is not cost] + [cost]
    values = evaluate(shown, point, precise=True)
    return GradientReport(
        tuple((v.name or "cost", a) for v, a in zip(shown, values, strict=True)),
        tuple(entries),
        tuple(left_out),
    )


def _named(cost: Variable) -> list[Variable]:
    """The variables on the way to the cost that have a name, in order."""
    return [v for apply in applies([cost]) for v in apply.outputs if v.name]


def _default_targets(cost: Variable) -> list[Variable]:
    """Every float leaf, and every float on the way to the cost that has a name."""
    given = [v for v in leaves([cost]) if isinstance(v, Input | Parameter)]
    used = {v for apply in applies([cost]) for v in apply.inputs}
    inner = [v for v in _named(cost) if v in used]
    return [v for v in [*given, *inner] if v.type.differentiable]


def _contracted(gradient: Variable, seed: int) -> Variable:
    """Σ u · gradient for a fixed u: the gradient's gradient is a gradient of a scalar again."""
    if gradient.ndim == 0:
        return gradient
    shape = tuple(s if isinstance(s, int) else 1 for s in gradient.shape)
    u = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
    return sum_(gradient * constant(u, gradient.dtype))


def _measure(
    cost: Variable, v: Variable, point: Mapping[Variable, Any], derived: Array, name: str
) -> list[Entry]:
    """Entries of d cost / d v: (f(v + ε) - f(v - ε)) / 2ε, one element of v after the other."""
    (value,) = evaluate([v], point, precise=True)

    def slope(place: tuple[int, ...], step: float) -> tuple[float, float]:
        """The quotient, and what rounding may make of it."""
        x, f = [], []
        for side in (step, -step):
            moved = np.array(value, np.float64)
            moved[place] += side
            x.append(float(moved[place]))
            f.append(float(evaluate([cost], {**point, v: moved}, precise=True)[0]))
        width = x[0] - x[1]
        return (f[0] - f[1]) / width, _ROUNDING * max(map(abs, f)) / width

    entries = []
    for flat in np.linspace(0, value.size - 1, min(value.size, _MOST_ENTRIES)).astype(int):
        place = tuple(int(i) for i in np.unravel_index(flat, value.shape))
        step = _STEP * max(1.0, abs(float(value[place])))
        numeric, noise = slope(place, step)
        index = f"[{', '.join(map(str, place))}]" if place else ""
        entry = Entry(name + index, float(derived[place]), numeric, noise)
        if not entry.right:  # or f is curved: ε² f‴ / 6 is off, and 4 times that for twice the step
            wider, _ = slope(place, 2 * step)
            entry = replace(entry, noise=noise + abs(wider - numeric))
        entries.append(entry)
    return entries
