"""A graph written out as a NumPy program: source that can be read, and runs alone.

One line (or a few) for each gate, with the user's line beside it; loops are loops; what is not
needed any more is deleted. Sizes are numbers: there is one program for each set of them.
"""

import builtins
import keyword
import linecache
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import GateError, MinigradError
from ..graph import Apply, Binding, Gate, Graph
from ..loops import Scan
from ..types import Array, Type
from ..variables import Constant, Variable
from .recorder import Code, Recorder, literal

__all__ = ["Line", "Program", "write"]

_RESERVED = {*keyword.kwlist, *dir(builtins), "np", "program", "finite", "gates"}
_LARGEST_LITERAL = 16  # elements of a constant that is written into the source
_COMMENT_COLUMN = 60
_serial = count(1)


@dataclass
class Line:
    """A line of source, how deep it is indented, the application it belongs to, and the counters of
    the loops it is in."""

    text: str
    depth: int = 1
    apply: Apply | None = None
    steps: tuple[str, ...] = ()


@dataclass
class Program:
    """Source of ``program(*inputs, *constants) -> outputs``, and what is needed to run it."""

    lines: list[Line]
    constants: list[Array]
    gates: list[Gate]
    unwritten: list[str]
    """Gates that could not be written as source and are called as objects: where, and why."""
    checked: list[Apply]
    """With check_nan, the applications that ``finite`` is told the numbers of."""

    @property
    def source(self) -> str:
        """The whole text, with the user's lines as comments."""
        text = []
        last = None
        for line in self.lines:
            code = "    " * line.depth + line.text
            where = line.apply.where if line.apply else None
            if where and where != last:
                file, _, number = where.rpartition(":")
                code = f"{code:<{_COMMENT_COLUMN}}  # {Path(file).name}:{number}"
            last = where or last
            text.append(code.rstrip())
        return "\n".join(text) + "\n"

    def load(self, finite: Callable[..., None]) -> Callable[..., tuple[Array, ...]]:
        """The function itself. A traceback through it shows its source, as that of a file would."""
        source = self.source
        filename = f"<minigrad program {next(_serial)}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        namespace: dict[str, Any] = {"gates": self.gates, "finite": finite}
        exec(compile(source, filename, "exec"), namespace)
        program: Callable[..., tuple[Array, ...]] = namespace["program"]
        return program


def write(graph: Graph, check_nan: bool = False) -> Program:
    """Write a bound graph out; with `check_nan`, ``finite(value, number, *steps)`` after each gate.

    Raises ShapeError, with the user's line, where sizes do not fit what the graph was built for.
    """
    return _Writer(graph.binding or Binding({}), check_nan).program(graph)


