"""--resume goes on exactly where a run stopped; --init-from begins with its weights."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad import checkpoint, cli
from minigrad.text import RunFolder, Training
from tests.cli.calls import (
    FILES,
    SMALL,
    TEXT,
    Call,
    assert_refused,
    assert_same_run,
    contents,
    log,
    settings,
    train,
)

OPTIONS = [*SMALL[2:], "--hidden", 5, "--cell", "rnn", "--recurrent-dropout", 0.2,
           "--report-every", 10, "--log-every", 5]  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 20 steps, of which tests take a copy."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("text.txt").write_text(TEXT)
        args = ["train", "text.txt", *map(str, OPTIONS), "--steps", "20", "--out", "run"]
        with pytest.raises(SystemExit):
            cli.main(args)
    return folder / "run"


@pytest.fixture
def run(call: Call, finished: Path) -> Path:
    """It is of the text.txt in this folder."""
    shutil.copytree(finished, "run")
    change_config(lambda c: c["source"].update(files=[str(Path("text.txt").absolute())]))
    return Path("run")


def change_config(change: Callable[[Any], object]) -> None:
    path = Path("run/config.json")
    found = json.loads(path.read_text("utf-8"))
    change(found)
    path.write_text(json.dumps(found), "utf-8")


# ---------------------------------------------------------------- resume


@pytest.mark.parametrize("more", [["--steps", 34], ["--epochs", 1.2]])
def test_a_longer_training_is_the_same_as_one_from_the_start(
    call: Call, run: Path, more: list[Any]
) -> None:
    result = call("train", "--resume", "run", *more)
    assert (result.status, result.err) == (0, "")
    assert "34 steps (from 20 on) → run\n" in result.out
    assert "done after 34 steps" in result.out
    assert call("train", "text.txt", *OPTIONS, *more, "--out", "whole").status == 0
    assert_same_run("whole", "run")
    assert settings("run") | {"steps": 34} == settings("whole") | {"steps": 34}


def test_steps_stand_in_for_epochs(call: Call, run: Path) -> None:
    change_config(lambda c: c["settings"].update(epochs=0.7))
    result = call("train", "--resume", "run", "--steps", 22)
    assert "22 steps (from 20 on)" in result.out
    assert (settings("run")["epochs"], settings("run")["steps"]) == (None, 22)


def test_a_finished_run_is_left_as_it_is(call: Call, run: Path) -> None:
    before, rows = contents(run), log(run)
    result = call("train", "--resume", "run")
    assert (result.status, result.err) == (0, "")
    assert "20 steps (from 20 on)" in result.out
    assert "done after 20 steps" in result.out
    after = contents(run)
    changed = {name for name in FILES if after[name] != before[name]}
    assert changed <= {"config.json"}  # which lies in lines
    assert json.loads(after["config.json"]) == json.loads(before["config.json"])
    assert log(run) == rows


def test_from_any_folder(call: Call, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert call("train", "--resume", "../run", "--steps", 22).status == 0
    assert log("../run")[-1]["step"] == 22


def test_a_text_that_has_moved(call: Call, run: Path) -> None:
    Path("text.txt").rename("moved")
    assert_refused(call("train", "--resume", "run"), "No such file or directory: ")
    assert call("train", "--resume", "run", "--data", "moved", "--steps", 22).status == 0
    source = json.loads(Path("run/config.json").read_text("utf-8"))["source"]
    assert source["files"] == [str(Path("moved").absolute())]
    assert call("train", "--resume", "run").status == 0


def test_a_text_of_standard_input(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for args, status in (
        (["-", *OPTIONS, "--steps", 2, "--out", "run"], 0),
        (["--resume", "run", "--steps", 3], 0),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        assert call("train", *args).status == status
    assert log("run")[-1]["step"] == 3


def test_reports_may_come_at_other_steps(call: Call, run: Path) -> None:
    options = ["--steps", 40, "--report-every", 4, "--log-every", 20]
    assert call("train", "--resume", "run", *options).status == 0
    assert [row["step"] for row in log(run)] == [5, 10, 15, 20, 24, 28, 32, 36, 40]
    assert checkpoint.load(run / "checkpoint.safetensors")[1]["session"]["report_every"] == 4


def version_1(path: Path) -> None:
    change_config(lambda c: c.update(format=1))


def cut(path: Path) -> None:
    raw = (path / "checkpoint.safetensors").read_bytes()
    (path / "checkpoint.safetensors").write_bytes(raw[:-1])


def other_hidden(path: Path) -> None:
    change_config(lambda c: c["settings"].update(hidden=6))


def other_text(path: Path) -> None:
    Path("text.txt").write_text(TEXT + "!")


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (None, ["--hidden", 9], "--resume keeps the settings of the run, such as hidden"),
        (None, ["--lr", 0.1, "--seed", 1], "such as lr, seed: only steps, epochs or patience may"),
        (None, ["--steps", 19], "the run has done 20 steps already: nothing was changed"),
        (None, ["--steps", 0], "steps must be a whole number from 1 up"),
        (other_text, [], "the text is not that of the run any more: "),
        (other_text, ["text.txt"], "the text is not that of the run any more: "),
        (lambda run: Path("text.txt").unlink(), [], "No such file or directory: "),
        (lambda run: shutil.rmtree(run), [], "there is no run folder run"),
        (
            lambda run: (run / FILES[0]).unlink(),
            [],
            f"run folder: it has no {FILES[0]}",
        ),
        (
            lambda run: (run / FILES[1]).unlink(),
            [],
            f"run folder: it has no {FILES[1]}",
        ),
        (cut, [], f"run/{FILES[0]} is damaged"),
        (other_hidden, [], "the checkpoint does not fit: "),
        (version_1, [], "run has format 1, and this minigrad reads 2"),
    ],
)
def test_what_cannot_go_on_is_refused(
    call: Call, run: Path, damage: Callable[[Path], object], options: list[Any], message: str
) -> None:
    if damage is not None:
        damage(run)
    before = contents(run) if run.exists() else {}
    assert_refused(call("train", "--resume", "run", *options), message)
    assert (contents(run) if run.exists() else {}) == before


# ---------------------------------------------------------------- init-from


@pytest.mark.parametrize("options", [[], ["--cell", "rnn", "--hidden", 5, "--optimizer", "sgd"]])
def test_the_weights_are_taken_over(
    call: Call, run: Path, monkeypatch: pytest.MonkeyPatch, options: list[Any]
) -> None:
    """And the vocabulary: the new text need not have all of its characters."""
    begun = []
    step = Training.step

    def watched(self: Training) -> float:
        begun.append({n: p.get_value() for n, p in self.network.parameters().items()})
        return step(self)

    monkeypatch.setattr(Training, "step", watched)
    Path("new.txt").write_text("to be or not, " * 40)
    old, vocabulary, _ = RunFolder("run").load()
    before = contents(run)
    usual = ["--length", 10, "--batch", 4, "--steps", 2, "--out", "new"]
    result = call("train", "new.txt", "--init-from", "run", *usual, *options)
    assert (result.status, result.err) == (0, "")
    assert "560 characters, 15 distinct" in result.out
    for name, p in old.parameters().items():
        np.testing.assert_array_equal(begun[0][name], p.get_value())
    _, found, chosen = RunFolder("new").load()
    assert found.symbols == vocabulary.symbols
    assert (chosen.cell, chosen.hidden, chosen.layers) == ("rnn", 5, 1)
    assert chosen.recurrent_dropout == 0.0
    assert log("new")[0]["step"] == 1
    assert contents(run) == before
    assert call("train", "--resume", "new", "--steps", 3).status == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", 8], "the network of run has hidden 5, not 8"),
        (["--layers", 2], "the network of run has layers 1, not 2"),
        (["--cell", "lstm"], "the network of run has cell rnn, not lstm"),
        (["--level", "byte"], "the network of run has level char, not byte"),
        (["--layer-norm"], "the network of run has layer_norm False, not True"),
        (
            ["--data", "other.txt"],
            "the character 'ü', at place 1,261 of the text, in line 1, is not among",
        ),
        (["--out", "run"], "run exists already"),
        (["--lr", 0], "lr must be above 0"),
    ],
)
def test_what_cannot_begin_is_refused(
    call: Call, run: Path, options: list[Any], message: str
) -> None:
    Path("other.txt").write_text("tü")
    before = contents(run)
    args = ["text.txt", "--init-from", "run", "--length", 10, "--batch", 4, *options]
    assert_refused(call("train", *args), message)
    assert not Path("runs").exists()
    assert contents(run) == before


def test_a_network_that_was_damaged(call: Call, run: Path) -> None:
    (run / "weights.safetensors").write_bytes(b"")
    assert_refused(train(call, "--init-from", "run"), "run/weights.safetensors is damaged")
