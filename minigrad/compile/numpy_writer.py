"""A plan written out as a NumPy program: source that can be read, and runs alone.

A line or a few for each gate, recorded from its `forward`, with the user's line beside it; loops
are loops. Views of memory that stays where it is are made once, before the program:

    for t, row in zip(range(5), rows):      rows = [b[0], b[1], …]
        np.dot(row, W, out=b_1)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import GateError
from ..graph import Apply
from ..types import Array as Values
from ..types import Type
from ..variables import Constant
from .called import CalledGate
from .expressions import dtype_of, one_line, part_of, shape_of, type_of
from .names import Names
from .plan import (
    Array,
    Block,
    Call,
    Copy,
    Empty,
    Instruction,
    Launch,
    Loop,
    Native,
    Part,
    Plan,
    Row,
    Turn,
    inputs_of,
    outputs_of,
)
from .program import Line, Program
from .recorder import Code, Recorder, literal

__all__ = ["BLOCK", "SMALLEST", "OpenLoop", "Writer", "write"]

BLOCK = 2**17  # bytes; so many of a few arrays stay in cache
SMALLEST = 256  # bytes; what is smaller NumPy allocates quicker than it finds a place for it

_LARGEST_LITERAL = 16  # elements of a constant that is written into the source


_FINITE = """
def finite(value, number, *steps):
    if not {module}.isfinite(value).all():
        raise FloatingPointError(f"gate {{number}} made a NaN or an infinity in steps {{steps}}")

