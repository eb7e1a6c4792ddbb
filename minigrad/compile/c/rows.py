"""Elementwise gates, and reductions of rows, that share their rows: one nest of loops.

    z = x + y                 for each row:
    i = σ(z[:, :n])               z[j] = x[j] + y[j]        for each j
    g = tanh(z[:, n:])    →       i[j] = σ(z[j])            for each j
    s = Σ i * g                   g[j] = tanh(z[n + j]), p[j] = i[j] * g[j]
                                  s += p[j]

What one row needs stays in cache, and what one inner loop alone needs in registers. A gate joins
where no row of it meets another row of what the others read or write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...gates import Astype, Elementwise, Mean
from ...gates.reductions import Reduction
from ...graph import Apply
from ..plan import Call, Instruction
from .layout import Layout
from .lines import Lines
from .text import C_TYPES, Uncovered, cast

__all__ = ["Rows", "is_row_work"]

_LANES = 16  # sums that a row is added up in: as many as the widest vector has


def is_row_work(lines: Lines, call: Call) -> bool:
    """Whether a gate is done element by element, or makes one number of each row."""
    arrays = (*call.inputs, *call.outputs)
    if not call.placed or any(0 in a.type.shape for a in arrays):
        return False
    if isinstance(call.gate, Reduction):
        (x,), (out,) = call.inputs, call.outputs
        by_rows = call.gate.axes == (len(x.type.shape) - 1,) and call.gate.fold is not None
        return by_rows and x not in lines.literals and x.type.dtype == out.type.dtype
    return bool(_expression(call))


def _expression(call: Call) -> str:
    """One element in C; "" where there is none."""
    gate, dtypes = call.gate, [a.type.dtype for a in call.inputs]
    if isinstance(gate, Astype):
        kinds = dtypes[0].kind + call.outputs[0].type.dtype.kind
        return "{0}" if kinds not in ("fi", "fu") else ""  # of NaN as an integer, C says nothing
    return gate.expression(*dtypes) if isinstance(gate, Elementwise) else ""


@dataclass
class _Work:
    """A gate with its operands spread over the rows, None for a number, and its result."""

    call: Call
    reads: list[Layout | None]
    out: Layout

    @property
    def touched(self) -> list[tuple[Layout, bool]]:
        """What it reads, and what it writes."""
        return [*((x, False) for x in self.reads if x), (self.out, True)]

    @property
    def is_reduction(self) -> bool:
        return isinstance(self.call.gate, Reduction)


@dataclass
class Rows:
    """A nest of loops while it is collected."""

    lines: Lines
    works: list[_Work] = field(default_factory=list)

    def write(self, steps: Sequence[Instruction], looks: Callable[[Call], bool]) -> int:
        """Write the first instructions that fit together, views between them too; how many."""
        count = taken = 0
        for step in steps:
            if not isinstance(step, Call):
                break
            if looks(step):
                count += 1
                continue
            if not is_row_work(self.lines, step) or not self.takes(step):
                break
            count += 1
            taken = count
        self.write_nest()
        return taken

    def takes(self, call: Call) -> bool:
        """Take a gate, if it fits to the others."""
        try:
            work = self.work(call)
        except Uncovered:
            if not self.works:
                raise
            return False
        if self.works:
            first = self.works[0].out
            if len(work.out.shape) != len(first.shape) or work.out.shape[:-1] != first.shape[:-1]:
                return False
        for before in self.works:
            for x, written in work.touched:
                for y, was in before.touched:
                    if (written or was) and not _row_by_row(x, y):
                        return False
        self.works.append(work)
        return True

    def work(self, call: Call) -> _Work:
        lines, out = self.lines, self.lines.target(call.outputs[0])
        shape = out.shape
        if isinstance(call.gate, Reduction):
            shape = call.inputs[0].type.shape  # type: ignore[assignment]
            if not call.gate.keepdims:
                out = out.with_axis(len(out.shape))
        reads = [None if a in lines.literals else lines.layout(a).over(shape) for a in call.inputs]
        return _Work(call, reads, out)

    # ------------------------------------------------------------ writing

    def write_nest(self) -> None:
        outer = self.lines.nest(self.works[0].out.shape[:-1])
        together: list[_Work] = []
        for work in self.works:
            if together and not self.joins(together, work):
                self.inner(together, outer)
                together = []
            together.append(work)
        self.inner(together, outer)
        self.lines.close(len(outer))

    def joins(self, together: Sequence[_Work], work: _Work) -> bool:
        """Whether a gate can be done in one inner loop with the others, element by element."""
        if work.is_reduction or together[0].is_reduction:
            return False
        if work.out.shape != together[0].out.shape:
            return False
        return all(
            not (written or was) or x == y or _apart(x, y)
            for before in together
            for x, written in work.touched
            for y, was in before.touched
        )

    def inner(self, together: Sequence[_Work], outer: Sequence[str]) -> None:
        lines = self.lines
        if together[0].is_reduction:
            self.reduce(together[0], outer)
            return
        shape = together[0].out.shape
        if shape:
            lines.line("#pragma GCC ivdep")  # an element meets no other one
        counters = [*outer, *lines.nest(shape[-1:])]
        held: dict[Layout, str] = {}
        last = {work.out: k for k, work in enumerate(together)}
        for k, work in enumerate(together):
            held[work.out] = self.element(work, held, counters)
            if last[work.out] == k:
                lines.line(f"{lines.at(work.out, counters)} = {held[work.out]};")
        lines.close(len(shape[-1:]))

    def element(self, work: _Work, held: dict[Layout, str], counters: Sequence[str]) -> str:
        """A variable for one element of a result."""
        lines, call, out = self.lines, work.call, work.out.type.dtype
        had = [a.type.dtype for a in call.inputs]
        *wanted, computed = [*had, out]
        if isinstance(call.gate, Elementwise):
            *wanted, computed = call.gate.computes_in(*had)
        operands = []
        for array, x, own, dtype in zip(call.inputs, work.reads, had, wanted, strict=True):
            if x is not None and x not in held:
                held[x] = self.variable(own, lines.at(x, counters))
            name = lines.literals[array] if x is None else held[x]
            if own != dtype or x is None:
                name = self.variable(dtype, cast(name, dtype))
            operands.append(name)
        value = _expression(call).format(*operands)
        if computed != out:
            value = cast(self.variable(computed, value), out)
        return self.variable(out, value, call.apply)

    def variable(self, dtype: np.dtype[np.generic], value: str, apply: Apply | None = None) -> str:
        name = self.lines.fresh("v")
        value = cast(value, dtype) if dtype.kind == "b" else value
        self.lines.line(f"const {C_TYPES[dtype.name]} {name} = {value};", apply)
        return name

    def reduce(self, work: _Work, outer: Sequence[str]) -> None:
        """One number of each row, in several lanes that meet in the end."""
        lines, gate, (x,) = self.lines, work.call.gate, work.reads
        assert isinstance(gate, Reduction)
        assert gate.fold
        assert x
        start, step = gate.fold
        kind, n = C_TYPES[x.type.dtype.name], x.shape[-1]
        s, j, k = (lines.fresh(stem) for stem in ("s", "j", "k"))
        start = lines.at(x, [*outer, "0"]) if start == "first" else start
        lanes = f"for (int {k} = 0; {k} < {{}}; ++{k})"
        lines.line(f"{kind} {s}[{_LANES}];", work.call.apply)
        lines.line(f"{lanes.format(_LANES)} {s}[{k}] = {start};")
        join = f"const {kind} x = {lines.at(x, [*outer, f'({j} + {k})'])}; "
        join = f"{{ {join}{s}[{k}] = {step.format(f'{s}[{k}]', 'x')}; }}"
        whole = n - n % _LANES
        if whole:
            lines.line(f"for (long {j} = 0; {j} < {whole}; {j} += {_LANES})")
            lines.line(f"    {lanes.format(_LANES)} {join}")
        if n > whole:
            lines.line(f"for (long {j} = {whole}; {j} < {n}; {j} += {_LANES})")
            lines.line(f"    {lanes.format(n - whole)} {join}")
        for half in (8, 4, 2, 1):
            both = step.format(f"{s}[{k}]", f"{s}[{k} + {half}]")
            lines.line(f"{lanes.format(half)} {s}[{k}] = {both};")
        scale = f" / {n}" if isinstance(gate, Mean) else ""
        lines.line(f"{lines.at(work.out, [*outer, '0'])} = {s}[0]{scale};")


# ---------------------------------------------------------------- what meets what


def _bytes(x: Layout, first: int = 0) -> tuple[int, int]:
    """From where to where its elements lie, those of one place of the axes before `first`."""
    spans = [(n - 1) * s for n, s in zip(x.shape[first:], x.strides[first:], strict=True)]
    low = x.offset + sum(min(span, 0) for span in spans)
    return low, x.offset + sum(max(span, 0) for span in spans) + x.type.dtype.itemsize


def _apart(x: Layout, y: Layout) -> bool:
    """Whether they have no byte in common."""
    if x.base != y.base:
        return True
    (a, b), (c, d) = _bytes(x), _bytes(y)
    return x.steps == y.steps and (b <= c or d <= a)


def _row_by_row(x: Layout, y: Layout) -> bool:
    """Whether no row of one has a byte in common with another row of the other."""
    if _apart(x, y):
        return True
    rows = len(x.shape) - 1
    axes = [i for i in range(rows) if x.shape[i] > 1]
    if x.steps != y.steps or any(x.strides[i] != y.strides[i] for i in axes):
        return False
    (a, b), (c, d) = _bytes(x, rows), _bytes(y, rows)
    cell = max(b, d) - min(a, c)
    for i in sorted(axes, key=lambda i: abs(x.strides[i])):
        if abs(x.strides[i]) < cell:
            return False
        cell += (x.shape[i] - 1) * abs(x.strides[i])
    return True
