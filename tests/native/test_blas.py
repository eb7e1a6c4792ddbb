"""The matrix products of BLAS, by their addresses."""

import _ctypes
import ctypes
import importlib.util
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from minigrad.native import Blas, blas, find_blas


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    find_blas.cache_clear()
    yield
    find_blas.cache_clear()


def of_numpy() -> Blas:
    found = next(blas._of_numpy(), None)
    if found is None:
        pytest.skip("the BLAS of this NumPy shows no symbols")
    return found


@pytest.fixture(params=["numpy", "scipy"])
def door(request: pytest.FixtureRequest) -> Blas:
    if request.param == "numpy":
        return of_numpy()
    if importlib.util.find_spec("scipy") is None:
        pytest.skip("there is no SciPy")
    return next(blas._of_scipy())


def test_the_one_that_numpy_calls_is_found_first() -> None:
    expected = of_numpy()
    found = find_blas()
    assert found == expected
    assert find_blas() is found
    assert found.interface == "cblas"
    assert re.fullmatch("(scipy_)?cblas_sgemm(64_)? of the library that NumPy calls", found.origin)
    assert len({found.sgemm, found.dgemm, found.sgemv, found.dgemv} - {0}) == 4


def test_each_door_is_right(door: Blas) -> None:
    assert blas._is_right(door)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [False, True])
def test_products(door: Blas, dtype: str, transposed: bool) -> None:
    rng = np.random.default_rng(0)
    for m, k, n in [(1, 1, 1), (2, 3, 5), (50, 128, 64), (7, 1, 4), (1, 100, 100)]:
        a, b = (rng.integers(-9, 9, size).astype(dtype) for size in ((m, k), (k, n)))
        np.testing.assert_array_equal(blas._gemm(door, a, b, transposed), a @ b)
        x = b[:, 0].copy()
        np.testing.assert_array_equal(blas._gemv(door, a, x, transposed), a @ x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_of_numpy_bit_for_bit(dtype: str) -> None:
    found = of_numpy()
    rng = np.random.default_rng(0)
    for m, k, n in [(2, 3, 5), (50, 128, 512), (128, 250, 60)]:
        a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
        np.testing.assert_array_equal(blas._gemm(found, a, b, False), a @ b)


ROUTINES = ("sgemm", "dgemm", "sgemv", "dgemv")


@pytest.mark.parametrize("routine", ROUTINES)
def test_a_door_that_computes_something_else_is_refused(routine: str) -> None:
    found = of_numpy()
    nothing = ctypes.CFUNCTYPE(None)(lambda: None)
    address = ctypes.cast(nothing, ctypes.c_void_p).value
    assert not blas._is_right(replace(found, **{routine: address}))


@pytest.mark.parametrize("routine", ["_gemm", "_gemv"])
@pytest.mark.parametrize("wrong", ["loses NaN", "lets stale memory in", "is rounded"])
def test_what_is_checked(routine: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_numpy()
    right = getattr(blas, routine)

    def other(*arguments: object) -> np.ndarray:
        product = right(*arguments)
        if wrong == "loses NaN":
            return np.nan_to_num(product, nan=0.0, posinf=np.inf, neginf=-np.inf)
        if wrong == "lets stale memory in":
            product[-1, ...] = np.nan
            return product
        return product * product.dtype.type(1 + 1e-6)

    assert blas._is_right(found)
    monkeypatch.setattr(blas, routine, other)
    assert not blas._is_right(found)


def test_where_the_first_is_wrong_the_second_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Blas("cblas", 64, n, n, n, n, str(n)) for n in (1, 2))
    monkeypatch.setattr(blas, "_of_numpy", lambda: iter([first]))
    monkeypatch.setattr(blas, "_of_scipy", lambda: iter([second]))
    monkeypatch.setattr(blas, "_is_right", lambda candidate: candidate is second)
    assert find_blas() is second
    find_blas.cache_clear()
    monkeypatch.setattr(blas, "_is_right", lambda candidate: False)
    assert find_blas() is None


def test_a_library_without_these_symbols_is_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ctypes.CDLL(_ctypes.__file__)
    monkeypatch.setattr(ctypes, "CDLL", lambda path: other)
    assert list(blas._of_numpy()) == []


def test_a_numpy_that_cannot_be_opened_is_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError("cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert list(blas._of_numpy()) == []


def test_no_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.linalg.cython_blas", None)
    assert list(blas._of_scipy()) == []


def test_a_scipy_of_other_integers_is_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        ("PyCapsule_New", ctypes.pythonapi)
    )
    for kind, known in [(b"int", True), (b"int64_t", False), (b"blas_int", False)]:
        signature = b"void (char *, char *, " + kind + b" *, float *)"
        module = types.ModuleType("scipy.linalg.cython_blas")
        module.__pyx_capi__ = {routine: make(16, signature, None) for routine in ROUTINES}
        for name in ("scipy", "scipy.linalg"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        monkeypatch.setitem(sys.modules, "scipy.linalg.cython_blas", module)
        found = list(blas._of_scipy())
        expected = [Blas("fortran", 32, 16, 16, 16, 16, "cython_blas of SciPy")]
        assert found == (expected if known else [])
