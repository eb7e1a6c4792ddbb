"""Optimisers, clipping and schedules, compiled, against PyTorch."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from tests.reference.cases import CLIPPING, OBSERVED, OPTIMISERS, PLATEAUS, RATE, SCHEDULES, STEPS
from tests.reference.stored import REFERENCE, Array, assert_close


def rule(name: str) -> tuple[optim.Optimizer, dict[str, mg.Parameter], Any]:
    """The optimiser of a case, its parameters, and a function that makes a step."""
    case, given = OPTIMISERS[name], REFERENCE["optimisers"][name]["given"]
    parameters = {key: mg.parameter(given[key], key) for key in ("a", "b")}
    a, b = parameters.values()
    cost = 0.5 * (given["k"] * (a - 1) ** 2).sum() + mg.sin(a @ b).sum()
    grads = mg.grad(cost, parameters)
    if case.max_norm is not None:
        grads = optim.clip_by_global_norm(grads, case.max_norm)
    kind, settings = case.ours
    optimiser = getattr(optim, kind)(**settings)
    return optimiser, parameters, mg.function([], [], optimiser.updates(grads, parameters))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_five_steps(name: str) -> None:
    optimiser, parameters, step = rule(name)
    path: dict[str, list[Array]] = {key: [] for key in parameters}
    for _ in range(5):
        step()
        for key, p in parameters.items():
            path[key].append(p.get_value())
    roles = REFERENCE["optimisers"][name]
    for key, values in path.items():
        assert_close(np.stack(values), roles["outputs"][key], key)
    for key, value in roles["slots"].items():
        assert_close(optimiser.state()[key].get_value(), value, key)


@pytest.mark.parametrize("name", CLIPPING)
def test_clipping(name: str) -> None:
    roles, limit = REFERENCE["clipping"][name], CLIPPING[name]
    grads = {key: mg.input(key, g.shape, "float64") for key, g in roles["given"].items()}
    if name == "value":
        outputs = optim.clip_by_value(grads, limit)
    else:
        outputs = {**optim.clip_by_global_norm(grads, limit), "norm": optim.global_norm(grads)}
    found = mg.function([*grads.values()], outputs)(*roles["given"].values())
    assert set(found) == set(roles["outputs"])
    for key, value in roles["outputs"].items():
        assert_close(found[key], value, key)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name: str) -> None:
    """The rates that an optimiser sees, update by update."""
    rate: Any = 1.0
    for kind, settings in SCHEDULES[name].ours:
        rate = rate * getattr(optim, kind)(**settings)
    w = mg.parameter(0.0, "w")
    train = mg.function([], rate, optim.SGD(rate).updates([mg.constant(1.0)], [w]))
    found = np.array([train() for _ in range(STEPS)])
    assert_close(found, REFERENCE["schedules"][name]["outputs"]["rates"], "rates")
    assert float(w.get_value()) == pytest.approx(-found.sum(), rel=1e-5)


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateau(name: str) -> None:
    """There the rate of an update is what came of the losses before it."""
    plateau = optim.Plateau(RATE, **PLATEAUS[name])
    train = mg.function([], plateau.rate)
    found = []
    for loss in OBSERVED:
        found.append(train())
        plateau.observe(loss)
    assert_close(np.array(found), REFERENCE["plateaus"][name]["outputs"]["rates"], "rates")
