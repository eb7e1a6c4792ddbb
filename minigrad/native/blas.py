"""Where the matrix products of BLAS are in memory, for C code to call through pointers.

There are two doors. The first is the BLAS that NumPy itself calls, found by its symbols through the
extension module that is linked to it, wherever that library lies: one pool of threads, and the
numbers of ``np.matmul`` bit for bit. The second is what SciPy exports to Cython, by a library and a
pool of its own. Alone, both take the same time; but on two cores a product of (50, 128) and
(128, 512) that takes 49 µs took SciPy 4 ms right after one by NumPy, whose threads still held the
cores. So the second is for where the first is closed, as on macOS where NumPy calls Accelerate.

A door is trusted once its products of NaN and infinities, and into stale memory, are as defined.
"""

import ctypes
import importlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from ..types import Array

__all__ = ["Blas", "find_blas"]


@dataclass(frozen=True)
class Blas:
    """Addresses of ``gemm`` and ``gemv`` in single (s) and double (d) precision.

    `interface` is "cblas" (numbers by value; row-major order may be asked for) or "fortran" (all by
    pointer; column-major, so C = AB is asked for as Cᵀ = BᵀAᵀ). Sizes and strides are signed and
    have `int_bits` bits; the enums of cblas (order, transposed or not) are ints.
    """

    interface: Literal["cblas", "fortran"]
    int_bits: Literal[32, 64]
    sgemm: int
    dgemm: int
    sgemv: int
    dgemv: int
    origin: str
    threads: tuple[int, int] = (0, 0)
    """Addresses of what tells the number of its threads, and of what sets it; 0 where unknown."""


_ROUTINES = ("sgemm", "dgemm", "sgemv", "dgemv")


@cache
def find_blas() -> Blas | None:
    """The first that computes what it should; None where there is none."""
    for door in (_of_numpy, _of_scipy):
        for blas in door():
            if _is_right(blas):
                return blas
    return None


def _of_numpy() -> Iterator[Blas]:
    """A library's symbols are looked for in what it is linked to as well: so through NumPy's module
    its BLAS is found, whatever its file is called."""
    try:
        module = importlib.import_module("numpy._core._multiarray_umath")
        wide = importlib.import_module("numpy.linalg.lapack_lite")._ilp64
        library = ctypes.CDLL(module.__file__)
    except (ImportError, AttributeError, TypeError, OSError):  # no such module, or not from a file
        return
    # A name without 64_ says nothing of its integers, so NumPy is asked: wrong ones may crash
    for prefix, suffix in [("scipy_", "64_"), ("", "64_")] if wide else [("scipy_", ""), ("", "")]:
        names = [f"{prefix}cblas_{routine}{suffix}" for routine in _ROUTINES]
        try:
            found = [ctypes.cast(library[name], ctypes.c_void_p).value or 0 for name in names]
        except AttributeError:
            continue
        sgemm, dgemm, sgemv, dgemv = found
        origin = f"{names[0]} of the library that NumPy calls"
        bits: Literal[32, 64] = 64 if wide else 32
        threads = _threads(library, f"{prefix}openblas", suffix)
        yield Blas("cblas", bits, sgemm, dgemm, sgemv, dgemv, origin, threads)


def _threads(library: ctypes.CDLL, prefix: str, suffix: str) -> tuple[int, int]:
    names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
    if not all(hasattr(library, name) for name in names):
        return 0, 0
    get, put = (ctypes.cast(library[name], ctypes.c_void_p).value or 0 for name in names)
    return get, put


def _of_scipy() -> Iterator[Blas]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of one that was built for another NumPy
            exported = importlib.import_module("scipy.linalg.cython_blas").__pyx_capi__
        found = [_capsule(exported[routine]) for routine in _ROUTINES]
    except Exception:  # no SciPy, or one that fails in a way of its own when it is imported
        return
    if all(re.match(r"void \((char \*, )+int \*", signature) for _, signature in found):
        sgemm, dgemm, sgemv, dgemv = (address for address, _ in found)
        yield Blas("fortran", 32, sgemm, dgemm, sgemv, dgemv, "cython_blas of SciPy")


