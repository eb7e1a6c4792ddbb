"""CuPy programs, by a stand-in for CuPy whose kernels run on the host: they are as interpreted."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import minigrad as mg
from minigrad.errors import NotFiniteError
from minigrad.interpret import evaluate
from tests.compile.cuda.host import needs_compiler
from tests.compile.cuda.networks import batch, every_gate, lstm, values_of
from tests.differential import assert_close, assert_compiled_right
from tests.test_random_graphs import check, numbers, sizes, unshrunk

pytestmark = [needs_compiler, pytest.mark.usefixtures("cupy")]

ALL: dict[str, Any] = {"all passes": True}
NONE: dict[str, Any] = {"no pass": False}
few = settings(
    unshrunk, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@few
@given(numbers, sizes)
def test_random_graphs(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-9, loops=0, ways=ALL)


@few
@given(numbers, sizes)
def test_random_loops(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-8, loops=2, ways=ALL)


@few
@given(numbers, sizes)
def test_random_loops_as_they_are_written(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-8, loops=1, ways=NONE)


@pytest.mark.parametrize("check_nan", [False, True])
@pytest.mark.parametrize("sizes", ["usual", "ones", "empty"])
def test_every_gate(sizes: str, check_nan: bool) -> None:
    cases, outputs, values = every_gate(sizes)
    if check_nan:  # some make them, and some are given them
        made = [all(np.isfinite(a).all() for a in evaluate(o, values)) for o in outputs]
        cases, outputs = (
            [x for x, finite in zip(every, made, strict=True) if finite]
            for every in (cases, outputs)
        )
    f = mg.function(list(values), outputs, optimize=False, check_nan=check_nan)
    for case, found, made in zip(cases, f(*values.values()), outputs, strict=True):
        for a, b in zip(found, evaluate(made, values), strict=True):
            assert_close(a, b, 1e-6, str(case))


def test_a_network_is_trained_as_on_the_cpu() -> None:
    inputs, loss, weights, updates = lstm()
    train = mg.function(inputs, loss, updates)
    *same, plain = lstm()
    also = mg.function(same[0], same[1], plain, backend="numpy")
    for step in range(5):
        found, expected = train(*batch(step)), also(*batch(step))
        assert float(found.get()) == pytest.approx(float(expected), rel=1e-4)
    for name, value in values_of(same[2]).items():
        np.testing.assert_allclose(values_of(weights)[name], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_are_those_of_the_cpu(dtype: str) -> None:
    here, there = (
        mg.function([], mg.random.Generator(seed=3).uniform((7, 3), dtype=dtype), backend=backend)
        for backend in ("cupy", "numpy")
    )
    for _ in range(3):
        np.testing.assert_array_equal(here().get(), there())


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_outside_is_an_error_with_the_users_line(index: int) -> None:
    w, ids = mg.parameter(np.zeros((2, 3), "float32")), mg.input("ids", (2,), "int64")
    loss = mg.nn.losses.softmax_cross_entropy(w, ids)
    f = mg.function([ids], loss, mg.optim.SGD(1.0).updates(loss, [w]))
    with pytest.raises(IndexError, match=r"of size 3, in take_along at .*test_programs.py"):
        f([0, index])
    assert not w.get_value().any()
    f([0, 1])  # it forgets that there was one
    assert w.get_value().any()


@pytest.mark.parametrize("ids", [[0, 2, 1], [5, -1, 0]])
def test_rows_of_a_table_are_nan_where_the_product_with_one_hot_is(ids: list[int]) -> None:
    table, where = mg.input("table", (3, 2)), mg.input("ids", (3,), "int64")
    values = {where: np.array(ids), table: np.array([[1, np.inf], [2, 5], [3, 4]], "float32")}
    assert_compiled_right([mg.one_hot(where, 3) @ table], values, 1e-6, ALL)


def test_a_nan_is_blamed_on_its_gate_and_step() -> None:
    xs = mg.input("xs", ("T", 2))
    last, _ = mg.scan(lambda h, x: (mg.log(h) + x, None), mg.ones((2,)), xs)
    f = mg.function([xs], last, check_nan=True)
    f(np.ones((1, 2), "float32"))
    with pytest.raises(NotFiniteError, match="log made an infinity in time step 1"):
        f(np.zeros((2, 2), "float32"))


def test_a_carry_of_one_number_is_not_what_the_next_step_makes() -> None:
    xs = mg.input("xs", ("T",), "float64")
    zero = mg.constant(0.0, "float64")
    last, sums = mg.scan(lambda c, x: ((c[0] + x, c[0]), c[1]), (zero, zero), xs)
    values = {xs: np.array([1.0, 2, 3, 4])}
    assert_compiled_right([*last, sums], values, 1e-12, ALL | NONE)


def test_arguments_may_lie_anyhow(cupy: Any) -> None:
    x = mg.input("x", (3, 4))
    f = mg.function([x], mg.exp(x * 2))
    a = np.arange(24, dtype="float32").reshape(4, 6)[:, ::2].T / 24
    turned = cupy.asarray(a.T.copy()).transpose((1, 0))
    for argument in (a, a.tolist(), cupy.asarray(a), turned):
        np.testing.assert_allclose(f(argument).get(), np.exp(a * 2), rtol=1e-6)


def test_what_all_steps_read_is_made_contiguous_before_them() -> None:
    """What a loop has carried may lie anywhere."""
    xs = mg.input("xs", ("T", 3), "float64")
    start = mg.zeros((3,), "float64")
    first, _ = mg.scan(lambda h, x: (mg.sin(h + x), None), start, xs)
    last, _ = mg.scan(lambda h, x: (mg.sin(h * x) - first, None), start, xs)
    f = mg.function([xs], last)
    lines = f.source("cupy", T=4).partition("def program")[2].splitlines()
    (place,) = [i for i, line in enumerate(lines) if "= contiguous(" in line]
    _, loop = [i for i, line in enumerate(lines) if "for t" in line]
    assert place < loop
    assert_compiled_right([last], {xs: np.arange(12.0).reshape(4, 3)}, 1e-12, ALL)


def test_results_are_fresh() -> None:
    x = mg.input("x", (3,))
    f = mg.function([x], [x * 2, x, x[::-1]])
    first = f([1.0, 2.0, 3.0])
    f([7.0, 8.0, 9.0])
    assert [r.get().tolist() for r in first] == [[2, 4, 6], [1, 2, 3], [3, 2, 1]]
    assert all(r.base is None for r in first)


def test_the_report_names_the_backend() -> None:
    f = mg.function([], mg.parameter(1.0, "w") * 2)
    f()
    assert "1 planned, 1 kept (CuPy and CUDA)" in f.report()
