"""`trace`: one run with everything kept, values and gradients, also of each step inside a scan."""

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .autodiff import vjp
from .errors import GradientError, PictureError, UnknownNameError
from .functions import ones_like, zeros
from .graph import Apply, Graph, applies, leaves, substitute
from .groups import Group
from .interpret import evaluate, keyed, label
from .loops import Scan
from .markup import table
from .picture import Drawing, draw
from .picture.diagram import beside, unfolded
from .picture.folding import READABLE, Names
from .picture.page import Page, build_page
from .picture.plots import GRADIENT, VALUE
from .picture.text import show_number, show_value
from .tree import flatten, unflatten
from .types import Array
from .variables import Input, Variable

__all__ = ["Trace", "trace"]


def trace(cost: Variable, values: Mapping[Any, Any]) -> "Trace":
    """Run `cost` once at {Variable or name: value} and keep every value and gradient.

    `cost` is a float scalar (). Raises GradientError when it is none.

    >>> import minigrad as mg
    >>> x, w = mg.input("x", (3,)), mg.input("w")
    >>> seen = {}
    >>> def step(h, x_t):
    ...     seen["h"] = mg.tanh(w * h + x_t).named("h")
    ...     return seen["h"], None
    >>> last, _ = mg.scan(step, 0.0, x)
    >>> t = mg.trace(last, {x: [1, 0, 0], w: 0.5})
    >>> t[seen["h"]].tolist(), t.grad(seen["h"]).tolist()  # doctest: +ELLIPSIS
    ([0.761..., 0.363..., 0.179...], [0.2..., 0.483..., 1.0])
    >>> t.grad(w).item()  # doctest: +ELLIPSIS
    0.67...
    """
    return Trace(cost, values)


