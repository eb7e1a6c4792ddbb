"""How gates other than elementwise ones are written in C: products, sums, and what picks rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...dims import product
from ...gates import Lookup, Matmul, Mean, OneHot, ScatterAddAlong, SegmentSum, Sum, TakeAlong
from ...graph import Gate
from ...native import find_blas
from ...types import Type
from ..plan import Call
from .layout import Layout
from .lines import Lines
from .segments import lookup, segment_sum
from .text import Uncovered

__all__ = ["COVERED", "write_gate"]


def write_gate(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """The lines of a gate. Raises Uncovered where there are none."""
    writer = COVERED.get(type(call.gate))
    if writer is None:
        raise Uncovered(str(call.gate))
    writer(kernel, call, inputs, out)


# ---------------------------------------------------------------- products


def _matmul(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """A call of BLAS, by rows: 101; 111 is a matrix as it is, 112 a transposed one."""
    a, b = inputs
    blas = find_blas()
    if blas is None or blas.interface != "cblas" or blas.int_bits != 64:
        raise Uncovered("a product, where there is no BLAS that C can call by rows")
    if not a.type.dtype == b.type.dtype == out.type.dtype or out.type.dtype.kind != "f":
        raise Uncovered("a product of other than floats of one dtype")
    if len(b.shape) > 2:
        raise Uncovered("products of stacks of matrices")
    if len(a.shape) == 1:  # a row on the left, a column on the right, each without its axis
        a, out = a.with_axis(0), out.with_axis(len(out.shape) - (len(b.shape) == 2))
    if len(b.shape) == 1:
        b, out = b.with_axis(1), out.with_axis(len(out.shape))
    a, out = _as_matrix(a), _as_matrix(out)
    (m, k), n, size = a.shape, b.shape[1], out.type.dtype.itemsize
    (ta, lda), (tb, ldb), (tc, ldc) = (_leading(x, size) for x in (a, b, out))
    if tc:
        raise Uncovered("a product that is written by columns")
    kind, gemm = ("float", "sgemm") if size == 4 else ("double", "dgemm")
    kernel.line(
        f"{gemm}(101, {111 + ta}, {111 + tb}, {m}, {n}, {k}, 1, "
        f"({kind} *)({kernel.address(a)}), {lda}, ({kind} *)({kernel.address(b)}), {ldb}, 0, "
        f"({kind} *)({kernel.address(out)}), {ldc});",
        call.apply,
    )


def _as_matrix(x: Layout) -> Layout:
    """The axes in front of the last as one. Raises Uncovered where they have gaps."""
    shape, strides = x.shape, x.strides
    for i in range(len(shape) - 2):
        if shape[i] > 1 and strides[i] != strides[i + 1] * shape[i + 1]:
            raise Uncovered("a stack of matrices with gaps")
    rows = int(product(shape[:-1]))  # type: ignore[arg-type]  # bound: numbers
    return replace(
        x, type=Type((rows, shape[-1]), x.type.dtype), strides=(strides[-2], strides[-1])
    )


def _leading(x: Layout, size: int) -> tuple[bool, int]:
    """Whether a matrix lies transposed, and how far apart its rows are, in elements."""
    (m, n), (down, across) = x.shape, x.strides
    if (across == size or n == 1) and (m == 1 or down >= n * size):
        return False, down // size if m > 1 else n
    if (down == size or m == 1) and (n == 1 or across >= m * size):
        return True, across // size if n > 1 else m
    raise Uncovered("a matrix with gaps")


# ---------------------------------------------------------------- sums


def _sum(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """Sums over all but the last axis: rows are added up. (Those over the last axis are `rows`.)"""
    (x,), gate = inputs, call.gate
    assert isinstance(gate, Sum | Mean)
    rank = len(x.shape)
    if x.type.dtype.kind != "f" or x.type.dtype != out.type.dtype:
        raise Uncovered("a sum of integers")
    for axis in () if gate.keepdims else gate.axes:
        out = out.with_axis(axis)
    total = out.over(x.shape)
    kept = [1 if i in gate.axes else n for i, n in enumerate(x.shape)]
    if rank - 1 in gate.axes:
        _sum_of_all(kernel, gate, x, total)
        return
    counters = kernel.nest(kept, call.apply)
    kernel.line(f"{kernel.at(total, counters)} = 0;")
    kernel.close(rank)
    counters = kernel.nest(x.shape)
    kernel.line(f"{kernel.at(total, counters)} += {kernel.at(x, counters)};")
    kernel.close(rank)
    if isinstance(gate, Mean):
        counters = kernel.nest(kept)
        kernel.line(f"{kernel.at(total, counters)} /= {_count(x, gate)};")
        kernel.close(rank)


def _sum_of_all(kernel: Lines, gate: Sum | Mean, x: Layout, total: Layout) -> None:
    """Sums over the last axis and others: in double, since they may be long."""
    order = [i for i in range(len(x.shape)) if i not in gate.axes]
    outer = kernel.nest([x.shape[i] for i in order])
    s = kernel.fresh("s")
    kernel.line(f"double {s} = 0;")
    inner = kernel.nest([x.shape[i] for i in gate.axes])
    places = dict(zip([*order, *gate.axes], [*outer, *inner], strict=True))
    everywhere = [places[i] for i in range(len(x.shape))]
    kernel.line(f"{s} += {kernel.at(x, everywhere)};")
    kernel.close(len(inner))
    scale = f" / {_count(x, gate)}" if isinstance(gate, Mean) else ""
    there = [places[i] if i in order else "0" for i in range(len(x.shape))]
    kernel.line(f"{kernel.at(total, there)} = {s}{scale};")
    kernel.close(len(outer))


def _count(x: Layout, gate: Sum | Mean) -> int:
    return int(product(x.shape[a] for a in gate.axes))  # type: ignore[arg-type]


# ---------------------------------------------------------------- rows that are picked


def _one_hot(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (ids,) = inputs
    counters = kernel.nest(out.shape, call.apply)
    kernel.line(f"{kernel.at(out, counters)} = {kernel.at(ids, counters[:-1])} == {counters[-1]};")
    kernel.close(len(counters))


def _index(kernel: Lines, call: Call, ids: Layout, counters: Sequence[str], size: int) -> str:
    """An index that may count from the end; outside of its axis, the function ends."""
    k = kernel.fresh("k")
    kernel.sites.append((call, size))
    kernel.line(f"int64_t {k} = {kernel.at(ids, counters)};")
    kernel.line(f"{k} += {k} < 0 ? {size} : 0;")
    kernel.line(f"if ({k} < 0 || {k} >= {size}) return {len(kernel.sites)};")
    return k


def _take_along(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (x, ids), axis = inputs, call.gate.axis  # type: ignore[attr-defined]
    counters = kernel.nest(out.shape, call.apply)
    k = _index(kernel, call, ids, counters, x.shape[axis])
    there = kernel.at(x, [*counters[:axis], k, *counters[axis + 1 :]])
    kernel.line(f"{kernel.at(out, counters)} = {there};")
    kernel.close(len(counters))


def _scatter(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (x, ids), axis = inputs, call.gate.axis  # type: ignore[attr-defined]
    counters = kernel.nest(out.shape, call.apply)
    kernel.line(f"{kernel.at(out, counters)} = 0;")
    kernel.close(len(counters))
    counters = kernel.nest(x.shape)
    k = _index(kernel, call, ids, counters, out.shape[axis])
    there = kernel.at(out, [*counters[:axis], k, *counters[axis + 1 :]])
    kernel.line(f"{there} += {kernel.at(x, counters)};")
    kernel.close(len(counters))


Writer = Callable[[Lines, Call, Sequence[Layout], Layout], None]
COVERED: dict[type[Gate], Writer] = {
    Matmul: _matmul,
    Sum: _sum,
    Mean: _sum,
    OneHot: _one_hot,
    Lookup: lookup,
    SegmentSum: segment_sum,
    TakeAlong: _take_along,
    ScatterAddAlong: _scatter,
}
