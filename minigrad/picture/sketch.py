"""A picture before it is laid out: nodes in nested frames, and wires between them.

A wire carries one variable from the node that makes it to all that read it. Where it has text and
several readers it forks at a dot, so that the text is written once, before the fork: that is also
where the gradients of the branches add up.
"""

from dataclasses import dataclass, field

import graphviz

from .text import html

__all__ = ["Frame", "Node", "Sketch", "Style", "Wire"]

Style = dict[str, str]

_VALUE, _GRADIENT, _NAME = "#0a58ca", "#c62828", "#444444"

_GRAPH = {"rankdir": "LR", "bgcolor": "white", "nodesep": ".3", "ranksep": ".45", "pad": ".15"}
_FONT = {"fontname": "Helvetica"}
_NODE = _FONT | {"fontsize": "14", "color": "#444444", "penwidth": "1.2"}
_EDGE = _FONT | {"fontsize": "12", "color": "#777777", "arrowsize": ".7"}
# No margin here: with one, dot now and then finds no way for an edge, and leaves it out.
_FRAME = _FONT | {"style": "rounded,filled", "color": "#b0bec5"}
_FILLS = ("#fafafa", "#f3f5f6")  # by depth, so that a loop in a loop stands out
_FORK = {"shape": "point", "width": ".06", "color": "#777777"}
_JOINT = _FORK | {"width": "0"}


class Frame:
    """A titled frame inside another one; the outermost is the picture itself."""

    def __init__(self, title: str = "", outer: "Frame | None" = None) -> None:
        self.title = title
        self.name: str = f"{outer.name}_{len(outer.inner)}" if outer else "cluster"
        self.path: tuple[Frame, ...] = (*outer.path, self) if outer else (self,)
        self.inner: list[Frame] = []

    def frame(self, title: str) -> "Frame":
        """A new frame in this one, titled by a DOT label."""
        self.inner.append(Frame(title, self))
        return self.inner[-1]

    def common(self, other: "Frame") -> "Frame":
        """The innermost frame around both."""
        return [a for a, b in zip(self.path, other.path, strict=False) if a is b][-1]


@dataclass(eq=False)
class Node:
    """A node of the picture. A floating one ends up in the innermost frame around its readers."""

    name: str
    label: str
    style: Style
    frame: Frame | None
    floating: bool

    def reach(self, frame: Frame) -> None:
        """Something in `frame` reads it."""
        if self.floating:
            self.frame = self.frame.common(frame) if self.frame else frame


@dataclass(eq=False)
class Wire:
    """One variable on its way from the node that makes it to its readers, with its text."""

    tail: Node
    name: str = ""
    value: str = ""
    gradient: str = ""
    ends: list[tuple[Node, Style]] = field(default_factory=list)
    ahead: list[Node] = field(
        default_factory=list
    )  # what is placed further on, but does not read it

    def to(self, head: Node, **style: str) -> None:
        """Lead it to one more node; back to an earlier one with ``dir="back"``."""
        assert head.frame  # only leaves float
        self.tail.reach(head.frame)
        self.ends.append((head, style))

    @property
    def crosses(self) -> bool:
        """Whether it leads out of its frame, or into an inner one."""
        return any(head.frame is not self.tail.frame for head, _ in self.ends)

    def label(self) -> str:
        """Its value in blue behind its name, and its gradient in red below; "" for none of them."""
        top = f"{self.name} = {self.value}" if self.name and self.value else self.name or self.value
        lines = [(top, _VALUE if self.value else _NAME)] if top else []
        lines += [(self.gradient, _GRADIENT)] if self.gradient else []
        return html(*lines) if lines else ""


class Sketch:
    """Nodes, frames and wires, collected in any order and then written as DOT."""

    def __init__(self) -> None:
        self.root = Frame()
        self.nodes: list[Node] = []
        self.wires: list[Wire] = []

    def node(self, frame: Frame | None, label: str, style: Style) -> Node:
        """A new node showing a DOT label, floating without a frame. Its name is generated."""
        self.nodes.append(Node(f"n{len(self.nodes)}", label, style, frame, frame is None))
        return self.nodes[-1]

    def wire(self, tail: Node, name: str = "", value: str = "", gradient: str = "") -> Wire:
        """A new wire from a node, so far to nowhere."""
        self.wires.append(Wire(tail, name, value, gradient))
        return self.wires[-1]

    def source(self) -> str:
        """The whole as DOT."""
        edges = graphviz.Digraph()
        for wire in self.wires:
            self._connect(wire, edges)
        content: dict[Frame | None, list[Node]] = {}
        for node in self.nodes:
            content.setdefault(node.frame, []).append(node)
        graph = graphviz.Digraph(graph_attr=_GRAPH, node_attr=_NODE, edge_attr=_EDGE)
        _fill(graph, self.root, content)
        graph.body += edges.body
        return str(graph.source)

    def _connect(self, wire: Wire, graph: graphviz.Digraph) -> None:
        """Write one wire. Its text stays in its frame, where no border runs through it."""
        label, tail = wire.label(), wire.tail
        if label and (len(wire.ends) > 1 or wire.crosses):
            fork = self.node(tail.frame, "", _FORK if len(wire.ends) > 1 else _JOINT)
            graph.edge(tail.name, fork.name, label=label, arrowhead="none")
            label, tail = "", fork
        for head, style in wire.ends:
            # dot does not mind what an edge with constraint=false crosses, and may put a delay last
            # if it has to turn an edge round by itself: so an edge back is written left to right.
            pair = (head.name, tail.name) if "dir" in style else (tail.name, head.name)
            graph.edge(*pair, label=label or None, **style)
        for node in wire.ahead:
            graph.edge(tail.name, node.name, style="invis")


def _fill(graph: graphviz.Digraph, frame: Frame, content: dict[Frame | None, list[Node]]) -> None:
    """Write the nodes and the inner frames of one frame."""
    for node in content.get(frame, ()):
        graph.node(node.name, label=node.label, **node.style)
    for inner in frame.inner:
        depth = len(frame.path) - 1
        look = _FRAME | {"label": inner.title, "fillcolor": _FILLS[depth % len(_FILLS)]}
        with graph.subgraph(name=inner.name, graph_attr=look) as cluster:
            _fill(cluster, inner, content)
