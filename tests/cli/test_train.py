"""train: what it prints, what it leaves, and that nothing is lost when it cannot go on."""

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from minigrad import cli
from minigrad.text import RunFolder, Training
from tests.cli.calls import FILES, SMALL, TEXT, Call, assert_refused, log, train

# ---------------------------------------------------------------- train


def test_train(call: Call) -> None:
    result = train(call, "--steps", 45)
    assert (result.status, result.err) == (0, "")
    assert "1,260 characters, 15 distinct\n1 × lstm of 8, 903 weights; 45 steps" in result.out
    reports = [line for line in result.out.splitlines() if line.startswith("step ")]
    assert [line.split(":")[0] for line in reports] == ["step 20", "step 40", "step 45"]
    assert "done after 45 steps" in result.out
    assert "saved in runs/text-1\n" in result.out
    assert not {c for c in result.out if c != "\n" and not c.isprintable()}
    assert sorted(os.listdir("runs/text-1")) == FILES
    sample = Path("runs/text-1/sample.txt").read_text("utf-8")
    assert len(sample) == 500
    assert sample in result.out


def test_the_log(call: Call) -> None:
    train(call, "--steps", 500, "--out", "run")
    rows = log("run")
    assert all(list(r) == ["step", "seconds", "train_loss", "val_loss"] for r in rows)
    steps = [r["step"] for r in rows]
    assert steps == sorted(set(steps))
    assert steps[-1] == 500
    assert [r["step"] for r in rows if r["val_loss"]] == [100, 200, 300, 400, 500]
    assert 100 < len(rows) < 250
    assert rows[-1]["train_loss"] < 0.8 * rows[0]["train_loss"]


def test_every_option_counts(call: Call) -> None:
    options = {
        "cell": "gru", "hidden": 5, "layers": 2, "length": 9, "batch": 3, "steps": 4,
        "optimizer": "rmsprop", "lr": 0.01, "clip": 1.5, "dropout": 0.25, "validation": 0.2,
        "seed": 7,
    }  # fmt: skip
    args = [part for name, value in options.items() for part in (f"--{name}", value)]
    assert call("train", "text.txt", *args, "--out", "a/b").status == 0
    assert json.loads(Path("a/b/config.json").read_text("utf-8"))["settings"] == options


def test_the_same_seed_trains_the_same_network(call: Call) -> None:
    for out, seed in (("one", 1), ("same", 1), ("other", 2)):
        train(call, "--steps", 3, "--dropout", 0.2, "--layers", 2, "--seed", seed, "--out", out)
    one, same, other = (
        Path(out, "weights.safetensors").read_bytes() for out in ("one", "same", "other")
    )
    assert one == same != other


def test_without_a_file_it_reads_the_manual_of_python(call: Call) -> None:
    result = call("train", "--steps", 1, "--hidden", 4, "--layers", 1)
    assert result.status == 0
    assert "saved in runs/python-manual-1\n" in result.out
    assert RunFolder("runs/python-manual-1").load()


def test_without_validation(call: Call) -> None:
    result = train(call, "--steps", 1, "--validation", 0, "--out", "run")
    assert result.status == 0
    assert "validation" not in result.out
    assert log("run")[-1]["val_loss"] is None


@pytest.mark.parametrize(
    ("raw", "text"), [(b"\xef\xbb\xbfa\r\nb", "a\nb"), ("é汉😀".encode(), "é汉😀")]
)
def test_how_a_file_is_read(tmp_path: Path, raw: bytes, text: str) -> None:
    (tmp_path / "f").write_bytes(raw)
    assert cli.read_text(tmp_path / "f") == text


def test_names_and_texts_are_shown_as_they_are(call: Call) -> None:
    """Nothing in them is taken for markup or for the name of an emoji."""
    name = "[bold]:smile:"
    Path(f"{name}.txt").write_text(":smile: [red]" * 100)
    result = call("train", f"{name}.txt", *SMALL, "--steps", 1)
    assert f"saved in runs/{name}-1\n" in result.out
    assert Path(f"runs/{name}-1/sample.txt").read_text() in result.out


def no_text(path: Path) -> None:
    (path / "folder").mkdir()
    (path / "empty").touch()
    (path / "mark").write_bytes(b"\xef\xbb\xbf")
    (path / "short").write_text("hello" * 8)
    (path / "latin").write_bytes("naïve".encode("latin-1"))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("nothing", "No such file or directory: nothing"),
        ("folder", "Is a directory: folder"),
        ("empty", "empty is empty"),
        ("mark", "mark is empty"),
        ("short", "has 36 characters, and one batch of 4 rows and 10 steps needs 41"),
        ("latin", "latin is not UTF-8: byte 0xef at place 2"),
        ("text.txt/more", "Not a directory: text.txt/more"),
    ],
)
def test_texts_that_cannot_be_read(call: Call, tmp_path: Path, file: str, message: str) -> None:
    no_text(tmp_path)
    assert_refused(call("train", file, *SMALL), message)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cell", "elman"], "there is no cell 'elman': choose one of rnn, lstm, gru"),
        (["--optimizer", "newton"], "there is no optimizer 'newton'"),
        (["--steps", 0], "steps must be a whole number from 1 up, not 0"),
        (["--hidden", -3], "hidden must be"),
        (["--batch", -1], "batch must be"),
        (["--seed", -1], "seed must be a whole number from 0 up, not -1"),
        (["--lr", "nan"], "lr must be above 0, and is nan"),
        (["--lr", -0.1], "lr must be above 0, and is -0.1"),
        (["--clip", -1], "clip must be"),
        (["--dropout", 1], "dropout must be from 0 to below 1, and is 1.0"),
        (["--validation", "nan"], "validation must be from 0 to below 1, and is nan"),
        (["--out", "text.txt"], "text.txt exists already"),
        (["--out", "text.txt/run"], "Not a directory: text.txt/run"),
        (["--out", "x" * 300], "File name too long"),
    ],
)
def test_options_that_cannot_be(call: Call, options: list[Any], message: str) -> None:
    assert_refused(train(call, *options), message)
    assert os.listdir() == ["text.txt"]
    assert Path("text.txt").read_text() == TEXT


