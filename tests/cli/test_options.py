"""Options of train: every setting arrives, and what cannot be is refused at once."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from minigrad import cli
from minigrad.text import Settings
from tests.cli.calls import TEXT, Call, assert_refused, settings, train

# Groups that fit together: all settings, none as it is by default.
GROUPS: list[dict[str, Any]] = [
    {
        "cell": "gru", "hidden": 5, "layers": 3, "length": 9, "batch": 3, "steps": 2,
        "optimizer": "rmsprop", "lr": 0.01, "decay_rate": 0.9, "clip": 1.5, "clip_value": 0.5,
        "dropout": 0.25, "recurrent_dropout": 0.1, "zoneout": 0.15, "layer_norm": True,
        "validation": 0.2, "test": 0.15, "patience": 2, "seed": 7, "warmup": 3,
    },
    {
        "level": "word", "words": 9, "hidden": 4, "layers": 1, "length": 4, "batch": 2,
        "epochs": 0.05, "optimizer": "sgd", "momentum": 0.5, "schedule": "step", "decay": 0.9,
        "decay_after": 1.5,
    },
    {
        "forget_bias": 1.0, "hidden": 4, "layers": 1, "length": 4, "batch": 2, "steps": 1,
        "optimizer": "adamw",
        "weight_decay": 0.1, "schedule": "plateau", "decay_patience": 3,
    },
]  # fmt: skip
USUAL = {f.name: f.default for f in fields(Settings)}


def test_the_groups_have_every_setting() -> None:
    given = {name for group in GROUPS for name in group}
    assert given == {f.name for f in fields(Settings)}
    assert not [(n, v) for group in GROUPS for n, v in group.items() if USUAL[n] == v]


def as_options(chosen: dict[str, Any]) -> list[Any]:
    pairs = ((f"--{name.replace('_', '-')}", value) for name, value in chosen.items())
    return [part for name, value in pairs for part in ([name] if value is True else [name, value])]


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_counts(call: Call, group: dict[str, Any]) -> None:
    result = call("train", "text.txt", *as_options(group), "--out", "a/b")
    assert (result.status, result.err) == (0, "")
    assert settings("a/b") == USUAL | group


def test_without_options_settings_are_the_usual(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Made(Exception):
        pass

    def made(text: str, chosen: Settings, *_: Any) -> None:
        raise Made(chosen)

    monkeypatch.setattr(cli.training, "Training", made)
    with pytest.raises(Made) as caught:
        call("train", "text.txt")
    assert caught.value.args == (Settings(),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cell", "elman"], "there is no cell 'elman': choose one of rnn, lstm, gru"),
        (["--optimizer", "newton"], "there is no optimizer 'newton'"),
        (["--schedule", "linear"], "there is no schedule 'linear'"),
        (["--level", "letter"], "there is no level 'letter'"),
        (["--steps", 0], "steps must be a whole number from 1 up, not 0"),
        (["--epochs", 0], "epochs must be above 0, and is 0.0"),
        (["--hidden", -3], "hidden must be"),
        (["--batch", -1], "batch must be"),
        (["--seed", -1], "seed must be a whole number from 0 up, not -1"),
        (["--lr", "nan"], "lr must be above 0, and is nan"),
        (["--lr", -0.1], "lr must be above 0, and is -0.1"),
        (["--clip", -1], "clip must be"),
        (["--dropout", 1], "dropout must be from 0 to below 1, and is 1.0"),
        (["--validation", "nan"], "validation must be from 0 to below 1, and is nan"),
        (["--validation", 0.5, "--test", 0.5], "validation and test leave nothing to train on"),
        (["--momentum", 0.9], "momentum is a setting of sgd, not of adam"),
        (["--decay", 0.9], "the schedule constant has no decay"),
        (["--dropout", 0.1], "dropout is applied between layers, and there is one"),
        (["--patience", 2, "--validation", 0], "patience and the schedule plateau need text"),
        (["--cell", "mingru", "--layer-norm"], "mingru has no layer_norm"),
        (["--out", "text.txt"], "text.txt exists already"),
        (["--out", "text.txt/run"], "Not a directory: text.txt/run"),
        (["--out", "x" * 300], "File name too long"),
        (["--resume", "nothing"], "there is no run folder nothing"),
        (["--init-from", "nothing"], "there is no run folder nothing"),
    ],
)
def test_options_that_cannot_be(call: Call, options: list[Any], message: str) -> None:
    assert_refused(train(call, *options), message)
    assert os.listdir() == ["text.txt"]
    assert Path("text.txt").read_text() == TEXT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", 5, "--epochs", 1], "--steps and --epochs say the same thing"),
        (["--words", 5], "--words is for --level word, not char"),
        (["--decay-patience", 5], "--decay-patience is for --schedule plateau, not constant"),
    ],
)
def test_options_that_would_be_ignored(call: Call, options: list[Any], message: str) -> None:
    assert_refused(train(call, *options), message)
