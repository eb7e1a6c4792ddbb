"""Products with packed matrices are products."""

import ctypes

import numpy as np
import pytest

from minigrad.native.packed import packed_products
from minigrad.types import Array

RNG = np.random.default_rng(0)
FUNCTIONS = {"float32": (0, 1), "float64": (2, 3)}


def product(a: Array, b: Array, out: Array, lined_up: bool) -> None:
    """a @ b into `out`, as C calls it."""
    (m, k), n, size = a.shape, b.shape[1], a.itemsize
    table = (ctypes.c_void_p * 4).from_address(packed_products())
    pack, times = (ctypes.CFUNCTYPE(None)(table[i] or 0) for i in FUNCTIONS[a.dtype.name])
    packed = np.full(k * (n + 128), np.nan, a.dtype)
    room = np.empty(m * k, a.dtype).ctypes if lined_up else None
    left, right, result = (
        (ctypes.c_void_p(x.ctypes.data), *(ctypes.c_long(s // size) for s in x.strides))
        for x in (a, b, out)
    )
    memory = ctypes.c_void_p(packed.ctypes.data)
    panels = -(-n * size // 128)
    for first, behind in ((0, panels // 2), (panels // 2, panels)):
        pack(*map(ctypes.c_long, (first, behind, k, n)), *right, memory)
    times(
        *map(ctypes.c_long, (m, n, k)), *left, memory, *result,
        ctypes.c_void_p(room.data) if room else None,
    )  # fmt: skip


def stored(shape: tuple[int, int], transposed: bool, dtype: str) -> Array:
    """Whole numbers, so that products are exact in any order; between others, that are NaN."""
    rows = np.full((shape[1], shape[0] + 3) if transposed else (shape[0], shape[1] + 3), np.nan)
    matrix = rows.astype(dtype)[:, :-3]
    matrix[:] = RNG.integers(-9, 10, matrix.shape)
    return matrix.T if transposed else matrix


@pytest.mark.parametrize("dtype", FUNCTIONS)
@pytest.mark.parametrize("transposed", range(8))
@pytest.mark.parametrize("rows", [*range(1, 14), 25, 50])
def test_sizes_and_strides(rows: int, transposed: int, dtype: str) -> None:
    for columns in (1, 15, 16, 33, 130):
        for inner in (1, 2, 19):
            a = stored((rows, inner), bool(transposed & 1), dtype)
            b = stored((inner, columns), bool(transposed & 2), dtype)
            out = stored((rows, columns), bool(transposed & 4), dtype)
            around = out.base.copy()
            product(a, b, out, lined_up=bool(columns % 2))
            np.testing.assert_array_equal(out, a @ b)
            np.testing.assert_array_equal(np.isnan(out.base), np.isnan(around))


def test_what_is_no_number_stays_in_its_row_and_column() -> None:
    a, b = stored((7, 5), False, "float32"), stored((5, 40), False, "float32")
    a[3, 2], b[1, 4] = np.nan, np.inf
    out = stored((7, 40), False, "float32")
    with np.errstate(invalid="ignore"):
        expected = np.add.reduce(a[:, :, None] * b, axis=1)
    product(a, b, out, lined_up=False)
    np.testing.assert_array_equal(out, expected)
