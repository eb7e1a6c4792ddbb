"""Matrix products in C: of floats by BLAS, or packed once for all steps of a loop (`packed`); of
integers and bools by loops."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...dims import product
from ...native import find_blas
from ...types import Type
from ..plan import Call
from .layout import Layout
from .lines import Lines
from .packed import write_packed
from .sharing import Touch
from .text import C_TYPES, Uncovered

__all__ = ["write_matmul"]


def write_matmul(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """a @ b, vectors without their axis, the axes in front broadcast."""
    a, b = inputs
    if len(a.shape) == 1:  # a row on the left
        a, out = a.with_axis(0), out.with_axis(len(out.shape) - (len(b.shape) > 1))
    if len(b.shape) == 1:  # a column on the right
        b, out = b.with_axis(1), out.with_axis(len(out.shape))
    if out.type.dtype.kind == "f":
        one = _as_one(a, b, out)
        if one and write_packed(kernel, *one, call.apply):
            return
        blas = find_blas()
        if blas is None or blas.interface != "cblas" or blas.int_bits != 64:
            raise Uncovered("a product, where there is no BLAS that C can call by rows")
        a, b = (_fitted(kernel, x, out.type.dtype) for x in (a, b))
    if one := _as_one(a, b, out):
        _matrices(kernel, call, *one)
        return
    stack = out.shape[:-2]
    a, b = (x.over((*stack, *x.shape[-2:])) for x in (a, b))
    touches, places = [Touch(a), Touch(b), Touch(out, written=True)], stack[0] if stack else 0
    with kernel.sharing.instruction(touches, places) as shared:
        counters = kernel.nest(stack, call.apply, shared)
        for counter in counters:
            a, b, out = a.row(counter), b.row(counter), out.row(counter)
        if out.type.dtype.kind == "f":
            a, b, out = _upright(a, b, out)
            _gemm(kernel, call, str(a.shape[0]), a, b, out)
        else:
            _loops(kernel, call, a, b, out)
        kernel.close(len(counters))


def _matrices(kernel: Lines, call: Call, a: Layout, b: Layout, out: Layout) -> None:
    """One product of two matrices."""
    if out.type.dtype.kind == "f":
        a, b, out = _upright(a, b, out)
        with kernel.sharing.product(a, b, out) as (rows, a, out):
            _gemm(kernel, call, rows, a, b, out)
    else:
        with kernel.sharing.alone():
            _loops(kernel, call, a, b, out)


def _as_one(a: Layout, b: Layout, out: Layout) -> tuple[Layout, Layout, Layout] | None:
    """Matrices in whose product all of a stack are: its rows below each other, and one matrix on
    the right. None where that is not so."""
    if product(b.shape[:-2]) != 1 or product(a.shape[:-2]) != product(out.shape[:-2]):
        return None
    rows, right, result = (x.rows_merged() for x in (a, b, out))
    if not (rows and right and result) or not all(map(_leading, (rows, right, result))):
        return None  # rows that are one row, repeated, are no matrix of BLAS
    return rows, right, result


# ---------------------------------------------------------------- floats


def _upright(a: Layout, b: Layout, out: Layout) -> tuple[Layout, Layout, Layout]:
    """The product whose result does not lie transposed: for cᵀ it is bᵀ aᵀ."""
    lies = _leading(out)
    if lies is None:
        raise Uncovered("a product that is written into a matrix with gaps")
    return (b.transposed(), a.transposed(), out.transposed()) if lies[0] else (a, b, out)


def _gemm(kernel: Lines, call: Call, rows: str, a: Layout, b: Layout, out: Layout) -> None:
    """A call of BLAS for so many rows: 101 is by rows, 111 a matrix as it is, 112 a transposed
    one."""
    (ta, lda), (tb, ldb), (_, ldc) = (_leading(x) or (False, 0) for x in (a, b, out))
    kind, gemm = ("float", "sgemm") if out.type.dtype.itemsize == 4 else ("double", "dgemm")
    kernel.line(
        f"{gemm}(101, {111 + ta}, {111 + tb}, {rows}, {b.shape[1]}, {b.shape[0]}, 1, "
        f"({kind} *)({kernel.address(a)}), {lda}, ({kind} *)({kernel.address(b)}), {ldb}, 0, "
        f"({kind} *)({kernel.address(out)}), {ldc});",
        call.apply,
    )


def _leading(x: Layout) -> tuple[bool, int] | None:
    """Whether matrices lie transposed, and how far apart their rows are, in elements; None where
    they have gaps."""
    (m, n), (down, across), size = x.shape[-2:], x.strides[-2:], x.type.dtype.itemsize
    if (across == size or n == 1) and (m == 1 or down >= n * size):
        return False, down // size if m > 1 else n
    if (down == size or m == 1) and (n == 1 or across >= m * size):
        return True, across // size if n > 1 else m
    return None


def _fitted(kernel: Lines, x: Layout, dtype: np.dtype[Any]) -> Layout:
    """Matrices as BLAS takes them: copied where they are of another dtype, or have gaps."""
    if x.type.dtype == dtype and _leading(x) is not None:
        return x
    copy = kernel.layout(kernel.memory(Type(x.shape, dtype)))
    with kernel.sharing.alone():
        kernel.store_cast(x, copy)
    return copy


# ---------------------------------------------------------------- integers and bools


def _loops(kernel: Lines, call: Call, a: Layout, b: Layout, out: Layout) -> None:
    """Row i of the product is a sum of rows of b; integers wrap around, bools stay 0 or 1."""
    (m, k), n, dtype = a.shape, b.shape[1], out.type.dtype
    kernel.store(out, lambda at: "0", call.apply)
    i, l, j = kernel.nest((m, k, n))
    add, times = ("|=", "&") if dtype.kind == "b" else ("+=", "*")
    x, y = (f"({C_TYPES[dtype.name]}){at}" for at in (kernel.at(a, [i, l]), kernel.at(b, [l, j])))
    kernel.line(f"{kernel.at(out, [i, j])} {add} {x} {times} {y};")
    kernel.close(3)
