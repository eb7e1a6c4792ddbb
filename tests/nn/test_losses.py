"""Losses against plain NumPy, at sizes that overflow a naive formula, and their gradients."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from minigrad.nn import losses
from tests.helpers import assert_same, check_gradient, precise

T, B, V = 2, 3, 4
exact = partial(assert_same, rtol=1e-12, atol=1e-13)

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(T, B, V))
CLASSES = RNG.integers(V, size=(T, B))
ROWS = np.eye(V)[CLASSES]
MIXED = RNG.dirichlet(np.ones(V), size=(T, B))
HALVES = RNG.random((T, B, V))

P = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
SIGMA = 1 / (1 + np.exp(-LOGITS))

# name: (loss, targets, single losses, d sum of them / d prediction), the prediction being LOGITS
CASES: dict[str, tuple[Callable[..., mg.Variable], Any, Any, Any]] = {
    "softmax, classes": (
        losses.softmax_cross_entropy,
        CLASSES,
        -np.log((P * ROWS).sum(-1)),
        P - ROWS,
    ),
    "softmax, one-hot": (
        losses.softmax_cross_entropy,
        ROWS,
        -np.log((P * ROWS).sum(-1)),
        P - ROWS,
    ),
    "softmax, distributions": (
        losses.softmax_cross_entropy,
        MIXED,
        -(MIXED * np.log(P)).sum(-1),
        P - MIXED,
    ),
    "sigmoid": (
        losses.sigmoid_cross_entropy,
        HALVES,
        -HALVES * np.log(SIGMA) - (1 - HALVES) * np.log(1 - SIGMA),
        SIGMA - HALVES,
    ),
    "half squared": (
        losses.half_squared_error,
        HALVES,
        0.5 * (LOGITS - HALVES) ** 2,
        LOGITS - HALVES,
    ),
    "squared": (
        losses.mean_squared_error,
        HALVES,
        (LOGITS - HALVES) ** 2,
        2 * (LOGITS - HALVES),
    ),
    "likelihood, classes": (
        losses.negative_log_likelihood,
        CLASSES,
        -(LOGITS * ROWS).sum(-1),
        -ROWS,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_value_gradient_and_reduction(name: str) -> None:
    loss, targets, single, gradient = CASES[name]
    x = mg.input("x", (T, B, V), "float64")
    at = {x: LOGITS}
    exact(loss(x, targets, "none").eval(at), single)
    exact(loss(x, targets, "sum").eval(at), single.sum())
    exact(loss(x, targets).eval(at), single.mean())
    exact(mg.grad(loss(x, targets, "sum"), x).eval(at), gradient)
    check_gradient(loss(x, targets), at, [x])


@pytest.mark.parametrize("name", CASES)
def test_weights(name: str) -> None:
    loss, targets, single, _ = CASES[name]
    weights = RNG.random(single.shape)
    found = [loss(LOGITS, targets, r, weights).eval() for r in ("none", "sum", "mean")]
    total = (weights * single).sum()
    expected = (weights * single, total, total / weights.sum())
    for a, b in zip(found, expected, strict=True):
        exact(a, b)


def test_a_mask_leaves_losses_out() -> None:
    mask = np.array([[True, True, False], [True, False, False]])
    single = CASES["softmax, classes"][2]
    found = losses.softmax_cross_entropy(LOGITS, CLASSES, weights=mask)
    exact(found.eval(), single[mask].mean())
    rows = losses.mean_squared_error(LOGITS, HALVES, weights=mask[..., None])  # one for V losses
    exact(rows.eval(), CASES["squared"][2][mask].mean())


@pytest.mark.parametrize("name", CASES)
def test_float32_stays(name: str) -> None:
    loss, targets, single, _ = CASES[name]
    x = mg.input("x", (T, B, V))
    mask = mg.input("mask", single.shape, "bool")
    for cost in (loss(x, targets), loss(x, targets, weights=mask)):
        assert cost.dtype == np.float32
        assert mg.grad(cost, x).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits(dtype: str) -> None:
    x = mg.input("x", (2, 3), dtype)
    at = {x: np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)}
    loss = losses.softmax_cross_entropy(x, [0, 1], "none")
    assert_same(loss.eval(at), np.array([0, 2e4], dtype))
    assert_same(mg.grad(loss.sum(), x).eval(at), np.array([[0, 0, 0], [1, -1, 0]], dtype))
    loss = losses.sigmoid_cross_entropy(x, [[1, 1, 1], [0, 0, 0]], "none")
    expected = [[0, 1e4, np.log(2)], [1e4, 0, np.log(2)]]
    assert_same(loss.eval(at), np.array(expected, dtype))
    expected = [[0, -1, -0.5], [1, 0, 0.5]]
    assert_same(mg.grad(loss.sum(), x).eval(at), np.array(expected, dtype))


def test_a_small_loss_keeps_its_digits() -> None:
    loss = losses.sigmoid_cross_entropy([30.0, -30.0], [1, 0], "none").eval()
    np.testing.assert_allclose(loss, np.exp(-30), rtol=1e-10)


def test_integer_targets_for_numbers_are_cast() -> None:
    found = losses.mean_squared_error(mg.input("y", (2,)), mg.input("t", (2,), "int64"))
    assert found.dtype == np.float32


def test_named_sizes() -> None:
    logits, targets = mg.input("x", ("T", "B", V)), mg.input("t", ("T", "B"), "int64")
    cost = losses.softmax_cross_entropy(logits, targets, weights=targets > 0)
    value = precise([cost], {logits: LOGITS, targets: CLASSES})[0]
    single = CASES["softmax, classes"][2]
    exact(value, single[CLASSES > 0].mean())


# ---------------------------------------------------------------- errors


def test_shapes_are_never_broadcast() -> None:
    column, row = mg.input("y", ("B", 1)), mg.input("t", ("B",))
    for loss in (
        losses.mean_squared_error,
        losses.half_squared_error,
        losses.sigmoid_cross_entropy,
    ):
        with pytest.raises(ShapeError, match=r"the shape of the prediction, \(B, 1\).*are \(B,\)"):
            loss(column, row)


def test_targets_of_another_kind() -> None:
    logits = mg.input("logits", ("T", "B", V))
    with pytest.raises(
        ShapeError, match=r"classes \(T, B\), or for a loss distributions \(T, B, 4\).*\(B, T\)"
    ):
        losses.softmax_cross_entropy(logits, mg.input("t", ("B", "T"), "int64"))
    with pytest.raises(ShapeError, match=r"the shape of the prediction, \(T, B, 4\).*\(T, B, 5\)"):
        losses.softmax_cross_entropy(logits, mg.input("t", ("T", "B", 5)))
    with pytest.raises(DTypeError, match="classes are integers, and these are float32"):
        losses.softmax_cross_entropy(logits, mg.input("t", ("T", "B")))
    with pytest.raises(IndexError):
        losses.softmax_cross_entropy(LOGITS, CLASSES + V).eval()


def test_another_reduction() -> None:
    with pytest.raises(ArgumentError, match='"mean", "sum" or "none", and not \'avg\''):
        losses.mean_squared_error([1.0], [1.0], "avg")


def test_weights_of_another_shape() -> None:
    with pytest.raises(ShapeError):
        losses.mean_squared_error(LOGITS, HALVES, weights=np.ones((T, B)))
