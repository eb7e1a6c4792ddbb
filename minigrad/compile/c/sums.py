"""Sums, means, maxima and their kin in C, over any axes; running sums; the place of the largest.

Along what lies side by side a long sum loses less than by NumPy's pairs: float32 is added up in
double, float64 with its rounding errors put back. Row upon row it is as by NumPy.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...dims import product
from ...gates import AllTrue, AnyTrue, Argmax, Argmin, CumulativeSum, Flip, Max, Mean, Min
from ...gates.reductions import Reduction
from ...types import Type
from ..plan import Call
from .accumulator import ADDS, Accumulator
from .layout import Layout, viewed
from .lines import Lines
from .text import C_TYPES, Uncovered, cast

__all__ = ["write_argmax", "write_cumulative_sum", "write_reduction"]

_BLOCK = 256  # doubles that are added up before rounding errors are put back


def write_reduction(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """Axes to one number each: the elements that lie closest to each other first."""
    (x,), gate = inputs, call.gate
    assert isinstance(gate, Reduction)
    if gate.fold is None:
        raise Uncovered(f"{gate} in C")
    for axis in () if gate.keepdims else gate.axes:
        out = out.with_axis(axis)
    order = sorted(range(len(x.shape)), key=lambda i: (x.shape[i] > 1, -abs(x.strides[i])))
    reduced = [i in gate.axes for i in order]
    x, out = _permuted(x, order), _permuted(out, order)
    if not any(reduced) or not reduced[-1]:
        _by_rows(kernel, call, x, out, reduced)
    else:
        _across(kernel, call, x, out, reduced)


def _permuted(x: Layout, order: Sequence[int]) -> Layout:
    shape = tuple(x.shape[i] for i in order)
    return replace(x, type=Type(shape, x.type.dtype), strides=tuple(x.strides[i] for i in order))


def _adds_in(gate: Reduction, x: Layout) -> np.dtype[Any]:
    """The dtype of the numbers that meet: integers and bools are added up in 64 bits."""
    if isinstance(gate, AllTrue | AnyTrue):
        return np.dtype(bool)
    return x.type.dtype if gate.fold[0] == "first" else np.sum(np.ones(1, x.type.dtype)).dtype  # type: ignore[index]


def _ended(gate: Reduction, x: Layout, total: str, out: Layout) -> str:
    """The result, of what the elements became."""
    if not isinstance(gate, Mean):
        return total
    count = product(x.shape) // product(out.shape)
    return f"({C_TYPES[out.type.dtype.name]}){total} / {count}"


# ---------------------------------------------------------------- along the rows


def _by_rows(kernel: Lines, call: Call, x: Layout, out: Layout, reduced: Sequence[bool]) -> None:
    """Neighbours go to different numbers: each row is joined to the row of results."""
    gate, rank, dtype = call.gate, len(x.shape), _adds_in(call.gate, x)  # type: ignore[arg-type]
    assert isinstance(gate, Reduction)
    assert gate.fold
    total = out
    if dtype != out.type.dtype:
        total = kernel.layout(kernel.memory(Type(out.shape, dtype)))
    start, step = gate.fold
    kernel.store(total, lambda at: kernel.at(x, at) if start == "first" else start, call.apply)
    counters = kernel.nest(x.shape)
    there = kernel.at(total.over(x.shape), counters)
    kernel.line(f"{there} = {step.format(there, kernel.at(x, counters))};")
    kernel.close(rank)
    if isinstance(gate, Mean):
        kernel.store(out, lambda at: _ended(gate, x, kernel.at(total, at), out))


# ---------------------------------------------------------------- across


def _across(kernel: Lines, call: Call, x: Layout, out: Layout, reduced: Sequence[bool]) -> None:
    """Neighbours become one number: all axes that are reduced within those that stay."""
    gate = call.gate
    assert isinstance(gate, Reduction)
    assert gate.fold
    order = sorted(range(len(x.shape)), key=lambda i: reduced[i])
    kept = reduced.count(False)
    x, out = _merged(_permuted(x, order), kept), _permuted(out, order)
    outer = kernel.nest(x.shape[:kept], call.apply)
    dtype, (start, step) = _adds_in(gate, x), gate.fold
    total: Accumulator | _CarefulSum
    if step == ADDS and dtype == np.float64:
        total = _CarefulSum(kernel)
    else:
        first = kernel.at(x, [*outer, *["0"] * (len(x.shape) - kept)])
        total = Accumulator(kernel, dtype, (first if start == "first" else start, step))
    between = kernel.nest(x.shape[kept:-1])
    total.add_row(x.shape[-1], lambda j: cast(kernel.at(x, [*outer, *between, j]), dtype))
    kernel.close(len(between))
    end = _ended(gate, x, total.name, out)
    kernel.line(f"{kernel.at(out, [*outer, *['0'] * (len(out.shape) - kept)])} = {end};")
    kernel.close(kept)


def _merged(x: Layout, kept: int) -> Layout:
    """The axes behind those that are kept as few as can be."""
    shape, strides = list(x.shape[:kept]), list(x.strides[:kept])
    for n, s in zip(x.shape[kept:], x.strides[kept:], strict=True):
        if len(shape) > kept and (shape[-1] == 1 or strides[-1] == n * s):
            shape[-1], strides[-1] = shape[-1] * n, s
        elif n > 1 or len(shape) == kept:
            shape, strides = [*shape, n], [*strides, s]
    return replace(x, type=Type(tuple(shape), x.type.dtype), strides=tuple(strides))


class _CarefulSum:
    """A sum of doubles, row by row: of what blocks of elements make the rounding errors are put
    back (Neumaier, 1974)."""

    def __init__(self, lines: Lines) -> None:
        self.lines, self.total, self.lost = lines, lines.fresh("s"), lines.fresh("lost")
        lines.line(f"double {self.total} = 0, {self.lost} = 0;")

    def add_row(self, n: int, element: Callable[[str], str]) -> None:
        lines, whole = self.lines, n - n % _BLOCK
        if whole:
            b = lines.fresh("b")
            lines.line(f"for (long {b} = 0; {b} < {whole}; {b} += {_BLOCK}) {{")
            lines.depth += 1
            self._add_block(_BLOCK, element, b)
            lines.close(1)
        if n > whole:
            self._add_block(n - whole, element, str(whole))

    def _add_block(self, n: int, element: Callable[[str], str], first: str) -> None:
        lines, s, t = self.lines, self.total, self.lines.fresh("t")
        lines.line("{")
        lines.depth += 1
        block = Accumulator(lines, np.dtype(np.float64), ("0", ADDS))
        block.add_row(n, element, first)
        p = block.name
        lines.line(f"const double {t} = {s} + {p};")
        small, large = f"({s} - {t}) + {p}", f"({p} - {t}) + {s}"
        lines.line(f"{self.lost} += fabs({s}) >= fabs({p}) ? {small} : {large};")
        lines.line(f"{s} = {t};")
        lines.close(1)

    @property
    def name(self) -> str:
        """What all have become. Behind an overflow nothing can be put back."""
        return f"({self.lost} - {self.lost} == 0 ? {self.total} + {self.lost} : {self.total})"


# ---------------------------------------------------------------- along one axis


def write_cumulative_sum(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """Each slice along the axis is the one before, and what comes."""
    (x,), gate = inputs, call.gate
    assert isinstance(gate, CumulativeSum)
    axis, dtype = gate.axis, out.type.dtype
    if gate.reverse:
        (x,), (out,) = (viewed(Flip(axis), layout) or () for layout in (x, out))
    steps = x.shape[axis]
    first, rest, before, after = (
        layout.slice(axis, *ends)
        for layout, *ends in ((x, 0, 1), (x, 1, steps), (out, 0, steps - 1), (out, 1, steps))
    )
    kernel.store_cast(first, out.slice(axis, 0, 1), call.apply)
    kernel.store(after, lambda at: f"{kernel.at(before, at)} + {cast(kernel.at(rest, at), dtype)}")


def write_argmax(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """The first of the largest; the first NaN where there is one."""
    (x,), gate = inputs, call.gate
    assert isinstance(gate, Argmax)
    if not gate.keepdims:
        out = out.with_axis(gate.axis)
    (_, step), rank = (Min if isinstance(gate, Argmin) else Max).fold, len(x.shape)
    if gate.axis < rank - 1:
        _places_by_rows(kernel, call, x, out, "<" if isinstance(gate, Argmin) else ">")
        return
    outer = kernel.nest(x.shape[:-1], call.apply)
    best = Accumulator(kernel, x.type.dtype, (kernel.at(x, [*outer, "0"]), step))
    best.add_row(x.shape[-1], lambda j: kernel.at(x, [*outer, j]))
    j, top = kernel.fresh("place"), best.name
    value = kernel.at(x, [*outer, j])
    kernel.line(f"long {j} = 0;")
    kernel.line(f"if ({top} == {top}) while ({value} != {top}) ++{j};")
    kernel.line(f"else while ({value} == {value}) ++{j};")
    kernel.line(f"{kernel.at(out, [*outer, '0'])} = {j};")
    kernel.close(len(outer))


def _places_by_rows(kernel: Lines, call: Call, x: Layout, out: Layout, better: str) -> None:
    """Neighbours go to different places: each row is held against the best so far."""
    axis, rank = call.gate.axis, len(x.shape)  # type: ignore[attr-defined]
    best = kernel.layout(kernel.memory(Type(out.shape, x.type.dtype)))
    kernel.store(best, lambda at: kernel.at(x, at), call.apply)
    kernel.store(out, lambda at: "0")
    counters = kernel.nest(x.shape[:-1])
    counters.append(kernel.nest_of_row(x.shape[-1]))
    v, old = kernel.fresh("v"), kernel.fresh("old")
    place = kernel.at(out.over(x.shape), counters)
    top = kernel.at(best.over(x.shape), counters)
    kind = C_TYPES[x.type.dtype.name]
    kernel.line(f"const {kind} {v} = {kernel.at(x, counters)}, {old} = {top};")
    kernel.line(f"const int is_{v} = ({v} {better} {old}) | (({v} != {v}) & ({old} == {old}));")
    kernel.line(f"{place} = is_{v} ? {counters[axis]} : {place};")
    kernel.line(f"{top} = is_{v} ? {v} : {old};")
    kernel.close(rank)
