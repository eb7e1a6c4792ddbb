"""Calls of the command line, and what is asked of all that fail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

TEXT = "to be or not to be, that is the question. " * 30
SMALL = ["--hidden", "8", "--layers", "1", "--length", "10", "--batch", "4"]
FILES = ["config.json", "log.jsonl", "sample.txt", "weights.safetensors"]


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


def log(run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(run, "log.jsonl").read_text().splitlines()]