@dataclass
class _Writer:
    binding: Binding
    check_nan: bool
    taken: set[str] = field(default_factory=lambda: set(_RESERVED))
    numbers: dict[str, int] = field(default_factory=dict)  # the last one behind each base of a name
    local: set[str] = field(default_factory=set)  # names that are made outside loops
    lines: list[Line] = field(default_factory=list)
    head: list[Line] = field(default_factory=lambda: [Line("import numpy as np", 0), Line("", 0)])
    constants: dict[Constant, str] = field(default_factory=dict)
    arrays: list[Constant] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    checked: list[Apply] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)  # the loops we are in: names of their counters

    def program(self, graph: Graph) -> Program:
        arguments = [self.fresh(v.name) for v in graph.inputs]
        self.local.clear()
        results = self.block(graph, arguments)
        self.delete_after_use(results)
        self.line(f"return ({''.join(f'{r}, ' for r in results).rstrip()})")
        arguments += [self.constants[v] for v in self.arrays]
        head = [*self.head, Line("", 0), Line(f"def program({', '.join(arguments)}):", 0)]
        values = [v.value for v in self.arrays]
        return Program(head + self.lines, values, self.gates, self.unwritten, self.checked)

    # ------------------------------------------------------------ names and lines

    def fresh(self, hint: str | None = None) -> str:
        """A name that is not taken, after `hint` where that makes an identifier."""
        base = re.sub(r"\W", "_", hint or "v", flags=re.ASCII)
        base = f"v_{base}" if base[0].isdigit() else base
        name = base if hint else ""
        while not name or name in self.taken:
            self.numbers[base] = self.numbers.get(base, 0) + 1
            name = f"{base}{'_' if hint else ''}{self.numbers[base]}"
        self.taken.add(name)
        if not self.steps:
            self.local.add(name)
        return name

    def line(self, text: str, apply: Apply | None = None) -> None:
        self.lines.append(Line(text, 1 + len(self.steps), apply, tuple(self.steps)))

    def value(self, v: Variable, names: dict[Variable, str]) -> str:
        """The name that a variable has in the program."""
        if v in names:
            return names[v]
        if not isinstance(v, Constant):
            raise GateError(f"{v!r} is read where it has no value", v.where)
        if v not in self.constants:
            steps, self.steps = self.steps, ["module level"]
            name = self.constants[v] = self.fresh(v.name or "c")
            self.steps = steps
            if v.value.size > _LARGEST_LITERAL:
                self.arrays.append(v)
            elif v.ndim:
                array = f"np.array({literal(v.value.tolist())}, np.{v.dtype.name})"
                self.head.append(Line(f"{name} = {array}.reshape({v.value.shape})", 0))
            else:
                self.head.append(Line(f"{name} = {literal(v.value[()])}", 0))
        return self.constants[v]

    def delete_after_use(self, results: Sequence[str]) -> None:
        """Put a `del` behind the last line that mentions a name: its memory can be used again.

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

    # ------------------------------------------------------------ graphs, gates, loops

    def block(self, graph: Graph, arguments: Sequence[str]) -> list[str]:
        """Write a graph whose inputs have these names; the names of its outputs."""
        names = dict(zip(graph.inputs, arguments, strict=True))
        for apply in graph.applies():
            inputs = [self.value(v, names) for v in apply.inputs]
            try:
                gate = apply.gate.bind(self.binding)
                gate.infer(*(self.binding(v.type) for v in apply.inputs))
            except MinigradError as error:  # sizes that the graph was not built for
                if error.where is None:
                    error.where, error.message = apply.where, f"{apply.gate}: {error.message}"
                raise
            made = (
                self.loop(apply, gate, inputs)
                if isinstance(gate, Scan)
                else self.gate(apply, gate, inputs)
            )
            names.update(zip(apply.outputs, made, strict=True))
        return [self.value(v, names) for v in graph.outputs]

    def gate(self, apply: Apply, gate: Gate, inputs: Sequence[str]) -> list[str]:
        """The lines that its forward records, or a call of it where that cannot be written down."""
        recorder = Recorder(self.fresh)
        types = [self.binding(v.type) for v in apply.inputs]
        arguments = [
            Code(recorder, name, t.shape, t.dtype) for name, t in zip(inputs, types, strict=True)
        ]
        try:
            results = gate.forward(recorder, *arguments)
            made = [literal(r) for r in ((results,) if apply.single else results)]
            lines = recorder._lines
        except Exception as error:  # a forward may do anything: any failure means "not writable"
            self.unwritten.append(f"{gate} at {apply.where}: {error}")
            self.gates.append(gate)
            made = [self.fresh() for _ in apply.outputs]
            call = f"gates[{len(self.gates) - 1}].forward({', '.join(['np', *inputs])})"
            lines = [f"{', '.join(made)}{'' if apply.single else ','} = {call}"]
        made = self.named(apply, made, lines, inputs)
        for text in lines:
            self.line(text, apply)
        self.check(apply, made)
        return made

    def named(
        self, apply: Apply, made: Sequence[str], lines: list[str], inputs: Sequence[str]
    ) -> list[str]:
        """The results under the names of their variables, put into the lines that make them."""
        results = []
        for v, name in zip(apply.outputs, made, strict=True):
            if v.name and name in self.taken and name not in inputs and made.count(name) == 1:
                nice = self.fresh(v.name)
                lines[:] = [re.sub(rf"\b{name}\b", nice, text) for text in lines]
                name = nice
            results.append(name)
        return results

    def loop(self, apply: Apply, gate: Scan, inputs: Sequence[str]) -> list[str]:
        """A Python loop: carries are names that each step binds anew, ys are rows filled in."""
        carries, xs, _ = gate.parts(gate.body.inputs)
        init, stacked, fixed = gate.parts(inputs)
        state = [self.fresh(v.name) for v in carries]
        for name, start in zip(state, init, strict=True):
            self.line(f"{name} = {start}", apply)
        outputs = gate.body.outputs[gate.carries :]
        types: list[Type] = [self.binding(gate.stacked(v.type)) for v in outputs]
        ys = [self.fresh(v.name) for v in apply.outputs[gate.carries :]]
        for name, type in zip(ys, types, strict=True):
            self.line(f"{name} = np.empty({type.shape}, np.{type.dtype.name})", apply)
        t = self.fresh("t")
        self.local.discard(t)  # a loop of no steps never binds it
        steps = f"{gate.length - 1}, -1, -1" if gate.reverse else f"{gate.length}"
        self.line(f"for {t} in range({steps}):", apply)
        self.steps.append(t)
        rows = [self.fresh(v.name) for v in xs]
        for name, whole in zip(rows, stacked, strict=True):
            self.line(f"{name} = {whole}[{t}]", apply)
        results = self.block(gate.body, [*state, *rows, *fixed])
        for name, row in zip(ys, results[gate.carries :], strict=True):
            self.line(f"{name}[{t}] = {row}", apply)
        if state:
            self.line(f"{', '.join(state)} = {', '.join(results[: gate.carries])}", apply)
        if not (state or ys or rows):
            self.line("pass", apply)
        self.steps.pop()
        return [*state, *ys]

    def check(self, apply: Apply, made: Sequence[str]) -> None:
        """With check_nan: look at each float that a gate made."""
        if not self.check_nan:
            return
        for v, name in zip(apply.outputs, made, strict=True):
            if v.type.differentiable:
                self.checked.append(apply)
                number = str(len(self.checked) - 1)
                self.line(f"finite({', '.join([name, number, *self.steps])})", apply)
