"""Rates that change: their counts, their products, and the plateau's memory.

tests/reference holds them against PyTorch's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.errors import ArgumentError


def rates(schedule: mg.Variable, calls: int) -> list[float]:
    f = mg.function([], schedule)
    return [float(f()) for _ in range(calls)]


# name: (the schedule of a count, its rate at t)
SCHEDULES: dict[str, tuple[Callable[[Any], mg.Variable], Callable[[int], float]]] = {
    "constant": (lambda t: optim.constant(0.3), lambda t: 0.3),
    "step": (lambda t: optim.step(0.8, 3, count=t), lambda t: 0.8 * 0.1 ** (t // 3)),
    "step at": (
        lambda t: optim.step(0.8, factor=0.5, milestones=(2, 5), count=t),
        lambda t: 0.8 * 0.5 ** ((t >= 2) + (t >= 5)),
    ),
    "exponential": (
        lambda t: optim.exponential(0.8, 0.5, count=t),
        lambda t: 0.8 * 0.5**t,
    ),
    "exponential, late and slow": (
        lambda t: optim.exponential(0.8, 0.5, every=4, start=3, count=t),
        lambda t: 0.8 * 0.5 ** (max(0, t - 3) / 4),
    ),
    "exponential that grows": (
        lambda t: optim.exponential(0.1, 1.5, count=t),
        lambda t: 0.1 * 1.5**t,
    ),
    "cosine": (
        lambda t: optim.cosine(0.8, 6, end=0.2, count=t),
        lambda t: 0.2 + 0.6 * (1 + np.cos(np.pi * min(1, t / 6))) / 2,
    ),
    "warm-up": (lambda t: optim.warmup(4, count=t), lambda t: min(1, (t + 1) / 4)),
    "warm-up and cosine": (
        lambda t: optim.warmup(3, t) * optim.cosine(0.8, 6, count=t),
        lambda t: min(1, (t + 1) / 3) * 0.4 * (1 + np.cos(np.pi * min(1, t / 6))),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_by_a_count_of_its_own_and_by_a_given_one(name: str) -> None:
    of, formula = SCHEDULES[name]
    expected = [formula(t) for t in range(9)]
    assert of(None).dtype == np.float64
    assert of(None).shape == ()
    np.testing.assert_allclose(rates(of(None), 9), expected, rtol=1e-12)
    for t in (mg.input("t", (), "int64"), mg.input("t", (), "float32")):
        f = mg.function([t], of(t + 0), None)
        found = [f(np.asarray(i, t.dtype)) for i in range(9)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_before_the_count_begins_the_rate_is_the_first(name: str) -> None:
    """With ``count - 5`` a schedule begins later."""
    of, formula = SCHEDULES[name]
    found = [float(of(mg.constant(t)).eval()) for t in (-1, -5)]
    np.testing.assert_allclose(found, [formula(0)] * 2, rtol=1e-12)


# ---------------------------------------------------------------- counts


def test_a_count_moves_once_a_call_however_often_it_is_read() -> None:
    t = optim.update_count()
    first, second = optim.step(1.0, 1, 0.5, count=t), optim.warmup(10, count=t)
    f = mg.function([], [first, second, first * second, t])
    for i in range(3):
        found = f()
        expected = [0.5**i, (i + 1) / 10, 0.5**i * (i + 1) / 10, i]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert t.get_value() == 3


def test_a_look_moves_nothing() -> None:
    t = optim.update_count()
    rate = optim.exponential(1.0, 0.5, count=t)
    assert [float(rate.eval()) for _ in range(3)] == [1, 1, 1]
    f = mg.function([], rate)
    assert [float(f()), float(rate.eval())] == [1, 0.5]
    assert t.get_value() == 1


def test_each_schedule_counts_for_itself() -> None:
    one, other = optim.warmup(4), optim.warmup(4)
    assert rates(one, 3) == [0.25, 0.5, 0.75]
    assert rates(other, 1) == [0.25]
    assert rates(one * other, 1) == [0.5]


def test_functions_that_share_a_count_share_its_time() -> None:
    t = optim.update_count()
    f, g = (mg.function([], optim.warmup(10, count=t)) for _ in range(2))
    np.testing.assert_allclose([f(), g(), f()], [0.1, 0.2, 0.3])


def test_a_failed_call_moves_nothing() -> None:
    rate, x = optim.warmup(4), mg.input("x", ("N",))
    f = mg.function([x, i := mg.input("i", (), "int64")], [rate, mg.take(x, i)])
    with pytest.raises(IndexError):
        f(np.ones(2, "float32"), 5)
    assert f(np.ones(2, "float32"), 0)[0] == 0.25


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.Adagrad, optim.RMSprop])
def test_an_optimiser_steps_by_the_rate_of_the_moment(kind: Any, dtype: str) -> None:
    """As one whose rate is set by hand; the parameters keep their dtype."""
    by_hand, by_schedule = (mg.parameter(np.array([3.0, -1.0], dtype), "w") for _ in range(2))
    rate = optim.warmup(3) * optim.cosine(0.5, 6)
    lr = mg.input("lr", (), "float64")
    steps = [
        mg.function(args, [], kind(how).updates(mg.square(w).sum(), [w]))
        for args, how, w in (([lr], lr, by_hand), ([], rate, by_schedule))
    ]
    for value in rates(optim.warmup(3) * optim.cosine(0.5, 6), 6):
        steps[0](value)
        steps[1]()
        np.testing.assert_array_equal(by_hand.get_value(), by_schedule.get_value())
    assert by_schedule.get_value().dtype == dtype
    assert (abs(by_schedule.get_value()) < [3, 1]).all()


# ---------------------------------------------------------------- plateau


def test_a_plateau_falls_after_so_many_without_a_new_best() -> None:
    plateau = optim.Plateau(1.0, factor=0.5, patience=2, least=0.2)
    losses = [3.0, 3.0, 2.0, 2.0, 2.0, 1.0, float("nan"), 1.5, 1.0, 1.0, 1.0, 1.0]
    found = [plateau.observe(loss) for loss in losses]
    assert found == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]
    np.testing.assert_array_equal(plateau.memory.get_value(), [0.2, 1.0, 0])


def test_a_function_sees_the_rate_that_was_observed() -> None:
    plateau = optim.Plateau(0.5, factor=0.5, patience=1)
    w = mg.parameter(np.array(0.0), "w")
    train = mg.function([], w, optim.SGD(plateau.rate).updates([mg.constant(1.0)], [w]))
    train()
    plateau.observe(1.0)
    plateau.observe(1.0)
    train()
    assert w.get_value() == -0.75
    assert plateau.rate.dtype == np.float64


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.constant(-1), "rate is in 0 ≤ rate < inf, and not -1"),
        (lambda: optim.constant("fast"), "rate is a number, and not 'fast'"),
        (lambda: optim.constant(float("nan")), "rate is in 0 ≤ rate < inf, and not nan"),
        (lambda: optim.step(-1, 2), "rate is in 0 ≤ rate < inf"),
        (lambda: optim.step(1, 0), "every is in 0 < every < "),
        (lambda: optim.step(1, milestones=[2, -3]), "milestones is in 0 ≤ milestones < inf"),
        (lambda: optim.step(1, 2, factor=0), "factor is in 0 < factor < "),
        (lambda: optim.step(1, "often"), "every is a number, and not 'often'"),
        (lambda: optim.exponential(1, 0), "factor is in 0 < factor < "),
        (lambda: optim.exponential(1, 0.5, every=0), "every is in 0 < every < "),
        (lambda: optim.exponential(1, 0.5, start=-1), "start is in 0 ≤ start < inf"),
        (lambda: optim.cosine(1, 0), "steps is in 0 < steps < "),
        (lambda: optim.cosine(1, 5, end=-1), "end is in 0 ≤ end < inf"),
        (lambda: optim.warmup(0), "steps is in 0 < steps < "),
        (lambda: optim.warmup(5, count=3), "a count is a scalar Variable, and not 3"),
        (
            lambda: optim.cosine(1, 5, count=mg.input("t", (2,))),
            "a count is a scalar Variable, and not <t",
        ),
        (lambda: optim.Plateau(-1), "rate is in 0 ≤ rate < inf"),
        (lambda: optim.Plateau(1, factor=0), "factor is in 0 < factor < "),
        (lambda: optim.Plateau(1, patience=0), "patience is in 0 < patience < "),
        (lambda: optim.Plateau(1, least=-1), "least is in 0 ≤ least < inf"),
        (lambda: optim.clip_by_value([], -1), "limit is in 0 ≤ limit < inf"),
        (lambda: optim.clip_by_norm([mg.ones(2)], -1), "max_norm is in 0 ≤ max_norm < inf"),
        (lambda: optim.clip_by_global_norm([], 1), "there is no gradient to take the norm of"),
        (lambda: optim.SGD(mg.ones(2)), "lr is a number or a scalar of floats"),
    ],
)
def test_numbers_that_are_none(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
