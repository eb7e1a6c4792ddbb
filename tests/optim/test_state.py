"""What an optimiser remembers: named, saved, put back, and then as if nothing had stopped."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.errors import ArgumentError, DTypeError, ShapeError

Make = Callable[[], optim.Optimizer]


class Run:
    """A training: parameters a (3, 2) and b (2,), an optimiser, and its compiled step."""

    def __init__(self, make: Make) -> None:
        rng = np.random.default_rng(0)
        self.parameters = {
            name: mg.parameter(rng.normal(size=shape), name)
            for name, shape in (("a", (3, 2)), ("b", (2,)))
        }
        a, b = self.parameters.values()
        cost = mg.square(mg.tanh(a @ b) - 0.5).sum() + 0.1 * mg.square(a - b).sum()
        self.optimiser = make()
        self.step = mg.function([], cost, self.optimiser.updates(cost, self.parameters))

    def saved(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return values(self.parameters), values(self.optimiser.state())

    def load(self, weights: dict[str, Any], slots: dict[str, Any]) -> None:
        for name, p in self.parameters.items():
            p.set_value(weights[name])
        self.optimiser.load_state(slots)


def values(parameters: dict[str, mg.Parameter]) -> dict[str, Any]:
    return {name: p.get_value() for name, p in parameters.items()}


def shared() -> optim.Optimizer:
    t = optim.update_count()
    return optim.Adam(optim.warmup(4, t) * optim.cosine(0.1, 10, count=t))


def two_counts() -> optim.Optimizer:
    return optim.Adam(optim.warmup(4) * optim.cosine(0.1, 10))


# name: (how it is made, the slots that have no parameter, those of each parameter, the rate's)
RULES: dict[str, tuple[Make, list[str], list[str], list[str]]] = {
    "sgd": (lambda: optim.SGD(0.1), [], [], []),
    "momentum": (lambda: optim.SGD(0.1, 0.9), [], ["v"], []),
    "nesterov": (lambda: optim.SGD(0.1, 0.9, nesterov=True), [], ["v"], []),
    "adagrad": (lambda: optim.Adagrad(0.1), [], ["s"], []),
    "rmsprop": (lambda: optim.RMSprop(0.1), [], ["s"], []),
    "adam": (lambda: optim.Adam(0.1), ["step"], ["m", "v"], []),
    "adamw": (lambda: optim.AdamW(0.1), ["step"], ["m", "v"], []),
    "cosine": (lambda: optim.SGD(optim.cosine(0.1, 10)), [], [], ["lr.updates"]),
    "shared count": (shared, ["step"], ["m", "v"], ["lr.updates"]),
    "plateau": (lambda: optim.Adagrad(optim.Plateau(0.1).rate), [], ["s"], ["lr.plateau"]),
    "plateau and warm-up": (
        lambda: optim.SGD(optim.Plateau(0.1).rate * optim.warmup(4)),
        [],
        [],
        ["lr.plateau", "lr.updates"],
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_names(name: str) -> None:
    make, own, each, of_rate = RULES[name]
    assert sorted(make().state()) == sorted([*own, *of_rate])
    slots = [f"{p}.{slot}" for p in "ab" for slot in each]
    assert sorted(Run(make).optimiser.state()) == sorted([*own, *slots, *of_rate])


def test_names_of_two_counts_do_not_hang_on_the_slots() -> None:
    before, after = two_counts().state(), Run(two_counts).optimiser.state()
    assert set(before) <= set(after)


def test_two_counts_have_two_names() -> None:
    state = Run(two_counts).optimiser.state()
    of_rate = {p for name, p in state.items() if name.startswith("lr.updates")}
    assert len(of_rate) == 2


@pytest.mark.parametrize("name", [*RULES, "two counts"])
def test_a_training_that_stops_goes_on_as_if_it_had_not(name: str) -> None:
    make = RULES[name][0] if name in RULES else two_counts
    whole, first, second = (Run(make) for _ in range(3))
    costs = [float(whole.step()) for _ in range(6)]
    assert [float(first.step()) for _ in range(3)] == costs[:3]
    second.load(*first.saved())
    assert [float(second.step()) for _ in range(3)] == costs[3:]
    for one, other in zip(whole.saved(), second.saved(), strict=True):
        assert list(one) == list(other)
        for key, value in one.items():
            np.testing.assert_array_equal(other[key], value)


def test_a_plateau_goes_on_with_its_best_and_its_patience() -> None:
    one, other = (optim.Plateau(0.1, factor=0.5, patience=3) for _ in range(2))
    for loss in (2.0, 1.0, 1.5, 1.5):
        one.observe(loss)
    optim.SGD(other.rate).load_state(values(optim.SGD(one.rate).state()))
    assert [other.observe(1.5), other.observe(1.5)] == [0.05, 0.05]
    assert other.observe(0.5) == 0.05
    np.testing.assert_array_equal(other.memory.get_value(), [0.05, 0.5, 0])


# ---------------------------------------------------------------- all or none

BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "one lacks": (lambda v: v.pop("lr.updates"), ArgumentError, "the values lack lr.updates"),
    "one too many": (
        lambda v: v.update({"c.m": 0}),
        ArgumentError,
        "the values have names that are not wanted: c.m",
    ),
    "another shape": (
        lambda v: v.update({"b.v": np.zeros((2, 1))}),
        ShapeError,
        r"parameter b.v has shape \(2,\), the value \(2, 1\)",
    ),
    "half a count": (
        lambda v: v.update({"lr.updates": 0.5}),
        DTypeError,
        "parameter updates is int64 and had float",
    ),
    "no number": (
        lambda v: v.update({"lr.updates": "many"}),
        DTypeError,
        "parameter updates is int64 and had .*, which is none of its numbers",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_all_or_none(name: str) -> None:
    change, error, message = BAD[name]
    run = Run(shared)
    run.step()
    before = values(run.optimiser.state())
    slots = {key: np.zeros_like(v) for key, v in before.items()}
    change(slots)
    with pytest.raises(error, match=message):
        run.optimiser.load_state(slots)
    for key, value in values(run.optimiser.state()).items():
        np.testing.assert_array_equal(value, before[key])
    assert before["lr.updates"] == 1


def test_slots_are_there_once_updates_was_called() -> None:
    slots = Run(RULES["momentum"][0]).saved()[1]
    with pytest.raises(ArgumentError, match=r"not wanted: a.v, b.v"):
        optim.SGD(0.1, 0.9).load_state(slots)
