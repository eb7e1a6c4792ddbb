"""help, sample, verify, draw: what they print, and what they say is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad import cli
from tests.cli.calls import Call, Result, assert_refused, train

# ---------------------------------------------------------------- help


def test_alone_it_shows_its_help(call: Call) -> None:
    alone, asked = call(), call("--help")
    assert alone == asked
    assert alone.status == 0
    assert all(command in alone.out for command in ("train", "sample", "verify", "draw"))


@pytest.mark.parametrize("command", ["train", "sample", "verify", "draw"])
def test_each_command_has_help(call: Call, command: str) -> None:
    result = call(command, "--help")
    assert (result.status, result.err) == (0, "")
    assert f"Usage: minigrad {command}" in result.out


def test_version(call: Call) -> None:
    assert call("--version") == Result(0, f"minigrad {minigrad.__version__}\n", "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fly"], "No such command 'fly'"),
        (["train", "--colour"], "No such option"),
        (["train", "--steps", "many"], "Invalid value for '--steps'"),
        (["train", "--steps"], "--steps"),
        (["sample"], "Missing argument"),
        (["verify", "more"], "unexpected extra argument"),
    ],
)
def test_bad_usage_is_one_line_that_names_the_help(
    call: Call, args: list[str], message: str
) -> None:
    result = call(*args)
    assert_refused(result, message)
    assert result.err.endswith("--help)\n")


# ---------------------------------------------------------------- sample


@pytest.fixture
def trained(call: Call) -> str:
    train(call, "--steps", 5, "--out", "run")
    return "run"


def test_sample(call: Call, trained: str) -> None:
    result = call("sample", trained, "--prime", "to be ", "--length", 50, "--seed", 1)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("to be ")
    assert len(result.out) == 6 + 50 + 1
    assert result == call("sample", trained, "--prime", "to be ", "--length", 50, "--seed", 1)
    assert result != call("sample", trained, "--prime", "to be ", "--length", 50, "--seed", 2)


def test_sample_at_temperature_0(call: Call, trained: str) -> None:
    first, second = (
        call("sample", trained, "--prime", "t", "--temperature", 0, "--length", 20) for _ in "ab"
    )
    assert first == second
    assert len(call("sample", trained).out) == 501


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prime", "tü"], "the character 'ü', at place 1 of the text, is not among the 15"),
        (["--prime", "\udcff"], r"the character '\udcff'"),
        (["--length", -1], "length must be from 0 up, and is -1"),
        (["--temperature", -1], "temperature must be from 0 up"),
        (["--temperature", "nan"], "temperature must be from 0 up"),
        (["--seed", -1], "seed must be from 0 up"),
    ],
)
def test_samples_that_cannot_be(call: Call, trained: str, options: list[Any], message: str) -> None:
    assert_refused(call("sample", trained, *options), message)


def test_folders_that_cannot_be_sampled(call: Call, trained: str) -> None:
    assert_refused(call("sample", "nothing"), "there is no run folder nothing")
    assert_refused(call("sample", "text.txt"), "there is no run folder text.txt")
    Path("run/weights.safetensors").write_bytes(b"\0" * 100)
    assert_refused(call("sample", "run"), "run/weights.safetensors is damaged")
    Path("run/config.json").unlink()
    assert_refused(call("sample", "run"), "run is no complete run folder: it has no config.json")


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

    monkeypatch.setattr(cli, "verify_grad", faulty)
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
        ("circuit", "not as 'circuit'"),
        ("nothing/f.dot", "cannot write nothing/f.dot: No such file or directory"),
        ("text.txt/f.dot", "cannot write text.txt/f.dot: Not a directory"),
    ],
)
def test_pictures_that_cannot_be(call: Call, file: str, message: str) -> None:
    assert_refused(call("draw", file), message)
    assert os.listdir() == ["text.txt"]
