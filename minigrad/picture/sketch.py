"""A picture before it is laid out: nodes in nested frames, and wires between them.

A wire carries one variable from the node that makes it to all that read it. Where it has text, the
text is a node on the wire: the value above the line, the gradient below it, and behind it the wire
forks. That is also where the gradients of the branches add up.
"""

from dataclasses import dataclass, field

from ..dims import Size
from .numbers import NOTHING, Reading

__all__ = ["Frame", "Node", "Segment", "Sketch", "Wire"]

_OUTPUTS = 6  # of a folded group, drawn one by one


class Frame:
    """A titled frame inside another one; the outermost is the picture itself.

    The steps of an unrolled loop are frames beside each other, `columns` of the loop's frame: what
    leads into or out of one passes a node on its border. A column without a `step` is the gap
    before the last one.
    """

    def __init__(
        self,
        title: str = "",
        outer: "Frame | None" = None,
        column: bool = False,
        step: Size | None = None,
    ) -> None:
        self.title, self.outer, self.column, self.step = title, outer, column, step
        self.name: str = f"{outer.name}_{len(outer.inner)}" if outer else "cluster"
        self.path: tuple[Frame, ...] = (*outer.path, self) if outer else (self,)
        self.inner: list[Frame] = []

    def frame(self, title: str, column: bool = False, step: Size | None = None) -> "Frame":
        """A new frame in this one."""
        self.inner.append(Frame(title, self, column, step))
        return self.inner[-1]

    def common(self, other: "Frame") -> "Frame":
        """The innermost frame around both."""
        return [a for a, b in zip(self.path, other.path, strict=False) if a is b][-1]

    @property
    def columns(self) -> "list[Frame]":
        """The steps of an unrolled loop, from left to right."""
        return [frame for frame in self.inner if frame.column]

    @property
    def sheet(self) -> "Frame":
        """What this frame is laid out with: the innermost column around it, or the picture."""
        return next((f for f in reversed(self.path) if f.column), self.path[0])


@dataclass(eq=False)
class Node:
    """A node of the picture. A floating one ends up in the innermost frame around its readers."""

    name: str
    kind: str
    lines: tuple[str, ...]
    frame: Frame | None
    tooltip: str = ""
    border: str = ""
    """On the border of a column: "in" or "out"."""
    floating: bool = field(init=False)

    def __post_init__(self) -> None:
        self.floating = self.frame is None

    @property
    def column(self) -> Frame:
        """The column on whose border it is."""
        assert self.frame
        assert self.border
        return self.frame

    @property
    def home(self) -> Frame:
        """The frame it stands in; for one on the border of a column, that around the loop."""
        assert self.frame
        return self.frame.path[-3] if self.border else self.frame

    def reach(self, frame: Frame) -> None:
        """Something in `frame` reads it."""
        if self.floating:
            self.frame = self.frame.common(frame) if self.frame else frame


@dataclass(eq=False)
class Wire:
    """One variable on its way from the node that makes it to its readers, with its text."""

    tail: Node
    name: str = ""
    shape: str = ""
    value: Reading = NOTHING
    gradient: Reading = NOTHING
    key: str = ""
    later: bool = False
    """It comes out of a loop after steps that are not drawn."""
    ends: list[tuple[Node, str]] = field(default_factory=list)

    def to(self, head: Node, how: str = "") -> None:
        """Lead it to one more node: `how` is "", or "back", to an earlier one, or "later", with a
        gap between, or "1/2", to the first of two operands."""
        self.tail.reach(head.home)
        self.ends.append((head, how))

    @property
    def has_text(self) -> bool:
        return bool(self.name or self.shape or self.value.text or self.gradient.text)


@dataclass(frozen=True, eq=False)
class Segment:
    """A straight piece of a wire, as it is handed to the engine."""

    name: str
    wire: Wire
    tail: Node
    head: Node
    how: str
    """As of `Wire.to`; "text" for the piece that ends at the wire's own text, "nowhere" for one out
    of a step whose end nothing leads on from: it takes room, so that steps are alike."""


class Sketch:
    """Nodes, frames and wires, collected in any order."""

    def __init__(self) -> None:
        self.root = Frame()
        self.nodes: list[Node] = []
        self.wires: list[Wire] = []
        self.legend: list[tuple[str, str]] = []  # kind, word

    def node(
        self,
        frame: Frame | None,
        kind: str,
        *lines: str,
        tooltip: str = "",
        border: str = "",
    ) -> Node:
        """A new node showing these lines, floating without a frame. Its name is generated."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(Node(name, kind, lines, frame, tooltip, border))
        return self.nodes[-1]

    def wire(
        self,
        tail: Node,
        name: str = "",
        shape: str = "",
        value: Reading = NOTHING,
        gradient: Reading = NOTHING,
    ) -> Wire:
        """A new wire from a node, so far to nowhere."""
        self.wires.append(Wire(tail, name, shape, value, gradient, f"w{len(self.wires)}"))
        return self.wires[-1]

    @property
    def unrolled(self) -> bool:
        """Whether there are columns: time then runs to the right, and work downwards."""
        return any(node.frame and node.frame.sheet is not self.root for node in self.nodes)

    def bundle(self) -> None:
        """Wires between the same folded groups become one, "12 values"; many outputs of a folded
        group one text, "25 outputs"."""
        alike: dict[tuple[Node, frozenset[Node]], list[Wire]] = {}
        outputs: dict[Node, list[Wire]] = {}
        for wire in self.wires:
            heads = frozenset(head for head, _ in wire.ends)
            if wire.tail.kind == "group" and heads:
                if all(head.kind == "group" for head in heads):
                    alike.setdefault((wire.tail, heads), []).append(wire)
                elif all(head.kind == "text" for head in heads):
                    outputs.setdefault(wire.tail, []).append(wire)
        gone: set[Wire] = set()
        for first, *others in alike.values():
            if others:
                first.name, first.shape = f"{len(others) + 1} values", ""
                first.value = first.gradient = NOTHING
                gone.update(others)
        for wires in outputs.values():
            if len(wires) > _OUTPUTS:
                wires[0].name = wires[0].shape = ""
                wires[0].ends[0][0].lines = (f"{len(wires)} outputs",)
                gone.update(wires[1:])
        ends = {head for wire in gone for head, _ in wire.ends if head.kind == "text"}
        self.nodes = [node for node in self.nodes if node not in ends]
        self.wires = [wire for wire in self.wires if wire not in gone]

    def segments(self) -> "tuple[dict[Node, Wire], list[Segment]]":
        """Nodes for the texts on wires, with their wires, and all pieces of wires."""
        texts: dict[Node, Wire] = {}
        pieces: list[Segment] = []
        onward = {wire.tail for wire in self.wires if wire.ends}
        for wire in self.wires:
            tail = wire.tail
            if wire.ends and wire.has_text:
                text = Node(wire.key, "wire", (), tail.frame)
                texts[text] = wire
                pieces.append(Segment(f"{wire.key}_0", wire, tail, text, "text"))
                tail = text
            for head, how in wire.ends:
                how = "nowhere" if head.kind == "end" and head not in onward else how
                pieces.append(Segment(f"{wire.key}_{len(pieces)}", wire, tail, head, how))
        return texts, pieces
