"""Rows of a table that are picked, and their transpose: rows that are added up.

Both stand for a product with one-hot rows, which is NaN where a number is not finite that it
multiplies by 0. So such numbers are counted first; where there is none, and there hardly ever is
one, rows are copied or added up without further thought.
"""

from collections.abc import Sequence

import numpy as np

from ...types import Type
from ..plan import Call
from .layout import Layout
from .lines import Lines
from .text import C_TYPES

__all__ = ["write_lookup", "write_segment_sum"]


def _count_of_wrong(kernel: Lines, x: Layout) -> tuple[Layout, str]:
    """By column, the count of numbers that are not finite; and whether there is any."""
    rows, width = x.shape
    count = kernel.layout(kernel.memory(Type((width,), np.dtype(np.int32))))
    kernel.line(f"memset({kernel.address(count)}, 0, {4 * width});")
    counters = kernel.nest((rows,))
    counters.append(kernel.nest_of_row(width))
    value = kernel.at(x, counters)
    kernel.line(f"{kernel.at(count, counters[1:])} += {value} - {value} != 0;")
    kernel.close(2)
    total = kernel.fresh("wrong")
    kernel.line(f"long {total} = 0;")
    (j,) = kernel.nest((width,))
    kernel.line(f"{total} += {kernel.at(count, [j])};")
    kernel.close(1)
    return count, total


def write_lookup(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """one_hot(ids) @ table: a row of the table, but NaN where another row is not finite."""
    ids, table = inputs
    rows, width = table.shape
    count, wrong = _count_of_wrong(kernel, table)
    k, inside, x, others = (kernel.fresh(stem) for stem in ("k", "inside", "x", "others"))
    outer = kernel.nest(ids.shape, call.apply)
    kernel.line(f"const int64_t {k} = {kernel.at(ids, outer)};")
    kernel.line(f"const int {inside} = {k} >= 0 && {k} < {rows};")
    j = kernel.nest_of_row(width)
    picked = kernel.at(table, [f"({inside} ? {k} : 0)", j])
    kernel.line(f"const {C_TYPES[table.type.dtype.name]} {x} = {inside} ? {picked} : 0;")
    kernel.line(f"{kernel.at(out, [*outer, j])} = {x};")
    kernel.close(1)
    kernel.line(f"if ({wrong}) {{")
    kernel.depth += 1
    (j,) = kernel.nest((width,))
    there = kernel.at(out, [*outer, j])
    kernel.line(f"const int {others} = {kernel.at(count, [j])} - ({there} - {there} != 0);")
    kernel.line(f"if ({others} > 0) {there} = NAN;")
    kernel.close(2 + len(outer))


def write_segment_sum(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """one_hot(ids).T @ x: the sum of the rows of each id, but NaN where another is not finite."""
    ids, x = inputs
    (segments, width), (rows, _) = out.shape, x.shape
    count, wrong = _count_of_wrong(kernel, x)
    kernel.store(out, lambda at: "0", call.apply)
    k = kernel.fresh("k")
    (i,) = kernel.nest((rows,))
    kernel.line(f"const int64_t {k} = {kernel.at(ids, [i])};")
    kernel.line(f"if ({k} >= 0 && {k} < {segments}) {{")
    kernel.depth += 1
    j = kernel.nest_of_row(width)
    kernel.line(f"{kernel.at(out, [k, j])} += {kernel.at(x, [i, j])};")
    kernel.close(3)
    kernel.line(f"if ({wrong}) {{")
    kernel.depth += 1
    s, j = kernel.nest((segments, width))
    own = kernel.fresh("own")
    kernel.line(f"int32_t {own} = 0;")
    (i,) = kernel.nest((rows,))
    value = kernel.at(x, [i, j])
    kernel.line(f"{own} += {kernel.at(ids, [i])} == {s} && {value} - {value} != 0;")
    kernel.close(1)
    kernel.line(f"if ({kernel.at(count, [j])} > {own}) {kernel.at(out, [s, j])} = NAN;")
    kernel.close(3)
