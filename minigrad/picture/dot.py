"""The DOT text of a sketch: how each kind of node, frame and wire looks."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import graphviz

from .numbers import NOTHING, Reading, Strip
from .sketch import Frame, Node, Segment, Sketch, Wire
from .text import entities, plain
from .themes import Theme

__all__ = ["Place", "Writer"]

Style = dict[str, str]
Place = Mapping[object, Style]
"""Where nodes, frames and segments lie, as attributes, where that is settled already."""

_FONT = "Helvetica"
_BOX = {"shape": "box", "style": "rounded,filled"}
_LOOKS: dict[str, Style] = {
    "gate": {"shape": "circle", "style": "filled", "width": ".5"},
    "group": _BOX | {"peripheries": "2", "margin": ".14,.08"},
    "input": _BOX,
    "parameter": _BOX,
    "row": _BOX | {"width": ".3", "height": ".36", "margin": ".08,.05"},
    "delay": {"shape": "box", "style": "filled", "width": ".4", "height": ".4", "margin": ".08"},
    "text": {"shape": "plaintext", "width": ".1", "height": ".3", "margin": ".05"},
    "tap": {"shape": "plaintext", "width": ".1", "height": ".2", "margin": ".04", "fontsize": "10"},
    "end": {"shape": "point", "width": ".01", "height": ".01", "penwidth": ".3"},
    "wire": {"shape": "plain", "fontsize": "12"},
}
_MANY = 120  # nodes; the best layout of more may take minutes
_HASTE = {"nslimit": "2", "nslimit1": "2", "mclimit": ".5"}
_STRIP = 6  # the side of a cell, in points
_ACROSS = {"1/2": "nw", "2/2": "sw", "1/3": "nw", "2/3": "w", "3/3": "sw"}
_DOWN = {"1/2": "nw", "2/2": "ne", "1/3": "nw", "2/3": "n", "3/3": "ne"}


class Writer:
    """Writes a sketch down in the colours of a theme."""

    def __init__(self, sketch: Sketch, theme: Theme) -> None:
        self.sketch, self.theme = sketch, theme
        self.down = sketch.unrolled
        self.texts, self.segments = sketch.segments()
        self.nowhere = {s.head for s in self.segments if s.how == "nowhere"}
        self.content: dict[Frame, list[Node]] = {}
        for node in (*sketch.nodes, *self.texts):
            if node.frame:
                self.content.setdefault(node.frame, []).append(node)

    def source(self, places: Place | None = None) -> str:
        """The whole picture; with `places`, for an engine that moves nothing."""
        places = places or {}
        graph = self._graph()
        if self.sketch.legend:
            graph.graph_attr |= {"label": self._legend(), "labelloc": "b", "labeljust": "l"}
        self._fill(graph, self.sketch.root, places)
        for segment in self.segments:
            self._edge(graph, segment, segment.tail.name, segment.head.name, places)
        return str(graph.source)

    def part_source(
        self, frame: Frame, loops: Mapping[Frame, str], like: Mapping[Node, Node]
    ) -> str:
        """The picture, or one column of it, by itself. Unrolled loops are nodes with these labels,
        whose ports are named after the nodes behind them. Some nodes look `like` others."""
        graph = self._graph()
        self._fill(graph, frame, {}, loops, like)
        names: dict[Node, tuple[Frame | None, str]] = {n: (None, n.name) for n in self.nodes(frame)}
        for node in self.sketch.nodes:
            if node.border and (loop := node.column.path[-2]) in loops:
                names[node] = loop, f"{loop.name}:{node.name}"
        for side, rank in (("in", "source"), ("out", "sink")):
            with graph.subgraph(graph_attr={"rank": rank}) as ends:
                for node in self.content.get(frame, ()):
                    if node.border == side:
                        ends.node(node.name)
        for segment in self.segments:
            if segment.tail in names and segment.head in names:
                (one, tail), (other, head) = names[segment.tail], names[segment.head]
                if one is None or one is not other:
                    room = {"minlen": "3"} if other else {}  # to fan out to all steps
                    above = {"weight": "20"} if one and other else {}  # loops on top of each other
                    self._edge(graph, segment, tail, head, {segment: room | above})
        return str(graph.source)

    def nodes(self, frame: Frame) -> Iterator[Node]:
        """The nodes that are laid out with a frame."""
        nodes = chain(self.sketch.nodes, self.texts)
        return (node for node in nodes if node.frame and node.frame.sheet is frame)

    def length(self, node: Node) -> float:
        """About how long its longest line is, in digits."""
        wire = self.texts.get(node)
        lines = (wire.name + wire.value.text, wire.gradient.text) if wire else node.lines
        return max((len(t) - (t.count("-") + t.count(".")) / 2 for t in lines), default=0.0)

    def _graph(self) -> graphviz.Digraph:
        theme = self.theme
        return graphviz.Digraph(
            graph_attr={
                "rankdir": "TB" if self.down else "LR",
                "bgcolor": theme.page,
                "nodesep": ".2",
                "ordering": "" if self.down else "in",  # operands from top to bottom, as written
                "ranksep": ".3" if self.down else ".26",
                **(_HASTE if len(self.sketch.nodes) > _MANY else {}),
                "pad": ".15",
                "fontname": _FONT,
                "fontsize": "11",
                "fontcolor": theme.quiet,
            },
            node_attr={
                "fontname": _FONT,
                "fontsize": "14",
                "color": theme.ink,
                "fontcolor": theme.ink,
                "penwidth": "1.1",
            },
            edge_attr={"fontname": _FONT, "color": theme.wire, "arrowsize": ".7"},
        )

    # ------------------------------------------------------------ nodes and frames

    def _fill(
        self,
        graph: graphviz.Digraph,
        frame: Frame,
        places: Place,
        loops: Mapping[Frame, str] = {},
        like: Mapping[Node, Node] = {},
    ) -> None:
        """Write the nodes and the inner frames of one frame; of `loops` only a label."""
        for node in self.content.get(frame, ()):
            graph.node(node.name, **self._node(like.get(node, node)), **places.get(node, {}))
        for inner in frame.inner:
            if inner in loops:
                graph.node(inner.name, label=loops[inner], shape="plain")
                continue
            look = self._frame(inner) | places.get(inner, {})
            with graph.subgraph(name=inner.name, graph_attr=look) as cluster:
                self._fill(cluster, inner, places, loops, like)

    def _node(self, node: Node) -> Style:
        look = dict(_LOOKS[node.kind])
        if node in self.texts:
            label = self._text(self.texts[node])
            return look | {"label": label, "id": node.name, "class": f"wire {node.name}"}
        fill = getattr(self.theme, node.kind, "") or (
            self.theme.gate if node.kind == "group" else ""
        )
        if node.kind == "gate":
            look |= _symbol_size(node.lines)
        if fill:
            look["fillcolor"] = fill
        if node.kind == "tap":
            look["fontcolor"] = self.theme.quiet
        if node.kind == "end":
            look |= {"style": "invis"} if node in self.nowhere else {"color": self.theme.wire}
        look |= {"label": plain(*node.lines), "id": node.name, "class": node.kind}
        return look | ({"tooltip": plain(node.tooltip)} if node.tooltip else {})

    def _frame(self, frame: Frame) -> Style:
        return {
            "label": plain(frame.title),
            "fontname": _FONT,
            "fontsize": "12",
            "fontcolor": self.theme.quiet,
            "labelloc": "t",
            "labeljust": "l",
            "style": "rounded,filled" if frame.title else "invis",
            "color": self.theme.frame,
            # By depth, so that a loop in a loop stands out. No margin here: with one, dot now and
            # then finds no way for an edge, and leaves it out.
            "fillcolor": self.theme.fills[len(frame.path) % len(self.theme.fills)],
            "id": frame.name,
        }

    # ------------------------------------------------------------ wires

    def _edge(
        self, graph: graphviz.Digraph, segment: Segment, tail: str, head: str, places: Place
    ) -> None:
        """Write one piece of a wire between these nodes or ports."""
        style = {"id": segment.name, "class": segment.wire.key}
        if segment.how == "text":
            head, style["arrowhead"] = f"{head}:{'n' if self.down else 'w'}", "none"
        elif _round_a_name(segment):
            tail = segment.wire.tail.name
        elif segment.tail in self.texts and tail == segment.tail.name:
            tail = f"{tail}:{'s' if self.down else 'e'}"
        if segment.head.kind in ("tap", "end"):
            style["arrowhead"] = "none"
        if segment.how == "nowhere":
            style["style"] = "invis"
        elif segment.how == "later" or segment.wire.later:
            style["style"] = "dashed"
        if segment.how == "back":
            # dot does not mind what an edge with constraint=false crosses, and may put a delay last
            # if it has to turn an edge round by itself: so an edge back is written left to right.
            tail, head, style["dir"] = head, tail, "back"
        elif at := (_DOWN if self.down else _ACROSS).get(segment.how):
            style["headport"] = at
        graph.edge(tail, head, **style, **places.get(segment, {}))

    def _text(self, wire: Wire) -> str:
        """The text of a wire: name, shape and value above the line, the gradient below it."""
        theme = self.theme
        value = _word(wire.value.text, theme.value)
        words = [
            _word(wire.name, theme.ink),
            _word(f"({wire.shape})" if wire.shape else "", theme.quiet, ' point-size="10"'),
        ]
        if wire.name and value and not wire.value.strip:
            words, value = [], _word(f"{wire.name} = {wire.value.text}", theme.value)
        lines = [_row(" ".join(filter(None, words))), _row(value)]
        gradient = _word(wire.gradient.text, theme.gradient)
        above = "".join(lines) + _strip(wire.value, "value", theme)
        below = _row(f"<i>{gradient}</i>" if gradient else "")
        below += _strip(wire.gradient, "gradient", theme)
        if not self.down:  # the line runs in the middle
            rows = sum(map(bool, lines))
            over = _height(wire.value, rows) - _height(wire.gradient, bool(gradient))
            space = f'<tr><td height="{abs(over)}"></td></tr>' if over else ""
            above, below = (above, below + space) if over > 0 else (space + above, below)
            above += "<hr/>"
        return (
            f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1" '
            f'color="{theme.wire}">{above}{below}</table>>'
        )

    def _legend(self) -> str:
        """What is drawn how."""
        cells = []
        for kind, word in self.sketch.legend:
            fill = self.theme.gate if kind == "group" else getattr(self.theme, kind, "")
            if kind in ("value", "gradient"):
                shown = f'<font color="{fill}">{word}</font>'
                cells.append(f"<td>{f'<i>{shown}</i>' if kind == 'gradient' else shown}</td>")
            elif kind == "text":
                cells.append(f"<td>{entities(word)}</td>")
            elif kind.endswith(" strip"):
                scale = _cells(((-1, 0, 1),), kind.removesuffix(" strip"), self.theme)
                cells.append(f"<td>{scale}</td><td> {entities(word)}</td>")
            else:
                rounded = "" if kind == "delay" else ' style="rounded"'
                border = 3 if kind == "group" else 1
                cells.append(
                    f'<td border="{border}" color="{self.theme.ink}" bgcolor="{fill}"{rounded} '
                    f'fixedsize="true" width="13" height="13"></td><td> {entities(word)}</td>'
                )
        # No cellspacing: it would be around the table too, below it as empty room.
        above, inside = '<tr><td height="6"></td></tr>', '<td width="5"></td>'.join(cells)
        table = '<table border="0" cellborder="0" cellspacing="0">'
        return f"<{table}{above}<tr>{inside}</tr></table>>"


def _symbol_size(lines: Iterable[str]) -> Style:
    """Letters as large as their circle allows; a long name makes it grow."""
    longest = max(map(len, lines))
    if longest > 4:
        return {"margin": ".03", "fontsize": "12"}
    return {"fixedsize": "true", "fontsize": "16" if longest < 3 else "11"}


def _round_a_name(segment: Segment) -> bool:
    """Whether it leads from a gate back to a delay, and there are no numbers before the fork: from
    behind the name it would turn round and cross it."""
    made = segment.wire.tail.kind in ("gate", "group")
    return made and segment.how == "back" and segment.wire.value is NOTHING


def _word(text: str, colour: str, more: str = "") -> str:
    return f'<font color="{colour}"{more}>{entities(text)}</font>' if text else ""


def _row(content: str) -> str:
    return f"<tr><td>{content}</td></tr>" if content else ""


def _height(reading: Reading, rows: int) -> int:
    """About how high so many rows of text and its strip are, in points."""
    strip = _STRIP * len(reading.strip)
    return 16 * rows + (strip + 2 if strip else 0)


def _strip(reading: Reading, what: str, theme: Theme) -> str:
    """A row with the strip of a value or a gradient."""
    return _row(_cells(reading.strip, what, theme) if reading.strip else "")


def _cells(strip: Strip, what: str, theme: Theme) -> str:
    """A table of coloured cells."""
    rows = ("".join(_cell(share, what, theme) for share in row) for row in strip)
    size = _fixed(len(strip[0]), len(strip))
    table = '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"'
    return f"{table} {size}>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _cell(share: float | None, what: str, theme: Theme) -> str:
    """A cell the paler the nearer it is to 0, negative ones in a colour of their own; what is not a
    number has a border, which shows in grey too."""
    if share is None:
        return f'<td bgcolor="{theme.nan}" border="1" color="{theme.ink}" {_fixed(1, 1)}></td>'
    full: str = getattr(theme, what if share >= 0 else f"{what}_below")
    return f'<td bgcolor="{_mixed(theme.low, full, abs(share))}" {_fixed(1, 1)}></td>'


def _fixed(across: int, down: int) -> str:
    return f'fixedsize="true" width="{_STRIP * across}" height="{_STRIP * down}"'


def _mixed(low: str, high: str, share: float) -> str:
    """A colour between two."""
    ends = ((int(low[i : i + 2], 16), int(high[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in ends)
