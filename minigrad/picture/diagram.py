"""`draw`: a graph as a picture."""

import re
from ast import literal_eval
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..autodiff import grad
from ..compile import Function
from ..errors import ArgumentError, PictureError
from ..graph import Graph, applies
from ..groups import Group, mirrored
from ..rewrite import PASSES
from ..tree import flatten
from ..variables import Variable
from .definitions import composites, written_out
from .drawing import Drawing
from .folding import READABLE, Names, all_groups, as_names, choose
from .numbers import Numbers
from .painter import Painter
from .sketch import Sketch
from .steps import Unrolling
from .themes import theme_called

__all__ = ["beside", "draw", "svg_of", "unfolded"]


def draw(
    outputs: Any,
    unroll: bool | int | None = None,
    *,
    fold: Names = None,
    unfold: Names = (),
    wrt: Any = None,
    values: Mapping[Variable, Any] | None = None,
    gradients: Mapping[Variable, Any] | None = None,
    names: Mapping[Variable, str] | None = None,
    theme: str = "light",
    legend: bool = True,
    max_nodes: int = 400,
) -> Drawing:
    """The graph of `outputs` as a picture: of a Variable, a nested structure of them, or a
    compiled `Function`.

    Gates are circles, inputs blue boxes, parameters green ones; a number stands above its wire, its
    gradient below. A scan is a frame around its step: a box x_t for a row of each sequence, and a
    box z⁻¹ through which each carry comes back one step later. Unrolled, its steps are columns, and
    time runs to the right.

    Args:
        unroll: True draws all steps of each scan side by side, a number so many: the first ones,
            and the last.
        fold: which groups (`mg.group`) are one node each: True all, False none, or those of these
            names. Left alone, as many as the picture needs to be readable, and loops too.
        unfold: names of groups that stay open, and of composite gates ("sigmoid", "softmax") that
            are drawn as what they are made of; True for all of these.
        wrt: draw the graph of the gradient beside it: d cost / d wrt, as `grad` has it;
            `outputs` is then one scalar cost.
        values: what to write on the wires in blue; the lengths of loops to unroll come from here
            too. A variable inside a scan has its steps along a leading axis.
        gradients: what to write below that in red.
        names: what to call variables that have no name.
        theme: "light", "dark", or "grey" for print.
        legend: say below what is drawn how, and how large named dimensions are.
        max_nodes: the most gates to draw.

    >>> import minigrad as mg
    >>> x, y, z = mg.inputs("x y z")
    >>> picture = draw((x + y) * z, values={x: -2, y: 5, z: -4})
    >>> str(picture.save("circuit.svg"))  # doctest: +SKIP
    'circuit.svg'

    Raises ArgumentError for what is no Variable, or a name that the graph does not have,
    PictureError for a picture of more than `max_nodes` gates, and for ``unroll=True`` where the
    length of a loop is not known.
    """
    found, titles = _outputs(outputs, wrt)
    values, gradients = dict(values or {}), dict(gradients or {})
    _check_variables((*values, *gradients))
    theme_called(theme)
    opened = _opened(unfold, found)
    new = written_out(found, opened)
    values, gradients = ({new.get(v, v): n for v, n in d.items()} for d in (values, gradients))
    found = [new.get(v, v) for v in found]
    unrolling = Unrolling(unroll, found, values)
    order = applies(found)
    folding = choose(fold, opened, order, unrolling)
    count = folding.gates(order, unrolling, ())
    _check_size(count, max_nodes)
    painter = Painter(unrolling, folding, Numbers(values, gradients), names or {})
    sketch = painter.paint(order, found, titles)
    if legend:
        sketch.legend = _legend(sketch, unrolling, bool(values), bool(gradients))
    return Drawing(sketch, count, theme, painter.nodes, painter.keys)


