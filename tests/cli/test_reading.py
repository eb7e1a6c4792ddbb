"""sample and score: what a trained network writes, and what it says of a text."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from minigrad import cli
from minigrad.text import RunFolder, Sampler, Scorer, Settings, Source, Training
from tests.cli.calls import SMALL, TEXT, Call, assert_refused


@pytest.fixture(scope="module")
def training() -> Training:
    t = Training(TEXT, Settings(hidden=8, layers=1, length=10, batch=4, steps=5))
    for _ in range(5):
        t.step()
    return t


@pytest.fixture
def trained(call: Call, training: Training) -> str:
    RunFolder.create("run", training, Source())
    return "run"


# ---------------------------------------------------------------- sample


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
    assert first == call("sample", trained, "--prime", "t", "--top-k", 1, "--length", 20)
    assert len(call("sample", trained).out) == 501


@pytest.mark.parametrize(
    "options", [{"top_k": 3}, {"top_p": 0.4}, {"top_k": 5, "top_p": 0.5, "temperature": 2.0}]
)
def test_a_choice_of_the_likeliest(call: Call, trained: str, options: dict[str, Any]) -> None:
    """The text is that of `Sampler` with the same choice, and another without."""
    network, vocabulary, _ = RunFolder(trained).load()
    stream = Sampler(network, vocabulary).stream(80, "to", seed=3, **options)
    args = [a for name, value in options.items() for a in (f"--{name.replace('_', '-')}", value)]
    usual = ("sample", trained, "--prime", "to", "--length", 80, "--seed", 3)
    assert call(*usual, *args).out == "to" + "".join(stream) + "\n"
    assert call(*usual, *args).out != call(*usual).out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--prime", "tü"],
            "the character 'ü', at place 1 of the text, in line 1, is",
        ),
        (["--prime", "\udcff"], r"the character '\udcff'"),
        (["--length", -1], "length must be from 0 up, and is -1"),
        (["--temperature", -1], "temperature must be from 0 up"),
        (["--temperature", "nan"], "temperature must be from 0 up"),
        (["--seed", -1], "seed must be from 0 up"),
        (["--top-k", 0], "top_k must be a whole number from 1 up, and is 0"),
        (["--top-p", 0], "top_p must be above 0 and at most 1, and is 0.0"),
        (["--top-p", 1.5], "top_p must be above 0 and at most 1, and is 1.5"),
        (["--top-p", "nan"], "top_p must be above 0"),
    ],
)
def test_samples_that_cannot_be(call: Call, trained: str, options: list[Any], message: str) -> None:
    assert_refused(call("sample", trained, *options), message)


@pytest.mark.parametrize("command", [("sample",), ("score", "text.txt")])
def test_folders_that_cannot_be_read(call: Call, trained: str, command: tuple[str, ...]) -> None:
    name, *files = command
    assert_refused(call(name, "nothing", *files), "there is no run folder nothing")
    assert_refused(call(name, "text.txt", *files), "there is no run folder text.txt")
    Path("run/weights.safetensors").write_bytes(b"\0" * 100)
    assert_refused(call(name, "run", *files), "run/weights.safetensors is damaged")
    Path("run/config.json").unlink()
    assert_refused(call(name, "run", *files), "run is no complete run folder: it has no config")


# ---------------------------------------------------------------- score

ODD = "2024-05-07 worker 3: wrote 40 rows\n2024-05-07 worker 4: zq*QX! @@ 9z9\n"


def test_figures_are_those_of_the_scorer(call: Call, trained: str) -> None:
    Path("more").write_text("to not to\nbeat\n".replace("\n", " "))
    result = call("score", trained, "text.txt", "more", "--top", 0)
    network, vocabulary, _ = RunFolder(trained).load()
    scores = Scorer(network, vocabulary).score(TEXT + Path("more").read_text())
    assert result.out == (
        f"1,275 characters: {scores.mean:.3f} nats ({scores.bits:.3f} bits) a character, "
        f"perplexity {scores.perplexity:.2f}, {scores.bits_per_byte:.3f} bits a byte\n"
    )
    assert (result.status, result.err) == (0, "")


def test_each_symbol_with_its_nats(call: Call, trained: str) -> None:
    assert call("score", trained, "text.txt", "--symbols", "s.jsonl").status == 0
    rows = [json.loads(line) for line in Path("s.jsonl").read_text().splitlines()]
    network, vocabulary, _ = RunFolder(trained).load()
    scores = Scorer(network, vocabulary).score(TEXT)
    assert "".join(row["symbol"] for row in rows) == TEXT
    assert [row["nats"] for row in rows] == pytest.approx(scores.nats.tolist(), abs=1e-6)


def test_an_odd_line_of_a_log_comes_first(call: Call) -> None:
    """The network has seen no such line; its letters it knows, from a line far away."""
    usual = [f"2024-05-{d:02} worker {w}: wrote {d * w} rows" for d in range(1, 29) for w in (1, 2)]
    Path("log.txt").write_text("\n".join([*usual[:30], "zq*QX! @@ 9z9", *usual[30:], ""]))
    result = call("train", "log.txt", *SMALL[:4], "--length", 30, "--batch", 4, "--lr", 0.02,
                  "--steps", 120, "--validation", 0, "--out", "run")  # fmt: skip
    assert result.status == 0
    Path("today.txt").write_text("\n".join([*usual[:9], "2024-05-05 worker 1: zq*QX!", *usual[:9]]))
    out = call("score", "run", "today.txt", "--top", 3).out.splitlines()
    assert out[2] == "most surprising lines (nats a character):"
    assert out[3].endswith("  line 10:  2024-05-05 worker 1: zq*QX!")
    nats = [float(line.split()[0]) for line in out[3:]]
    assert len(nats) == 3
    assert nats == sorted(nats, reverse=True)
    assert nats[0] > 1.5 * nats[1]


def test_standard_input(call: Call, trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert call("score", trained, "-") == call("score", trained, "text.txt")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nothing"], "No such file or directory: "),
        (["empty"], "empty is empty"),
        (["other"], "the character 'ü', at place 1 of the text, in line 1, is"),
        (["text.txt", "--symbols", "other"], "other exists already: choose another file"),
        (["text.txt", "--symbols", "no/s.jsonl"], "No such file or directory: no/s.jsonl"),
    ],
)
def test_texts_that_cannot_be_scored(
    call: Call, trained: str, args: list[str], message: str
) -> None:
    Path("empty").touch()
    Path("other").write_text("tü")
    assert_refused(call("score", trained, *args), message)
    assert Path("other").read_text() == "tü"


@pytest.mark.parametrize(
    "raw",
    [b"na\xefve\n\xff\xfe" * 20, "naïve\n".encode() * 20],
)
def test_at_level_byte_any_file_is_scored(call: Call, raw: bytes) -> None:
    """A bit a byte is then the same as a bit a symbol."""
    Path("raw").write_bytes(raw)
    settings = Settings(level="byte", hidden=4, layers=1, length=5, batch=2, steps=1)
    training = Training(raw, settings)
    RunFolder.create("run", training, Source())
    first = call("score", "run", "raw").out.splitlines()[0]
    assert first.startswith(f"{len(raw):,} bytes: 5.5")
    bits = first.split("(")[1].split()[0]
    assert first.endswith(f" {bits} bits a byte")


@pytest.mark.parametrize("terminal", [False, True])
def test_colours_are_for_terminals(
    call: Call, trained: str, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    file = io.StringIO()
    colors = "truecolor" if terminal else "auto"
    console = Console(file=file, force_terminal=terminal, color_system=colors, soft_wrap=True)
    monkeypatch.setattr(cli.reading, "out", console)
    Path("odd.txt").write_text("to be, to be")
    assert call("score", trained, "odd.txt").status == 0
    assert "to be, to be" in re.sub("\x1b.*?m", "", file.getvalue())
    assert ("\x1b[38;2;" in file.getvalue()) == terminal


def test_unknown_characters_may_be_left_out(call: Call, trained: str) -> None:
    Path("odd.txt").write_text("to be ß to ü be")
    Path("plain.txt").write_text("to be  to  be")
    assert_refused(call("score", trained, "odd.txt"), "'ß', at place 6 of the text, in line 1")
    found = call("score", trained, "odd.txt", "--skip-unknown").out
    assert found == "2 unknown characters left out\n" + call("score", trained, "plain.txt").out
