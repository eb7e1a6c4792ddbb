"""From the graph to the sketch: what each variable, gate, group and loop looks like.

Variables are looked up in a `Scope`: the graph itself, or the body of a loop, whose inputs are
bound to wires from outside before its gates are painted. A body may use the same Variables as
the graph around it, so that a wire belongs to a variable *in a scope*.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from linecache import getline

from ..dims import Dim, Size
from ..graph import Apply
from ..groups import Group
from ..loops.gate import Scan, everywhere
from ..variables import Constant, Parameter, Variable
from ..where import short
from .folding import Folding, Unit, groups_inside
from .numbers import Index, Numbers
from .sketch import Frame, Node, Sketch, Wire
from .steps import Steps, Unrolling
from .text import show_dims, show_value, tidy

__all__ = ["Painter"]


@dataclass
class Scope:
    """A graph, or the body of a loop, while it is painted into `frame`."""

    frame: Frame
    at: Index = ()
    within: tuple[Group, ...] = ()
    """The groups around the loop."""
    shown: set[Variable] = field(default_factory=set)
    """What anything visible reads."""
    wires: dict[Variable, Wire] = field(default_factory=dict)
    rows: dict[Variable, dict[Size, Wire]] = field(default_factory=dict)
    """Stacks whose rows are drawn, by time step."""
    frames: dict[Group, Frame] = field(default_factory=dict)
    folded: dict[Unit, Node] = field(default_factory=dict)


class Painter:
    """Paints one picture. Afterwards `nodes` and `keys` tell which node of the picture an
    application is, and which wire a variable, each at the steps of the loops around it."""

    def __init__(
        self,
        unrolling: Unrolling,
        folding: Folding,
        numbers: Numbers,
        names: Mapping[Variable, str],
    ) -> None:
        self.unrolling, self.folding, self.numbers, self.names = unrolling, folding, numbers, names
        self.sketch = Sketch()
        self.root = Scope(self.sketch.root)
        self.entering: dict[Variable, tuple[str, int]] = {}  # carries: a name, and from which step
        self.nodes: dict[tuple[Apply, Index], str] = {}
        self.keys: dict[tuple[Variable, Index], str] = {}

    def paint(
        self, order: Sequence[Apply], outputs: Sequence[Variable], names: Sequence[str]
    ) -> Sketch:
        """The gates in `order`, and `outputs` as text at the end."""
        results = self._gates(order, outputs, self.root)
        for wire, v, name in zip(results, outputs, names, strict=True):
            wire.to(self._text(self.root, f"{tidy(name)}  {show_dims(v.shape)}"))
            if len(wire.ends) == 1:
                wire.name = wire.shape = ""  # they stand at the end already
        self.sketch.bundle()
        return self.sketch

    # ------------------------------------------------------------ gates and leaves

    def _gates(
        self, order: Sequence[Apply], outputs: Sequence[Variable], scope: Scope
    ) -> list[Wire]:
        """Paint the gates of a graph into a scope. The wires of its outputs."""
        scope.shown = self.folding.shown(order, outputs, scope.within, bool(scope.at))
        for apply in order:
            unit = self.folding.unit(apply, scope.within)
            if unit is not None:
                self._inside(unit, apply, scope)
            elif isinstance(apply.gate, Scan):
                self._loop(apply.gate, apply, scope)
            else:
                self._gate(apply, scope)
        self._count(order, scope)
        return [self._wire(v, scope) for v in outputs]

    def _gate(self, apply: Apply, scope: Scope) -> None:
        symbol = tidy(apply.gate.symbol)
        frame = self._frame(groups_inside(apply, scope.within), scope)
        about = tidy(f"{apply.gate!r} {short(apply.where)}", 200)
        node = self.sketch.node(frame, "gate", *symbol.split(), tooltip=about)
        self.nodes[apply, scope.at] = node.name
        count = len(apply.inputs)
        for i, v in enumerate(apply.inputs):
            ordered = 1 < count < 4 and not apply.gate.commutative
            self._wire(v, scope).to(node, f"{i + 1}/{count}" if ordered else "")
        for v in apply.outputs:
            name = v.name or self.names.get(v) or ("" if apply.single else f"[{v.index}]")
            scope.wires[v] = self._from(node, v, scope, name)

    def _frame(self, groups: Iterable[Group], scope: Scope) -> Frame:
        """The frame of the innermost of some nested groups."""
        frame = scope.frame
        for group in groups:
            if group not in scope.frames:
                scope.frames[group] = frame.frame(tidy(group.name))
            frame = scope.frames[group]
        return frame

    def _wire(self, v: Variable, scope: Scope) -> Wire:
        """The wire of a variable; that of a leaf begins at a node of its own."""
        if v not in scope.wires:
            if v in scope.rows:
                scope.wires[v] = self._stack(v, scope)
                return scope.wires[v]
            home = scope if isinstance(v, Constant) else self.root
            if v not in home.wires:
                home.wires[v] = self._leaf(v)
            scope.wires[v] = home.wires[v]
        return scope.wires[v]

    def _leaf(self, v: Variable) -> Wire:
        name, shape = tidy(v.name or ""), show_dims(v.shape)
        if isinstance(v, Constant):
            shown = show_value(v.value)
            text = f"{name} = {shown}" if name else shown
            return self.sketch.wire(self.sketch.node(None, "text", text))
        kind = "parameter" if isinstance(v, Parameter) else "input"
        node = self.sketch.node(None, kind, name or kind, *([shape] if shape else []))
        wire = self._from(node, v, self.root)
        wire.shape = ""  # it stands in the box
        return wire

    def _text(self, scope: Scope, text: str) -> Node:
        return self.sketch.node(scope.frame, "text", text.strip())

    def _from(self, node: Node, v: Variable, scope: Scope, name: str = "") -> Wire:
        """A new wire for v with its numbers."""
        value, gradient = self.numbers.value(v, scope.at), self.numbers.gradient(v, scope.at)
        shape = show_dims(v.shape)
        wire = self.sketch.wire(node, tidy(name), shape, value=value, gradient=gradient)
        self.keys.setdefault((v, scope.at), wire.key)
        return wire

    # ------------------------------------------------------------ folded parts

    def _inside(self, unit: Unit, apply: Apply, scope: Scope) -> None:
        """An application in a folded part: only what enters and leaves that is seen."""
        if unit not in scope.folded:
            around = takewhile(lambda g: g is not unit, groups_inside(apply, scope.within))
            frame = self._frame(around, scope)
            scope.folded[unit] = self.sketch.node(frame, "group", *_folded_title(unit))
        node = scope.folded[unit]
        self.nodes[apply, scope.at] = node.name
        for v in apply.inputs:
            known = v in scope.wires or v in scope.rows
            if v not in scope.shown and not known and v.owner is None:
                continue  # a parameter that only folded parts read
            wire = self._wire(v, scope)
            if wire.tail is not node and all(head is not node for head, _ in wire.ends):
                wire.to(node)
        for v in apply.outputs:
            scope.wires[v] = self._from(node, v, scope, v.name or "")

    def _count(self, order: Sequence[Apply], scope: Scope) -> None:
        """Say on each folded part what is in it."""
        content: dict[Unit, list[Apply]] = {}
        for apply in order:
            unit = self.folding.unit(apply, scope.within)
            if unit is not None:
                content.setdefault(unit, []).append(apply)
        for unit, order in content.items():
            gates = sum(not isinstance(a.gate, Scan) for a, _ in everywhere(order))
            lines = [_plural(gates, "gate")]
            held = {v for apply in order for v in apply.inputs if isinstance(v, Parameter)}
            if held := held - scope.shown:
                lines.append(_plural(len(held), "parameter"))
            scope.folded[unit].lines += tuple(lines)

    # ------------------------------------------------------------ loops

    def _loop(self, loop: Scan, apply: Apply, scope: Scope) -> None:
        """Paint a scan as a frame; of its outputs, those that its scope reads."""
        frame = self._frame(groups_inside(apply, scope.within), scope).frame(_title(loop))
        steps = self.unrolling.steps(loop)
        used = [i for i, v in enumerate(apply.outputs) if v in scope.shown]
        around = (*scope.within, *groups_inside(apply, scope.within))
        inside = Scope(frame, scope.at, around)
        if steps is None:
            self._folded(loop, apply, scope, inside, used)
        else:
            self._unrolled(loop, apply, scope, inside, used, steps)

    def _inputs(self, loop: Scan, apply: Apply, scope: Scope, inside: Scope) -> list[Wire | None]:
        """The wires that enter a loop; None for what is not drawn, or comes row by row."""
        body = loop.body
        read = self.folding.shown(body.applies(), body.outputs, inside.within, True)
        read.update(body.inputs[: loop.carries + loop.sequences])
        rows = range(loop.carries, loop.carries + loop.sequences)
        by_row = {i for i in rows if self.unrolling.unroll and apply.inputs[i] in scope.rows}
        pairs = enumerate(zip(apply.inputs, body.inputs, strict=True))
        return [
            self._wire(v, scope) if b in read and i not in by_row else None for i, (v, b) in pairs
        ]

    def _folded(
        self, loop: Scan, apply: Apply, scope: Scope, inside: Scope, used: Sequence[int]
    ) -> None:
        """The step once, its carries fed back through delays. A box for each used output."""
        step = Scope(inside.frame, (*inside.at, None), inside.within)
        wires = self._inputs(loop, apply, scope, inside)
        delays = []
        for i, (v, wire) in enumerate(zip(loop.body.inputs, wires, strict=True)):
            if wire is None:
                continue
            step.wires[v] = wire
            if i < loop.carries + loop.sequences:
                wire.tail.reach(scope.frame)  # only what does not vary over time may float inside
            if i < loop.carries:
                self._enter(loop, i)
                delays.append(self.sketch.node(step.frame, "delay", "z⁻¹", _carry_name(loop, i)))
                wire.to(delays[i])
                step.wires[v] = self._from(delays[i], v, step)
            elif i < loop.carries + loop.sequences:
                step.wires[v] = self._row(wire, v, step, Dim("t"))
        results = self._step(loop, step, used)
        for i, delay in enumerate(delays):
            results[i].to(delay, "back")
        for i in used:
            last = f"last {_carry_name(loop, i)}" if i < loop.carries else ""
            name = last or self._row_name(loop.body.outputs[i], "y", Dim("t"))
            box = self.sketch.node(step.frame, "row", tidy(name))
            results[i].to(box)
            v = apply.outputs[i]
            scope.wires[v] = self._from(box, v, scope, v.name or "")

    def _unrolled(
        self,
        loop: Scan,
        apply: Apply,
        scope: Scope,
        inside: Scope,
        used: Sequence[int],
        steps: Steps,
    ) -> None:
        """The steps side by side in the order of time, each leading its carries into the next."""
        wires = self._inputs(loop, apply, scope, inside)
        columns = self._columns(inside.frame, steps)
        carry = list(wires[: loop.carries])
        rows: dict[int, dict[Size, Wire]] = {i: {} for i in used if i >= loop.carries}
        times = list(zip(steps, columns, strict=True))
        for s, (t, column) in enumerate(times[::-1] if loop.reverse else times):
            index = t if isinstance(t, int) else -1
            step = Scope(column, (*inside.at, index), inside.within)
            after_gap = steps.last is not None and s == (1 if loop.reverse else len(times) - 1)
            for i, (v, wire) in enumerate(zip(loop.body.inputs, wires, strict=True)):
                if i < loop.carries:
                    self._enter(loop, i)
                    name, how = self._row_name(v, "carry", t), "later" if after_gap else ""
                    if s == 0:
                        name = apply.inputs[i].name or name  # the start, as the user calls it
                    step.wires[v] = self._tap(carry[i], step, name, how)
                elif i < loop.carries + loop.sequences:
                    row = scope.rows.get(apply.inputs[i], {}).get(t)
                    step.wires[v] = self._row(row or wire, v, step, t)
                elif wire is not None:
                    step.wires[v] = self._tap(wire, step, v.name or "")
            results = self._step(loop, step, used)
            left = {w: self._leave(w, step) for w in dict.fromkeys(results.values())}
            carry = [left[results[i]] for i in range(loop.carries)]
            for i, found in rows.items():
                found[t] = left[results[i]]
        for i in used:
            v = apply.outputs[i]
            if i >= loop.carries:
                scope.rows[v] = rows[i]
            elif (wire := carry[i]) is not None:
                scope.wires[v] = self._result(wire, loop, steps)

    def _columns(self, frame: Frame, steps: Steps) -> list[Frame]:
        """A column for each step drawn, and dots in the gap before the last one."""
        columns = []
        for t in steps:
            if t is steps.last:
                self.sketch.node(frame.frame("", column=True), "text", "⋯")
            columns.append(frame.frame(f"t = {t}", column=True, step=t))
        return columns

    def _step(self, loop: Scan, step: Scope, used: Sequence[int]) -> dict[int, Wire]:
        """Paint the body of a loop. The wires of its new carries and of its used ys."""
        kept = [*range(loop.carries), *(i for i in used if i >= loop.carries)]
        outputs = [loop.body.outputs[i] for i in kept]
        return dict(zip(kept, self._gates(loop.body.applies(), outputs, step), strict=True))

    def _row(self, wire: Wire | None, v: Variable, step: Scope, t: Size) -> Wire:
        """The box of a sequence's row t, and the wire from it."""
        assert wire
        border = "in" if step.frame.column else ""
        box = self.sketch.node(step.frame, "row", self._row_name(v, "x", t), border=border)
        wire.to(box)
        return self._from(box, v, step)

    def _tap(self, wire: Wire | None, step: Scope, name: str, how: str = "") -> Wire:
        """Where something from outside enters a step, with its name again."""
        assert wire
        tap = self.sketch.node(step.frame, "tap", tidy(name), border="in")
        wire.to(tap, how)
        return self.sketch.wire(tap)

    def _leave(self, wire: Wire, step: Scope) -> Wire:
        """Where something leaves a step."""
        end = self.sketch.node(step.frame, "end", border="out")
        wire.to(end)
        return self.sketch.wire(end)

    def _result(self, wire: Wire, loop: Scan, steps: Steps) -> Wire:
        """The wire of a last carry. Backwards, with one step drawn, the gap comes before it."""
        if loop.reverse and steps.last is not None and steps.count == 1:
            wire = self.sketch.wire(wire.tail)
            wire.later = True
        return wire

    def _stack(self, v: Variable, scope: Scope) -> Wire:
        """The rows of an unrolled loop put together, in the groups that the loop is in: dot gets
        lost where a way leaves a frame and comes back."""
        assert v.owner
        frame = self._frame(groups_inside(v.owner, scope.within), scope)
        box = self.sketch.node(frame, "row", "stack")
        for row in scope.rows[v].values():
            row.to(box)
        return self._from(box, v, scope, v.name or "")

    def _enter(self, loop: Scan, i: int) -> None:
        """Remember what a carry is called as it enters a step."""
        self.entering[loop.body.inputs[i]] = _carry_name(loop, i), 1 if loop.reverse else -1

    def _row_name(self, v: Variable, default: str, t: Size) -> str:
        """What row t of v is called: x_t, or x_0. The carry that enters step t is named after the
        step that it left, also where a loop on the way back reads it: h_t-1."""
        name, offset = self.entering.get(v, (tidy(v.name or default).removesuffix("_t"), 0))
        step = str(t + offset).replace(" ", "")
        return f"{name}_{step}"


def _folded_title(unit: Unit) -> tuple[str, ...]:
    """What a folded part is called: a line by its text and its place."""
    if isinstance(unit, Group):
        return (tidy(unit.name),)
    if isinstance(unit, Apply):
        return (_title(unit.gate),)
    file, _, line = unit.rpartition(":")
    text = getline(file, int(line)).strip()
    return (*([tidy(text)] if text else []), tidy(short(unit)))


def _title(loop: object) -> str:
    """What stands above the frame of a scan."""
    assert isinstance(loop, Scan)
    name = f"{tidy(loop.name)}: " if loop.name else ""
    return f"{name}scan over {loop.length}{', backwards' if loop.reverse else ''}"


def _carry_name(loop: Scan, i: int) -> str:
    """What a carry is called: as it leaves the step, or else as it enters it."""
    names = (loop.body.outputs[i].name, loop.body.inputs[i].name)
    return tidy(next(filter(None, names), "carry").removesuffix("_t"))


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