def _outputs(outputs: Any, wrt: Any) -> tuple[list[Variable], list[str]]:
    """The variables that are drawn, and what stands at their ends."""
    if isinstance(outputs, Function):
        outputs = outputs.graph
    if wrt is not None:
        outputs, _ = beside(outputs, wrt)
    found, paths, _ = flatten(outputs)
    if not found:
        raise ArgumentError(f"there is nothing to draw in {outputs!r}")
    _check_variables(found)
    return found, [v.name or _name(path) for v, path in zip(found, paths, strict=True)]


def _check_variables(variables: Iterable[object]) -> None:
    for v in variables:
        if not isinstance(v, Variable):
            raise ArgumentError(f"a picture is drawn of variables, and had {v!r}")


def _check_size(count: int, most: int) -> None:
    if count > most:
        error = PictureError(
            f"the picture would have {count} gates, and more than {most} are hard to read and "
            "slow to lay out: draw an inner part of it, fold groups, or unroll fewer steps"
        )
        error.add_note(f"max_nodes={count} draws it all the same")
        raise error


def svg_of(v: Variable) -> str | None:
    """What a notebook shows of a variable: its graph. None, for its text, of a leaf, of a graph
    that is large even with its groups and loops folded, and where nothing here can lay it out."""
    if v.owner is None:
        return None
    try:
        return draw(v, max_nodes=READABLE)._repr_svg_()
    except PictureError:
        return None


def beside(cost: Variable, wrt: Any) -> tuple[dict[str, Variable], Group]:
    """A cost and its gradients by their names, as one graph, and the group of the gradients' gates.

    The loop of the cost and its twin, which emits what the way back needs, are one loop.
    """
    if not isinstance(cost, Variable):
        raise ArgumentError(f"with wrt one scalar cost is drawn, and there was {cost!r}")
    with mirrored("gradient") as twin:
        gradients = grad(cost, wrt)
    targets, paths, _ = flatten(wrt)
    name = cost.name or "f"
    named, often = {name: cost}, Counter(v.name for v in targets)
    for v, path, slope in zip(targets, paths, flatten(gradients)[0], strict=True):
        target = (v.name or "wrt") + (path if often[v.name] > 1 or not v.name else "")
        while f"∂{name}/∂{target}" in named:
            target += "′"
        named[f"∂{name}/∂{target}"] = slope
    merged = PASSES["trim"](PASSES["merge"](Graph((), tuple(named.values()))))
    return dict(zip(named, merged.outputs, strict=True)), twin(None)


def unfolded(cost: Variable, unfold: Names) -> dict[Variable, Variable]:
    """What becomes another variable, with its new one, where these composite gates of a cost are
    written out."""
    new = written_out([cost], _opened(unfold, [cost]))
    return {v: n for v, n in new.items() if v is not n}


def _opened(unfold: Names, outputs: Sequence[Variable]) -> set[str]:
    """The names of groups and composite gates to open. Raises ArgumentError for one that is not
    there."""
    order = applies(outputs)
    groups = {g.name for g in all_groups(order)}
    gates = composites(order)
    if isinstance(unfold, bool) or unfold is None:
        return groups | gates if unfold else set()
    return as_names("unfold", unfold, groups | gates, "group or composite gate")


def _name(path: str) -> str:
    """What an output without a name is called: after its key in a dict, or its place."""
    key = re.fullmatch(r"""\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\](.*)""", path)
    return f"{literal_eval(key[1])}{key[2]}" if key else f"out{path}"


_KINDS = {
    "gate": "gate",
    "group": "folded gates",
    "input": "input",
    "parameter": "parameter",
    "delay": "one step later",
}


def _legend(
    sketch: Sketch, unrolling: Unrolling, values: bool, gradients: bool
) -> list[tuple[str, str]]:
    """What the kinds of nodes on a picture, and its numbers, are."""
    there = {node.kind for node in sketch.nodes}
    shown = [(kind, word) for kind, word in _KINDS.items() if kind in there]
    for what, known in (("value", values), ("gradient", gradients)):
        shown += [(what, what)] if known else []
        if any(getattr(wire, what).strip for wire in sketch.wires):
            shown.append((f"{what} strip", "− 0 +"))
    return [*shown, *(("text", f"{name} = {n}") for name, n in unrolling.sizes.items())]
