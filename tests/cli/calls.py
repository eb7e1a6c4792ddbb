"""Calls of the command line, and what is asked of all that fail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad import checkpoint

TEXT = "to be or not to be, that is the question. " * 30
SMALL = ["--hidden", "8", "--layers", "1", "--length", "10", "--batch", "4"]
FILES = [
    "checkpoint.safetensors",
    "config.json",
    "log.jsonl",
    "loss.svg",
    "sample.txt",
    "weights.safetensors",
]


class Result(NamedTuple):
    status: int
    out: str
    err: str


Call = Callable[..., Result]


def train(call: Call, *options: Any) -> Result:
    return call("train", "text.txt", *SMALL, *options)


def assert_refused(result: Result, message: str) -> None:
    """One line on standard error that says it, and status 2."""
    assert message in result.err
    assert (result.status, result.err.count("\n"), result.out) == (2, 1, "")
    assert result.err.startswith("minigrad: ")


def assert_stopped(result: Result, message: str) -> None:
    """The same of a training that had begun."""
    assert message in result.err
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("minigrad: ")


def log(run: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(run, "log.jsonl").read_text().splitlines()]


def settings(run: Path | str) -> dict[str, Any]:
    return json.loads(Path(run, "config.json").read_text("utf-8"))["settings"]


def contents(folder: Path | str) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in Path(folder).iterdir()}


def without_rows_of_ctrl_c(run: Path | str, like: Path | str) -> None:
    """Ctrl-C logs the step it comes at too, be there a row or not: leave one for each of `like`."""
    steps = {row["step"] for row in log(like)}
    rows = {row["step"]: row for row in log(run) if row["step"] in steps}
    Path(run, "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows.values()))


def assert_same_run(a: Path | str, b: Path | str) -> None:
    """Equal weights, checkpoint, sample and log, but for seconds."""
    for name in ("weights.safetensors", "sample.txt"):
        assert Path(a, name).read_bytes() == Path(b, name).read_bytes(), name
    (x, facts), (y, others) = (checkpoint.load(Path(r, "checkpoint.safetensors")) for r in (a, b))
    assert x.keys() == y.keys()
    for part, named in x.items():
        assert named.keys() == y[part].keys()
        for name, value in named.items():
            np.testing.assert_array_equal(y[part][name], value, strict=True, err_msg=name)
    for known in (facts, others):
        known["session"]["seconds"] = 0
    assert others == facts
    rows, found = ([{**row, "seconds": 0} for row in log(run)] for run in (a, b))
    assert rows == found
