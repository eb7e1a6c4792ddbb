"""A graph written out as a NumPy program: source that can be read, and runs alone.

One line (or a few) for each gate, with the user's line beside it; loops are loops. Sizes are
numbers: there is one program for each set of them. Values that stay inside the program lie in
memory that is used again at every call, and share it when their lives do not overlap; what is
returned is new.
"""

import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import GateError, MinigradError
from ..graph import Apply, Binding, Gate, Graph
from ..loops import Scan
from ..types import Type
from ..variables import Constant, Variable
from .called import CalledGate
from .liveness import Liveness
from .loop_writer import LoopWriter
from .memory import Memory, Place, size_of
from .program import Line, Program
from .recorder import Code, Recorder, literal

__all__ = ["Block", "Writer", "write"]

_RESERVED = {*keyword.kwlist, *dir(builtins), "np", "program", "finite", "gates"}
_LARGEST_LITERAL = 16  # elements of a constant that is written into the source
_GATES = f"{Gate.__module__.partition('.')[0]}.gates"
_SMALL = 256  # bytes; what is smaller is quicker allocated than given a place


def write(graph: Graph, check_nan: bool = False) -> Program:
    """Write a bound graph out; with `check_nan`, ``finite(value, number, *steps)`` after each gate.

    Raises ShapeError, with the user's line, where sizes do not fit what the graph was built for.
    """
    return Writer(graph.binding or Binding({}), check_nan).program(graph)


@dataclass
class Block:
    """Where the variables of one graph are: the program's, or the body of a loop.

    names: of the variables so far; targets: arrays that some of them must be written into; kept:
    variables that must lie in new memory, since they are returned.
    """

    names: dict[Variable, str]
    liveness: Liveness
    targets: Mapping[Variable, Place] = field(default_factory=dict)
    kept: frozenset[Variable] = frozenset()


