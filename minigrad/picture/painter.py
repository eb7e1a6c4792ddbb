"""From the graph to the sketch: what each variable, gate and loop looks like.

Variables are looked up in a `Scope`: the graph itself, or the body of a loop, whose inputs are
bound to wires from outside before its gates are painted. A body may use the same Variables as
the graph around it, so that a wire belongs to a variable *in a scope*.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from ..dims import Dim, Size
from ..graph import Apply
from ..loops.gate import Scan
from ..variables import Constant, Parameter, Variable
from .numbers import Index, Numbers
from .sketch import Frame, Node, Sketch, Style, Wire
from .steps import Steps, Unrolling
from .text import plain, show_dims, show_value, tidy

__all__ = ["Painter"]

_BOX = {"shape": "box", "style": "rounded,filled"}
_INPUT = _BOX | {"fillcolor": "#eef4ff"}
_PARAMETER = _BOX | {"fillcolor": "#e8f5e9"}
_ROW = _BOX | {"fillcolor": "white", "width": ".3", "height": ".4"}
_DELAY = {"shape": "box", "style": "filled", "fillcolor": "#eceff1", "width": ".4"}
_TEXT = {"shape": "plaintext", "width": ".1", "height": ".3", "margin": ".05"}
_GATE = {"shape": "circle", "style": "filled", "fillcolor": "#fff7e0", "width": ".55"}
_SHORT = _GATE | {"fixedsize": "true", "fontsize": "16"}
_WORD = _GATE | {"fixedsize": "true", "fontsize": "13"}
_LONG = _GATE | {"margin": ".01", "fontsize": "12"}

_PORTS = {2: ("nw", "sw"), 3: ("nw", "w", "sw")}  # the first operand enters on top


def _gate_style(symbol: str) -> Style:
    return _SHORT if len(symbol) <= 2 else _WORD if len(symbol) <= 4 else _LONG


@dataclass
class Scope:
    """A graph, or the body of a loop, while it is painted into `frame`."""

    frame: Frame
    at: Index = ()
    wires: dict[Variable, Wire] = field(default_factory=dict)


class Painter:
    """Paints one picture."""

    def __init__(self, unrolling: Unrolling, numbers: Numbers) -> None:
        self.unrolling, self.numbers = unrolling, numbers
        self.sketch = Sketch()
        self.root = Scope(self.sketch.root)
        self.entering: dict[Variable, tuple[str, int]] = {}  # carries: a name, and from which step

    def paint(
        self, order: Sequence[Apply], outputs: Sequence[Variable], names: Sequence[str]
    ) -> str:
        """The DOT text of the gates in `order`, and of `outputs` as text at the right."""
        results = self._gates(order, outputs, self.root)
        for wire, v, name in zip(results, outputs, names, strict=True):
            wire.to(self._text(self.root, f"{tidy(name)}  {show_dims(v.shape)}"))
            if len(wire.ends) == 1:
                wire.name = ""  # it stands at the end already
        return self.sketch.source()

    # ------------------------------------------------------------ gates and leaves

    def _gates(
        self, order: Sequence[Apply], outputs: Sequence[Variable], scope: Scope
    ) -> list[Wire]:
        """Paint the gates of a graph into a scope. The wires of its outputs."""
        read = {*outputs, *(v for apply in order for v in apply.inputs)}
        for apply in order:
            wires = [self._wire(v, scope) for v in apply.inputs]
            if isinstance(apply.gate, Scan):
                self._loop(apply.gate, apply, wires, scope, read)
            else:
                self._gate(apply, wires, scope)
        return [self._wire(v, scope) for v in outputs]

    def _gate(self, apply: Apply, wires: Sequence[Wire], scope: Scope) -> None:
        symbol = tidy(apply.gate.symbol)
        style = _gate_style(symbol) | {"tooltip": plain(tidy(repr(apply.gate), 200))}
        node = self.sketch.node(scope.frame, plain(*symbol.split()), style)
        ports = () if apply.gate.commutative else _PORTS.get(len(wires), ())
        for wire, port in zip_longest(wires, ports):
            wire.to(node, **({"headport": port} if port else {}))
        for v in apply.outputs:
            name = v.name or ("" if apply.single else f"[{v.index}]")
            scope.wires[v] = self._from(node, v, scope, name)

    def _wire(self, v: Variable, scope: Scope) -> Wire:
        """The wire of a variable; that of a leaf begins at a node of its own."""
        if v not in scope.wires:
            home = scope if isinstance(v, Constant) else self.root
            if v not in home.wires:
                home.wires[v] = self._leaf(v, home)
            scope.wires[v] = home.wires[v]
        return scope.wires[v]

    def _leaf(self, v: Variable, scope: Scope) -> Wire:
        name, shape = tidy(v.name or ""), show_dims(v.shape)
        if isinstance(v, Constant):
            shown = show_value(v.value)
            return self.sketch.wire(self._text(scope, f"{name} = {shown}" if name else shown))
        held = isinstance(v, Parameter)
        lines = [name or ("parameter" if held else "input"), *([shape] if shape else [])]
        node = self.sketch.node(None, plain(*lines), _PARAMETER if held else _INPUT)
        return self._from(node, v, scope)

    def _text(self, scope: Scope, text: str) -> Node:
        return self.sketch.node(scope.frame, plain(text.strip()), _TEXT)

    def _box(self, scope: Scope, name: str) -> Node:
        return self.sketch.node(scope.frame, plain(tidy(name)), _ROW)

    def _from(self, node: Node, v: Variable, scope: Scope, name: str = "") -> Wire:
        """A new wire for v with its numbers."""
        value, gradient = self.numbers.of(v, scope.at)
        return self.sketch.wire(node, tidy(name), value, gradient)

    # ------------------------------------------------------------ loops

    def _loop(
        self,
        loop: Scan,
        apply: Apply,
        wires: Sequence[Wire],
        scope: Scope,
        read: Collection[Variable],
    ) -> None:
        """Paint a scan as a frame; of its outputs, those that its scope reads."""
        for wire in wires[: loop.carries + loop.sequences]:
            wire.tail.reach(scope.frame)  # only what does not vary over time may float inside
        frame = Scope(scope.frame.frame(plain(_title(loop))), scope.at)
        used = [i for i, v in enumerate(apply.outputs) if v in read]
        steps = self.unrolling.steps(loop)
        ends: Mapping[int, Node | Wire]
        if steps is None:
            ends = self._folded(loop, wires, frame, used)
        else:
            ends = self._unrolled(loop, wires, frame, used, steps)
        for i, end in ends.items():
            v = apply.outputs[i]
            wire = end if isinstance(end, Wire) else self._from(end, v, scope, v.name or "")
            if not isinstance(end, Wire) and not wire.value:
                wire.name = f"{wire.name}  {show_dims(v.shape)}".strip()
            scope.wires[v] = wire

    def _folded(
        self, loop: Scan, wires: Sequence[Wire], frame: Scope, used: Sequence[int]
    ) -> dict[int, Node]:
        """The step once, its carries fed back through delays. A box for each used output."""
        step = Scope(frame.frame, (*frame.at, slice(None)))
        inputs, delays = list(wires), []
        for i, v in enumerate(loop.body.inputs[: loop.carries]):
            label = plain("z⁻¹", _carry_name(loop, i))
            delays.append(self.sketch.node(step.frame, label, _DELAY))
            wires[i].to(delays[i])
            inputs[i] = self._from(delays[i], v, step)
        self._bind(loop, inputs, step, Dim("t"))
        results = self._step(loop, step, used)
        for i, delay in enumerate(delays):
            results[i].to(delay, dir="back")
        boxes = {}
        for i in used:
            last = f"last {_carry_name(loop, i)}" if i < loop.carries else ""
            boxes[i] = self._box(step, last or self._row_name(loop.body.outputs[i], "y", Dim("t")))
            results[i].to(boxes[i])
        return boxes

    def _unrolled(
        self, loop: Scan, wires: Sequence[Wire], frame: Scope, used: Sequence[int], steps: Steps
    ) -> dict[int, Node | Wire]:
        """The steps side by side, each leading its carries into the next."""
        for wire in wires[loop.carries + loop.sequences :]:
            wire.tail.reach(frame.frame)  # around all steps, even if there is one
        carry, rest = list(wires[: loop.carries]), wires[loop.carries :]
        stacks = {i: self._box(frame, "stack") for i in used if i >= loop.carries}
        for s in range(steps.drawn):
            t = steps.total - 1 - s if loop.reverse else s
            at = (*frame.at, -1 - s if loop.reverse else s)
            step = Scope(frame.frame.frame(plain(f"t = {t}")), at)
            rows = self._bind(loop, [*carry, *rest], step, t)
            for wire in carry if s else ():
                wire.ahead += rows
            results = self._step(loop, step, used)
            carry = [results[i] for i in range(loop.carries)]
            for i, stack in stacks.items():
                results[i].to(stack)
        if not steps.whole:
            carry = [self._onward(wire, frame) for wire in carry]
        return {**dict(enumerate(carry)), **stacks}

    def _bind(self, loop: Scan, wires: Sequence[Wire], step: Scope, t: Size) -> list[Node]:
        """Bind the inputs of a loop's body to wires; sequences pass a box for their row t."""
        rows = []
        for i, (v, wire) in enumerate(zip(loop.body.inputs, wires, strict=True)):
            step.wires[v] = wire
            if i < loop.carries:
                self.entering[v] = _carry_name(loop, i), 1 if loop.reverse else -1
            elif i < loop.carries + loop.sequences:
                rows.append(self._box(step, self._row_name(v, "x", t)))
                wire.to(rows[-1])
                step.wires[v] = self._from(rows[-1], v, step)
        return rows

    def _step(self, loop: Scan, step: Scope, used: Sequence[int]) -> dict[int, Wire]:
        """Paint the body of a loop. The wires of its new carries and of its used ys."""
        kept = [*range(loop.carries), *(i for i in used if i >= loop.carries)]
        outputs = [loop.body.outputs[i] for i in kept]
        return dict(zip(kept, self._gates(loop.body.applies(), outputs, step), strict=True))

    def _onward(self, wire: Wire, frame: Scope) -> Wire:
        """A carry on its way through the steps between the last one drawn and the last of all."""
        node = self._text(frame, "⋯")
        wire.to(node)
        return self.sketch.wire(node)

    def _row_name(self, v: Variable, default: str, t: Size) -> str:
        """What row t of v is called: x_t, or x_0. The carry that enters step t is named after the
        step that it left, also where a loop on the way back reads it: h_t-1."""
        name, offset = self.entering.get(v, (tidy(v.name or default).removesuffix("_t"), 0))
        step = str(t + offset).replace(" ", "")
        return f"{name}_{step}"


def _title(loop: Scan) -> str:
    """What stands above the frame of a scan."""
    name = f"{tidy(loop.name)}: " if loop.name else ""
    return f"{name}scan over {loop.length}{', backwards' if loop.reverse else ''}"


def _carry_name(loop: Scan, i: int) -> str:
    """What a carry is called: as it leaves the step, or else as it enters it."""
    names = (loop.body.outputs[i].name, loop.body.inputs[i].name)
    return tidy(next(filter(None, names), "carry").removesuffix("_t"))
