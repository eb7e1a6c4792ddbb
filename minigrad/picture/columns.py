"""Where the parts of an unrolled picture lie: one column for each step of a loop, all alike.

Graphviz lays out what is inside a column, once for all steps, and then what is around the loops,
where each of them is one large box. The carries from column to column are drawn here. What comes
out are positions for an engine that moves nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .dot import Place, Writer
from .engine import measure
from .sketch import Frame, Node, Segment

__all__ = ["places"]

_MARGIN, _TITLE, _GUTTER, _LANE, _TURN, _NEAR = 8.0, 16.0, 22.0, 9.0, 16.0, 150.0  # points
_Point = tuple[str, float, float]  # with "e," before an arrow's end, "s," before its start


@dataclass
class Layout:
    """What is laid out together: its size, and where its parts lie, from its lower left corner."""

    width: float
    height: float
    nodes: dict[Node, tuple[float, float]] = field(default_factory=dict)
    frames: dict[Frame, tuple[float, ...]] = field(default_factory=dict)
    """Lower left and upper right corner, and the middle of the title."""
    pieces: dict[Segment, list[_Point]] = field(default_factory=dict)

    def put(self, other: "Layout", x: float, y: float) -> None:
        """Put all that is in another layout into this one, shifted."""
        self.nodes |= {n: (a + x, b + y) for n, (a, b) in other.nodes.items()}
        self.frames |= {
            f: tuple(c + (y if i % 2 else x) for i, c in enumerate(corners))
            for f, corners in other.frames.items()
        }
        self.pieces |= {
            s: [(mark, a + x, b + y) for mark, a, b in points] for s, points in other.pieces.items()
        }


def places(writer: Writer) -> Place:
    """The positions of all nodes, frames and pieces of wires, as attributes."""
    layout = _laid_out(writer, writer.sketch.root, {})
    found: dict[object, dict[str, str]] = {}
    found |= {node: {"pos": f"{x:.2f},{y:.2f}"} for node, (x, y) in layout.nodes.items()}
    for frame, (*box, x, y) in layout.frames.items():
        found[frame] = {"bb": ",".join(f"{c:.2f}" for c in box), "lp": f"{x:.2f},{y:.2f}"}
    for segment, points in layout.pieces.items():
        path = " ".join(f"{mark}{x:.2f},{y:.2f}" for mark, x, y in points)
        found[segment] = {"pos": path}
    return found


def _laid_out(writer: Writer, frame: Frame, like: Mapping[Node, Node]) -> Layout:
    """The picture, or one column of it, with room in each node for what is written in another."""
    columns = {loop: list(_columns(writer, loop, like)) for loop in _unrolled(frame)}
    widths: dict[int, float] = {}  # loops of as many steps stand on top of each other
    for layouts in columns.values():
        widths[len(layouts)] = max([widths.get(len(layouts), 0.0), *(s.width for s in layouts)])
    loops = {
        loop: _side_by_side(writer, loop, layouts, widths[len(layouts)] + 2 * _MARGIN)
        for loop, layouts in columns.items()
    }
    measured = measure(
        writer.part_source(frame, {loop: _ports(loop, b) for loop, b in loops.items()}, like)
    )
    _, _, width, height = _numbers(measured["bb"])
    layout = Layout(width, height)
    parts = {item["name"]: item for item in measured.get("objects", ())}
    for inner in _inside(frame):
        if "bb" in (part := parts.get(inner.name, {})):
            layout.frames[inner] = (*_numbers(part["bb"]), *_numbers(part["lp"]))
    for node in writer.nodes(frame):
        layout.nodes[node] = _pair(parts[node.name]["pos"])
    for loop, block in loops.items():
        x, y = _pair(parts[loop.name]["pos"])
        layout.put(block, x - block.width / 2, y - block.height / 2)
    pieces = {segment.name: segment for segment in writer.segments}
    for edge in measured.get("edges", ()):
        segment = pieces[edge["id"]]
        points = [_point(text) for text in edge["pos"].split()]
        layout.pieces[segment] = _through_borders(segment, points, layout)
    return layout


def _unrolled(frame: Frame) -> Iterator[Frame]:
    """The unrolled loops of a sheet."""
    for inner in frame.inner:
        if inner.columns:
            yield inner
        else:
            yield from _unrolled(inner)


def _inside(frame: Frame) -> Iterator[Frame]:
    for inner in frame.inner:
        yield inner
        yield from _inside(inner)


# ------------------------------------------------------------ columns


def _columns(writer: Writer, loop: Frame, like: Mapping[Node, Node]) -> Iterator[Layout]:
    """The layouts of a loop's columns. Its steps are alike: one is laid out, with room for the
    longest of the texts that stand in the same place, and the others are copies of it."""
    steps = [column for column in loop.columns if column.step is not None]
    first, others = steps[0], [_twins(writer, steps[0], column) for column in steps[1:]]
    longest = {
        node: max((like.get(n, n) for n in (node, *(o[node] for o in others))), key=writer.length)
        for node in _within(writer, first)
    }
    layout = _laid_out(writer, first, longest)
    copies = iter([layout, *(_copied(writer, layout, twins) for twins in others)])
    for column in loop.columns:
        yield _laid_out(writer, column, {}) if column.step is None else next(copies)


def _within(writer: Writer, column: Frame) -> list[Node]:
    """All nodes in a column, those in the columns of inner loops too."""
    nodes = (*writer.sketch.nodes, *writer.texts)
    return [node for node in nodes if node.frame and column in node.frame.path]


def _twins(writer: Writer, one: Frame, other: Frame) -> dict[Any, Any]:
    """What stands in one column, and what is there in another: steps are painted in one order."""
    frames = zip(_inside(one), _inside(other), strict=True)
    nodes = zip(_within(writer, one), _within(writer, other), strict=True)
    return {one: other, **dict(frames), **dict(nodes)}


def _copied(writer: Writer, layout: Layout, twins: Mapping[Any, Any]) -> Layout:
    """A column that is like another one."""
    wires: dict[tuple[Node, Node], list[Segment]] = defaultdict(list)
    for segment in writer.segments:
        wires[segment.tail, segment.head].append(segment)
    copy = Layout(layout.width, layout.height)
    copy.nodes = {twins[node]: place for node, place in layout.nodes.items()}
    copy.frames = {twins[frame]: place for frame, place in layout.frames.items()}
    for segment, points in layout.pieces.items():
        alike = wires[segment.tail, segment.head].index(segment)  # two of x · x
        copy.pieces[wires[twins[segment.tail], twins[segment.head]][alike]] = points
    return copy


# ------------------------------------------------------------ loops


def _side_by_side(writer: Writer, loop: Frame, layouts: Sequence[Layout], width: float) -> Layout:
    """The columns of an unrolled loop, each so wide, and the carries between them."""
    own = dict.fromkeys(loop.columns, 0)
    leaving = (s for s in writer.segments if s.tail.border == "out" and s.head.border == "in")
    carries = [s for s in leaving if s.tail.column in own and s.head.column in own]
    for segment in carries:
        own[segment.head.column] += 1
    lanes = max(own.values())
    gutter = _GUTTER + _LANE * lanes
    turn = _TURN + _LANE * lanes if lanes else 0.0
    height = max(s.height for s in layouts) + 2 * _MARGIN + _TITLE
    sizes = [
        layout.width if column.step is None else width
        for column, layout in zip(own, layouts, strict=True)
    ]
    whole = Layout(sum(sizes) + gutter * (len(sizes) + 1), height + 2 * (turn + _MARGIN) + _TITLE)
    x, bottom = gutter, _TITLE + _MARGIN + turn
    for column, layout, size in zip(own, layouts, sizes, strict=True):
        title = x + 3.4 * len(column.title) + 4, bottom + _TITLE / 2
        whole.frames[column] = (x, bottom, x + size, bottom + height, *title)
        whole.put(layout, x + (size - layout.width) / 2, bottom + height - _MARGIN - layout.height)
        x += size + gutter
    outside = set(writer.segments) - set(carries)
    ends = {s.tail for s in outside if s.tail.border == "out" and s.tail.column in own}
    exits = [whole.nodes[end][0] for end in ends]
    title = _free(exits, whole.width, 5.9 * len(loop.title)), _TITLE / 2 + 2
    whole.frames[loop] = (0.0, 0.0, whole.width, whole.height, *title)
    used = dict.fromkeys(own, 0)
    for segment in carries:
        into = segment.head.column
        whole.pieces[segment] = _carried(segment, whole, gutter, used[into])
        used[into] += 1
    return whole


def _free(exits: Iterable[float], width: float, length: float) -> float:
    """The middle of a title as far right as it can stand between wires that leave a loop below."""
    room = length + 2 * _MARGIN
    edges = sorted([0.0, *exits, width])
    gaps = [b for a, b in pairwise(edges) if b - a >= room]
    return (gaps[-1] if gaps else width) - room / 2


def _carried(segment: Segment, whole: Layout, gutter: float, lane: int) -> list[_Point]:
    """A path from the lower end of a column, through the gutter, to the upper end of the next."""
    (xa, ya), (xb, yb) = whole.nodes[segment.tail], whole.nodes[segment.head]
    yb = yb + 7
    left, low, right, *_ = whole.frames[segment.tail.column]
    *_, high = whole.frames[segment.head.column][:4]
    between = right + gutter / 2 if xb > xa else left - gutter / 2
    between += (lane - 0.5) * _LANE
    low, high = low - _TURN / 2 - lane * _LANE, high + _TURN / 2 + lane * _LANE
    corners = [(xa, ya), (xa, low), (between, low), (between, high), (xb, high), (xb, yb)]
    return [("", x, y) for x, y in _rounded(corners)]


def _rounded(corners: list[tuple[float, float]], radius: float = 7.0) -> list[tuple[float, float]]:
    """Straight lines with round corners, as a Bézier path."""
    path = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        enter, leave = _towards(corner, before, radius), _towards(corner, after, radius)
        path += [path[-1], enter, enter, corner, corner, leave]
    return [*path, path[-1], corners[-1], corners[-1]]


def _towards(
    start: tuple[float, float], end: tuple[float, float], distance: float
) -> tuple[float, float]:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    share = min(distance / length, 0.5)
    return start[0] + share * dx, start[1] + share * dy


def _ports(loop: Frame, block: Layout) -> str:
    """The label of a box as large as a loop, with a port above and below for each node on the
    border of a column."""
    own, rows = set(loop.columns), []
    for side in ("in", "out"):
        x, cells = 0.0, []
        here = [(px, n) for n, (px, _) in block.nodes.items() if n.border == side]
        here = [(px, n) for px, n in here if n.column in own]  # and not of a loop in this one
        for px, node in sorted(here, key=lambda pair: pair[0]):
            cells += [_cell(px - 0.5 - x), _cell(1, f' port="{node.name}"')]
            x = px + 0.5
        cells.append(_cell(block.width - x))
        rows.append(f"<tr><td>{_PLAIN}<tr>{''.join(cells)}</tr></table></td></tr>")
    middle = f"<tr>{_cell(block.width, '', block.height - 2)}</tr>"
    return f"<{_PLAIN}{rows[0]}{middle}{rows[1]}</table>>"


_PLAIN = '<table border="0" cellborder="0" cellspacing="0" cellpadding="0">'


def _cell(width: float, more: str = "", height: float = 1) -> str:
    size = f'width="{max(width, 0):.0f}" height="{height:.0f}"'
    return f'<td fixedsize="true" {size}{more}></td>'


def _through_borders(segment: Segment, points: list[_Point], layout: Layout) -> list[_Point]:
    """A path from the outside to the border of a loop, led on to the node behind it."""
    ends = [p for p in points if p[0]]
    path = [(x, y) for mark, x, y in points if not mark]
    if segment.tail.border == "out":
        start = layout.nodes[segment.tail]
        path = [start, start, path[0], *path]
    if segment.head.border == "in":
        row = segment.head.kind == "row"
        x, y = layout.nodes[segment.head]
        border = ends[0][1:] if ends else path[-1]
        if len(path) == 4 or path[0][1] - border[1] < _NEAR:
            path = [path[0], (path[0][0], border[1]), (border[0], path[0][1]), border]
        else:
            path += [path[-1], border, border]
        top = y + (20 if row else 7)
        path += [path[-1], (x, top), (x, top)]
        ends = [("e,", x, y + 13)] if row else []
    return [*ends, *(("", x, y) for x, y in path)]


# ------------------------------------------------------------ numbers


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _pair(text: str) -> tuple[float, float]:
    x, y = _numbers(text)
    return x, y


def _point(text: str) -> _Point:
    mark = text[:2] if text[0] in "es" else ""
    return (mark, *_pair(text.removeprefix(mark)))
