"""Which part of a picture is what: where a moment is at work, what lights up there, and which
numbers stand on a wire."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...graph import Apply
from ..drawing import Drawing
from ..numbers import At, Index
from ..sketch import Frame, Node, Segment
from ..words.walk import Moment
from .data import Numbered

__all__ = ["picture_data"]


def picture_data(drawing: Drawing, numbered: Numbered) -> dict[str, Any]:
    """Which part of a picture is what."""
    there = {node.name for node in drawing.sketch.nodes}
    nodes = {(a, at): n for (a, at), n in drawing.nodes.items() if n in there}
    wires = {
        key: [numbered.number[v], numbered.at(v, at)]
        for (v, at), key in drawing.wires.items()
        if v in numbered.number
    }
    return {
        "wires": wires,
        "nodes": _nodes(drawing, nodes, wires),
        "columns": {f.name: _step(f, numbered.clock) for f in _columns(drawing.sketch.root)},
        "moments": [_node(m, nodes, numbered) for m in numbered.moments],
    }


def _node(
    moment: Moment, nodes: Mapping[tuple[Apply, Index], str], numbered: Numbered
) -> str | None:
    """The node that a moment is at work in: that of its gate, or of a loop that is one node."""
    apply: Apply | None = moment.apply
    at = moment.at
    while apply is not None:
        lengths = numbered.lengths(apply.outputs[0]) if apply.outputs[0] in numbered.values else ()
        last = tuple(-1 if t == n - 1 else t for t, n in zip(at, lengths, strict=False))
        for index in (at, last, (None,) * len(at)):
            if (apply, index) in nodes:
                return nodes[apply, index]
        apply, at = numbered.loops.get(apply), at[:-1]
    return None


def _nodes(
    drawing: Drawing,
    nodes: Mapping[tuple[Apply, Index], str],
    wires: Mapping[str, Any],
) -> dict[str, Any]:
    """Each node that works, with what lights up beside it, and each that a wire begins at."""
    made: dict[str, list[str]] = {}
    for wire in drawing.sketch.wires:
        if wire.key in wires:
            made.setdefault(wire.tail.name, []).append(wire.key)
    working = set(nodes.values())
    lines = _Lines(drawing)
    found: dict[str, Any] = {}
    for node in drawing.sketch.nodes:
        if node.name in working:
            found[node.name] = {
                "label": " ".join(node.lines),
                "kind": node.kind,
                "wires": made.get(node.name, []),
                "lines": lines.of(node),
            }
        elif node.name in made:
            found[node.name] = {"wires": made[node.name]}
    return found


class _Lines:
    """The lines that lead to a node and from it."""

    def __init__(self, drawing: Drawing) -> None:
        _, segments = drawing.sketch.segments()
        self.into: dict[Node, list[Segment]] = {}
        self.out: dict[Node, list[Segment]] = {}
        for segment in segments:
            if segment.how == "nowhere":
                continue
            self.into.setdefault(segment.head, []).append(segment)
            self.out.setdefault(segment.wire.tail, []).append(segment)

    def of(self, node: Node) -> list[str]:
        """Their ids. Where one comes from outside a step, the whole of it."""
        out = self.out.get(node, ())
        found = {s.name: None for s in out} | {s.head.name: None for s in out if s.how == "text"}
        waiting, seen = [node], {node}
        while waiting:
            for segment in self.into.get(waiting.pop(), ()):
                found[segment.name] = None
                tail = segment.tail
                if tail.kind == "wire":
                    found[tail.name] = None
                if tail.kind in ("wire", "tap", "end") and tail not in seen:
                    seen.add(tail)
                    waiting.append(tail)
        return list(found)


def _columns(frame: Frame) -> Iterator[Frame]:
    for inner in frame.inner:
        if inner.step is not None:
            yield inner
        yield from _columns(inner)


def _step(column: Frame, clock: At) -> list[int]:
    """The time steps of a column, and of those around it."""
    steps = [frame.step for frame in column.path if frame.column]
    return [t if isinstance(t, int) else n - 1 for t, n in zip(steps, clock, strict=False)]
