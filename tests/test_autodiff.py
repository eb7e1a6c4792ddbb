"""Derivatives: grad, vjp, jvp, jacobian and hessian agree, to any order; what they refuse."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.errors import ArgumentError, GradientError
from minigrad.variables import Variable
from tests.helpers import assert_same, check_gradients, precise

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, (3, 2))
W = rng.uniform(-1, 1, (2, 4))
x, w = mg.input("x", ("B", 2)), mg.input("w", (2, 4))
AT = {x: X, w: W}

FUNCTIONS: dict[str, Variable] = {
    # a function of x (B, 2) and w (2, 4)
    "layer": mg.tanh(x @ w),
    "softmax": mg.softmax(x @ w, axis=-1),
    "product of parts": (x[:, :1] * w[0]) * (w.sum() + x[:, 1:]),
    "linear": 3 * x - 1,
    "a scalar": (mg.exp(x @ w) ** 2).mean(),
    "rows of a loop": mg.scan(lambda h, r: (mg.sin(h + r @ w), h * r.sum()), w[0], x)[1],
    "the end of a loop": mg.scan(lambda h, r: (mg.sin(h * (r @ w)), None), w[0], x)[0],
    "with integers between": mg.take(w, (x > 0).astype("int64").sum(axis=1) % 2) * x.sum(),
    "max and where": mg.where(x > 0, x, x * x).max(axis=0) * w.sum(),
    "w is not in it": mg.cos(x),
}


def jacobian_by_differences(f: Variable, v: Variable) -> Any:
    """d f / d v, one entry of v after the other."""
    step, columns = 1e-6, []
    for i in range(AT[v].size):
        moved = np.zeros(AT[v].size)
        moved[i] = step
        ends = [precise([f], {**AT, v: AT[v] + s * moved.reshape(AT[v].shape)})[0] for s in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *AT[v].shape)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("v", [x, w], ids=["x", "w"])
def test_jacobian_vjp_and_jvp_agree(name: str, v: Variable) -> None:
    f = FUNCTIONS[name]
    jacobian = jacobian_by_differences(f, v)
    (value,) = precise([f], AT)
    u, t = rng.uniform(-1, 1, value.shape), rng.uniform(-1, 1, AT[v].shape)
    row, column = mg.input("u", f.shape), mg.input("t", v.shape)
    found = precise(
        [
            mg.jacobian(f, v, unused="zeros"),
            mg.vjp(f, v, row, unused="zeros"),
            mg.jvp(f, v, column),
        ],
        {**AT, row: u, column: t},
    )
    over = tuple(range(value.ndim))
    expected = [
        jacobian,
        np.tensordot(u, jacobian, (over, over)),
        np.tensordot(jacobian, t, t.ndim),
    ]
    for a, b in zip(found, expected, strict=True):
        assert_same(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives(name: str) -> None:
    check_gradients(FUNCTIONS[name].sum(), AT, [x, w])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessian_is_the_jacobian_of_the_gradient_and_symmetric(name: str) -> None:
    cost = (FUNCTIONS[name] ** 2).sum()
    hessian = mg.hessian(cost, {"x": x, "w": w}, unused="zeros")
    gradient = mg.grad(cost, x, unused="zeros")
    xx, xw, wx, ww, again = precise(
        [
            hessian["x"]["x"],
            hessian["x"]["w"],
            hessian["w"]["x"],
            hessian["w"]["w"],
            mg.jacobian(gradient, x, unused="zeros"),
        ],
        AT,
    )
    assert_same(xx, again, rtol=1e-12)
    assert_same(xx, xx.transpose(2, 3, 0, 1), atol=1e-10)
    assert_same(ww, ww.transpose(2, 3, 0, 1), atol=1e-10)
    assert_same(xw, wx.transpose(2, 3, 0, 1), atol=1e-10)


# ---------------------------------------------------------------- said in numbers


def test_the_circuit_of_the_lecture() -> None:
    x, y, z = mg.inputs("x y z")
    q = x + y
    f = q * z
    at = {x: -2.0, y: 5.0, z: -4.0}
    assert [float(g.eval(at)) for g in mg.grad(f, [x, y, z, q])] == [-4, -4, 3, -4]


def test_the_sigmoid_neuron_of_the_lecture() -> None:
    w0, w1, w2, x0, x1 = mg.inputs("w0 w1 w2 x0 x1")
    f = 1 / (1 + mg.exp(-(w0 * x0 + w1 * x1 + w2)))
    at = {w0: 2.0, x0: -1.0, w1: -3.0, x1: -2.0, w2: -3.0}
    assert float(f.eval(at)) == pytest.approx(0.73, abs=0.005)
    found = [float(g.eval(at)) for g in mg.grad(f, [w0, x0, w1, x1, w2])]
    assert found == pytest.approx([-0.20, 0.39, -0.39, -0.59, 0.20], abs=0.005)


@pytest.mark.parametrize(
    ("function", "derivatives"),
    [
        (lambda x: x**4, [16, 32, 48, 48, 24, 0]),
        (lambda x: mg.exp(2 * x), [np.exp(4) * 2**n for n in range(6)]),
        (lambda x: mg.sin(x), [f(2) for f in (np.sin, np.cos, lambda x: -np.sin(x))]),
        (lambda x: 1 / x, [0.5, -0.25, 0.25, -0.375, 0.75]),
        (lambda x: mg.log(x), [np.log(2), 0.5, -0.25, 0.25]),
        (lambda x: mg.sqrt(x), [2**0.5, 0.5 * 2**-0.5, -0.25 * 2**-1.5, 0.375 * 2**-2.5]),
        (lambda x: mg.scan(lambda p, _: (p * x, None), x, length=3)[0], [16, 32, 48, 48]),
    ],
)
def test_derivatives_of_any_order(function: Any, derivatives: list[float]) -> None:
    x = mg.input("x")
    y = function(x)
    for expected in derivatives:
        assert float(precise([y], {x: 2.0})[0]) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        y = mg.grad(y, x, unused="zeros")


def test_a_third_derivative_by_three_kinds_of_product() -> None:
    x = mg.input("x", (2,))
    cost = (x[0] ** 3 * x[1]) + mg.exp(x[0] * x[1])
    t = mg.constant([1.0, -1.0])
    hessian = mg.hessian(cost, x)
    third = mg.jacobian(hessian, x)
    along = mg.jvp(hessian, x, t)
    found, contracted = precise([third @ t.astype("float32"), along], {x: [0.5, 0.7]})
    assert_same(found, contracted, rtol=1e-12)


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=5), st.integers(0, 4))
def test_the_gradient_of_a_polynomial(coefficients: list[float], order: int) -> None:
    x = mg.input("x", dtype="float64")
    y: Variable = x * 0
    for c in reversed(coefficients):
        y = y * x + c
    expected = np.polynomial.Polynomial(coefficients).deriv(order) if order else None
    expected = expected or np.polynomial.Polynomial(coefficients)
    for _ in range(order):
        y = mg.grad(y, x, unused="zeros")
    assert float(y.eval({x: 0.7})) == pytest.approx(expected(0.7), abs=1e-9)


# ---------------------------------------------------------------- what may be asked


def test_wrt_may_be_any_variable_and_any_structure() -> None:
    x, y = mg.inputs("x y")
    a = x * y
    b = a + x
    found = mg.grad(b * b, {"a": a, "rest": (x, [b])})
    values = [
        float(v.eval({x: 2.0, y: 3.0}))
        for v in (found["a"], *[found["rest"][0]], *found["rest"][1])
    ]
    assert values == [16, 16 * 4, 16]  # b = 8, d b / d x = y + 1


def test_the_gradient_in_an_inner_variable_stops_there() -> None:
    """It is the derivative with that variable moved alone; one further back gets all of it."""
    x = mg.input("x")
    h = mg.tanh(x)
    cost = h * x
    d_h, d_x = (float(g.eval({x: 0.5})) for g in mg.grad(cost, [h, x]))
    assert d_h == 0.5
    assert d_x == pytest.approx(np.tanh(0.5) + 0.5 * (1 - np.tanh(0.5) ** 2))


def test_a_variable_used_several_times_gets_the_sum() -> None:
    x = mg.input("x", (2,))
    cost = (x * x + x + x.reshape((1, 2)).sum(axis=0)).sum()
    assert mg.grad(cost, x).eval({x: [3, 5]}).tolist() == [8, 12]


def test_the_same_wrt_and_the_same_output_twice() -> None:
    x = mg.input("x")
    y = x * x
    assert [float(g.eval({x: 3.0})) for g in mg.grad(y, [x, x])] == [6, 6]
    two = mg.vjp([y, y], x, [mg.constant(1.0), mg.constant(10.0)])
    assert float(two.eval({x: 3.0})) == 66
    assert float(mg.grad(x, x).eval({x: 3.0})) == 1


def test_cotangents_and_tangents_may_be_numbers_arrays_and_structures() -> None:
    x, y = mg.inputs("x y", (2,))
    outputs = {"sum": x + y, "product": x * y}
    cotangents = {"sum": np.ones(2), "product": np.array([1, 10])}
    found = mg.vjp(outputs, [x, y], cotangents)
    assert [g.eval({x: [1, 2], y: [3, 4]}).tolist() for g in found] == [[4, 41], [2, 21]]
    moved = mg.jvp(outputs, (x, y), (np.array([1, 0]), np.zeros(2)))
    assert moved["sum"].eval({x: [1, 2], y: [3, 4]}).tolist() == [1, 0]
    assert moved["product"].eval({x: [1, 2], y: [3, 4]}).tolist() == [3, 0]


def test_gradients_have_the_shape_and_dtype_of_their_variable() -> None:
    a, b = mg.input("a", ("B", 1), "float64"), mg.input("b", (3,), "float32")
    c = mg.input("c", (), "int64")
    found = mg.grad((a * b * c).sum(), [a, b])
    assert [g.type for g in found] == [a.type, b.type]


def test_stop_gradient() -> None:
    x = mg.input("x")
    assert float(mg.grad(x * mg.stop_gradient(x), x).eval({x: 3.0})) == 3
    assert float(mg.grad(mg.grad(x * x * x.stop_gradient(), x), x).eval({x: 3.0})) == 6


def test_zeros_for_what_the_cost_does_not_depend_on() -> None:
    x, y, z = mg.input("x"), mg.input("y", ("B", 2)), mg.input("z", (3,), "float64")
    found = mg.grad(x * x, [x, y, z], unused="zeros")
    assert [g.type for g in found] == [x.type, y.type, z.type]
    values = [g.eval({x: 1, y: np.ones((4, 2), "float32"), z: [1, 1, 1]}) for g in found]
    assert [float(np.abs(v).max()) for v in values] == [2, 0, 0]


def test_jvp_of_integers_and_of_what_does_not_depend() -> None:
    x, y = mg.inputs("x y")
    moved = mg.jvp([x * y, y, x > y, mg.floor(x)], x, 1.0)
    assert [v.dtype for v in moved] == [np.float32, np.float32, np.bool_, np.float32]
    assert [float(v.eval({x: 2.0, y: 3.0})) for v in moved] == [3, 0, 0, 0]


def test_jvp_adds_up_what_several_variables_contribute() -> None:
    """d (x + y) has one cotangent for both x and y; the same variable may be in wrt twice, too."""
    x, y = mg.inputs("x y")
    assert float(mg.jvp(x + y, [x, y], [10.0, 1.0]).eval()) == 11
    assert float(mg.jvp(x * x, [x, x], [10.0, 1.0]).eval({x: 3.0})) == 66


def test_jvp_through_a_loop_needs_no_dummy_value() -> None:
    xs, h0 = mg.input("xs", ("T",)), mg.input("h0")
    last, ys = mg.scan(lambda h, x: (mg.tanh(h * x), h), h0, xs)
    moved = mg.jvp([last, ys], [h0, xs], [1.0, mg.ones_like(xs)])
    at = {xs: np.float64([0.3, 0.5, 0.7]), h0: 0.4}
    step = 1e-6
    ends = [precise([last, ys], {xs: at[xs] + s * step, h0: at[h0] + s * step}) for s in (1, -1)]
    for found, up, down in zip(precise(moved, at), *ends, strict=True):
        assert_same(found, (up - down) / (2 * step), atol=1e-8)


def test_jacobian_of_a_scalar_and_of_nothing() -> None:
    x = mg.input("x", ("B", 2))
    assert mg.jacobian(x.sum(), x).shape == ("B", 2)
    assert mg.jacobian(x, x).shape == ("B", 2, "B", 2)
    assert mg.jacobian(x, x).eval({x: np.zeros((0, 2), "float32")}).shape == (0, 2, 0, 2)


# ---------------------------------------------------------------- errors

v, n, far = mg.input("v", (3,)), mg.input("n", (), "int64"), mg.input("far")
cost = (v * v).sum()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: mg.grad(v * 2, v),
            GradientError,
            r"the cost must be a float scalar, and .* is float32 \(3,\): take its .mean\(\)",
        ),
        (lambda: mg.grad((v > 0).sum(), v), GradientError, "must be a float scalar.*int64"),
        (lambda: mg.grad(3.0, v), ArgumentError, "the cost must be a Variable"),
        (lambda: mg.grad(cost, [v, far]), GradientError, 'no gradient reaches far.*unused="zeros"'),
        (lambda: mg.grad(cost.stop_gradient(), v), GradientError, "no gradient reaches v"),
        (lambda: mg.grad((v > 0).astype("float32").sum(), v), GradientError, "no gradient"),
        (lambda: mg.grad(cost * n, n), GradientError, "n is int64, and only floats have"),
        (lambda: mg.jvp(cost * n, n, 1), GradientError, "n is int64"),
        (lambda: mg.grad(cost, {"a": 1.0}), ArgumentError, r"wrt\['a'\] must be a Variable"),
        (lambda: mg.grad(cost, v, unused="ignore"), ArgumentError, '"error" or "zeros"'),
        (lambda: mg.vjp(v, v, mg.ones((2,))), GradientError, r"cotangent of v needs.*\(3,\)"),
        (lambda: mg.vjp([v, v], v, [v]), ArgumentError, "must be nested as what they"),
        (lambda: mg.jvp(v, [v], [mg.ones(())]), GradientError, r"tangent of v needs its shape"),
        (lambda: mg.vjp({"a": v}, v, {"b": v}), ArgumentError, "nested .*'b'"),
        (lambda: mg.jacobian(v > 0, v), GradientError, "the output is bool"),
        (lambda: mg.hessian(v, v), GradientError, "must be a float scalar"),
    ],
)  # fmt: skip
def test_errors(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