def test_a_run_folder_that_exists_is_not_touched(call: Call) -> None:
    train(call, "--steps", 1, "--out", "run")
    before = {name: Path("run", name).read_bytes() for name in FILES}
    assert_refused(train(call, "--steps", 2, "--out", "run"), "run exists already")
    assert {name: Path("run", name).read_bytes() for name in os.listdir("run")} == before


# ---------------------------------------------------------------- train: what comes between


def only(count: int, error: BaseException) -> Callable[..., Any]:
    """os.fsync that works so often."""
    left, fsync = iter(range(count)), os.fsync

    def limited(file: int) -> None:
        if next(left, None) is None:
            raise error
        fsync(file)

    return limited


def interrupted_at(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """Ctrl-C comes before the step after `last`."""
    step = Training.step

    def limited(self: Training) -> float:
        if self.done == last:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(Training, "step", limited)


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("count", [0, 1])
def test_a_disk_full_at_the_start(call: Call, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(os, "fsync", only(count, FULL))
    assert_refused(train(call, "--steps", 1), "No space left on device: runs/text-1/")
    assert os.listdir() == ["text.txt"]


@pytest.mark.parametrize(("count", "step"), [(2, 0), (3, 20), (4, 20), (5, 40)])
def test_a_disk_full_later(
    call: Call, monkeypatch: pytest.MonkeyPatch, count: int, step: int
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", only(count, FULL))
        result = train(call, "--steps", 60, "--out", "run")
    line = f"No space left on device: run/{FILES[3] if count % 2 == 0 else FILES[2]}"
    assert f"{line} (the weights of step {step} are in run)\n" in result.err
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert RunFolder("run").load()
    assert set(os.listdir("run")) <= set(FILES)


def test_a_training_that_diverges(call: Call) -> None:
    result = train(call, "--cell", "rnn", "--lr", 1e38, "--clip", 0, "--steps", 9, "--out", "run")
    assert "training has diverged" in result.err
    assert "(the weights of step 0 are in run)" in result.err
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert call("sample", "run", "--length", 3).status == 0


def test_too_little_memory(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr(Training, "__init__", no_memory)
    assert_refused(train(call), "not enough memory: Unable to allocate 7.28 TiB")


@pytest.mark.parametrize("last", [0, 7, 33])
def test_ctrl_c_saves_and_says_so(call: Call, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    train(call, "--steps", last or 1, "--out", "shorter")
    interrupted_at(monkeypatch, last)
    result = train(call, "--steps", 100, "--out", "run")
    assert (result.status, result.err) == (130, "")
    assert f"stopped by you after {last} steps" in result.out
    assert "saved in run\n" in result.out
    assert sorted(os.listdir("run")) == FILES
    assert log("run")[-1]["step"] == last
    assert len(Path("run/sample.txt").read_text()) == 500
    if last:
        found, expected = (RunFolder(name).load()[0].state() for name in ("run", "shorter"))
        for name, p in expected.items():
            np.testing.assert_array_equal(found[name].get_value(), p.get_value())


def test_ctrl_c_while_it_saves_keeps_what_was_saved(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in the report of step 20, and again in the saving that follows."""
    with monkeypatch.context() as impatient:
        impatient.setattr(os, "fsync", only(2, KeyboardInterrupt()))
        assert train(call, "--steps", 40, "--out", "run").status == 130
    assert set(os.listdir("run")) <= set(FILES)
    assert RunFolder("run").load()


def test_weights_are_saved_once_a_minute(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is to the next report: here a minute is no time, and the power fails."""
    monkeypatch.setattr(cli, "_PERIOD", 0.0)
    step = Training.step

    def failing(self: Training) -> float:
        if self.done == 5:
            raise SystemExit("power")
        return step(self)

    monkeypatch.setattr(Training, "step", failing)
    train(call, "--steps", 1000, "--out", "run")
    assert sorted(os.listdir("run")) == FILES
    assert log("run")[-1]["step"] == 5


# ---------------------------------------------------------------- the progress bar


@pytest.mark.parametrize("width", [80, 120])
def test_the_progress_bar_fits(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, no_color=True)
    monkeypatch.setattr(cli, "out", console)
    bar = cli.progress_bar()
    figures = "loss 1.234 (1.780 bits/char)  61,250 chars/s"
    bar.add_task("", total=1200, completed=345, figures=figures)
    console.print(bar.get_renderable())
    (line,) = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert line.startswith("345/1200 ")
    assert figures in line
    assert line.rstrip().endswith("left")
    assert len(line.rstrip()) <= width - 2
