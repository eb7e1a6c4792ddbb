"""help, verify, draw: what they print, and what they say is wrong."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad import cli
from minigrad.text import Settings
from tests.cli.calls import Call, Result, assert_refused

COMMANDS = ["train", "sample", "score", "verify", "draw"]

# ---------------------------------------------------------------- help


def test_alone_it_shows_its_help(call: Call) -> None:
    alone, asked = call(), call("--help")
    assert alone == asked
    assert alone.status == 0
    assert all(command in alone.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(call: Call, command: str) -> None:
    result = call(command, "--help")
    assert (result.status, result.err) == (0, "")
    assert f"Usage: minigrad {command}" in result.out


def test_every_setting_is_in_the_help_of_train(call: Call) -> None:
    text = " ".join(call("train", "--help").out.split())
    for f in fields(Settings):
        assert f"--{f.name.replace('_', '-')} " in text
        assert f.metadata["help"] in text


def test_version(call: Call) -> None:
    assert call("--version") == Result(0, f"minigrad {minigrad.__version__}\n", "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fly"], "No such command 'fly'"),
        (["train", "--colour"], "No such option"),
        (["train", "--steps", "many"], "Invalid value for '--steps'"),
        (["train", "--steps"], "--steps"),
        (["train", "--report-every", 0], "Invalid value for '--report-every'"),
        (["train", "--log-every", -1], "Invalid value for '--log-every'"),
        (["train", "--layer-norm", "text.txt", "--no-layer-norm"], "No such option"),
        (["train", "--resume", "run", "--out", "other"], "--resume goes on in its own folder"),
        (["train", "--resume", "run", "--init-from", "other"], "no --out, no --init-from"),
        (["sample"], "Missing argument"),
        (["score"], "Missing argument"),
        (["score", "run"], "there is no text to score"),
        (["score", "run", "text.txt", "--top", -1], "Invalid value for '--top'"),
        (["verify", "more"], "unexpected extra argument"),
    ],
)
def test_bad_usage_is_one_line_that_names_the_help(
    call: Call, args: list[Any], message: str
) -> None:
    result = call(*args)
    assert_refused(result, message)
    assert result.err.endswith("--help)\n")
    assert os.listdir() == ["text.txt"]


# ---------------------------------------------------------------- verify, draw


def test_verify(call: Call) -> None:
    result = call("verify")
    assert (result.status, result.err) == (0, "")
    words = result.out.split()
    for shown in (["q", "=", "3"], ["f", "=", "-12"], ["df/dx", "-4", "-4", "ok"]):
        assert any(words[i : i + len(shown)] == shown for i in range(len(words)))
    assert "4 of 4 entries agree" in result.out
    assert "5 of 5 entries agree" in result.out


def test_verify_that_finds_a_fault(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(cost: Any, at: Any) -> Any:
        report = minigrad.verify_grad(cost, at)
        wrong = type(report.entries[0])("df/dx", 1.0, 2.0)
        return type(report)(report.values, (wrong, *report.entries), ())

    monkeypatch.setattr(cli.circuits, "verify_grad", faulty)
    result = call("verify")
    assert result.status == 1
    assert "WRONG" in result.out


def test_draw(call: Call) -> None:
    assert call("draw") == Result(0, "wrote circuit.svg\n", "")
    svg = Path("circuit.svg").read_text("utf-8")
    assert all(number in svg for number in ("-12", "-4", ">3<"))
    assert call("draw", "f.dot") == Result(0, "wrote f.dot\n", "")
    assert Path("f.dot").read_text("utf-8").startswith("digraph")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("circuit.jpeg2", "saved as one of .svg, .png, .pdf, .dot, not as 'circuit.jpeg2'"),
        ("picture", "not as 'picture'"),
        ("nothing/f.dot", "cannot write nothing/f.dot: No such file or directory"),
        ("text.txt/f.dot", "cannot write text.txt/f.dot: Not a directory"),
    ],
)
def test_pictures_that_cannot_be(call: Call, file: str, message: str) -> None:
    assert_refused(call("draw", "--out", file), message)
    assert os.listdir() == ["text.txt"]