class Trace:
    """Values and gradients of one run: ``t[v]`` and ``t.grad(v)``, by Variable or by name.

    What lies inside a scan has a leading axis for the time steps (one for each loop around it).
    """

    def __init__(self, cost: Variable, values: Mapping[Any, Any]) -> None:
        if cost.shape != () or not cost.type.differentiable:
            raise GradientError(f"the cost must be a float scalar, and is {cost.type}", cost.where)
        self.cost = cost
        self.point = point = keyed([cost], values)
        self.values = _run([cost], point)
        gradients, shifts = _gradients(cost, _outer([cost]))
        gradients = {v: g for v, g in gradients.items() if v in self.values}
        unshifted = substitute(gradients.values(), {e: zeros(e.shape, e.dtype) for e in shifts})
        self.gradients = _evaluated(dict(zip(gradients, unshifted, strict=True)), point)

    def __getitem__(self, key: Variable | str) -> Array:
        return self.values[self._find(key)]

    def grad(self, key: Variable | str) -> Array:
        """d cost / d v. Raises GradientError for what is no float."""
        v = self._find(key)
        if v not in self.gradients:
            raise GradientError(f"{label(v)} is {v.dtype} and has no gradient", v.where)
        return self.gradients[v]

    def _find(self, key: Variable | str) -> Variable:
        if isinstance(key, Variable):
            found = [key] if key in self.values else []
        else:
            found = [v for v in self.values if v.name == key]
        if len(found) != 1:
            names = sorted({v.name for v in self.values if v.name})
            problem = "several variables are" if found else "nothing in this trace is"
            raise UnknownNameError(f"{problem} {key!r}; named here are {names}")
        return found[0]

    def table(self) -> str:
        """Value and gradient of every variable that has a name, as text."""
        rows = [_HEAD, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = []
        for v, value in self.values.items():
            if v.name:
                gradient = self.gradients.get(v)
                rows.append((v.name, _shown(value), "" if gradient is None else _shown(gradient)))
        return rows

    def draw(
        self,
        unroll: bool | int | None = None,
        *,
        unfold: Names = (),
        wrt: Any = None,
        **options: Any,
    ) -> Drawing:
        """The graph with values in blue and gradients in red; options as of `draw`.

        With `wrt` the graph of the gradient stands beside it, its numbers in red.
        """
        if new := unfolded(self.cost, unfold):
            if wrt is not None:
                found, _, structure = flatten(wrt)
                wrt = unflatten(structure, [new.get(v, v) for v in found])
            again = Trace(new[self.cost], self.point)
            return again.draw(unroll, unfold=unfold, wrt=wrt, **options)
        outputs: Any = self.cost
        values, gradients = self.values, self.gradients
        if wrt is not None:
            outputs, whole = beside(self.cost, wrt)
            values = _run(outputs.values(), self.point)
            back = _way_back(applies(outputs.values()), whole, set())
            known = {v: g for v, g in gradients.items() if v in values}
            gradients = known | {v: values[v] for v in values if v in back}
            values = {v: n for v, n in values.items() if v not in back}
        options |= {"unfold": unfold, "values": values, "gradients": gradients}
        return draw(outputs, unroll, **options)

    def page(
        self, path: str | os.PathLike[str] | None = None, *, unfold: Names = (), **options: Any
    ) -> Page:
        """The run as a page to step through, gate by gate, forward and back; saved if `path` says
        where. Options are those of `build_page`."""
        if new := unfolded(self.cost, unfold):
            return Trace(new[self.cost], self.point).page(path, unfold=unfold, **options)
        found = build_page(self.cost, self.values, self.gradients, unfold=unfold, **options)
        if path is not None:
            found.save(path)
        return found

    def _repr_html_(self) -> str:
        """The picture, where it can be drawn, and the table."""
        return _image(self) + table(_HEAD, self._rows(), _COLOURS)

    def __repr__(self) -> str:
        return f"<trace of {label(self.cost)}: {len(self.values)} variables>\n{self.table()}"


_HEAD = ("", "value", "gradient")
_COLOURS = {"value": VALUE, "gradient": GRADIENT}


def _image(trace: Trace) -> str:
    """As an image, whose ids and styles are its own; nothing for a graph that is too large."""
    try:
        svg = trace.draw(max_nodes=READABLE)._repr_svg_() or ""
    except PictureError:
        svg = ""
    coded = base64.b64encode(svg.encode()).decode()
    source = f"data:image/svg+xml;base64,{coded}"
    return f'<img alt="the graph" style="max-width:100%" src="{source}">' if svg else ""


def _shown(array: Array) -> str:
    if array.ndim == 0:
        return show_number(array.item())
    if array.size <= 8 and array.ndim == 1:
        return f"[{' '.join(show_number(n) for n in array.tolist())}]"
    return show_value(array)


def _outer(outputs: Iterable[Variable]) -> list[Variable]:
    """Every variable outside the scans of a graph."""
    outputs = list(outputs)
    made = (v for apply in applies(outputs) for v in apply.outputs)
    return list(dict.fromkeys([*leaves(outputs), *made]))


def _run(outputs: Iterable[Variable], point: Mapping[Variable, Any]) -> dict[Variable, Array]:
    """The values of every variable of a graph."""
    outputs = list(outputs)
    return _evaluated({v: v for v in _outer(outputs)} | _stacked(applies(outputs)), point)


def _way_back(order: Iterable[Apply], whole: Group, found: set[Variable]) -> set[Variable]:
    """`found`, and the variables of the gradient that is this `whole` group; of its loops also what
    enters their steps."""
    for apply in order:
        gate = apply.gate
        if apply.group is not None and any(group is whole for group in apply.group.path):
            found.update(apply.outputs)
        if isinstance(gate, Scan):
            inputs, inner = gate.body.inputs, gate.body.applies()
            found.update(b for b, v in zip(inputs, apply.inputs, strict=True) if v in found)
            _way_back(inner, whole, found)
            carried = zip(inputs, gate.body.outputs[: gate.carries], strict=False)
            found.update(b for b, v in carried if v in found)
    return found


def _evaluated(
    wanted: Mapping[Variable, Variable], point: Mapping[Variable, Any]
) -> dict[Variable, Array]:
    return dict(zip(wanted, evaluate(wanted.values(), point), strict=True))


def _stacked(order: Iterable[Apply]) -> dict[Variable, Variable]:
    """Every variable inside the scans of a walk, and the variable that holds it for all steps."""
    found: dict[Variable, Variable] = {}
    for apply in order:
        gate = apply.gate
        if not isinstance(gate, Scan):
            continue
        inner = gate.body.applies()
        carries, xs, _ = gate.parts(gate.body.inputs)
        here = [*carries, *xs, *(v for a in inner for v in a.outputs)]
        values = {v: v for v in here} | _stacked(inner)
        rows = gate.emit(apply.inputs, list(values.values()))
        for v, row in zip(values, rows, strict=True):
            found.setdefault(v, row)
    return found


def _gradients(
    cost: Variable, outer: Iterable[Variable]
) -> tuple[dict[Variable, Variable], list[Variable]]:
    """d cost / d v for every float variable, and the shifts that must be 0 in it.

    An inner variable has one gradient for each step, but there is no variable for one step of it.
    So the loops are rebuilt with a shift added to every inner variable, v_t + ε_t with ε stacked
    over time: d cost / d ε is what is wanted. A loop, the one that emits its residuals and the one
    that goes back may all make the same v: they share its ε.
    """
    new, shifts = _shifted(Graph((), (cost,)))
    targets = {v: new.get(v, v) for v in outer if v.type.differentiable} | shifts
    shifted = new.get(cost, cost)
    found = vjp(shifted, list(targets.values()), ones_like(shifted), unused="zeros")
    return dict(zip(targets, found, strict=True)), list(shifts.values())


def _shifted(
    graph: Graph, own: Iterable[Variable] = (), inside: bool = False
) -> tuple[dict[Variable, Variable], dict[Variable, Variable]]:
    """The variables of a graph rebuilt with shifts in its loops, and the shifts of each variable.

    `inside` a loop every float is shifted, `own` (its carries and rows) too.
    """
    new: dict[Variable, Variable] = {}
    shifts: dict[Variable, Variable] = {}

    def put(v: Variable, value: Variable) -> None:
        if inside and v.type.differentiable:
            value = value + shifts.setdefault(v, Input(v.type))
        new[v] = value

    for v in own:
        put(v, v)
    for apply in graph.applies():
        gate, inputs = apply.gate, [new.get(v, v) for v in apply.inputs]
        if isinstance(gate, Scan):
            carries, xs, invariants = gate.parts(inputs)
            gate, steps = _with_shifts(gate, apply.inputs)
            rows = [shifts.setdefault(v, Input(gate.stacked(e.type))) for v, e in steps.items()]
            inputs = [*carries, *xs, *rows, *invariants]
        for v, value in zip(apply.outputs, apply.on(inputs, gate), strict=True):
            put(v, value)
    return new, shifts


def _with_shifts(gate: Scan, inputs: Sequence[Variable]) -> tuple[Scan, dict[Variable, Variable]]:
    """A scan that takes a sequence of shifts for each of its inner floats, and one step of each."""
    carries, xs, invariants = gate.parts(gate.body.inputs)
    fed = zip(xs, gate.parts(inputs)[1], strict=True)
    rows = [v for v, sequence in fed if not _emitted(v, sequence)]
    new, shifts = _shifted(gate.body, [*carries, *rows], inside=True)
    body = Graph(
        (*carries, *xs, *shifts.values(), *invariants),
        tuple(new.get(v, v) for v in gate.body.outputs),
    )
    return replace(gate, body=body, sequences=gate.sequences + len(shifts)), shifts


def _emitted(v: Variable, sequence: Variable) -> bool:
    """Whether the rows of a sequence are v itself, as another loop made it, its shift included."""
    made = sequence.owner
    return (
        made is not None
        and isinstance(made.gate, Scan)
        and made.gate.body.outputs[sequence.index] is v
    )
