"""Composite gates where their definitions overflow, cancel, or have nothing to work on."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg

INF = np.inf
VALUES: dict[str, tuple[Any, Any, Any]] = {
    # name: (function, x, its value)
    "sigmoid": (mg.sigmoid, [-1000, -100, 0, 1000], [0, 3.720076e-44, 0.5, 1]),
    "sigmoid of infinities": (mg.sigmoid, [-INF, INF], [0, 1]),
    "softplus": (mg.softplus, [-1000, -50, 0, 1000], [0, 1.92875e-22, np.log(2), 1000]),
    "softplus of infinities": (mg.softplus, [-INF, INF], [0, INF]),
    "relu of infinities": (mg.relu, [-INF, INF], [0, INF]),
    "softmax": (mg.softmax, [1000, 1000, -1000], [0.5, 0.5, 0]),
    "softmax with a mask": (mg.softmax, [0, -INF, 0], [0.5, 0, 0.5]),
    "log_softmax": (mg.log_softmax, [1000, 1000, 0], [-np.log(2), -np.log(2), -1000 - np.log(2)]),
    "log_softmax with a mask": (mg.log_softmax, [0, -INF], [0, -INF]),
    "logsumexp": (mg.logsumexp, [1000, 1000], 1000 + np.log(2)),
    "logsumexp of very small": (mg.logsumexp, [-1000, -1000], -1000 + np.log(2)),
    "logsumexp with a mask": (mg.logsumexp, [-INF, 3], 3),
    "logsumexp of nothing likely": (mg.logsumexp, [-INF, -INF], -INF),
    "logsumexp of something certain": (mg.logsumexp, [INF, 0], INF),
    "logsumexp of nothing": (mg.logsumexp, [], -INF),
    "sum of nothing": (mg.sum, [], 0),
    "mean of nothing": (mg.mean, [], np.nan),
    "softmax of nothing": (mg.softmax, [], []),
    "log_softmax of nothing": (mg.log_softmax, [], []),
    "log1p near 0": (mg.log1p, [1e-20], [1e-20]),
    "expm1 near 0": (mg.expm1, [1e-20], [1e-20]),
}
SLOPES: dict[str, tuple[Any, Any, Any]] = {
    # name: (function, x, the gradient of its sum)
    "sigmoid": (mg.sigmoid, [-1000, 0, 1000], [0, 0.25, 0]),
    "softplus": (mg.softplus, [-1000, 0, 1000], [0, 0.5, 1]),
    "logsumexp": (mg.logsumexp, [1000, 1000, -1000], [0.5, 0.5, 0]),
    "log_softmax": (
        lambda x: mg.log_softmax(x)[0],
        [1000, 1000, -1000],
        [0.5, -0.5, 0],
    ),
    "softmax": (lambda x: mg.softmax(x)[0], [1000, 1000, -1000], [0.25, -0.25, 0]),
    "logsumexp with a mask": (mg.logsumexp, [-INF, 3], [0, 1]),
    "tanh": (mg.tanh, [-1000, 0, 1000], [0, 1, 0]),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(name: str, dtype: str) -> None:
    function, x, expected = VALUES[name]
    found = function(mg.input("x", np.shape(x), dtype)).eval({"x": np.array(x, dtype)})
    assert found.dtype == dtype
    tiny = float(np.finfo(dtype).tiny) * 100
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=tiny)


@pytest.mark.parametrize("name", SLOPES)
def test_gradients(name: str) -> None:
    function, x, expected = SLOPES[name]
    v = mg.input("x", np.shape(x), "float64")
    found = mg.grad(function(v).sum(), v).eval({v: x})
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


def test_nan_goes_through() -> None:
    x = mg.constant([np.nan, 1.0])
    for function in (mg.sigmoid, mg.relu, mg.softplus, mg.softmax, mg.log_softmax):
        assert np.isnan(function(x).eval()[0]), function
    for function in (mg.logsumexp, mg.max, mg.min, mg.sum, mg.mean):
        assert np.isnan(function(x).eval()), function
    assert np.isnan(mg.maximum(x, 0.0).eval()[0])
    assert np.isnan((x * 0).eval()[0])
