"""A picture read back from its DOT text."""

import html
import re
from collections import Counter
from dataclasses import dataclass

import pygraphviz
import pytest

import minigrad as mg
from minigrad.picture import Drawing

_PASSED = ("wire", "tap", "end")


@dataclass(frozen=True)
class Box:
    """A node: what it shows, of what kind it is, and the frame it stands in."""

    name: str
    text: str
    kind: str
    frame: str


class Read:
    """What a reader of the picture sees."""

    def __init__(self, drawing: Drawing) -> None:
        graph = pygraphviz.AGraph(string=drawing.source)
        self.frames = {g.name: _text(g.graph_attr["label"]) for g in _frames(graph)}
        inside = {str(n): g.name for g in _frames(graph) for n in g.nodes()}  # inner ones last
        self.boxes = {str(n): _box(n, inside.get(str(n), "")) for n in graph.nodes()}
        self.edges = [_edge(self.boxes, e) for e in graph.edges()]
        self.labels = [box.text for box in self.boxes.values() if box.kind == "wire"]

    def texts(self, kind: str) -> list[str]:
        return sorted(box.text for box in self.boxes.values() if box.kind == kind)

    def kinds(self) -> Counter[str]:
        return Counter(box.kind for box in self.boxes.values())

    def box(self, text: str) -> Box:
        (found,) = [box for box in self.boxes.values() if box.text == text]
        return found

    def before(self, box: Box) -> list[Box]:
        """The boxes that lead to this one; text on wires and borders of steps are passed over."""
        found = [tail for tail, head in self.edges if head is box]
        return [b for t in found for b in (self.before(t) if t.kind in _PASSED else [t])]

    def after(self, box: Box) -> list[Box]:
        """The boxes that this one leads to, likewise."""
        found = [head for tail, head in self.edges if tail is box]
        return [b for h in found for b in (self.after(h) if h.kind in _PASSED else [h])]

    def title(self, box: Box) -> str:
        return self.frames.get(box.frame, "")


def _frames(graph):
    for inner in graph.subgraphs():
        yield inner
        yield from _frames(inner)


def _text(label: str) -> str:
    if label.startswith("<table"):  # pygraphviz takes the outer <> off
        label = re.sub("<tr>|<hr/>", "\n", label)
        label = re.sub("<[^>]*>", "", label)
        label = "\n".join(line.strip() for line in label.split("\n") if line.strip())
    return html.unescape(label.replace("\\n", "\n").replace("\\\\", "\\"))


def _box(node, frame: str) -> Box:
    kind = node.attr["class"].split()[0]
    return Box(str(node), _text(node.attr["label"] or ""), kind, frame)


def _edge(boxes: dict[str, Box], edge) -> tuple[Box, Box]:
    pair = (boxes[edge[0]], boxes[edge[1]])
    return pair[::-1] if edge.attr["dir"] == "back" else pair


@pytest.fixture(scope="session")
def read():
    """The picture of a drawing, read back."""
    return Read


@pytest.fixture
def circuit():
    """(x + y) · z, and the values and gradients of all its variables at -2, 5, -4."""
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    at = {x: -2.0, y: 5.0, z: -4.0}
    variables = [x, y, z, q, f]
    values = {v: v.eval(at) for v in variables}
    gradients = {v: g.eval(at) for v, g in zip(variables, mg.grad(f, variables), strict=True)}
    return f, values, gradients
