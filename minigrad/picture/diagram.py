"""`draw`: a graph as a picture."""

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError, PictureError
from ..graph import applies
from ..tree import flatten
from ..variables import Variable
from .drawing import Drawing
from .folding import Fold, choose
from .numbers import Numbers
from .painter import Painter
from .sketch import Sketch
from .steps import Unrolling

__all__ = ["draw"]


def draw(
    outputs: Any,
    unroll: bool | int | None = None,
    *,
    fold: Fold = None,
    theme: str = "light",
    legend: bool = True,
    values: Mapping[Variable, Any] | None = None,
    gradients: Mapping[Variable, Any] | None = None,
    max_nodes: int = 400,
) -> Drawing:
    """The graph of `outputs`, a Variable or a nested structure of them, as a picture.

    Gates are circles, inputs blue boxes, parameters green ones. A scan is a frame around its step:
    a box x_t for a row of each sequence, and a box z⁻¹ through which each carry comes back one step
    later.

    Args:
        unroll: True draws all steps of each scan side by side, a number so many: the first ones,
            and the last.
        fold: which groups (`mg.group`) are one node each: True all, False none, or those of these
            names. Left alone, as many as the picture needs to be readable, and loops too.
        theme: "light", "dark", or "grey" for print.
        legend: say below what is drawn how, and how large named dimensions are.
        values: what to write on the edges in blue; the lengths of loops to unroll come from here
            too. A variable inside a scan has its steps along a leading axis.
        gradients: what to write below that in red.
        max_nodes: the most gates to draw.

    >>> import minigrad as mg
    >>> x, y, z = mg.inputs("x y z")
    >>> picture = draw((x + y) * z, values={x: -2, y: 5, z: -4})
    >>> str(picture.save("circuit.svg"))  # doctest: +SKIP
    'circuit.svg'

    Raises ArgumentError for what is no Variable, PictureError for a graph of more than `max_nodes`
    gates, and for ``unroll=True`` where the length of a loop is not known.
    """
    found, paths, _ = flatten(outputs)
    values, gradients = values or {}, gradients or {}
    for v in (*found, *values, *gradients):
        if not isinstance(v, Variable):
            raise ArgumentError(f"a picture is drawn of variables, and had {v!r}")
    unrolling = Unrolling(unroll, found, values)
    order = applies(found)
    folding = choose(fold, order, unrolling)
    count = folding.gates(order, unrolling, ())
    if count > max_nodes:
        raise PictureError(
            f"this graph has {count} gates, and a picture of more than {max_nodes} is hard to read "
            f"and slow to lay out: draw an inner part of it, or pass max_nodes={count}"
        )
    painter = Painter(unrolling, folding, Numbers(values, gradients))
    names = [v.name or f"out{path}" for v, path in zip(found, paths, strict=True)]
    sketch = painter.paint(order, found, names)
    if legend:
        sketch.legend = _legend(sketch, unrolling, bool(values), bool(gradients))
    return Drawing(sketch, count, theme, painter.nodes, painter.keys)


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
    shown += [("value", "value")] if values else []
    shown += [("gradient", "gradient")] if gradients else []
    return [*shown, *(("text", f"{name} = {n}") for name, n in unrolling.sizes.items())]
