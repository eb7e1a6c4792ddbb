"""Reports of a training: when they come, what they say, what they leave; and how it ends."""

import io
import math
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from minigrad.cli import session
from minigrad.picture import plots
from minigrad.text import RunFolder, Settings, Training
from tests.cli.calls import FILES, TEXT, Call, contents, log, train


def reported(out: str) -> list[int]:
    lines = (line for line in out.splitlines() if line.startswith("step "))
    return [int(line.split(":")[0].removeprefix("step ").replace(",", "")) for line in lines]


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("options", "reports", "lines"),
    [
        ([], [20, 40, 45], range(1, 46)),
        (["--report-every", 30], [30, 45], range(1, 46)),
        (["--report-every", 15, "--log-every", 10], [15, 30, 45], [10, 15, 20, 30, 40, 45]),
        (["--report-every", 100, "--log-every", 100], [45], [45]),
    ],
)
def test_when_it_reports_and_logs(
    call: Call, options: list[Any], reports: list[int], lines: Any
) -> None:
    out = train(call, "--steps", 45, *options, "--out", "run").out
    assert reported(out) == reports
    assert [row["step"] for row in log("run")] == [*lines]
    assert [row["step"] for row in log("run") if row["val_loss"] is not None] == reports


def test_what_it_says(call: Call) -> None:
    """The loss is the mean of the last 20, in nats and bits, and the same in the log."""
    out = train(call, "--steps", 30, "--report-every", 30, "--out", "run").out
    t = Training(TEXT, Settings(hidden=8, layers=1, length=10, batch=4, steps=30))
    losses = [t.step() for _ in range(30)]
    loss, validation = sum(losses[-20:]) / 20, t.validate(30)
    assert validation is not None
    assert (
        f"step 30: loss {loss:.3f} ({loss / math.log(2):.3f} bits/char), "
        f"validation {validation:.3f} ({validation / math.log(2):.3f} bits/char), "
        f"perplexity {math.exp(validation):.2f}\n"
    ) in out
    row = log("run")[-1]
    names, figures = (
        ("train_loss", "val_loss", "gradient_norm"),
        (loss, validation, t.latest[-1][1]),
    )
    assert [row[name] for name in names] == [float(f"{value:.6g}") for value in figures]
    assert f"best weights: step 30, validation {validation:.3f}" in out


# ---------------------------------------------------------------- the best weights, and the test


def worse_from(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Validation losses that fall until this step, then rise."""

    def loss(self: Training, most: int | None = None) -> float:
        return 2.0 + abs(self.done - step) / 100

    monkeypatch.setattr(Training, "validate", loss)


def test_weights_are_the_best(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    worse_from(monkeypatch, 20)
    out = train(call, "--steps", 30, "--report-every", 10, "--out", "run").out
    assert "best weights: step 20, validation 2.000" in out
    train(call, "--steps", 20, "--report-every", 10, "--out", "shorter")
    assert contents("run")["weights.safetensors"] == contents("shorter")["weights.safetensors"]


def test_without_validation_weights_are_the_latest(call: Call) -> None:
    out = train(call, "--steps", 30, "--validation", 0, "--out", "run").out
    assert "best weights" not in out
    assert "validation" not in out
    t = Training(TEXT, Settings(hidden=8, layers=1, length=10, batch=4, steps=30, validation=0.0))
    for _ in range(30):
        t.step()
    for name, p in RunFolder("run").load()[0].state().items():
        assert p.get_value().tobytes() == t.network.state()[name].get_value().tobytes()


def test_patience(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    worse_from(monkeypatch, 20)
    options = ["--steps", 90, "--report-every", 10, "--patience", 2, "--out", "run"]
    result = train(call, *options)
    assert result.status == 0
    assert reported(result.out) == [10, 20, 30, 40]
    assert "no new best in 2 reports: stopped after 40 steps" in result.out
    assert "best weights: step 20" in result.out
    again = call("train", "--resume", "run")
    assert again.status == 0
    assert "no new best in 2 reports: stopped after 40 steps" in again.out


def test_the_loss_on_the_test_text_is_that_of_the_best_weights(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse_from(monkeypatch, 20)
    options = ["--steps", 30, "--report-every", 10, "--test", 0.2]
    out = train(call, *options, "--out", "run").out
    settings = Settings(hidden=8, layers=1, length=10, batch=4, steps=30, test=0.2)
    t = Training(TEXT, settings)
    for _ in range(20):
        t.step()
    loss = t.test()
    assert loss is not None
    assert (
        f"\ntheir loss on the test text: {loss:.3f} ({loss / math.log(2):.3f} bits/char)\n" in out
    )
    assert "test text" not in train(call, "--steps", 1).out


# ---------------------------------------------------------------- the picture of the losses

real_svg = plots.as_svg


def test_the_picture_of_the_losses(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(plots, "as_svg", real_svg)
    assert train(call, "--steps", 25, "--report-every", 25, "--out", "run").status == 0
    svg = Path("run/loss.svg").read_bytes()
    assert ElementTree.fromstring(svg).tag.endswith("}svg")
    assert svg == real_svg(plots.loss_curve(log("run"), unit="character"))


def test_without_matplotlib_it_says_what_to_install(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"] + ["matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = train(call, "--steps", 5, "--out", "run")
    assert (result.status, result.err) == (0, "")
    needed = "no loss.svg: this picture needs matplotlib: python -m pip install matplotlib\n"
    assert result.out.count(needed) == 1
    assert sorted(contents("run")) == [name for name in FILES if name != "loss.svg"]


# ---------------------------------------------------------------- on a terminal


@pytest.mark.parametrize("width", [80, 120])
def test_the_progress_bar_fits(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, no_color=True)
    monkeypatch.setattr(session, "out", console)
    bar = session.progress_bar()
    figures = "loss 1.234 (1.780 bits/char)  61,250 chars/s"
    bar.add_task("", total=1200, completed=345, figures=figures)
    console.print(bar.get_renderable())
    (line,) = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert line.startswith("345/1200 ")
    assert figures in line
    assert line.rstrip().endswith("left")
    assert len(line.rstrip()) <= width - 2


@pytest.mark.parametrize("level", ["char", "word", "byte"])
def test_a_training_on_a_terminal(call: Call, monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    file = io.StringIO()
    monkeypatch.setattr(session, "out", Console(file=file, force_terminal=True, width=100))
    assert train(call, "--steps", 3, "--level", level, "--out", "run").status == 0
    assert "3/3" in file.getvalue()
    assert f"{level}s/s" in file.getvalue()