def _capsule(exported: object) -> tuple[int, str]:
    """The address in a capsule, and its name, which is the C signature."""
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(
        ("PyCapsule_GetName", ctypes.pythonapi)
    )
    address_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    name = name_of(exported)
    return address_of(exported, name), name.decode()


def _is_right(blas: Blas) -> bool:
    """Whether all four agree with the definition, with operands that are stored transposed too. The
    results go into memory that is full of NaN, which the factor 0 before it must not let in."""
    for dtype in (np.float32, np.float64):
        a, b = np.arange(-9, 11, dtype=dtype).reshape(5, 4), np.ones((4, 6), dtype)
        a[0] = 0, 1, 2, -np.inf
        a[2, 1] = np.nan
        b[0] = np.inf, np.nan, 0, 1, -1, 2  # so 0·∞, 0·NaN and ∞ − ∞ are among what is added up
        b[3] = -1, 2, 1, 0, -3, -1
        with np.errstate(invalid="ignore"):
            expected = np.add.reduce(a[:, :, None] * b, axis=1)
        for transposed in (False, True):
            columns = [_gemv(blas, a, x.copy(), transposed) for x in b.T]
            for found in (_gemm(blas, a, b, transposed), np.stack(columns, axis=1)):
                if not np.array_equal(found, expected, equal_nan=True):
                    return False
    return True


_ROW_MAJOR = ctypes.c_int(101)


def _gemm(blas: Blas, a: Array, b: Array, transposed: bool) -> Array:
    """a @ b, in rows that are longer than they need be."""
    (m, k), n, row = a.shape, b.shape[1], b.shape[1] + 2
    a, b, c = _stored(a, transposed), _stored(b, transposed), np.full((m, row), np.nan, a.dtype)
    left, right = (a, a.shape[1]), (b, b.shape[1])
    if blas.interface == "cblas":
        form = [_ROW_MAJOR, transposed, transposed, m, n, k, 1.0, *left, *right]
    else:
        form = [transposed, transposed, n, m, k, 1.0, *right, *left]
    _call(blas, "gemm", a.dtype, *form, 0.0, c, row)
    return c[:, :n]


def _gemv(blas: Blas, a: Array, x: Array, transposed: bool) -> Array:
    y = np.full(a.shape[0], np.nan, a.dtype)
    a = _stored(a, transposed)
    rows, columns = a.shape
    if blas.interface == "cblas":
        form = [_ROW_MAJOR, transposed, rows, columns]
    else:
        form = [not transposed, columns, rows]
    _call(blas, "gemv", a.dtype, *form, 1.0, a, columns, x, 1, 0.0, y, 1)
    return y


def _stored(a: Array, transposed: bool) -> Array:
    return np.ascontiguousarray(a.T if transposed else a)


def _call(blas: Blas, routine: str, dtype: np.dtype[Any], *arguments: object) -> None:
    """Flags (transposed or not) are given as bool, sizes as int, factors as float."""
    single, c = dtype == np.float32, blas.interface == "cblas"
    size = ctypes.c_int64 if blas.int_bits == 64 else ctypes.c_int32
    factor = ctypes.c_float if single else ctypes.c_double

    def passed(argument: Any) -> Any:
        if isinstance(argument, np.ndarray):
            return ctypes.c_void_p(argument.ctypes.data)
        if isinstance(argument, bool):
            return (
                ctypes.c_int(111 + argument) if c else ctypes.c_char_p(b"T" if argument else b"N")
            )
        if isinstance(argument, int | float):
            value = size(argument) if isinstance(argument, int) else factor(argument)
            return value if c else ctypes.byref(value)
        return argument

    address = getattr(blas, ("s" if single else "d") + routine)
    ctypes.CFUNCTYPE(None)(address)(*map(passed, arguments))
