"""Settings: what they may be, and that each means what it says."""

import json
import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

import minigrad as mg
from minigrad import optim
from minigrad.errors import ArgumentError
from minigrad.text import Settings, Vocabulary
from minigrad.text.settings import OPTIMIZERS, SCHEDULES

NAN, INF = math.nan, math.inf

# ---------------------------------------------------------------- what they may be

WHOLE = ["hidden", "layers", "words", "length", "batch", "steps", "warmup", "decay_patience"]
WHOLE += ["patience", "seed"]
FROM_0 = {"warmup", "patience", "seed"}
SHARES = ["dropout", "recurrent_dropout", "zoneout", "validation", "test"]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [0, -3, 1.5, 3.0, "8", True, None])
def test_counts_are_whole_numbers(name: str, value: Any) -> None:
    least = 0 if name in FROM_0 else 1
    if value == 0 and name in FROM_0:
        assert getattr(Settings(**{name: 0}), name) == 0
        return
    with pytest.raises(ArgumentError, match=f"{name} must be a whole number from {least} up, not"):
        Settings(**{name: value})


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("value", [1, 1.0, -0.1, NAN, INF, "0.5", None])
def test_shares_are_from_0_to_below_1(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"{name} must be from 0.* to below 1, and is"):
        Settings(**{name: value})
    assert getattr(Settings(**{name: 0}), name) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "elman"}, "no cell 'elman': choose one of rnn, lstm, gru, mingru, minlstm"),
        ({"cell": None}, "no cell None"),
        ({"level": "letter"}, "no level 'letter': choose one of char, word, byte"),
        ({"optimizer": "newton"}, "no optimizer 'newton': choose one of sgd, adagrad"),
        ({"schedule": "linear"}, "no schedule 'linear': choose one of constant, step"),
        ({"layer_norm": 1}, "layer_norm must be True or False, not 1"),
        ({"lr": 0.0}, "lr must be above 0, and is 0.0"),
        ({"lr": -1}, "lr must be above 0, and is -1"),
        ({"lr": NAN}, "lr must be above 0, and is nan"),
        ({"lr": INF}, "lr must be above 0, and is inf"),
        ({"lr": "fast"}, "lr must be above 0, and is 'fast'"),
        ({"epochs": 0}, "epochs must be above 0, and is 0"),
        ({"epochs": INF}, "epochs must be above 0, and is inf"),
        ({"decay": 0, "schedule": "step"}, "decay must be above 0, and is 0"),
        ({"decay_after": -1}, r"decay_after must be from 0\S* up, and is -1"),
        ({"clip": -1.0}, r"clip must be from 0\S* up, and is -1.0"),
        ({"clip": NAN}, r"clip must be from 0\S* up, and is nan"),
        ({"clip_value": -1.0}, r"clip_value must be from 0\S* up, and is -1.0"),
        ({"momentum": 1.0, "optimizer": "sgd"}, "momentum must be from 0 to below 1, and is 1.0"),
        ({"decay_rate": 1, "optimizer": "rmsprop"}, "decay_rate must be from 0 to below 1"),
        ({"weight_decay": -1, "optimizer": "adamw"}, "weight_decay must be from 0 up, and is -1"),
        # settings that do not go together
        ({"validation": 0.5, "test": 0.5}, "validation and test leave nothing .*: 0.5 . 0.5"),
        ({"momentum": 0.9}, "momentum is a setting of sgd, not of adam"),
        ({"momentum": 0.0, "optimizer": "adamw"}, "momentum is a setting of sgd, not of adamw"),
        ({"decay_rate": 0.9, "optimizer": "sgd"}, "decay_rate is a setting of rmsprop, not of sgd"),
        ({"weight_decay": 0.1, "optimizer": "adam"}, "weight_decay is a setting of adamw, not of"),
        ({"decay": 0.9}, "the schedule constant has no decay"),
        ({"decay": 0.9, "schedule": "cosine"}, "the schedule cosine has no decay"),
        ({"decay_after": 1, "schedule": "plateau"}, "the schedule plateau has no decay_after"),
        ({"decay_after": 1}, "the schedule constant has no decay_after"),
        ({"forget_bias": 1.0, "cell": "gru"}, "forget_bias is a setting of lstm, not of gru"),
        ({"forget_bias": NAN}, "forget_bias must be"),
        ({"dropout": 0.1, "layers": 1}, "dropout is applied between layers, and there is one"),
        ({"decay": 1.0, "schedule": "plateau"}, "the decay at a plateau is below 1, and not 1.0"),
        ({"patience": 1, "validation": 0}, "patience and the schedule plateau need text for valid"),
        ({"schedule": "plateau", "validation": 0}, "the schedule plateau need text for validation"),
        ({"cell": "mingru", "zoneout": 0.1}, "mingru has no zoneout"),
        ({"cell": "minlstm", "layer_norm": True}, "minlstm has no layer_norm"),
        ({"cell": "mingru", "recurrent_dropout": 0.1}, "mingru has no recurrent_dropout"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        Settings(**settings)
    assert "\n" not in caught.value.message


def test_the_error_names_the_line_that_made_them() -> None:
    with pytest.raises(ArgumentError, match=r"test_settings\.py:\d+"):
        Settings(hidden=0)


@pytest.mark.parametrize("settings", [{"lr": 1}, {"clip": 0}, {"epochs": 0.01}, {"decay_after": 0}])
def test_a_whole_number_is_a_number_too(settings: dict[str, Any]) -> None:
    assert Settings(**settings).as_dict().items() >= settings.items()


def test_they_go_through_json() -> None:
    settings = Settings(cell="gru", lr=0.1, epochs=2.5, schedule="step", decay=0.9, seed=2**70)
    assert Settings(**json.loads(json.dumps(settings.as_dict()))) == settings
    assert list(settings.as_dict()) == [f.name for f in fields(Settings)]


def test_each_says_what_it_means() -> None:
    for f in fields(Settings):
        assert f.metadata["help"].endswith("."), f.name


# ---------------------------------------------------------------- what they mean


def test_the_network() -> None:
    plain = Settings(cell="gru", hidden=3, layers=2).network(Vocabulary("abcd"))
    assert plain.parameters()["readout.weight"].shape == (3, 4)
    normalised = Settings(cell="gru", hidden=3, layers=2, layer_norm=True)
    assert len(normalised.network(Vocabulary("abcd")).parameters()) > len(plain.parameters())


@pytest.mark.parametrize(
    ("settings", "batches", "steps"),
    [
        ({"steps": 7}, 10, 7),
        ({"steps": 7, "epochs": 3}, 10, 30),
        ({"epochs": 0.25}, 10, 2),
        ({"epochs": 0.01}, 10, 1),
        ({"epochs": 1.5}, 9, 14),
    ],
)
def test_steps_and_epochs(settings: dict[str, Any], batches: int, steps: int) -> None:
    assert Settings(**settings).total_steps(batches) == steps


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_optimizer_and_its_usual_rate(name: str) -> None:
    kind, usual = OPTIMIZERS[name]
    settings = Settings(optimizer=name)
    assert settings.rate(10) == (usual, None)
    assert Settings(optimizer=name, lr=0.3).rate(10) == (0.3, None)
    assert type(settings.new_optimizer(0.3)) is kind


@pytest.mark.parametrize(
    ("optimizer", "setting", "attribute", "usual"),
    [
        ("sgd", "momentum", "momentum", 0.0),
        ("rmsprop", "decay_rate", "decay", 0.99),
        ("adamw", "weight_decay", "weight_decay", 0.01),
    ],
)
def test_settings_of_one_optimizer(
    optimizer: str, setting: str, attribute: str, usual: float
) -> None:
    assert getattr(Settings(optimizer=optimizer).new_optimizer(0.1), attribute) == usual
    for value in (0.0, 0.5):
        chosen = Settings(optimizer=optimizer, **{setting: value}).new_optimizer(0.1)
        assert getattr(chosen, attribute) == value


# rate 2, 4 batches in an epoch, 12 steps: at each count of updates
RATES: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "constant": ({}, lambda t: 2.0),
    "step": ({}, lambda t: 2 * 0.97 ** (t // 4)),
    "step after": ({"decay": 0.5, "decay_after": 1.5}, lambda t: 2 * 0.5 ** max(0, (t - 2) // 4)),
    "exponential": ({}, lambda t: 2 * 0.97 ** (t / 4)),
    "exponential after": (
        {"decay": 0.5, "decay_after": 2},
        lambda t: 2 * 0.5 ** max(0, (t - 8) / 4),
    ),
    "cosine": ({}, lambda t: 1 + math.cos(math.pi * min(t, 12) / 12)),
    "plateau": ({}, lambda t: 2.0),
}


@pytest.mark.parametrize("warmup", [0, 1, 5])
@pytest.mark.parametrize("name", RATES)
def test_the_rate_at_each_update(name: str, warmup: int) -> None:
    more, expected = RATES[name]
    schedule = name.split()[0]
    settings = Settings(lr=2.0, schedule=schedule, steps=12, warmup=warmup, **more)
    rate, plateau = settings.rate(4)
    assert (plateau is not None) == (schedule == "plateau")
    found = rates(rate, 14)
    for t, value in enumerate(found):
        assert value == pytest.approx(min(1, (t + 1) / max(1, warmup)) * expected(t)), t


def rates(rate: Any, count: int) -> list[float]:
    """A rate at the first `count` updates."""
    read = mg.function([], rate if isinstance(rate, mg.Variable) else mg.constant(rate))
    return [float(read()) for _ in range(count)]


@pytest.mark.parametrize(("decay", "factor"), [(None, 0.5), (0.1, 0.1)])
def test_the_rate_falls_at_a_plateau(decay: float | None, factor: float) -> None:
    settings = Settings(lr=2.0, schedule="plateau", decay=decay, decay_patience=3)
    rate, plateau = settings.rate(4)
    assert isinstance(plateau, optim.Plateau)
    seen = []
    for loss in (3.0, 2.0, 2.0, 2.5, 2.0, 1.0):
        plateau.observe(loss)
        seen += rates(rate, 1)
    assert seen == pytest.approx([2, 2, 2, 2, 2 * factor, 2 * factor])


def test_every_schedule_is_tested() -> None:
    assert {name.split()[0] for name in RATES} == set(SCHEDULES)
