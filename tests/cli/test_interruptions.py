"""train, when something comes between: a full disk, Ctrl-C, a power cut, a crash at any write."""

import errno
import os
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from minigrad import checkpoint, cli
from minigrad.cli import session
from minigrad.files import append_whole
from minigrad.text import RunFolder, Training, run_folder
from tests.cli.calls import (
    FILES,
    SMALL,
    Call,
    assert_refused,
    assert_same_run,
    assert_stopped,
    log,
    train,
    without_rows_of_ctrl_c,
)


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


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_disk_full_at_the_start(call: Call, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(os, "fsync", only(count, FULL))
    assert_refused(train(call, "--steps", 1), "No space left on device: runs/text-1/")
    assert os.listdir() == ["text.txt"]


# What is written in a report, in this order; the log is appended to, without an fsync.
WRITTEN = ["sample.txt", "weights.safetensors", "loss.svg", "checkpoint.safetensors"]


@pytest.mark.parametrize("count", range(3, 12))
def test_a_disk_full_later(call: Call, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", only(count, FULL))
        result = train(call, "--steps", 60, "--out", "run")
    reports, file = divmod(count - 3, len(WRITTEN))
    assert_stopped(
        result,
        f"No space left on device: run/{WRITTEN[file]} "
        f"(the checkpoint of step {20 * reports} is in run)\n",
    )
    assert RunFolder("run").load()
    assert set(os.listdir("run")) <= set(FILES)


def test_a_disk_full_for_the_log(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []

    def limited(path: Path, content: bytes) -> None:
        rows.append(content)
        if len(rows) > 7:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        append_whole(path, content)

    monkeypatch.setattr(run_folder, "append_whole", limited)
    assert_stopped(train(call, "--steps", 60, "--out", "run"), "run/log.jsonl (the checkpoint of")
    assert [row["step"] for row in log("run")] == [1, 2, 3, 4, 5, 6, 7]


def test_a_training_that_diverges(call: Call) -> None:
    result = train(call, "--cell", "rnn", "--lr", 1e38, "--clip", 0, "--steps", 9, "--out", "run")
    assert_stopped(result, "the loss is nan at step 2, and the norm of the gradient nan: the")
    assert "training has diverged. Try a smaller lr (it was 1e+38), a warm-up" in result.err
    assert "(the checkpoint of step 0 is in run)" in result.err
    assert call("sample", "run", "--length", 3).status == 0


def test_where_a_first_nan_appears(call: Call) -> None:
    options = ["--cell", "rnn", "--lr", 1e38, "--clip", 0, "--steps", 9, "--detect-nan"]
    result = train(call, *options, "--out", "run")
    assert_stopped(result, "made an infinity, at ")
    assert re.search(r"minigrad/(nn|optim|text)/\w+\.py:\d+ \(the checkpoint", result.err)


def test_too_little_memory(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr(Training, "__init__", no_memory)
    assert_refused(train(call), "not enough memory: Unable to allocate 7.28 TiB")


@pytest.mark.parametrize("last", [0, 7, 33])
def test_ctrl_c_saves_and_says_so(call: Call, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """And it goes on from there as if nothing had been."""
    with monkeypatch.context() as impatient:
        interrupted_at(impatient, last)
        result = train(call, "--steps", 40, "--out", "run")
    assert (result.status, result.err) == (130, "")
    assert f"stopped by you after {last} steps" in result.out
    assert "saved in run\n" in result.out
    assert "go on:      minigrad train --resume run\n" in result.out
    assert sorted(os.listdir("run")) == FILES
    assert log("run")[-1]["step"] == last
    assert len(Path("run/sample.txt").read_text()) == 500
    assert call("train", "--resume", "run").status == 0
    train(call, "--steps", 40, "--out", "whole")
    without_rows_of_ctrl_c("run", like="whole")
    assert_same_run("whole", "run")


@pytest.mark.parametrize(
    ("where", "at"), [("validate", 20), ("judge", 20), ("step", 20), ("step", 13)]
)
def test_ctrl_c_in_a_report_and_right_after_a_step(
    call: Call, monkeypatch: pytest.MonkeyPatch, where: str, at: int
) -> None:
    original = getattr(Training, where)

    def interrupted(self: Training, *args: Any) -> Any:
        found = original(self, *args)
        if self.done == at:
            raise KeyboardInterrupt
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Training, where, interrupted)
        assert train(call, "--steps", 40, "--out", "run").status == 130
    assert call("train", "--resume", "run").status == 0
    train(call, "--steps", 40, "--out", "whole")
    assert_same_run("whole", "run")


def test_ctrl_c_while_it_saves_keeps_what_was_saved(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in the report of step 20, and again in the saving that follows."""
    with monkeypatch.context() as impatient:
        impatient.setattr(os, "fsync", only(3, KeyboardInterrupt()))
        assert train(call, "--steps", 40, "--out", "run").status == 130
    assert set(os.listdir("run")) <= set(FILES)
    assert RunFolder("run").load()


def test_it_is_saved_once_a_minute(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is to the next report: here a minute is no time, and the power fails."""
    monkeypatch.setattr(session, "_PERIOD", 0.0)
    step = Training.step

    def failing(self: Training) -> float:
        if self.done == 5:
            raise SystemExit("power")
        return step(self)

    with monkeypatch.context() as power:
        power.setattr(Training, "step", failing)
        train(call, "--steps", 20, "--out", "run")
    assert sorted(os.listdir("run")) == FILES
    assert log("run")[-1]["step"] == 5
    assert checkpoint.load("run/checkpoint.safetensors")[0]["training"]["done"] == 5


# ---------------------------------------------------------------- a crash at any write


class Crash(BaseException):
    """Nothing is done any more."""


class Writes:
    """The n-th thing that is done to a file ends in a crash: before it, after it, or halfway."""

    def __init__(self, patch: pytest.MonkeyPatch, last: int) -> None:
        self.left, self.where = last, ""
        fsync, replace = os.fsync, os.replace

        def crashing(file: int) -> None:
            self.now("before fsync")
            fsync(file)

        def moving(source: Any, target: Any) -> None:
            self.now("before replace")
            replace(source, target)
            self.now("after replace")

        def appending(path: Path, content: bytes) -> None:
            self.now("before append")
            append_whole(path, content[:9])
            self.now("in append")
            append_whole(path, content[9:])
            self.now("after append")

        patch.setattr(os, "fsync", crashing)
        patch.setattr(os, "replace", moving)
        patch.setattr(run_folder, "append_whole", appending)

    def now(self, where: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.where = where
            raise Crash


def test_a_crash_at_any_write(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """One life after the other ends at its first write, its third, its fifth …"""
    options = [*SMALL[2:], "--cell", "rnn", "--hidden", 4, "--recurrent-dropout", 0.2,
               "--report-every", 4, "--log-every", 2, "--steps", 60]  # fmt: skip
    assert call("train", "text.txt", *options, "--out", "whole").status == 0
    seen = set()
    for last in count(1, 2):
        begun = os.path.exists("run/checkpoint.safetensors")
        args = ["--resume", "run"] if begun else ["text.txt", *options, "--out", "run"]
        with monkeypatch.context() as patch:
            writes = Writes(patch, last)
            try:
                cli.main(["train", *map(str, args)])
            except Crash:
                seen.add(writes.where)
            except SystemExit as end:
                assert not end.code  # noqa: PT017
                break
    assert last > 25
    assert len(seen) == 6
    assert_same_run("whole", "run")
    assert sorted(os.listdir("run")) == FILES
