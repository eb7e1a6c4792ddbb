"""verify_grad: it prints both numbers, believes what is right, and catches what is wrong."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, GradientError, UnknownNameError
from minigrad.random import Generator


def words(report: Any) -> list[list[str]]:
    return [line.split() for line in str(report).splitlines()]


# ---------------------------------------------------------------- the lecture's circuits


def test_the_circuit() -> None:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    report = mg.verify_grad((q * z).named("f"), {x: -2, y: 5, z: -4})
    assert report
    assert repr(report) == str(report)
    assert words(report) == [
        ["q", "=", "3"],
        ["f", "=", "-12"],
        [],
        ["minigrad", "numeric"],
        ["df/dx", "-4", "-4", "ok"],
        ["df/dy", "-4", "-4", "ok"],
        ["df/dz", "3", "3", "ok"],
        ["df/dq", "-4", "-4", "ok"],
        [],
        "4 of 4 entries agree".split(),  # noqa: SIM905  # as it is read
    ]


NEURON = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}


def test_the_sigmoid_neuron() -> None:
    w0, x0, w1, x1, w2 = mg.inputs(" ".join(NEURON))
    neuron = 1 / (1 + mg.exp(-(w0 * x0 + w1 * x1 + w2)))
    report = mg.verify_grad(neuron.named("f"), NEURON)
    assert report
    ((name, value),) = report.values
    assert (name, round(value.item(), 2)) == ("f", 0.73)
    lecture = {"w0": -0.20, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.20}
    assert {e.name: round(e.derived, 2) for e in report.entries} == {
        f"df/d{name}": gradient for name, gradient in lecture.items()
    }
    assert mg.verify_grad(neuron, NEURON, order=2)


# ---------------------------------------------------------------- wrong gates


class Faulty(mg.Gate):
    """x³ with a gradient that is wrong by a factor."""

    def __init__(self, factor: float, second: float = 1.0) -> None:
        object.__setattr__(self, "factor", factor)
        object.__setattr__(self, "second", second)

    def infer(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x * x * x

    def vjp(self, cotangent: Any, output: Any, x: Any) -> Any:
        return cotangent * self.factor * 3 * x * FaultyIdentity(self.second)(x)


class FaultyIdentity(Faulty):
    """x, with a gradient that is wrong by a factor."""

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x * 1

    def vjp(self, cotangent: Any, output: Any, x: Any) -> Any:
        return cotangent * self.factor


@pytest.mark.parametrize("factor", [2 / 3, -1.0, 0.0, 1.0001])
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_a_wrong_gradient_is_caught_however_small_it_is(factor: float, scale: float) -> None:
    x = mg.input("x", (), "float64")
    report = mg.verify_grad((scale * Faulty(factor)(x)).named("f"), {x: 2.0})
    assert not report
    (entry,) = report.wrong
    assert entry.derived == pytest.approx(12 * scale * factor)
    assert entry.numeric == pytest.approx(12 * scale, rel=1e-5)
    assert "WRONG" in str(report)
    assert str(report).endswith("0 of 1 entries agree")


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_a_right_one_is_believed(scale: float) -> None:
    x = mg.input("x", (), "float64")
    for value in (2.0, -1e-3, 0.0, 300.0):
        assert mg.verify_grad(scale * Faulty(1.0)(x) + 5, {x: value})


def test_a_wrong_second_derivative_is_caught_by_order_2_alone() -> None:
    x = mg.input("x", (), "float64")
    f = Faulty(1.0, second=0.5)(x)
    assert mg.verify_grad(f, {x: 2.0})
    assert not mg.verify_grad(f, {x: 2.0}, order=2)
    assert mg.verify_grad(Faulty(1.0)(x), {x: 2.0}, order=2)


def test_a_wrong_gate_inside_a_loop_is_caught() -> None:
    x = mg.input("x", ("T",), "float64")
    at = {x: [0.5, 0.7, 0.3]}
    for factor in (1.0, 1.01):
        gate = Faulty(factor)
        last, _ = mg.scan(lambda h, x_t, g=gate: (g(h + x_t), None), x[0] * 0, x)
        assert bool(mg.verify_grad(last, at)) is (factor == 1.0)


# ---------------------------------------------------------------- loops, arrays, and so on


@pytest.mark.parametrize("order", [1, 2])
def test_inside_scans(order: int) -> None:
    cell = nn.LSTMCell(1, 2, rng=0)
    xs = mg.input("xs", ("T", 1, 1))
    _, hs = mg.scan(lambda s, x: cell(x, s)[::-1], cell.zero_state(1), xs)
    values = np.random.default_rng(0).normal(size=(3, 1, 1))
    report = mg.verify_grad((hs * hs).sum().named("loss"), {xs: values}, order=order)
    assert report
    names = [e.name for e in report.entries]
    if order == 1:
        assert "dloss/dxs[2, 0, 0]" in names
        assert "dloss/dweight_hh[1, 7]" in names
    else:
        assert "d(dloss/dxs·u)/dbias[0]" in names


def test_wrt_may_be_arrays_inner_variables_and_nested() -> None:
    x, w = mg.input("x", (2, 3)), mg.input("w", (3,))
    y = mg.tanh(x @ w).named("y")
    at = {"x": np.arange(6.0).reshape(2, 3) / 9, "w": [0.1, -0.2, 0.3]}
    cost = (y * y).sum()
    report = mg.verify_grad(cost, at, wrt={"weights": w, "inner": (y,)})
    assert report
    assert [e.name for e in report.entries] == [
        *("dcost/dy[0]", "dcost/dy[1]"),
        *("dcost/dw[0]", "dcost/dw[1]", "dcost/dw[2]"),
    ]
    assert [e.name for e in mg.verify_grad(cost, at, wrt=y).entries] == [
        "dcost/dy[0]",
        "dcost/dy[1]",
    ]
    assert "y = float64 (2,)" in str(report)


def test_the_default_is_every_float_leaf_and_every_name() -> None:
    x, n = mg.input("x", (2,)), mg.input("n", (2,), "int64")
    w = mg.parameter(3.0, "w")
    y = (x * w + n).named("y")
    report = mg.verify_grad(y.sum(), {x: [1, 2], n: [3, 4]})
    assert {e.name.partition("/d")[2].partition("[")[0] for e in report.entries} == {"x", "w", "y"}
    assert float(w.get_value()) == 3


def test_of_large_arrays_some_entries_are_measured() -> None:
    x = mg.input("x", (40, 50))
    values = np.random.default_rng(0).normal(size=(40, 50))
    report = mg.verify_grad(mg.sin(x).sum(), {x: values})
    assert report
    assert len(report.entries) == 64
    assert {"dcost/dx[0, 0]", "dcost/dx[39, 49]"} <= {e.name for e in report.entries}
    assert "x: 64 of its 2000 entries were measured" in str(report)


def test_small_gradients_of_a_large_cost() -> None:
    """The difference of two large numbers is only as good as their last digits."""
    x = mg.input("x", (3,), "float64")
    assert mg.verify_grad(1e-3 * mg.sin(x).sum() + 1e6, {x: [0.1, 0.2, 0.3]})


def test_an_empty_array_has_nothing_wrong() -> None:
    x = mg.input("x", ("N",))
    report = mg.verify_grad(x.sum(), {x: np.zeros(0, "float32")})
    assert report
    assert "0 of 0 entries agree" in str(report)


def test_draws_are_the_same_at_every_point() -> None:
    x = mg.input("x", (4,))
    noise = Generator(seed=3).normal((4,))
    assert mg.verify_grad((x * x * noise).sum(), {x: [1, 2, 3, 4]}, order=2)


def test_a_kink_and_a_hole_are_seen() -> None:
    x = mg.input("x")
    assert not mg.verify_grad(mg.relu(x), {x: 0.0})
    assert not mg.verify_grad(mg.log(x), {x: 0.0})


def test_errors() -> None:
    x, n = mg.input("x"), mg.input("n", (), "int64")
    with pytest.raises(ArgumentError, match="order 1 or 2, not 3"):
        mg.verify_grad(x * x, {x: 1}, order=3)
    with pytest.raises(GradientError, match="depends on no float"):
        mg.verify_grad(mg.astype(n, "float32"), {n: 1})
    with pytest.raises(GradientError):
        mg.verify_grad(mg.stack([x, x]), {x: 1})
    with pytest.raises(UnknownNameError, match="no leaf is named 'y'"):
        mg.verify_grad(x * x, {"y": 1})
    with pytest.raises(ArgumentError, match=r"x.* has no value"):
        mg.verify_grad(x * x, {})
