"""Programs in C: they are as interpreted, and what they cannot do NumPy does."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import minigrad as mg
from minigrad.errors import BackendError
from minigrad.interpret import evaluate
from minigrad.native import find_blas, find_compiler
from tests.differential import assert_compiled_right
from tests.helpers import Array
from tests.test_random_graphs import check, numbers, sizes, unshrunk

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler here")


in_c = settings(
    unshrunk, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGRAD_BACKEND", "c")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def kernels(f: Any, **at: int) -> str:
    """The functions of its C source."""
    source: str = f.source("c", **at)
    return source[source.index("long kernel_0") :]


def test_elementwise_gates_are_one_loop_and_what_is_between_stays_in_registers() -> None:
    x, y = mg.input("x", (1000,)), mg.input("y", (1000,))
    f = mg.function([x, y], mg.tanh(x * y + x) * 2)
    assert kernels(f).count("for (") == 1
    a, b = np.linspace(-2, 2, 1000, dtype="float32"), np.linspace(3, 1, 1000, dtype="float32")
    np.testing.assert_allclose(f(a, b), np.tanh(a * b + a) * 2, rtol=1e-6)


def test_softmax_is_done_row_by_row() -> None:
    x = mg.input("x", (7, 33))
    f = mg.function([x], mg.log_softmax(x * 3))
    assert kernels(f).count("< 7;") == 1
    a = np.random.default_rng(0).normal(size=(7, 33)).astype("float32")
    np.testing.assert_allclose(f(a), evaluate([mg.log_softmax(x * 3)], {x: a})[0], rtol=1e-5)


@pytest.mark.skipif(find_blas() is None, reason="no BLAS that C can call")
def test_a_loop_runs_without_python() -> None:
    xs, h0 = mg.input("xs", ("T", "B", 3)), mg.input("h0", ("B", 4))
    w, u = mg.parameter(np.eye(3, 4, dtype="float32")), mg.parameter(np.eye(4, dtype="float32"))
    last, hs = mg.scan(lambda h, x: (mg.tanh(x @ w + h @ u),) * 2, h0, xs)
    f = mg.function([xs, h0], [last, hs, mg.grad((hs * hs).sum(), w)])
    assert "gemm" in kernels(f, T=5, B=2)
    values = {xs: np.ones((5, 2, 3), "float32"), h0: np.zeros((2, 4), "float32")}
    assert_compiled_right([last, hs, mg.grad((hs * hs).sum(), w)], values, 1e-5, {"all": True})


def test_without_blas_numpy_does_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.compile.c.products.find_blas", lambda: None)
    x = mg.input("x", (2, 3))
    f = mg.function([x], mg.exp(x @ x.mT) + 1)
    assert "gemm(" not in kernels(f).replace("gemm_t *const", "")
    np.testing.assert_allclose(f(np.ones((2, 3), "float32")), np.full((2, 2), np.exp(3) + 1), 1e-6)


@pytest.mark.parametrize("names", ["fs", "sf", "fsf", "sfs"])
def test_a_reduction_beside_elementwise_gates_of_all_rows(names: str) -> None:
    x = mg.input("x", (2, 3), "float64")
    made = [mg.min(x, axis=1) if name == "f" else mg.sin(x) for name in names]
    values = {x: np.arange(6.0).reshape(2, 3)}
    assert_compiled_right(made, values, 1e-12, {"no pass": False})


def test_its_lines_name_the_users() -> None:
    x = mg.input("x", (4,))
    assert "// test_c.py:" in kernels(mg.function([x], mg.exp(x) + 1))


def test_lines_that_move_are_not_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path))
    x = mg.input("x", (1237,))
    f = mg.function([x], mg.exp(x) - 1)
    g = mg.function([x], mg.exp(x) - 1)
    assert f.source("c") != g.source("c")
    np.testing.assert_array_equal(f(np.zeros(1237, "float32")), g(np.zeros(1237, "float32")))
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_not_covered_numpy_does_between() -> None:
    x = mg.input("x", (5,), "int64")
    y = (x + 1) ** x * 2
    f = mg.function([x], y)
    assert kernels(f).count("long kernel_") == 2
    np.testing.assert_array_equal(f(np.arange(5)), [2, 4, 18, 128, 1250])


def test_a_view_that_numpy_made_is_not_written_into() -> None:
    x, b = mg.input("x", (3,), "int64"), mg.input("b", (3, 3), "float64")
    y = mg.flip(x @ b, 0) + mg.take(b[0], x, axis=0)
    values = {x: np.array([0, 1, 2]), b: np.arange(9.0).reshape(3, 3)}
    assert_compiled_right([y], values, 1e-12, {"all": True})


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_outside_is_an_error_with_the_users_line(index: int) -> None:
    x, ids = mg.input("x", (2, 3)), mg.input("ids", (2,), "int64")
    f = mg.function([x, ids], mg.nn.losses.negative_log_likelihood(x, ids))
    f(np.ones((2, 3), "float32"), [0, -1])
    with pytest.raises(IndexError, match="size 3"):
        f(np.ones((2, 3), "float32"), [0, index])


def test_no_parameter_changes_where_an_index_is_outside() -> None:
    w, ids = mg.parameter(np.zeros((2, 3), "float32")), mg.input("ids", (2,), "int64")
    loss = mg.nn.losses.softmax_cross_entropy(w, ids)
    f = mg.function([ids], loss, mg.optim.SGD(1.0).updates(loss, [w]))
    with pytest.raises(IndexError):
        f([0, 7])
    assert not w.get_value().any()


@pytest.mark.parametrize("ids", [[0, 2, 1], [5, -1, 0]])
def test_rows_of_a_table_are_nan_where_the_product_with_one_hot_is(ids: list[int]) -> None:
    table, where = mg.input("table", (3, 2)), mg.input("ids", (3,), "int64")
    values = {where: np.array(ids), table: np.array([[1, np.inf], [2, 5], [3, 4]], "float32")}
    assert_compiled_right([mg.one_hot(where, 3) @ table], values, 1e-6, {"all": True})


def test_arguments_may_lie_anyhow() -> None:
    x = mg.input("x", (3, 4))
    f = mg.function([x], x * 2)
    a = np.arange(24, dtype="float32").reshape(4, 6)[:, ::2].T
    np.testing.assert_array_equal(f(a), a * 2)
    odd = np.zeros(49, np.uint8)[1:].view("float32").reshape(3, 4)
    assert not odd.flags.aligned
    odd[:] = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(f(odd), odd * 2)


def test_results_are_fresh() -> None:
    x = mg.input("x", (3,))
    f = mg.function([x], x * 2)
    first = f([1.0, 2.0, 3.0])
    f([7.0, 8.0, 9.0])
    np.testing.assert_array_equal(first, [2, 4, 6])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
def test_dtypes(dtype: str) -> None:
    x, y = mg.input("x", (6,), dtype), mg.input("y", (6,), dtype)
    made = [x + y, x * y, mg.maximum(x, y), mg.where(x < y, x, y), x.astype("float64") / 3]
    values: dict[Any, Array] = {
        x: np.array([0, 1, 2, 3, 1, 0]).astype(dtype),
        y: np.array([1, 1, 3, 2, 0, 0]).astype(dtype),
    }
    assert_compiled_right(made, values, 1e-6, {"all": True})


@in_c
@given(numbers, sizes)
def test_random_graphs(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-9, loops=0, ways={"all passes": True})


@in_c
@given(numbers, sizes)
def test_random_loops(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-8, loops=2, ways={"all passes": True})


def test_where_the_compiler_fails_numpy_does_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo odd && exit 0\necho no luck >&2\nexit 1\n'
    )
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(compiler))
    x = mg.input("x")
    f = mg.function([x], mg.exp(x), name="f")
    with pytest.warns(UserWarning, match="(?s)f runs in NumPy alone.*no luck"):
        assert f(0.0) == 1
    assert f(0.0) == 1


def test_without_a_compiler_c_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("CC", raising=False)
    x = mg.input("x")
    with pytest.raises(BackendError, match="compiler"):
        mg.function([x], mg.exp(x), backend="c")


def test_auto_is_c_where_a_compiler_is_and_else_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIGRAD_BACKEND")
    x = mg.input("x")
    assert "(C and NumPy)" in mg.function([x], mg.exp(x)).report()
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("CC", raising=False)
    f = mg.function([x], mg.exp(x))
    assert f(0.0) == 1
    assert "(NumPy alone, since there is no cc, gcc or clang on the PATH" in f.report()


def test_long_groups_are_parted() -> None:
    x = mg.input("x", (8,), "float64")
    y = x
    for _ in range(100):
        y = mg.sin(y)
    f = mg.function([x], y)
    assert kernels(f).count("for (") == 2
    np.testing.assert_allclose(f(np.ones(8)), y.eval({x: np.ones(8)}), 1e-12)


def test_a_backend_that_is_not_there() -> None:
    with pytest.raises(BackendError, match='"numpy", "c", "cupy" or "auto"'):
        mg.function([], mg.constant(1.0), backend="cuda")
