"""Gradients where a function has a corner: they are what the docstrings state."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from tests.helpers import precise

TIES: dict[str, tuple[Callable[..., mg.Variable], tuple[Any, ...], tuple[Any, ...]]] = {
    # name: (function, its inputs, the gradient of its sum in each of them)
    "maximum: half each": (mg.maximum, ([1, 2, 3], [2, 2, 2]), ([0, 0.5, 1], [1, 0.5, 0])),
    "minimum: half each": (mg.minimum, ([1, 2, 3], [2, 2, 2]), ([1, 0.5, 0], [0, 0.5, 1])),
    "maximum, broadcast": (mg.maximum, ([1, 2, 2], 2), ([0, 0.5, 0.5], 2.0)),
    "maximum of NaN: none": (mg.maximum, ([np.nan], [1]), ([0], [0])),
    "max: equal shares": (mg.max, ([3, 1, 3, 3],), ([1 / 3, 0, 1 / 3, 1 / 3],)),
    "min: equal shares": (mg.min, ([1, 1, 3, 3],), ([0.5, 0.5, 0, 0],)),
    "max along an axis": (
        lambda x: mg.max(x, axis=0),
        ([[1, 5], [1, 2], [0, 5]],),
        ([[0.5, 0.5], [0.5, 0], [0, 0.5]],),
    ),
    "relu: 0 at 0": (mg.relu, ([-1, 0, 1],), ([0, 0, 1],)),
    "abs: 0 at 0": (mg.abs, ([-1, 0, 1],), ([-1, 0, 1],)),
    "clip: to x at the bounds": (
        mg.clip,
        ([-2, -1, 0, 1, 2], -1, 1),
        ([0, 1, 1, 1, 0], 1, 1),
    ),
    "where: to what was chosen": (
        lambda x, y: mg.where(x > 0, x, y),
        ([1, -1], [5, 6]),
        ([1, 0], [0, 1]),
    ),
    "sign, floor, ceil, round: 0": (
        lambda x: mg.sign(x) + mg.floor(x) + mg.ceil(x) + mg.round(x),
        ([-0.5, 0, 1],),
        ([0, 0, 0],),
    ),
    "floor division: 0": (lambda x, y: x // y, ([5.5], [2.0]), ([0], [0])),
    "remainder: minus the quotient": (lambda x, y: x % y, ([5.5], [2.0]), ([1], [-2])),
    "power 0: 0 in x": (mg.pow, ([0, 2], [0, 0]), ([0, 0], [0, np.log(2)])),
    "power at 0": (mg.pow, ([0, 0, 0], [1, 2, 3]), ([1, 0, 0], [0, 0, 0])),
    "square by a constant": (lambda x: x**2, ([0, 3],), ([0, 6],)),
    "power by a constant 0": (lambda x: x**0, ([0, 3],), ([0, 0],)),
}


@pytest.mark.parametrize("name", TIES)
def test_gradient_at_a_corner(name: str) -> None:
    function, values, expected = TIES[name]
    inputs = [mg.input(f"x{i}", np.shape(value)) for i, value in enumerate(values)]
    gradients = mg.grad(function(*inputs).sum(), inputs, unused="zeros")
    for found, right in zip(
        precise(gradients, dict(zip(inputs, values, strict=True))), expected, strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "x", "second"),
    [
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: x**1, 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: mg.pow(x, mg.constant([2.0])).sum(), 0.0, 2.0),
        (lambda x: mg.relu(x) * x, 0.0, 0.0),
        (lambda x: mg.abs(x) * x, 0.0, 0.0),
    ],
)
def test_second_derivative_at_a_corner(function: Any, x: float, second: float) -> None:
    v = mg.input("x")
    assert precise([mg.hessian(function(v), v)], {v: x})[0] == second


@pytest.mark.parametrize("function", [mg.argmax, mg.argmin])
def test_of_equals_the_first_is_chosen(function: Any) -> None:
    assert function(mg.constant([2.0, 2.0, 2.0])).eval() == 0
    assert function(mg.constant([[1, 3, 3], [0, 0, 0]]), axis=1).eval().tolist() == (
        [1, 0] if function is mg.argmax else [0, 0]
    )
