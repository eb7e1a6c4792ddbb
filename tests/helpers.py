"""What many tests share: exact values, derivatives by differences."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import minigrad as mg
from minigrad.interpret import evaluate

Array = npt.NDArray[Any]
Values = Mapping[mg.Variable, Any]

needs_function = pytest.mark.skipif(
    not hasattr(mg, "function"), reason="mg.function is not built yet"
)


def precise(outputs: Iterable[mg.Variable], at: Values) -> list[Array]:
    """The values of `outputs`, computed in float64."""
    return evaluate(outputs, at, precise=True)


def assert_same(found: Any, expected: Any, rtol: float = 1e-6, atol: float = 1e-7) -> None:
    """Equal in shape and dtype; in value, up to rounding where they are floats."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol, atol)


def assert_agree(
    a: Iterable[mg.Variable], b: Iterable[mg.Variable], at: Values, rtol: float = 1e-9
) -> None:
    """Two lists of variables have the same values in float64, and the same types."""
    a, b = list(a), list(b)
    assert [v.dtype for v in a] == [v.dtype for v in b]
    for x, y in zip(precise(a, at), precise(b, at), strict=True):
        assert_same(x, y, rtol, atol=1e-12)


def weighted(outputs: Iterable[mg.Variable]) -> tuple[mg.Variable, list[mg.Variable]]:
    """A cost that every element of the float `outputs` enters with its own weight, and the weights.

    The gradient of the cost is then the vjp of the outputs, with the weights for cotangents.
    """
    floats = [v for v in outputs if v.type.differentiable]
    weights: list[mg.Variable] = [
        mg.input(f"weight {i}", v.shape, v.dtype) for i, v in enumerate(floats)
    ]
    terms = [(w * v).sum() for w, v in zip(weights, floats, strict=True)]
    return sum(terms, mg.constant(0.0)), weights


def slope(f: Callable[[Array], Any], x: Array, direction: Array, step: float = 1e-5) -> float:
    """The derivative of the scalar f at x along a direction, by central differences."""
    return float((f(x + step * direction) - f(x - step * direction)) / (2 * step))


def check_gradient(cost: mg.Variable, at: Values, wrt: list[mg.Variable]) -> None:
    """mg.grad in each of `wrt` against central differences, in a direction that spares none."""
    rng = np.random.default_rng(0)
    gradients = precise(mg.grad(cost, wrt, unused="zeros"), at)
    for v, gradient in zip(wrt, gradients, strict=True):
        x = np.asarray(at[v], np.float64)
        assert gradient.shape == x.shape
        if not x.size:
            continue
        direction = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape)
        numeric = slope(lambda value, v=v: precise([cost], {**at, v: value})[0], x, direction)
        analytic = float(np.sum(gradient * direction))
        assert analytic == pytest.approx(numeric, rel=1e-5, abs=1e-6), f"d cost / d {v!r}"


def check_gradients(cost: mg.Variable, at: Values, wrt: list[mg.Variable]) -> None:
    """The first derivatives of a scalar cost, and the second: those of its weighted gradient."""
    check_gradient(cost, at, wrt)
    gradient_sum, weights = weighted(mg.grad(cost, wrt, unused="zeros"))
    rng = np.random.default_rng(1)
    shapes = [g.shape for g in precise(mg.grad(cost, wrt, unused="zeros"), at)]
    more = {w: rng.uniform(-1, 1, shape) for w, shape in zip(weights, shapes, strict=True)}
    others = [v for v in at if v.type.differentiable]
    check_gradient(gradient_sum, {**at, **more}, others)
