"""Which gates are done together: elementwise ones, and reductions of rows, that share their rows.

A gate joins where no row of it meets another row of what the others read or write. C and CUDA write
such a group down, each in its own way; what one element is, is the same in both.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...gates import Astype, Elementwise
from ...gates.reductions import Reduction
from ...graph import Apply
from ..plan import Call, Instruction
from .layout import Layout
from .lines import Lines
from .text import C_TYPES, Uncovered, cast, conversion

__all__ = ["Grouping", "Work", "expression", "fold_of", "is_row_work", "joins", "merged"]

_MOST = 64  # gates of a group, so that registers hold what they make
_LONGEST = 4096  # doubles that are added up without care for rounding errors; floats are in double


def is_row_work(lines: Lines, call: Call) -> bool:
    """Whether a gate is done element by element, or makes one number of each row: of the last axes,
    where their elements are neighbours."""
    arrays = (*call.inputs, *call.outputs)
    if not call.placed or any(0 in a.type.shape for a in arrays):
        return False
    if not isinstance(call.gate, Reduction):
        return bool(expression(call))
    if not call.gate.is_built_in:
        return False
    (x,), (out,) = call.inputs, call.outputs
    rank, count = len(x.type.shape), len(call.gate.axes)
    if call.gate.fold is None or x in lines.literals or x.type.dtype != out.type.dtype:
        return False
    if not count or call.gate.axes != tuple(range(rank - count, rank)):
        return False
    rows = lines.layout(x).merged(count)
    if rows is None or rows.strides[-1] != x.type.dtype.itemsize:
        return False
    return x.type.dtype != np.float64 or rows.shape[-1] <= _LONGEST


def expression(call: Call) -> str:
    """One element in C; "" where there is none."""
    gate, dtypes = call.gate, [a.type.dtype for a in call.inputs]
    if isinstance(gate, Astype):
        return conversion(dtypes[0], call.outputs[0].type.dtype)
    return gate.expression(*dtypes) if isinstance(gate, Elementwise) else ""


@dataclass
class Work:
    """A gate with its operands spread over `shape`, None for a number, and its result."""

    call: Call
    shape: tuple[int, ...]
    reads: list[Layout | None]
    out: Layout

    @property
    def touched(self) -> list[tuple[Layout, bool]]:
        """What it reads, and what it writes."""
        return [*((x, False) for x in self.reads if x), (self.out, True)]

    @property
    def is_reduction(self) -> bool:
        return isinstance(self.call.gate, Reduction)

    def seen(self, look: Callable[[Layout], Layout | None]) -> "Work | None":
        """With all its arrays looked at in another way; None where one cannot be."""
        reads, out = [x and look(x) for x in self.reads], look(self.out)
        if out is None or any(x and y is None for x, y in zip(self.reads, reads, strict=True)):
            return None
        shape = next((x.shape for x in reads if x), out.shape)
        return Work(self.call, shape, reads, out)


@dataclass
class Grouping(ABC):
    """Gates that are done together, while they are collected: `last` of the axes are one, that of
    the rows; `alone`: it is to be of one gate, and all that it makes is stored."""

    lines: Lines
    works: list[Work] = field(default_factory=list)
    last: int = 1
    alone: bool = False

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
        if len(self.works) == _MOST:
            return False
        try:
            work = self.work(call)
        except Uncovered:
            if not self.works:
                raise
            return False
        last = len(call.gate.axes) if isinstance(call.gate, Reduction) else self.last
        if last != self.last and any(before.is_reduction for before in self.works):
            return False
        others = self.works if last == self.last else merged(self.works, last)
        fitting = merged([work], last)
        if not others or not fitting:
            if self.works or not fitting:
                return False
            others = []
        (work,) = fitting
        if any(work.shape[:-1] != before.shape[:-1] for before in others[:1]):
            return False
        for before in others:
            for x, written in work.touched:
                for y, was in before.touched:
                    if (written or was) and not _row_by_row(x, y):
                        return False
        self.works, self.last = [*others, work], last
        return True

    def work(self, call: Call) -> Work:
        lines, out = self.lines, self.lines.target(call.outputs[0])
        shape = out.shape
        if isinstance(call.gate, Reduction):
            shape = call.inputs[0].type.shape  # type: ignore[assignment]
            for axis in () if call.gate.keepdims else call.gate.axes:
                out = out.with_axis(axis)
        reads = [None if a in lines.literals else lines.layout(a).over(shape) for a in call.inputs]
        return Work(call, shape, reads, out)

    @abstractmethod
    def write_nest(self) -> None:
        """Write the gates that were taken."""

    def together(self, works: Sequence[Work]) -> Iterator[list[Work]]:
        """The gates of each inner loop."""
        loop: list[Work] = []
        for work in works:
            if loop and not joins(loop, work):
                yield loop
                loop = []
            loop.append(work)
        yield loop

    # ------------------------------------------------------------ one element

    def elements(
        self,
        works: Sequence[Work],
        held: dict[Layout, str],
        counters: Sequence[str],
        totals: Mapping[int, str],
    ) -> None:
        """One element of each gate, in a variable; stored, where others read it. `totals` are the
        variables that reductions join it to."""
        lines = self.lines
        last = {work.out: k for k, work in enumerate(works)}
        calls = [work.call for work in works if not self.alone]
        for k, work in enumerate(works):
            if work.is_reduction:
                s, (x,) = totals[id(work)], work.reads
                assert x
                lines.line(f"{s} = {fold_of(work)[1].format(s, self.read(x, held, counters))};")
                continue
            held[work.out] = self.element(work, held, counters)
            if last[work.out] == k and not lines.readers.are_among(work.call, calls):
                lines.line(f"{lines.at(work.out, counters)} = {held[work.out]};")

    def element(self, work: Work, held: dict[Layout, str], counters: Sequence[str]) -> str:
        """A variable for one element of a result."""
        lines, call, out = self.lines, work.call, work.out.type.dtype
        had = [a.type.dtype for a in call.inputs]
        *wanted, computed = [*had, out]
        if isinstance(call.gate, Elementwise):
            *wanted, computed = call.gate.computes_in(*had)
        operands = []
        for array, x, own, dtype in zip(call.inputs, work.reads, had, wanted, strict=True):
            name = lines.literals[array] if x is None else self.read(x, held, counters)
            if own != dtype or x is None:
                name = self.variable(dtype, cast(name, dtype))
            operands.append(name)
        value = expression(call).format(*operands)
        if computed != out:
            value = cast(self.variable(computed, value), out)
        return self.variable(out, value, call.apply)

    def read(self, x: Layout, held: dict[Layout, str], counters: Sequence[str]) -> str:
        """A variable for one element of an operand."""
        if x not in held:
            held[x] = self.variable(x.type.dtype, self.lines.at(x, counters))
        return held[x]

    def variable(self, dtype: np.dtype[np.generic], value: str, apply: Apply | None = None) -> str:
        name = self.lines.fresh("v")
        value = cast(value, dtype) if dtype.kind == "b" else value
        self.lines.line(f"const {C_TYPES[dtype.name]} {name} = {value};", apply)
        return name


def fold_of(work: Work) -> tuple[str, str]:
    assert isinstance(work.call.gate, Reduction)
    assert work.call.gate.fold
    return work.call.gate.fold


def merged(works: Sequence[Work], last: int) -> list[Work]:
    """With so many of the last axes as one; [] where they cannot be."""
    found = works if last == 1 else [work.seen(lambda x: x.merged(last)) for work in works]
    return [work for work in found if work] if all(found) else []


def joins(together: Sequence[Work], work: Work) -> bool:
    """Whether a gate can be done in one inner loop with the others, element by element."""
    if work.shape != together[0].shape:
        return False
    if (
        work.is_reduction
        and fold_of(work)[0] == "first"
        and work.reads[0] in {before.out for before in together}
    ):  # whose first element is not yet there
        return False
    totals = {id(w.out) for w in (*together, work) if w.is_reduction}  # there when the loop is done
    return all(
        not (written or was)
        or _rows_apart(x, y)
        or (x == y and id(x) not in totals and id(y) not in totals)
        for before in together
        for x, written in work.touched
        for y, was in before.touched
    )


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


def _rows_apart(x: Layout, y: Layout) -> bool:
    """Whether a row of one has no byte in common with the same row of the other."""
    if _apart(x, y):
        return True
    rows = len(x.shape) - 1
    if x.steps != y.steps or x.strides[:rows] != y.strides[:rows]:
        return False
    (a, b), (c, d) = _bytes(x, rows), _bytes(y, rows)
    return b <= c or d <= a


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
