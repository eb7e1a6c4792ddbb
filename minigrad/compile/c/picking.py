"""Gates that pick elements by computed places, and their transposes, in C."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...gates import ScatterAdd, ScatterAddAlong, Take, TakeAlong
from ..plan import Call
from .layout import Layout
from .lines import Lines
from .text import Uncovered

__all__ = [
    "write_one_hot",
    "write_scatter_add",
    "write_scatter_add_along",
    "write_take",
    "write_take_along",
]


def write_one_hot(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (ids,) = inputs
    kernel.store(out, lambda at: f"{kernel.at(ids, at[:-1])} == {at[-1]}", call.apply)


def write_take(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """x[…, ids, …]: the axes of ids stand where the axis was."""
    (x, ids), gate = inputs, call.gate
    assert isinstance(gate, Take)
    before, there = _picked(kernel, call, x, ids, gate.axis, out)
    kernel.line(f"{kernel.at(out, before)} = {there};")
    kernel.close(len(before))


def write_scatter_add(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (x, ids), gate = inputs, call.gate
    assert isinstance(gate, ScatterAdd)
    kernel.store(out, lambda at: "0", call.apply)
    counters, there = _picked(kernel, call, out, ids, gate.axis, x)
    kernel.line(f"{there} {_add(out.type.dtype)} {kernel.at(x, counters)};")
    kernel.close(len(counters))


def write_take_along(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (x, ids), gate = inputs, call.gate
    assert isinstance(gate, TakeAlong)
    counters = kernel.nest(out.shape, call.apply)
    k = _index(kernel, call, ids, counters, x.shape[gate.axis])
    there = kernel.at(x, [*counters[: gate.axis], k, *counters[gate.axis + 1 :]])
    kernel.line(f"{kernel.at(out, counters)} = {there};")
    kernel.close(len(counters))


def write_scatter_add_along(
    kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout
) -> None:
    (x, ids), gate = inputs, call.gate
    assert isinstance(gate, ScatterAddAlong)
    kernel.store(out, lambda at: "0", call.apply)
    counters = kernel.nest(x.shape)
    k = _index(kernel, call, ids, counters, out.shape[gate.axis])
    there = kernel.at(out, [*counters[: gate.axis], k, *counters[gate.axis + 1 :]])
    kernel.line(f"{there} {_add(out.type.dtype)} {kernel.at(x, counters)};")
    kernel.close(len(counters))


def _picked(
    kernel: Lines, call: Call, table: Layout, ids: Layout, axis: int, slices: Layout
) -> tuple[list[str], str]:
    """Loops over `slices`, in which the axes of ids stand for one of `table`: their counters, and
    the element of the table. The index is read once for each of the slices."""
    end = axis + len(ids.shape)
    counters = kernel.nest(slices.shape[:end], call.apply)
    k = _index(kernel, call, ids, counters[axis:], table.shape[axis])
    counters += kernel.nest(slices.shape[end:])
    return counters, kernel.at(table, [*counters[:axis], k, *counters[end:]])


def _index(kernel: Lines, call: Call, ids: Layout, counters: Sequence[str], size: int) -> str:
    """An index that may count from the end; outside of its axis, the function ends, and tells what
    it found, in how many loops, and in which steps of them."""
    if ids.type.dtype == np.uint64:
        raise Uncovered("an index that int64 does not hold")
    i, k = kernel.fresh("i"), kernel.fresh("k")
    kernel.sites.append((call, size))
    kernel.line(f"const int64_t {i} = {kernel.at(ids, counters)};")
    kernel.line(f"const int64_t {k} = {i} + ({i} < 0 ? {size} : 0);")
    kernel.line(f"if ({k} < 0 || {k} >= {size}) {{")
    told = [i, str(len(kernel.times)), *kernel.times]
    kernel.line("    " + " ".join(f"found[{n}] = {value};" for n, value in enumerate(told)))
    kernel.depth += 1
    kernel.leave(len(kernel.sites))
    kernel.close(1)
    return k


def _add(dtype: np.dtype[Any]) -> str:
    return "|=" if dtype.kind == "b" else "+="