"""  # what a program that is run alone does; minigrad puts its own in this place


def write(plan: Plan, check_nan: bool = False) -> Program:
    """The program; with `check_nan`, ``finite(value, number, *steps)`` after each gate."""
    return Writer(check_nan).program(plan)


@dataclass
class OpenLoop:
    """A loop that is being written: its counter, and what else it runs over, by name."""

    counter: str
    step: Loop
    zipped: dict[str, str] = field(default_factory=dict)


@dataclass
class Writer:
    """The lines so far, and what arrays are called in them.

    Some arrays stay where they are from call to call, and are made once. `static` are these, and
    whether they are contiguous; `listed` are those that a loop takes from a list of such arrays,
    one for each step: the loop, the list, and whether they are contiguous.
    """

    check_nan: bool
    module: str = "np"  # whose functions the lines call
    lines: list[Line] = field(default_factory=list)
    head: list[Line] = field(default_factory=lambda: [Line("import numpy as np", 0), Line("", 0)])
    memory: list[Line] = field(default_factory=list)
    loops: list[OpenLoop] = field(default_factory=list)
    loop_of: dict[Array, OpenLoop] = field(default_factory=dict)  # of rows and turns
    names: Names = field(default_factory=Names)
    blocks: dict[Block, str] = field(default_factory=dict)
    static: dict[Array, bool] = field(default_factory=dict)
    listed: dict[Array, tuple[OpenLoop, str, bool]] = field(default_factory=dict)
    top_level: set[Array] = field(default_factory=set)  # made outside of loops
    arrays: list[Constant] = field(default_factory=list)
    gates: list[CalledGate] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    checked: list[Apply] = field(default_factory=list)
    sites: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    ends: dict[Array, Array] = field(default_factory=dict)  # carries of C loops, and where they are

    def program(self, plan: Plan) -> Program:
        arguments = [self.names.give(a, self.fresh(a.name)) for a in plan.arguments]
        for constant, array in plan.constants.items():
            self.constant(constant, array)
        last = {a: i for i, step in enumerate(plan.steps) for a in inputs_of(step)}
        last |= dict.fromkeys(plan.results, len(plan.steps))
        for step in plan.steps:
            if isinstance(step, Native):  # its carries are looked for in these
                kept = (a for end in step.ends.values() for a in end.around())
                last |= dict.fromkeys(kept, len(plan.steps))
        for i, step in enumerate(plan.steps):
            self.instruction(step)
            self.delete([a for a in (*inputs_of(step), *outputs_of(step)) if last.get(a, i) == i])
        self.end()
        results = "".join(f"{self.value(a)}, " for a in plan.results)
        self.line(f"return ({results.rstrip()})")
        arguments += [self.names.of[plan.constants[c]] for c in self.arrays]
        if self.check_nan:
            self.head += [Line(text, 0) for text in _FINITE.format(module=self.module).splitlines()]
        signature = Line(f"def program({', '.join(arguments)}):", 0)
        return Program(
            [*self.head, *self.memory, Line("", 0), signature, *self.lines],
            [c.value for c in self.arrays],
            self.gates,
            self.unwritten,
            sum(block.size for block in plan.blocks),
            len(plan.blocks),
            self.checked,
            sites=self.sites,
        )

    def end(self) -> None:
        """Lines after all others, before what is returned."""

    def constant(self, constant: Constant, array: Array) -> None:
        """A small one stands in the source, a large one is an argument."""
        name = self.names.give(array, self.fresh(array.name or "c"))
        value = constant.value
        if value.size > _LARGEST_LITERAL:
            self.arrays.append(constant)
        elif value.ndim:
            self.head.append(Line(f"{name} = {self.written_out(value)}", 0))
            self.static[array] = True
        else:
            self.head.append(Line(f"{name} = {self.number(value)}", 0))

    def written_out(self, value: Values) -> str:
        text = f"{self.module}.array({literal(value.tolist())}, np.{value.dtype.name})"
        return f"{text}.reshape({value.shape})"

    def number(self, value: Values) -> str:
        return literal(value[()])

    def instruction(self, step: Instruction) -> None:
        match step:
            case Call():
                self.call(step)
            case Copy(source, target, apply):
                self.copy(source, target, apply)
            case Empty(array, apply):
                name = self.names.give(array, self.fresh(array.name))
                self.line(f"{name} = {self.module}.empty({type_of(array)})", apply)
            case Loop():
                self.loop(step)
            case Native():
                self.native(step)
            case Launch():
                self.launch(step)
        if not self.loops:
            self.top_level.update(outputs_of(step))

    # ------------------------------------------------------------ names and lines

    def fresh(self, hint: str | None = None) -> str:
        return self.names.fresh(hint)

    def line(self, text: str, apply: Apply | None = None, made: str = "") -> None:
        self.lines.append(Line(text, 1 + len(self.loops), apply, self.counters(), made))

    def counters(self) -> tuple[str, ...]:
        """The time steps that we are in."""
        return tuple(around.counter for around in self.loops if not around.step.in_blocks)

    def once(self, text: str) -> None:
        """A line that is run when the program is loaded."""
        self.memory.append(Line(text, 0))

    def delete(self, arrays: Iterable[Array]) -> None:
        """Forget new arrays that nothing mentions any more: their memory is free again."""
        mine = [a for a in arrays if a in self.top_level and a not in self.static]
        if gone := self.names.end(mine):
            self.line(f"del {', '.join(gone)}")

    def value(self, array: Array) -> str:
        """What an array is called. One that has a place is called something when it is needed."""
        if array in self.names.of:
            return self.names.of[array]
        if array in self.ends:
            return self.names.give(array, self.value(self.ends[array]))
        match array.place:
            case Block() as block:
                name = self.laid(array, block)
            case Part() as part:
                name = self.part(array, part)
            case Row(of):
                name = self.row(array, of)
            case Turn() as turn:
                name = self.turn(array, turn)
            case _:
                raise GateError(f"{array} is read where it has no value")
        return self.names.give(array, name)

    def laid(self, array: Array, block: Block) -> str:
        """An array over the whole of a block."""
        name = self.fresh("b")
        memory = f"{self.block(block)}.view({dtype_of(array)})"
        self.once(f"{name} = {memory}.reshape({shape_of(array)})")
        self.static[array] = True
        return name

    def part(self, array: Array, part: Part) -> str:
        """A part of another array."""
        name = self.fresh("b")
        line = f"{name} = {part_of(array, part, self.value(part.of))}"
        contiguous = all(size == 1 for size in part.of.type.shape[: part.axis])
        if not self.make_once([array], part.of, [name], [line], contiguous):
            self.line(line)
        return name

    def row(self, array: Array, of: Array) -> str:
        """What its loop takes from an array in each step."""
        name, loop = self.fresh(array.name or "row"), self.loop_of[array]
        rows = f"{self.value(of)}{'[::-1]' if loop.step.reverse else ''}"
        if of in self.static and array.type.shape:
            rows = self.listing(f"list({rows})")
            self.listed[array] = loop, rows, self.static[of]
        loop.zipped[name] = rows
        return name

    def turn(self, array: Array, turn: Turn) -> str:
        """What its loop takes from two arrays in turn."""
        name, loop = self.fresh(array.name or "turn"), self.loop_of[array]
        pairs = -(-loop.step.length // 2)
        rows = self.listing(f"[{self.value(turn.even)}, {self.value(turn.odd)}] * {pairs}")
        self.listed[array] = loop, rows, True
        loop.zipped[name] = rows
        return name

    def block(self, block: Block) -> str:
        if block not in self.blocks:
            name = self.blocks[block] = self.fresh("memory")
            self.once(f"{name} = {self.module}.empty({block.size}, np.uint8)")
        return self.blocks[block]

    def listing(self, text: str) -> str:
        """A list that is made once, of what is used in each step of a loop."""
        name = self.fresh("rows")
        self.once(f"{name} = {text}")
        return name

    def make_once(
        self,
        views: Sequence[Array],
        of: Array,
        names: Sequence[str],
        lines: Sequence[str],
        keeps_order: bool,
    ) -> bool:
        """Make views once, if what they look at stays where it is, in each step if need be.

        `lines` make `names`, one for each view. False where it cannot be done.
        """
        if of in self.static:
            self.memory += [Line(text, 0) for text in lines]
            self.static |= dict.fromkeys(views, keeps_order and self.static[of])
            return True
        made = [line.partition(" = ") for line in lines]
        if of not in self.listed or [name for name, _, _ in made] != list(names):
            return False
        loop, rows, contiguous = self.listed[of]
        for view, (name, _, text) in zip(views, made, strict=True):
            one = self.names.of[of]
            loop.zipped[name] = self.listing(f"[{text} for {one} in {rows}]")
            self.listed[view] = loop, loop.zipped[name], keeps_order and contiguous
        return True

    # ------------------------------------------------------------ loops and copies

    def loop(self, step: Loop) -> None:
        for array in (*step.rows, *step.turns):
            match array.place:
                case Row(of):
                    self.value(of)  # outside the loop
        starts = [self.value(a) for a in step.starts]
        state = [self.names.give(a, self.fresh(a.name)) for a in step.carries]
        for name, start in zip(state, starts, strict=True):
            self.line(f"{name} = {start}", step.apply)
        top = len(self.lines)
        inside = OpenLoop(self.fresh("t"), step)
        self.loops.append(inside)
        self.loop_of |= dict.fromkeys([*step.rows, *step.turns], inside)
        for inner in step.steps:
            self.instruction(inner)
        if state:
            new = [self.next(a) for a in step.nexts]
            self.line(f"{', '.join(state)} = {', '.join(new)}", step.apply)
        elif not step.steps:
            self.line("pass", step.apply)
        self.loops.pop()
        counts = f"range({step.length})"
        if step.reverse:
            counts = f"range({step.length - 1}, -1, -1)"
        names = ", ".join([inside.counter, *inside.zipped])
        if inside.zipped:
            counts = f"zip({', '.join([counts, *inside.zipped.values()])})"
        self.line(f"for {names} in {counts}:", step.apply)
        self.lines.insert(top, self.lines.pop())

    def next(self, array: Array) -> str:
        """What a carry is in the next step. Of one element, it may be a view of memory that the
        next step writes to: [()] is its number."""
        return self.value(array) + ("" if array.type.shape else "[()]")

    def copy(self, source: Array, target: Array, apply: Apply | None) -> None:
        match target:
            case Array(Type(()), Row(of)):
                text = f"{self.value(of)}[{self.loop_of[target].counter}] = {self.value(source)}"
            case Array(Type(()), Part(of, _, start)):
                text = f"{self.value(of)}[{start}] = {self.value(source)}"
            case _:
                text = f"{self.module}.copyto({self.value(target)}, {self.value(source)})"
        self.line(text, apply)

    def native(self, step: Native) -> None:
        """A call of a C function, that has pointers to the memory that stays where it is."""
        kept = [self.block(b) for b in step.bases if isinstance(b, Block)]
        given = [self.value(a) for a in step.bases if isinstance(a, Array)]
        name = self.fresh(step.function)
        self.sites[step.function] = [(f"{c.gate} at {c.apply.where}", n) for c, n in step.sites]
        self.once(f"{name} = native({step.function!r}, {len(given)}, [{', '.join(kept)}])")
        self.line(f"{name}({', '.join(given)})", step.apply)
        self.ends |= step.ends  # named when they are read: after the views that they may need

    def launch(self, step: Launch) -> None:
        raise GateError(f"{self.module} launches no kernels")

    # ------------------------------------------------------------ gates

    def call(self, step: Call) -> None:
        """The lines that its forward records, or a call of it where that cannot be written down."""
        inputs = [self.value(a) for a in step.inputs]
        out = self.value(step.outputs[0]) if step.placed else None
        try:
            made, lines = self.recorded(step, inputs, out)
        except Exception as error:  # a forward may do anything: any failure means "not writable"
            made, lines = self.called(step, inputs, error)
        if not step.gate.is_built_in:
            lines += self.checks_of_its_rule(step, made)
        if out and made != [out]:
            lines, made = [*lines, f"{self.module}.copyto({out}, {made[0]})"], [out]
        made = self.named(step, made, lines, inputs)
        for array, name in zip(step.outputs, made, strict=True):
            self.names.give(array, name)
        if not self.make_view_once(step, made, lines):
            self.write(step, made, lines)
        self.check(zip(step.outputs, made, strict=True), step.apply)

    def recorded(
        self, step: Call, inputs: Sequence[str], out: str | None
    ) -> tuple[list[str], list[str]]:
        """The names of the results and the lines that make them, written by the gate's forward."""
        recorder = Recorder(self.fresh, self.module)
        codes = [self.code(recorder, n, a) for n, a in zip(inputs, step.inputs, strict=True)]
        options: dict[str, Any] = {"out": self.code(recorder, out, step.outputs[0])} if out else {}
        if step.scratch:
            options["scratch"] = [self.code(recorder, self.value(a), a) for a in step.scratch]
        results = step.gate.forward(recorder, *codes, **options)
        made = [literal(r) for r in ((results,) if step.apply.single else results)]
        return made, recorder._lines

    def code(self, recorder: Recorder, name: str, array: Array) -> Code:
        return Code(recorder, name, array.type.shape, array.type.dtype)

    def called(
        self, step: Call, inputs: Sequence[str], error: Exception
    ) -> tuple[list[str], list[str]]:
        """A line that calls the gate itself."""
        gate, apply = step.gate, step.apply
        self.unwritten.append(f"{gate} at {apply.where}: {error}")
        types = [a.type for a in step.outputs]
        self.gates.append(CalledGate(gate, types, apply.single, apply.where))
        made = [self.fresh() for _ in step.outputs]
        call = f"gates[{len(self.gates) - 1}].forward({', '.join([self.module, *inputs])})"
        return made, [f"{', '.join(made)}{'' if apply.single else ','} = {call}"]

    def named(
        self, step: Call, made: Sequence[str], lines: list[str], inputs: Sequence[str]
    ) -> list[str]:
        """The results under the names of their variables, put into the lines that make them."""
        results = []
        for v, name in zip(step.apply.outputs, made, strict=True):
            own = any(text.startswith(f"{name} = ") for text in lines)
            if v.name and own and name not in inputs and made.count(name) == 1:
                nice = self.fresh(v.name)
                lines[:] = [re.sub(rf"\b{name}\b", nice, text) for text in lines]
                name = nice
            results.append(name)
        return results

    def make_view_once(self, step: Call, made: Sequence[str], lines: Sequence[str]) -> bool:
        """Make a view once, if it can be. A single element is none: NumPy gives it as a number of
        its own."""
        if step.placed or len(step.inputs) != 1 or not step.outputs[0].type.shape:
            return False
        (of,), gate = step.inputs, step.gate
        contiguous = self.static.get(of, self.listed[of][2] if of in self.listed else False)
        if not gate.shares(contiguous):
            return False
        return self.make_once(step.outputs, of, made, lines, gate.keeps_order)

    def write(self, step: Call, made: Sequence[str], lines: Sequence[str]) -> None:
        """The lines of a gate, and after them what is left of it."""
        named = one_line(", ".join(v.name for v in step.apply.outputs if v.name))
        for i, text in enumerate(lines):
            self.line(text, step.apply, named if step.placed and i == len(lines) - 1 else "")
        temporary = {text.partition(" = ")[0] for text in lines if re.match(r"\w+ = ", text)}
        if not self.loops and (gone := sorted(temporary - set(made))):
            self.line(f"del {', '.join(gone)}")

    def checks_of_its_rule(self, step: Call, made: Sequence[str]) -> list[str]:
        """Lines that check the type of what a user's gate made."""
        found = []
        for array, name in zip(step.outputs, made, strict=True):
            given = f"({self.module}.asarray({name}).dtype, {self.module}.shape({name}))"
            message = f"{step.apply.gate}.infer says {array.type}, its forward gave"
            test = f"if {given} != ({dtype_of(array)}, {shape_of(array)})"
            found.append(f"{test}: raise ValueError({message!r}, *{given})")
        return found

    def check(self, made: Iterable[tuple[Array, str]], apply: Apply) -> None:
        """With check_nan: look at each float that a gate made."""
        if not self.check_nan:
            return
        for array, name in made:
            if array.type.differentiable:
                self.checked.append(apply)
                number = str(len(self.checked) - 1)
                self.line(f"finite({', '.join([name, number, *self.counters()])})", apply)
