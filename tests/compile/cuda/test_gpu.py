"""On a GPU, by CuPy itself: every gate, loops, gradients, and a network that is trained."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import minigrad as mg
from minigrad.errors import BackendError
from minigrad.interpret import evaluate
from tests.compile.cuda.networks import batch, every_gate, lstm, values_of
from tests.differential import assert_close
from tests.test_random_graphs import check, numbers, sizes, unshrunk


def missing() -> str:
    """Why there is no GPU to test on; "" where there is one."""
    try:
        mg.function([], mg.constant(1.0), backend="cupy")
    except BackendError as error:
        return error.message
    return ""


WHY = missing()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY)

ALL: dict[str, Any] = {"all passes": True}
few = settings(
    unshrunk, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGRAD_BACKEND", "cupy")


@pytest.mark.parametrize("sizes", ["usual", "ones", "empty"])
def test_every_gate(sizes: str) -> None:
    cases, outputs, values = every_gate(sizes)
    f = mg.function(list(values), outputs, optimize=False)
    for case, found, made in zip(cases, f(*values.values()), outputs, strict=True):
        for a, b in zip(found, evaluate(made, values), strict=True):
            assert_close(a, b, 1e-5, str(case))


@few
@given(numbers, sizes)
def test_random_graphs(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-9, loops=0, ways=ALL)


@few
@given(numbers, sizes)
def test_random_loops_and_their_gradients(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-8, loops=2, ways=ALL)


@pytest.mark.parametrize("matmul_dtype", [None, "float16"])
def test_a_network_is_trained_as_on_the_cpu(matmul_dtype: str | None) -> None:
    inputs, loss, weights, updates = lstm()
    train = mg.function(inputs, loss, updates, matmul_dtype=matmul_dtype)
    *same, plain = lstm()
    also = mg.function(same[0], same[1], plain, backend="numpy")
    losses = []
    for step in range(60):
        found, expected = float(train(*batch(step % 2)).get()), float(also(*batch(step % 2)))
        if step < 5:
            assert found == pytest.approx(expected, rel=1e-2 if matmul_dtype else 1e-4)
        losses.append(found)
    assert losses[-1] < 0.5 * losses[0]
    if matmul_dtype is None:
        for name, value in values_of(same[2]).items():
            np.testing.assert_allclose(values_of(weights)[name], value, rtol=0.05, atol=0.02)


def test_rows_of_any_length_add_up() -> None:
    for shape in ((3, 1), (300, 7), (5, 1000), (400, 9000), (2, 100_000)):
        a = np.random.default_rng(0).normal(size=shape).astype("float32")
        x = mg.input("x", ("N", "K"))
        f = mg.function([x], [mg.softmax(x), mg.exp(x).sum(axis=1), x.max(axis=1)])
        expected = evaluate([mg.softmax(x), mg.exp(x).sum(axis=1), x.max(axis=1)], {x: a})
        for i, (found, right) in enumerate(zip(f(a), expected, strict=True)):
            assert_close(found, right, 1e-4, f"output {i} of {shape}")


def test_draws_are_those_of_the_cpu() -> None:
    here, there = (
        mg.function([], mg.random.Generator(seed=3).uniform((1000, 3)), backend=backend)
        for backend in ("cupy", "numpy")
    )
    for _ in range(3):
        np.testing.assert_array_equal(here().get(), there())


def test_an_index_outside_is_an_error() -> None:
    x, ids = mg.input("x", (7, 3)), mg.input("ids", (2,), "int64")
    f = mg.function([x, ids], mg.take(x, ids, axis=0))
    a = np.arange(21, dtype="float32").reshape(7, 3)
    np.testing.assert_array_equal(f(a, [6, -7]).get(), a[[6, -7]])
    with pytest.raises(IndexError, match="of size 7, in take at"):
        f(a, [6, 7])
