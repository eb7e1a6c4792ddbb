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
from .expressions import dtype_of, one_line, shape_of, type_of
from .named_arrays import NamedArrays, OpenLoop
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
    inputs_of,
    outputs_of,
)
from .program import Line, Program
from .recorder import Code, Recorder, literal

__all__ = ["BLOCK", "SMALLEST", "Writer", "write"]

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
    return Writer(check_nan=check_nan).program(plan)


@dataclass
class Writer(NamedArrays):
    """Goes through the instructions of a plan."""

    check_nan: bool = False
    head: list[Line] = field(default_factory=lambda: [Line("import numpy as np", 0), Line("", 0)])
    arrays: list[Constant] = field(default_factory=list)
    gates: list[CalledGate] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    checked: list[Apply] = field(default_factory=list)
    sites: dict[str, list[tuple[str, str | None, int]]] = field(default_factory=dict)

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
        self.sites[step.function] = [(str(c.gate), c.apply.where, n) for c, n in step.sites]
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
