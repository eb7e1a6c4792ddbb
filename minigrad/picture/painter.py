"""From the graph to the sketch: what each variable, gate and loop looks like.

Variables are looked up in a `Scope`: the graph itself, or the body of a loop, whose inputs are bound to
wires from outside before its gates are painted. A body may use the same Variable objects as the graph
around it, so that a wire belongs to a variable *in a scope*.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from ..dims import Dim, Size
from ..graph import Apply, Constant, Parameter, Variable
from ..loops.gate import Scan
from .numbers import Index, Numbers
from .sketch import Frame, Node, Sketch, Style, Wire
from .steps import Steps, Unrolling
from .text import plain, show_dims, show_number, show_value, tidy

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
        ordered = not getattr(apply.gate, "commutative", False)
        for wire, port in zip(wires, _PORTS.get(ordered and len(wires), repeat("_"))):
            wire.to(node, headport=port)
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
        used = [v in read for v in apply.outputs]
        steps = self.unrolling.steps(loop)
        if steps is None:
            results = self._folded(loop, wires, frame, used)
        else:
            results = self._unrolled(loop, wires, frame, used, steps)
        for v, result in zip(apply.outputs, results, strict=True):
            if isinstance(result, Wire):
                scope.wires[v] = result
            elif result:
                name = f"{v.name or ''}  {show_dims(v.shape)}".strip()
                scope.wires[v] = self._from(result, v, scope, name)

    def _folded(
        self, loop: Scan, wires: Sequence[Wire], frame: Scope, used: Sequence[bool]
    ) -> list[Node | None]:
        """The step once, its carries fed back through delays. The boxes of its used outputs."""
        step = Scope(frame.frame, (*frame.at, slice(None)))
        delays = []
        inputs = list(wires)
        for i, v in enumerate(loop.body.inputs[: loop.carries]):
            node = self.sketch.node(frame.frame, plain("z⁻¹", _carry_name(loop, i)), _DELAY)
            wires[i].to(node)
            inputs[i] = self._from(node, v, step)
            delays.append(node)
        self._bind(loop, inputs, step, Dim("t"))
        results = self._gates(loop.body.applies(), loop.body.outputs, step)
        for delay, new in zip(delays, results, strict=False):
            new.to(delay, constraint="false")
        boxes: list[Node | None] = []
        for i, (v, wire) in enumerate(zip(loop.body.outputs, results, strict=True)):
            last = f"last {_carry_name(loop, i)}" if i < loop.carries else ""
            boxes.append(self._box(step, last or _row_name(v.name or "y", "t")) if used[i] else None)
            if box := boxes[-1]:
                wire.to(box)
        return boxes

    def _unrolled(
        self, loop: Scan, wires: Sequence[Wire], frame: Scope, used: Sequence[bool], steps: Steps
    ) -> list[Wire | Node | None]:
        """The steps side by side, each leading its carries into the next."""
        for wire in wires[loop.carries + loop.sequences :]:
            wire.tail.reach(frame.frame)
        carry, rest = list(wires[: loop.carries]), wires[loop.carries :]
        stacks = [self._box(frame, "stack") if use else None for use in used[loop.carries :]]
        for s in range(steps.drawn):
            t = steps.total - 1 - s if loop.reverse else s
            at = (*frame.at, -1 - s if loop.reverse else s)
            step = Scope(frame.frame.frame(plain(f"t = {t}")), at)
            self._bind(loop, [*carry, *rest], step, t)
            results = self._gates(loop.body.applies(), loop.body.outputs, step)
            carry = results[: loop.carries]
            for stack, y in zip(stacks, results[loop.carries :], strict=True):
                if stack:
                    y.to(stack)
        if not steps.whole:
            carry = [self._onward(wire, frame) for wire in carry]
        return [*carry, *stacks]

    def _bind(self, loop: Scan, wires: Sequence[Wire], step: Scope, t: Size) -> None:
        """Bind the inputs of a loop's body to wires; sequences pass a box for their row t."""
        for i, (v, wire) in enumerate(zip(loop.body.inputs, wires, strict=True)):
            if loop.carries <= i < loop.carries + loop.sequences:
                row = self._box(step, _row_name(v.name or "x", str(t)))
                wire.to(row)
                step.wires[v] = self._from(row, v, step)
            else:
                step.wires[v] = wire

    def _onward(self, wire: Wire, frame: Scope) -> Wire:
        """A carry on its way through the steps between the last one drawn and the last of all."""
        node = self._text(frame, "⋯")
        wire.to(node)
        return self.sketch.wire(node)


def _title(loop: Scan) -> str:
    """What stands above the frame of a scan."""
    name = f"{tidy(loop.name)}: " if loop.name else ""
    return f"{name}scan over {loop.length}{', backwards' if loop.reverse else ''}"


def _carry_name(loop: Scan, i: int) -> str:
    """What a carry is called: as it leaves the step, or else as it enters it."""
    names = (loop.body.outputs[i].name, loop.body.inputs[i].name)
    return tidy(next(filter(None, names), "carry").removesuffix("_t"))


def _row_name(name: str, t: str) -> str:
    """The name of row t of something: "x" and "x_t" become "x_0", or "x_t" where t is any."""
    return f"{name.removesuffix('_t')}_{t.replace(' ', '')}"