@dataclass
class Writer:
    """Writes lines, and keeps what they share: names, constants, memory."""

    binding: Binding
    check_nan: bool
    lines: list[Line] = field(default_factory=list)
    head: list[Line] = field(default_factory=lambda: [Line("import numpy as np", 0), Line("", 0)])
    steps: list[str] = field(default_factory=list)  # the loops we are in: names of their counters
    taken: set[str] = field(default_factory=lambda: set(_RESERVED))
    numbers: dict[str, int] = field(default_factory=dict)  # the last one behind each base of a name
    local: set[str] = field(default_factory=set)  # names of new memory that is made outside loops
    constants: dict[Constant, str] = field(default_factory=dict)
    arrays: list[Constant] = field(default_factory=list)
    gates: list[CalledGate] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    checked: list[Apply] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = Memory(self.name)

    def program(self, graph: Graph) -> Program:
        arguments = [self.name(v.name) for v in graph.inputs]
        results, _ = self.block(graph, arguments, kept=frozenset(graph.outputs))
        self.delete_after_use(results)
        self.line(f"return ({''.join(f'{r}, ' for r in results).rstrip()})")
        arguments += [self.constants[v] for v in self.arrays]
        memory = [Line(text, 0) for text in self.memory.lines]
        head = [*self.head, *memory, Line("", 0), Line(f"def program({', '.join(arguments)}):", 0)]
        return Program(
            head + self.lines,
            [v.value for v in self.arrays],
            self.gates,
            self.unwritten,
            sum(self.memory.sizes.values()),
            self.checked,
        )

    # ------------------------------------------------------------ names and lines

    def name(self, hint: str | None = None) -> str:
        """A name that is not taken, after `hint` where that makes an identifier."""
        base = re.sub(r"\W", "_", hint or "v", flags=re.ASCII)
        base = f"v_{base}" if base[0].isdigit() else base
        name = base if hint else ""
        while not name or name in self.taken:
            self.numbers[base] = self.numbers.get(base, 0) + 1
            name = f"{base}{'_' if hint else ''}{self.numbers[base]}"
        self.taken.add(name)
        return name

    def line(self, text: str, apply: Apply | None = None) -> None:
        self.lines.append(Line(text, 1 + len(self.steps), apply, tuple(self.steps)))

    def type(self, v: Variable) -> Type:
        """The type of a variable in numbers."""
        found: Type = self.binding(v.type)
        return found

    def value(self, v: Variable, names: Mapping[Variable, str]) -> str:
        """The name that a variable has in the program."""
        if v in names:
            return names[v]
        if not isinstance(v, Constant):
            raise GateError(f"{v!r} is read where it has no value", v.where)
        if v not in self.constants:
            name = self.constants[v] = self.name(v.name or "c")
            if v.value.size > _LARGEST_LITERAL:
                self.arrays.append(v)
            elif v.ndim:
                array = f"np.array({literal(v.value.tolist())}, np.{v.dtype.name})"
                self.head.append(Line(f"{name} = {array}.reshape({v.value.shape})", 0))
            else:
                self.head.append(Line(f"{name} = {literal(v.value[()])}", 0))
        return self.constants[v]

    def delete_after_use(self, results: Sequence[str]) -> None:
        """Put a `del` behind the last line that mentions a new array: its memory is free again.

        A loop is one unit: what is read in it may be read again by its next step.
        """
        units: list[list[Line]] = []
        for line in self.lines:
            if line.depth > 1:
                units[-1].append(line)
            else:
                units.append([line])
        seen = set(results)
        for unit in reversed(units):
            names = {n for line in unit for n in re.findall(r"[A-Za-z_]\w*", line.text)}
            if dying := (names & self.local) - seen:
                unit.append(Line(f"del {', '.join(sorted(dying))}"))
            seen |= names
        self.lines = [line for unit in units for line in unit]

    # ------------------------------------------------------------ graphs

    def block(
        self,
        graph: Graph,
        arguments: Sequence[str],
        targets: Mapping[Variable, Place] | None = None,
        kept: frozenset[Variable] = frozenset(),
    ) -> tuple[list[str], Block]:
        """Write a graph whose inputs have these names; the names of its outputs, and what it is."""
        order = graph.applies()
        names = dict(zip(graph.inputs, arguments, strict=True))
        block = Block(names, Liveness(order, graph.outputs), targets or {}, kept)
        for k, apply in enumerate(order):
            gate = self.bound(apply)
            dying = block.liveness.dying(apply, k)
            if isinstance(gate, Scan):
                LoopWriter(self, block, apply, gate).write()
            else:
                self.gate(block, apply, gate, dying)
            unread = [v for v in apply.outputs if v not in block.liveness.last]
            for memory in block.liveness.dead([*dying, *unread]):
                self.memory.give(memory)
        return [self.value(v, names) for v in graph.outputs], block

    def bound(self, apply: Apply) -> Gate:
        """The gate with numbers for sizes, its types inferred from them again."""
        try:
            gate = apply.gate.bind(self.binding)
            gate.infer(*(self.type(v) for v in apply.inputs))
        except MinigradError as error:  # sizes that the graph was not built for
            if error.where is None:
                error.where, error.message = apply.where, f"{apply.gate}: {error.message}"
            raise
        return gate

    # ------------------------------------------------------------ gates

    def gate(self, block: Block, apply: Apply, gate: Gate, dying: Sequence[Variable]) -> None:
        """The lines that its forward records, or a call of it where that cannot be written down."""
        inputs = [self.value(v, block.names) for v in apply.inputs]
        place = self.place(block, apply, gate, dying)
        try:
            made, lines = self.recorded(apply, gate, inputs, place)
        except Exception as error:  # a forward may do anything: any failure means "not writable"
            made, lines = self.called(apply, gate, inputs, error)
        if apply.outputs[0] in block.targets and place is not None and made != [place.name]:
            lines, made = [*lines, f"np.copyto({place.name}, {made[0]})"], [place.name]
        blocks = block.liveness.of(apply.inputs) if self.may_look(apply) else frozenset()
        if place is not None and place.block and any(place.name in text for text in lines):
            blocks |= {place.block}
        placed = place is not None and made == [place.name]
        if place is not None and placed:
            blocks = frozenset([place.block]) if place.block else frozenset()
        elif place and apply.outputs[0] not in block.targets and place.block not in blocks:
            self.memory.give(place.block)
        made = self.named(apply, made, lines, inputs)
        if self.is_static(apply, gate, inputs, place):
            self.memory.lines += lines
            self.memory.static |= dict.fromkeys(
                made, gate.keeps_order and self.memory.static[inputs[0]]
            )
            lines = []
        for text in lines:
            self.line(text, apply)
        if not self.steps:
            self.local.update(m[1] for text in lines if (m := re.match(r"(\w+) = ", text)))
        if self.may_look(apply) and not apply.gate.view:
            self.hold_to_its_rule(apply, made)
        elif lines:
            self.lines[-1].made = one_line(", ".join(v.name for v in apply.outputs if v.name))
        block.names.update(zip(apply.outputs, made, strict=True))
        for v in apply.outputs:
            block.liveness.made(v, blocks, placed)
        self.check(apply, made)

    def hold_to_its_rule(self, apply: Apply, made: Sequence[str]) -> None:
        """Lines that check the shape of what a user's gate made."""
        for v, name in zip(apply.outputs, made, strict=True):
            shape = self.type(v).shape
            message = f"{apply.gate}.infer says {shape}, its forward gave another shape"
            self.line(f"if np.shape({name}) != {shape}: raise ValueError({message!r})", apply)

    def may_look(self, apply: Apply) -> bool:
        """Whether the outputs may be views of inputs. Of a user's gate that cannot be known."""
        own = type(apply.gate).__module__.startswith(_GATES)
        return apply.gate.view or not own

    def is_static(
        self, apply: Apply, gate: Gate, inputs: Sequence[str], place: Place | None
    ) -> bool:
        """Whether the result is a view of an array that never moves: it is then made once.

        A single element is none: NumPy gives it as a number of its own.
        """
        return (
            place is None
            and apply.outputs[0].ndim > 0
            and len(inputs) == 1
            and inputs[0] in self.memory.static
            and gate.shares(self.memory.static[inputs[0]])
        )

    def place(
        self, block: Block, apply: Apply, gate: Gate, dying: Sequence[Variable]
    ) -> Place | None:
        """Where the result is to be written: a given target, a dying input, or a free block."""
        v = apply.outputs[0]
        if v in block.targets:
            return block.targets[v]
        type = self.type(v)
        if not (apply.single and v.ndim) or gate.view or v in block.kept:
            return None
        if size_of(type) < _SMALL:
            return None
        if gate.in_place():
            for old in dying:
                if self.type(old) == type and block.liveness.alone(old):
                    (memory,) = block.liveness.blocks[old]
                    return Place(memory, block.names[old])
        return self.memory.take(type)

    def recorded(
        self, apply: Apply, gate: Gate, inputs: Sequence[str], place: Place | None
    ) -> tuple[list[str], list[str]]:
        """The names of the results and the lines that make them, written by the gate's forward."""
        recorder = Recorder(self.name)
        types = [self.type(v) for v in apply.inputs]
        arguments = [
            Code(recorder, name, t.shape, t.dtype) for name, t in zip(inputs, types, strict=True)
        ]
        if place is None:
            results = gate.forward(recorder, *arguments)
        else:
            out = self.type(apply.outputs[0])
            target = Code(recorder, place.name, out.shape, out.dtype)
            results = gate.forward(recorder, *arguments, out=target)
        made = [literal(r) for r in ((results,) if apply.single else results)]
        return made, recorder._lines

    def called(
        self, apply: Apply, gate: Gate, inputs: Sequence[str], error: Exception
    ) -> tuple[list[str], list[str]]:
        """A line that calls the gate itself."""
        self.unwritten.append(f"{gate} at {apply.where}: {error}")
        types = [self.type(v) for v in apply.outputs]
        self.gates.append(CalledGate(gate, types, apply.single, apply.where))
        made = [self.name() for _ in apply.outputs]
        call = f"gates[{len(self.gates) - 1}].forward({', '.join(['np', *inputs])})"
        return made, [f"{', '.join(made)}{'' if apply.single else ','} = {call}"]

    def named(
        self,
        apply: Apply,
        made: Sequence[str],
        lines: list[str],
        inputs: Sequence[str],
    ) -> list[str]:
        """The results under the names of their variables, put into the lines that make them."""
        results = []
        for v, name in zip(apply.outputs, made, strict=True):
            own = any(re.match(rf"{name} = ", text) for text in lines)
            if v.name and own and name not in inputs and made.count(name) == 1:
                nice = self.name(v.name)
                lines[:] = [re.sub(rf"\b{name}\b", nice, text) for text in lines]
                name = nice
            results.append(name)
        return results

    def check(self, apply: Apply, made: Sequence[str]) -> None:
        """With check_nan: look at each float that a gate made."""
        if not self.check_nan:
            return
        for v, name in zip(apply.outputs, made, strict=True):
            if v.type.differentiable:
                self.checked.append(apply)
                number = str(len(self.checked) - 1)
                self.line(f"finite({', '.join([name, number, *self.steps])})", apply)


def one_line(text: str) -> str:
    """A user's name as part of a comment: whatever is in it, the comment ends with its line."""
    return " ".join(text.split())
