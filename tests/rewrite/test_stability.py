"""Formulas that overflow as written: right where they do, and the same where they do not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import Graph, leaves
from minigrad.loops import Scan
from minigrad.rewrite import PASSES
from tests.helpers import Array, assert_same

FLOATS = ("float32", "float64")
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
FAR = [[1000.0, -1000.0, 0.0], [-1000.0, -1001.0, -1000.0], [1000.0, 1000.0, 999.0]]
NEAR = [[0.5, -1.0, 0.25], [2.0, 2.0, -0.125], [-3.0, 0.0, 1.0]]
SMALL = [[1e-30, -1e-30, 0.0], [1e-20, 1e-10, -1e-10], [0.0, 1e-9, 1e-12]]

Formula = Callable[[Any], Any]
each_dtype = pytest.mark.parametrize("dtype", FLOATS)


def ratio(e: mg.Variable, axis: int = -1) -> mg.Variable:
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x: Array, axis: int = -1) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def log_sum(x: Array, axis: int = -1) -> Array:
    return np.logaddexp.reduce(x, axis)


def sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


# the formula, what it is in NumPy, a gate it is made of then, and where it overflows or cancels
RULES: dict[str, tuple[Formula, Callable[[Array], Array], str, list[list[float]]]] = {
    "log(softmax(x))": (lambda x: mg.log(mg.softmax(x)), log_softmax, "log_softmax", FAR),
    "log(softmax(x)), down": (
        lambda x: mg.log(mg.softmax(x, axis=0)),
        lambda x: log_softmax(x, 0),
        "log_softmax",
        FAR,
    ),
    "log(σ(x))": (lambda x: mg.log(mg.sigmoid(x)), lambda x: -np.logaddexp(0, -x), "softplus", FAR),
    "log(Σ eˣ)": (lambda x: mg.log(mg.exp(x).sum(axis=-1)), log_sum, "log_sum_exp", FAR),
    "log(Σ eˣ), kept": (
        lambda x: mg.log(mg.exp(x).sum(axis=0, keepdims=True)),
        lambda x: log_sum(x, 0)[None],
        "log_sum_exp",
        FAR,
    ),
    "eˣ / Σ eˣ": (lambda x: ratio(mg.exp(x)), lambda x: np.exp(log_softmax(x)), "softmax", FAR),
    "eˣ / Σ eˣ, down": (
        lambda x: ratio(mg.exp(x), 0),
        lambda x: np.exp(log_softmax(x, 0)),
        "softmax",
        FAR,
    ),
    "log(1 + eˣ)": (lambda x: mg.log(1 + mg.exp(x)), lambda x: np.logaddexp(0, x), "softplus", FAR),
    "log(eˣ + 1)": (lambda x: mg.log(mg.exp(x) + 1), lambda x: np.logaddexp(0, x), "softplus", FAR),
    "log(1 + x²)": (lambda x: mg.log(1 + x * x), lambda x: np.log1p(x * x), "log1p", SMALL),
    "log(x + 1)": (lambda x: mg.log(abs(x) + 1), lambda x: np.log1p(abs(x)), "log1p", SMALL),
    "eˣ - 1": (lambda x: mg.exp(x) - 1, np.expm1, "expm1", SMALL),
    "eˣ / eʸ": (lambda x: mg.exp(x) / mg.exp(x + 2), lambda x: np.exp(0 * x - 2), "exp", FAR),
}
each_rule = pytest.mark.parametrize("name", RULES)

a = mg.input("a", ("N", 3), "float64")

# what cancels, and what is left of it: where s is zero, the formula is NaN
CANCELLED: dict[str, tuple[Formula, Formula]] = {
    "(a / s) · s": (lambda s: (a / s) * s, lambda s: a),
    "s · (a / s)": (lambda s: s * (a / s), lambda s: a),
    "(a / s) · (s · b)": (lambda s: (a / s) * (s * 5), lambda s: a * 5),
    "(b · s) · (a / s)": (lambda s: (a * s) * (a / s), lambda s: a * a),
    "s · (a / s - b)": (lambda s: s * (a / s - 2), lambda s: a - s * 2),
    "(a / s - b) · s": (lambda s: (a / s - a) * s, lambda s: a - s * a),
}


def function(x: mg.Variable, y: Any, optimize: Any = True) -> Callable[[Any], Any]:
    f = mg.function([x], y, optimize=optimize)
    return lambda value: f(np.asarray(value, x.dtype))


def input(dtype: str = "float64") -> mg.Variable:
    return mg.input("x", ("N", 3), dtype)


def gates(v: mg.Variable) -> list[str]:
    """Of the graph of v after the pass."""
    inputs = tuple(u for u in leaves([v]) if not isinstance(u, mg.Constant))
    return [str(apply.gate) for apply in PASSES["stability"](Graph(inputs, (v,))).applies()]


def assert_right(found: Any, expected: Array, dtype: str) -> None:
    assert_same(found, expected.astype(dtype), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] ** 8)


# ---------------------------------------------------------------- the rules


@each_dtype
@each_rule
def test_a_rule_is_right_where_the_formula_is_not(name: str, dtype: str) -> None:
    formula, right, gate, hard = RULES[name]
    x = input(dtype)
    at = np.array(hard, dtype)
    assert any(found.startswith(gate) for found in gates(formula(x)))
    assert_right(function(x, formula(x))(at), right(at.astype("float64")), dtype)


@each_dtype
@each_rule
def test_a_rule_gives_what_the_formula_does_where_that_is_right(name: str, dtype: str) -> None:
    x = input(dtype)
    y = RULES[name][0](x)
    found, expected = function(x, y)(NEAR), y.eval({x: np.array(NEAR, dtype)})
    assert_same(found, expected, rtol=3 * TOLERANCE[dtype], atol=TOLERANCE[dtype])


@each_rule
def test_switched_off_the_formula_is_computed_as_it_is_written(name: str) -> None:
    x = input()
    formula, right, _, hard = RULES[name]
    y = formula(x)
    found = function(x, y, optimize={"stability": False})(hard)
    np.testing.assert_allclose(found, y.eval({x: hard}), rtol=1e-15)
    assert not np.allclose(found, right(np.array(hard)), rtol=1e-9, atol=0)


@pytest.mark.parametrize("positive", [mg.exp, mg.sigmoid, mg.softmax])
@pytest.mark.parametrize("name", CANCELLED)
def test_what_cancels_in_gradients(name: str, positive: Formula) -> None:
    written, left = CANCELLED[name]
    x = input()
    f = mg.function([x, a], written(positive(x)))
    for at in ([[0.0, -1000.0, -1000.0]], NEAR):
        given = {x: np.array(at), a: np.array(at) + 5}
        expected = left(positive(x)).eval(given)
        np.testing.assert_allclose(f(*given.values()), expected, rtol=1e-13)


def test_what_may_be_zero_does_not_cancel() -> None:
    x = input()
    for s in (x, mg.tanh(x), x * x, mg.relu(x)):
        assert np.isnan(function(x, (x / s) * s)(np.zeros((2, 3)))).all()


# ---------------------------------------------------------------- gradients


@each_dtype
@pytest.mark.parametrize("at", [FAR, NEAR], ids=["far", "near"])
def test_gradients_of_losses_are_finite_and_right(at: Any, dtype: str) -> None:
    x, value = input(dtype), np.array(at)
    picked = mg.log(mg.softmax(x))[:, 0].sum()
    right = np.eye(3)[[0, 0, 0]] - np.exp(log_softmax(value))
    assert_right(function(x, mg.grad(picked, x))(at), right, dtype)
    total = mg.log(mg.sigmoid(x)).sum()
    assert_right(function(x, mg.grad(total, x))(at), sigmoid(-value), dtype)


# ---------------------------------------------------------------- where they apply


@each_rule
def test_in_a_scan(name: str) -> None:
    formula, right, gate, hard = RULES[name]
    xs = mg.input("xs", ("T", 3, 3), "float64")
    _, ys = mg.scan(lambda h, x: (h + x, formula(x)), np.zeros((3, 3)), xs)
    found = mg.function([xs], ys)(np.array([hard, NEAR]))
    expected = np.array([right(np.array(hard)), right(np.array(NEAR))])
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    graph = PASSES["stability"](Graph((xs,), (ys,)))
    (loop,) = (a.gate for a in graph.applies() if isinstance(a.gate, Scan))
    assert any(str(apply.gate).startswith(gate) for apply in loop.body.applies())


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_integers_and_booleans_are_left_alone(dtype: str) -> None:
    n = mg.input("n", (3,), dtype)
    for y in (mg.log(1 + n), 1 + n - 1, (3 / (1 + n)) * (1 + n), mg.log(1 + n.astype("int64"))):
        for optimize in (True, {"stability": False}):
            found = mg.function([n], y, optimize=optimize)(np.array([1, 0, 1], dtype))
            assert_same(found, y.eval({n: np.array([1, 0, 1], dtype)}), rtol=1e-15)


def test_a_nan_stays_one() -> None:
    x, y = mg.inputs("x y", (2,), "float64")
    for s in (mg.exp(x), mg.sigmoid(x), mg.softmax(x)):
        for formula in ((y / s) * s, s * (y / s - y), (y / s) * (s * y)):
            at = {x: np.array([np.nan, 1.0]), y: np.ones(2)}
            found = mg.function([x, y], formula)(at[x], at[y])
            np.testing.assert_array_equal(np.isnan(found), np.isnan(formula.eval(at)))
