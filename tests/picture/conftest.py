"""A picture read back: what is on it, from its DOT text, and where, from its SVG."""

import html
import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

import pygraphviz
import pytest

import minigrad as mg
from minigrad.cli.networks import NETWORKS, Network
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


# ---------------------------------------------------------------- SVG

_TAG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass(frozen=True)
class Area:
    """A rectangle; y grows downwards, as in an SVG."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def x(self) -> float:
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        return (self.top + self.bottom) / 2

    def holds(self, other: "Area", slack: float = 0.6) -> bool:
        return (
            self.left - slack <= other.left
            and self.top - slack <= other.top
            and self.right + slack >= other.right
            and self.bottom + slack >= other.bottom
        )

    def meets(self, other: "Area", slack: float = 0.6) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > slack and down > slack


@dataclass(frozen=True)
class Text:
    """A line of text: where its letters stand, and their colour."""

    text: str
    colour: str
    size: float
    area: Area


class Part:
    """A node, a frame or a line of an SVG."""

    def __init__(self, element: ElementTree.Element) -> None:
        self.name = element.get("id", "")
        self.classes = element.get("class", "").split()[1:]
        self.texts = [_text_of(e) for e in element.iter(f"{_TAG}text")]
        self.areas = [a for e in element.iter() if (a := _outline(e))]
        self.colours = Counter(c for e in element.iter() for c in _colours(e))
        self._path = next((e.get("d") for e in element.iter(f"{_TAG}path")), "")

    @property
    def kind(self) -> str:
        return self.classes[0] if self.classes else ""

    @property
    def text(self) -> str:
        return "\n".join(t.text for t in self.texts)

    @property
    def area(self) -> Area:
        """Around all of it; how wide a text is, is an estimate from below."""
        return _around([*self.areas, *(t.area for t in self.texts)])

    def of(self, colour: str) -> list[Text]:
        """The texts in this colour."""
        return [t for t in self.texts if t.colour == colour]

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where a line begins and ends, but for its arrow."""
        numbers = [float(n) for n in _NUMBER.findall(self._path)]
        return (numbers[0], numbers[1]), (numbers[-2], numbers[-1])


class Svg:
    """What a reader of the rendered picture sees, and where."""

    def __init__(self, drawing: Drawing) -> None:
        root = ElementTree.fromstring(drawing.rendered("svg"))
        parts = [e for e in root.iter(f"{_TAG}g") if e.get("class")]
        self.page = next(a for e in root.iter() if (a := _outline(e)))
        self.nodes, self.frames, self.edges = (
            {p.name: p for e in parts if e.get("class").split()[0] == what for p in [Part(e)]}
            for what in ("node", "cluster", "edge")
        )
        inner = {id(e) for part in parts[1:] for e in part.iter()}
        self.legend = [_text_of(e) for e in root.iter(f"{_TAG}text") if id(e) not in inner]
        self.colours = Part(root).colours
        self.frame_of = {box.name: box.frame for box in Read(drawing).boxes.values()}

    def assert_tidy(self) -> None:
        """All lies on the page, in its frame, and nothing on top of another."""
        drawn = {name: part for name, part in self.frames.items() if part.areas}
        seen = {name: part for name, part in self.nodes.items() if part.areas or part.texts}
        for part in (*seen.values(), *drawn.values()):
            assert self.page.holds(part.area), part.text
        for name, node in seen.items():
            if (frame := self.frame_of[name]) in drawn:
                assert drawn[frame].area.holds(node.area), (node.text, drawn[frame].text)
        for name, frame in drawn.items():
            outer = name.rpartition("_")[0]
            assert outer not in drawn or drawn[outer].area.holds(frame.area), frame.text
        for a, b in combinations(seen.values(), 2):
            assert not a.area.meets(b.area), (a.text, b.text)
        for a, b in combinations(drawn, 2):
            if not (a.startswith(f"{b}_") or b.startswith(f"{a}_")):
                assert not drawn[a].area.meets(drawn[b].area), (drawn[a].text, drawn[b].text)
        for name, node in seen.items():  # nor in a frame that it does not belong to
            for other, frame in drawn.items():
                if not f"{self.frame_of[name]}_".startswith(f"{other}_"):
                    assert not frame.area.meets(node.area), (node.text, frame.text)


def _text_of(element: ElementTree.Element) -> Text:
    x, y, size = (float(element.get(key)) for key in ("x", "y", "font-size"))
    shown = (element.text or "").replace("\xa0", " ")
    width = 0.4 * size * len(shown)
    left = x - {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor")]
    area = Area(left, y - 0.7 * size, left + width, y)
    return Text(shown, element.get("fill", ""), size, area)


def _outline(element: ElementTree.Element) -> Area | None:
    if element.tag == f"{_TAG}ellipse":
        x, y, rx, ry = (float(element.get(key)) for key in ("cx", "cy", "rx", "ry"))
        return Area(x - rx, y - ry, x + rx, y + ry)
    numbers = _NUMBER.findall(element.get("points") or element.get("d") or "")
    points = [float(n) for n in numbers]
    return (
        Area(*map(min, (points[::2], points[1::2])), *map(max, (points[::2], points[1::2])))
        if (points)
        else None
    )


def _around(areas: list[Area]) -> Area:
    return Area(
        min(a.left for a in areas),
        min(a.top for a in areas),
        max(a.right for a in areas),
        max(a.bottom for a in areas),
    )


def _colours(element: ElementTree.Element) -> list[str]:
    found = (element.get(key) for key in ("fill", "stroke"))
    return [c for c in found if c not in (None, "none", "transparent")]


@pytest.fixture(scope="session")
def look():
    """The SVG of a drawing, read."""
    return Svg


@pytest.fixture(scope="session")
def read():
    """The picture of a drawing, read back."""
    return Read


@pytest.fixture(scope="session")
def network():
    """A small recurrent network of the command line, run: its trace."""

    def run(name: str, steps: int = 4) -> mg.Trace:
        net = Network(features=2, hidden=3, length=steps, seed=0)
        ys = NETWORKS[name][1](net)
        return mg.trace(mg.sum(ys * ys).named("loss"), net.values)

    return run


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
