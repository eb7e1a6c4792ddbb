"""Every optimiser against its formulas in NumPy, and the clipping of gradients."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ArgumentError, GradientError, ShapeError
from minigrad.interpret import evaluate
from tests.helpers import assert_same

Array = np.ndarray
exact = partial(assert_same, rtol=1e-12, atol=1e-13)


# ---------------------------------------------------------------- formulas, one array at a time


def sgd(p: Array, lr: float, mu: float = 0.0, nesterov: bool = False) -> Iterator[Array]:
    v = np.zeros_like(p)
    while True:
        g = yield p
        v = mu * v + g
        p = p - lr * (g + mu * v if nesterov else v)


def adagrad(p: Array, lr: float, eps: float = 1e-10) -> Iterator[Array]:
    s = np.zeros_like(p)
    while True:
        g = yield p
        s = s + g**2
        p = p - lr * g / (np.sqrt(s) + eps)


def rmsprop(p: Array, lr: float, decay: float, eps: float = 1e-8) -> Iterator[Array]:
    s = np.zeros_like(p)
    while True:
        g = yield p
        s = decay * s + (1 - decay) * g**2
        p = p - lr * g / (np.sqrt(s) + eps)


def adam(
    p: Array, lr: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, decay: float = 0.0
) -> Iterator[Array]:
    t, m, v = 0, np.zeros_like(p), np.zeros_like(p)
    while True:
        g = yield p
        t += 1
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        p = p - lr * decay * p
        p = p - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)


Make = Callable[[], optim.Optimizer]
RULES: dict[str, tuple[Make, Callable[[Array], Iterator[Array]], list[str]]] = {
    "sgd": (lambda: optim.SGD(0.1), lambda p: sgd(p, 0.1), []),
    "momentum": (lambda: optim.SGD(0.1, 0.9), lambda p: sgd(p, 0.1, 0.9), ["v"]),
    "nesterov": (
        lambda: optim.SGD(0.1, momentum=0.8, nesterov=True),
        lambda p: sgd(p, 0.1, 0.8, True),
        ["v"],
    ),
    "adagrad": (lambda: optim.Adagrad(0.5), lambda p: adagrad(p, 0.5), ["s"]),
    "rmsprop": (lambda: optim.RMSprop(0.02, 0.9), lambda p: rmsprop(p, 0.02, 0.9), ["s"]),
    "adam": (lambda: optim.Adam(0.3), lambda p: adam(p, 0.3), ["m", "v"]),
    "adam, settings": (
        lambda: optim.Adam(0.3, 0.5, 0.7, 0.01),
        lambda p: adam(p, 0.3, 0.5, 0.7, 0.01),
        ["m", "v"],
    ),
    "adamw": (
        lambda: optim.AdamW(0.3, weight_decay=0.1),
        lambda p: adam(p, 0.3, decay=0.1),
        ["m", "v"],
    ),
}

STARTS = {"a": np.array([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]]), "b": np.array([0.3, 2.0])}
CURVATURE = {"a": np.array([1.0, 3.0, 0.2]), "b": np.array([2.0, 0.5])}


def quadratic(dtype: str = "float64") -> tuple[dict[str, mg.Parameter], mg.Variable]:
    """Parameters a (2, 3) and b (2,), and ½ Σ k (p - 1)², whose gradient is k (p - 1)."""
    parameters = {name: mg.parameter(p.astype(dtype), name) for name, p in STARTS.items()}
    terms = [
        (0.5 * CURVATURE[name].astype(dtype) * mg.square(p - 1)).sum()
        for name, p in parameters.items()
    ]
    return parameters, terms[0] + terms[1]


def apply(updates: list[tuple[mg.Parameter, mg.Variable]]) -> None:
    """All new values from the old ones, then stored."""
    news = evaluate([new for _, new in updates])
    for (p, _), new in zip(updates, news, strict=True):
        p.set_value(new)


@pytest.mark.parametrize("name", RULES)
def test_five_steps_are_the_formulas(name: str) -> None:
    make, rule, _ = RULES[name]
    parameters, cost = quadratic()
    updates = make().updates(cost, parameters)
    expected = {key: rule(start) for key, start in STARTS.items()}
    values = {key: next(steps) for key, steps in expected.items()}
    for _ in range(5):
        apply(updates)
        for key, steps in expected.items():
            values[key] = steps.send(CURVATURE[key] * (values[key] - 1))
            exact(parameters[key].get_value(), values[key])


@pytest.mark.parametrize("name", RULES)
def test_float32_stays_and_follows(name: str) -> None:
    make, rule, _ = RULES[name]
    parameters, cost = quadratic("float32")
    optimiser = make()
    updates = optimiser.updates(cost, parameters)
    assert all(new.type == p.type for p, new in updates)
    assert {p.dtype for key, p in optimiser.state().items() if key != "step"} <= {
        np.dtype(np.float32)
    }
    expected = rule(STARTS["a"])
    value = next(expected)
    for _ in range(3):
        apply(updates)
        value = expected.send(CURVATURE["a"] * (value - 1))
    assert_same(parameters["a"].get_value(), value.astype(np.float32), 1e-5, 1e-6)


@pytest.mark.parametrize("name", RULES)
def test_state_names_the_slots(name: str) -> None:
    make, _, slots = RULES[name]
    parameters, cost = quadratic()
    optimiser = make()
    step = ["step"] if "adam" in name else []
    assert list(optimiser.state()) == step
    updates = optimiser.updates(cost, parameters)
    assert list(optimiser.state()) == [*step, *(f"{p}.{s}" for p in parameters for s in slots)]
    assert {p for p, _ in updates} == {*parameters.values(), *optimiser.state().values()}
    assert len(updates) == len(optimiser.state()) + 2


@pytest.mark.parametrize("name", RULES)
def test_a_checkpoint_goes_on_where_it_was(name: str) -> None:
    make = RULES[name][0]
    whole, halves = quadratic(), quadratic()
    updates = make().updates(whole[1], whole[0])
    for _ in range(4):
        apply(updates)
    saved = {}
    for _ in range(2):
        optimiser = make()
        updates = optimiser.updates(halves[1], halves[0])
        for key, value in saved.items():
            optimiser.state()[key].set_value(value)
        apply(updates)
        apply(updates)
        saved = {key: slot.get_value() for key, slot in optimiser.state().items()}
    for key in STARTS:
        np.testing.assert_array_equal(halves[0][key].get_value(), whole[0][key].get_value())


def test_in_a_compiled_function() -> None:
    parameters, cost = quadratic()
    train = mg.function([], cost, updates=optim.Adam(0.3).updates(cost, parameters))
    costs = [float(train()) for _ in range(100)]
    assert costs[0] == pytest.approx(float(quadratic()[1].eval()))
    assert costs[-1] < 1e-3 * costs[0]


def test_a_network_learns() -> None:
    """An LSTM says at each step what it saw two steps before."""
    rng = np.random.default_rng(0)
    net, last = nn.LSTM(3, 16, rng=rng), nn.Linear(16, 3, rng=rng)
    ids = mg.input("ids", ("T", "B"), "int64")
    ys, _ = net(mg.one_hot(ids, 3))
    cost = nn.losses.softmax_cross_entropy(last(ys)[2:], ids[:-2])
    parameters = {**net.parameters(), **last.parameters()}
    grads = optim.clip_by_global_norm(mg.grad(cost, parameters), 5.0)
    train = mg.function([ids], cost, updates=optim.Adam(0.03).updates(grads, parameters))
    costs = [float(train(rng.integers(3, size=(9, 20)))) for _ in range(150)]
    assert costs[0] > 1.0
    assert costs[-1] < 0.1


# ---------------------------------------------------------------- what may be given


def test_gradients_in_place_of_a_cost() -> None:
    parameters, cost = quadratic()
    a, b = parameters.values()
    expected = evaluate([new for _, new in optim.SGD(0.1).updates(cost, parameters)])
    grads = mg.grad(cost, parameters)
    for given, whose in (
        (grads, parameters),
        ([grads["a"], grads["b"]], [a, b]),
        ([grads["a"], grads["b"]], parameters),
        ({"b": grads["b"].eval(), "a": grads["a"].eval()}, parameters),
    ):
        found = optim.SGD(0.1).updates(given, whose)
        assert [p.name for p, _ in found] == ["a", "b"]
        for x, y in zip(evaluate([new for _, new in found]), expected, strict=True):
            exact(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_rate_that_is_a_variable(name: str, dtype: str) -> None:
    kind = type(RULES[name][0]())
    parameters, cost = quadratic("float32")
    lr = mg.input("lr", (), dtype)
    found = kind(lr).updates(cost, parameters)
    expected = kind(0.25).updates(cost, parameters)
    for (_, new), (_, same) in zip(found, expected, strict=True):
        assert_same(new.eval({lr: np.array(0.25, dtype)}), same.eval())


def test_numbers_of_numpy_do_not_widen() -> None:
    parameters, cost = quadratic("float32")
    for _, new in optim.SGD(np.float64(0.1), np.float64(0.9)).updates(cost, parameters):
        assert new.owner.gate.__class__.__name__ != "Astype"  # nothing was widened and cast back


def test_slots_are_made_once_for_each_parameter() -> None:
    parameters, cost = quadratic()
    adam = optim.Adam()
    adam.updates(cost, parameters)
    first = adam.state()
    adam.updates(cost * 2, list(parameters.values()))
    assert adam.state() == first


def test_slots_start_as_zeros_whatever_the_parameter_holds() -> None:
    w = mg.parameter(np.array([np.nan, np.inf]), "w")
    adagrad = optim.Adagrad()
    adagrad.updates([w], [w])
    np.testing.assert_array_equal(adagrad.state()["0.s"].get_value(), [0, 0])


def test_parameters_and_gradients_that_do_not_match() -> None:
    parameters, cost = quadratic()
    a, b = parameters.values()
    update = optim.SGD().updates
    with pytest.raises(ArgumentError, match="for the parameters a, b, and these are for a"):
        update({"a": a}, parameters)
    with pytest.raises(ArgumentError, match="for the parameters 0, 1, and these are for 0"):
        update([a], [a, b])
    with pytest.raises(ShapeError, match=r"gradient of b needs its shape \(2,\), and has \(2, 3\)"):
        update({"a": a, "b": a}, parameters)
    with pytest.raises(ArgumentError, match="1 must be a parameter, and is <x"):
        update(cost, [a, mg.input("x")])
    with pytest.raises(ArgumentError, match=r"module.parameters\(\) is a dict: pass it, or its v"):
        update(cost, parameters.keys())  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="given twice among 0, 1"):
        update(cost, [a, a])
    with pytest.raises(GradientError, match="no gradient reaches c"):
        update(cost, [a, mg.parameter(1.0, "c")])


def test_two_parameters_of_one_name() -> None:
    a, b = quadratic()[0].values()
    cost = a.sum() + b.sum()
    rmsprop = optim.RMSprop()
    rmsprop.updates(cost, [a])
    with pytest.raises(ArgumentError, match="two parameters are called '0'"):
        rmsprop.updates(cost, [b])


def test_adam_counts_for_all_its_parameters() -> None:
    a, b = quadratic()[0].values()
    cost = a.sum() + b.sum()
    adam = optim.Adam()
    adam.updates(cost, {"a": a, "b": b})
    adam.updates(cost, {"b": b, "a": a})  # for another function
    with pytest.raises(ArgumentError, match="Adam counts the updates of all its parameters"):
        adam.updates(cost, {"a": a})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD(-1.0), r"lr is in 0 ≤ lr < inf, and not -1.0"),
        (lambda: optim.SGD("fast"), r"lr is a number, and not 'fast'"),
        (lambda: optim.SGD(mg.input("lr", (3,))), r"lr is a number or a scalar of floats"),
        (lambda: optim.SGD(mg.input("lr", (), "int64")), r"lr is a number or a scalar of floats"),
        (lambda: optim.SGD(momentum=1.0), r"0 ≤ momentum < 1"),
        (lambda: optim.SGD(nesterov=True), r"nesterov needs a momentum"),
        (lambda: optim.RMSprop(decay=1.5), r"0 ≤ decay < 1"),
        (lambda: optim.Adam(beta2=1.0), r"0 ≤ beta2 < 1"),
        (lambda: optim.AdamW(weight_decay=-0.1), r"0 ≤ weight_decay"),
    ],
)
def test_settings_that_are_none(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


# ---------------------------------------------------------------- clipping

GRADS = {"w": np.array([[3.0, -4.0], [0.5, 0.0]]), "b": np.array([-12.0])}
VARIABLES = {name: mg.constant(g) for name, g in GRADS.items()}


def test_global_norm() -> None:
    expected = np.sqrt(sum((g**2).sum() for g in GRADS.values()))
    exact(optim.global_norm(VARIABLES).eval(), expected)
    exact(optim.global_norm(list(VARIABLES.values())).eval(), expected)
    with pytest.raises(ArgumentError, match="no gradient"):
        optim.global_norm([])


def test_clip_by_value() -> None:
    for name, g in optim.clip_by_value(VARIABLES, 3.5).items():
        exact(g.eval(), np.clip(GRADS[name], -3.5, 3.5))


@pytest.mark.parametrize("max_norm", [1.0, 100.0])
def test_clip_by_global_norm(max_norm: float) -> None:
    norm = np.sqrt(sum((g**2).sum() for g in GRADS.values()))
    scale = min(1, max_norm / (norm + 1e-6))
    for name, g in optim.clip_by_global_norm(VARIABLES, max_norm).items():
        exact(g.eval(), GRADS[name] * scale)


def test_clip_by_norm_is_each_by_itself() -> None:
    w, b = optim.clip_by_norm(list(VARIABLES.values()), 6.0)
    exact(w.eval(), GRADS["w"])
    exact(b.eval(), GRADS["b"] * 6 / (12 + 1e-6))


@pytest.mark.parametrize(
    "clip", [optim.clip_by_value, optim.clip_by_norm, optim.clip_by_global_norm]
)
def test_clipping_keeps_dtypes_and_structure(clip: Callable[..., Any]) -> None:
    grads = {"w": mg.input("w", (2,)), "b": [mg.input("b", ("N",), "float64")]}
    for limit in (1.0, np.float64(1.0), mg.input("limit", (), "float64")):
        clipped = clip(grads, limit)
        assert clipped["w"].type == grads["w"].type
        assert clipped["b"][0].type == grads["b"][0].type


def test_gradients_of_zeros_stay_zeros() -> None:
    (g,) = optim.clip_by_global_norm([mg.constant(np.zeros(3))], 1.0)
    exact(g.eval(), np.zeros(3))


def test_nothing_to_update() -> None:
    w = mg.parameter(1.0, "w")
    for parameters in ({}, []):
        with pytest.raises(ArgumentError, match="no parameters to update: a Module knows those"):
            optim.Adam().updates(w * w, parameters)
