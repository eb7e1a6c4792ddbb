"""Products with a matrix that is the same in every step of a loop: it is packed once, before it.

    for t:                              pack(W)
        z = h @ W            →          for t:
        h = tanh(z)                         z = h · packed W
                                            h = tanh(z)

BLAS packs W at every call, into the order in which its kernels read it. Of the few rows that a
step of a recurrent net has, that takes a quarter to a half of the time.
"""

import numpy as np

from ...graph import Apply
from ...types import Type
from .ahead import Ahead
from .layout import Layout
from .lines import Lines
from .text import C_TYPES

__all__ = ["write_packed"]

_PANEL = 128  # bytes of a row that lie side by side (packed.h)
_LEAST = 64  # bytes of a row of the result: of less, most of a panel would be in vain
_LARGEST = 2**20  # bytes of the rows on the left: these are to stay in cache while panels come
_LINED_UP = 4096  # bytes between rows that all have the same places in a cache


def write_packed(lines: Lines, a: Layout, b: Layout, out: Layout, apply: Apply) -> bool:
    """Write a product of matrices of floats, if one of them is the same in every step of a loop
    around; whether it is."""
    if len({x.type.dtype for x in (a, b, out)}) > 1:
        return False
    ways = [(a, b, out), (b.transposed(), a.transposed(), out.transposed())]  # cᵀ = bᵀ aᵀ
    for left, right, result in ways:
        (m, k), n, size = left.shape, right.shape[1], out.type.dtype.itemsize
        ahead = next((loop for loop in lines.ahead if loop.is_steady(lines.plan, right)), None)
        if ahead and m > 1 and n * size >= _LEAST and m * k * size <= _LARGEST:
            _write(lines, left, _packed(lines, ahead, right), result, apply)
            return True
    return False


def _packed(lines: Lines, ahead: Ahead, b: Layout) -> str:
    """The pointer to a packed matrix."""
    if b not in ahead.packed:
        (k, n), dtype, name = b.shape, b.type.dtype, lines.fresh("w")
        panels = -(-n * dtype.itemsize // _PANEL)
        memory = lines.layout(lines.memory(Type((k * panels * _PANEL + 63,), np.dtype("uint8"))))
        real = C_TYPES[dtype.name]
        mine = f"FIRST({panels}), BEHIND({panels})" if lines.is_shared else f"0, {panels}"
        ahead.lines += [
            f"{real} *const {name} = mg_aligned({lines.address(memory)});",
            *["MEET;"] * lines.is_shared,
            f"packed->pack_{real}({mine}, {k}, {n}, {_matrix(lines, b)}, {name});",
        ]
        ahead.packed[b] = name
    return ahead.packed[b]


def _write(lines: Lines, a: Layout, packed: str, out: Layout, apply: Apply) -> None:
    (m, k), n, real = a.shape, out.shape[1], C_TYPES[a.type.dtype.name]
    lined_up = None
    if a.strides[0] % _LINED_UP == 0:
        lined_up = lines.layout(lines.memory(a.type))
    with lines.sharing.product(a, None, out) as (rows, a, out):
        copy = "NULL"
        if lined_up:
            part = lined_up if rows == str(m) else lined_up.mine()
            copy = f"({real} *)({lines.address(part)})"
        lines.line(
            f"packed->product_{real}({rows}, {n}, {k}, {_matrix(lines, a)}, {packed}, "
            f"{_matrix(lines, out)}, {copy});",
            apply,
        )


def _matrix(lines: Lines, x: Layout) -> str:
    """Its address, and its strides in elements."""
    row, column = (stride // x.type.dtype.itemsize for stride in x.strides)
    return f"({C_TYPES[x.type.dtype.name]} *)({lines.address(x)}), {row}, {column}"
