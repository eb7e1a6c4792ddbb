"""Values put back by name: all of them, or none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from minigrad.variables import set_values
from tests.nn.compiled import Runs, assert_equal, randomised


def net(seed: int = 0) -> Any:
    """Weights, running statistics, and the random states of three kinds of masks."""
    return randomised(
        nn.Sequential(
            nn.BatchNorm(2),
            nn.Recurrent(
                nn.LSTMCell(2, 3, rng=seed, zoneout=0.1, recurrent_dropout=0.1, learned_state=True)
            ),
        ),
        seed,
    )


def values_of(module: nn.Module) -> dict[str, Any]:
    return {name: p.get_value() for name, p in module.state().items()}


def test_a_state_put_into_another_network() -> None:
    """Outputs are alike, and so are the masks of the calls that follow."""
    one, other = net(0), net(1)
    assert list(one.state()) == [
        *(f"layers.0.{name}" for name in ("weight", "bias", "running_mean", "running_var")),
        *(f"layers.1.cell.initial.{i}" for i in (0, 1)),
        *(f"layers.1.cell.{name}" for name in ("weight_ih", "weight_hh", "bias")),
        "layers.1.cell.recurrent_dropout.rng.state",
        "layers.1.cell.zoneout_rng.state",
    ]
    other.load_state(values_of(one))
    xs = np.ones((4, 2, 2), "float32")
    runs = [Runs(lambda x, _, layer=layer: layer(x)) for layer in (one, other)]
    for _ in range(2):
        assert_equal(*(run(xs) for run in runs))
    values = values_of(one)
    assert_equal(values_of(other), values)


def test_values_are_copied() -> None:
    one, other = nn.Linear(2, 3, rng=0), nn.Linear(2, 3, rng=1)
    values = values_of(one)
    other.load_state(values)
    values["weight"][:] = 7
    np.testing.assert_array_equal(other.weight.get_value(), one.weight.get_value())


LAST = "layers.1.cell.zoneout_rng.state"  # the last to be looked at
BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "one lacks": (lambda v: v.pop(LAST), ArgumentError, f"the values lack {LAST}"),
    "more lack": (lambda v: v.clear(), ArgumentError, r"lack layers.0.bias, .*, .*, …"),
    "one too many": (
        lambda v: v.update(more=0),
        ArgumentError,
        "the values have names that are not wanted: more",
    ),
    "another name": (lambda v: v.update(more=v.pop(LAST)), ArgumentError, f"lack {LAST}"),
    "another shape": (
        lambda v: v.update({"layers.1.cell.initial.1": np.zeros(4, "float32")}),
        ShapeError,
        r"parameter initial c has shape \(3,\), the value \(4,\)",
    ),
    "another rank": (
        lambda v: v.update({"layers.1.cell.bias": np.zeros((1, 12), "float32")}),
        ShapeError,
        r"has shape \(12,\), the value \(1, 12\)",
    ),
    "more digits": (
        lambda v: v.update({"layers.1.cell.bias": np.zeros(12)}),
        DTypeError,
        "is float32 and had float64",
    ),
    "no integers": (
        lambda v: v.update({LAST: np.zeros(2)}),
        DTypeError,
        "random state is uint64 and had float64",
    ),
    "no numbers": (
        lambda v: v.update({"layers.1.cell.bias": ["a"] * 12}),
        DTypeError,
        "is none of its numbers",
    ),
    "a variable": (
        lambda v: v.update({"layers.1.cell.bias": mg.zeros(12)}),
        ArgumentError,
        "needs numbers, and had the variable",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_all_or_none(name: str) -> None:
    change, error, message = BAD[name]
    module = net()
    before = values_of(module)
    values = {key: np.zeros_like(v) for key, v in before.items()}
    change(values)
    with pytest.raises(error, match=message):
        module.load_state(values)
    for key, value in values_of(module).items():
        np.testing.assert_array_equal(value, before[key])


def test_values_of_any_parameters_by_name() -> None:
    """What becomes float32 without loss is taken: Python's numbers, and integers of few bits."""
    a, b = mg.parameter(np.zeros(2, "float32"), "a"), mg.parameter(np.zeros((), "float32"), "b")
    set_values({"x": a, "y": b}, {"y": 2, "x": [1.0, 2.5]})
    np.testing.assert_array_equal(a.get_value(), [1.0, 2.5])
    assert b.get_value() == 2
    assert a.get_value().dtype == b.get_value().dtype == np.float32
    with pytest.raises(DTypeError, match="parameter b is float32 and had float64"):
        set_values({"x": a, "y": b}, {"x": [0.0, 0.0], "y": np.float64(3)})
    np.testing.assert_array_equal(a.get_value(), [1.0, 2.5])
