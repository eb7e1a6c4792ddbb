"""minigrad draw with the name of an instrument: a file is written, and a line says so."""

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

import typer

from minigrad.cli.app import errors_as_lines
from minigrad.cli.pictures import _Group, draw_app
from minigrad.picture import plots
from minigrad.text import RunFolder, Settings, Source, Training
from tests.cli.calls import TEXT, Call, Result, assert_refused

QUOTED = 'to be or "not to be", that is the question. ' * 20
OF_A_RUN = ["gradient-flow", "saturation", "activations"]
real_svg = plots.as_svg


@pytest.fixture
def draw(call: Call, capsys: Any) -> Call:
    """``draw("saddle")`` is what ``minigrad draw saddle`` does."""

    def run(*args: Any) -> Result:
        words = [str(a) for a in args]
        status = 0
        try:
            with errors_as_lines():
                draw_app(words, prog_name="minigrad draw", standalone_mode=False)
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return run


@pytest.fixture(scope="module")
def training() -> Training:
    t = Training(QUOTED, Settings(hidden=6, layers=2, length=10, batch=4, steps=3))
    for _ in range(3):
        t.step()
    return t


@pytest.fixture
def trained(draw: Call, training: Training) -> RunFolder:
    Path("quoted.txt").write_text(QUOTED)
    folder = RunFolder.create("run", training, Source.of(["quoted.txt"]))
    folder.log(step=1, train_loss=2.0, val_loss=None)
    folder.log(step=3, train_loss=1.5, val_loss=1.75)
    return folder


def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of figures that are written from here on."""
    found: list[Any] = []
    monkeypatch.setattr(plots, "as_svg", lambda ax: found.append(ax) or real_svg(ax))
    return found


# ---------------------------------------------------------------- of a run


@pytest.mark.parametrize("name", [*OF_A_RUN, "loss"])
def test_a_figure_of_a_run(draw: Call, trained: RunFolder, name: str) -> None:
    result = draw(name, "run")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-1] == f"wrote {name}.svg"
    assert Path(f"{name}.svg").is_file()
    assert draw(name, "run", "--out", "other.png").out.endswith("wrote other.png\n")
    assert Path("other.png").read_bytes().startswith(b"\x89PNG")
    assert draw(name, "run", "--format", "pdf").out.endswith(f"wrote {name}.pdf\n")
    assert Path(f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_gradient_flow_shows_all_layers_of_the_run(
    draw: Call, trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = shown(monkeypatch)
    draw("gradient-flow", "run", "--length", 12)
    lines = axes[0].lines
    names = [line.get_label().split(",")[0] for line in lines]
    assert names == ["layer 0 h", "layer 0 c", "layer 1 h", "layer 1 c"]
    assert [len(line.get_xdata()) for line in lines] == [11] * 4


def test_saturation_shows_all_gates(
    draw: Call, trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = shown(monkeypatch)
    draw("saturation", "run")
    labels = [t.get_text() for t in axes[0].get_yticklabels()]
    assert len(labels) == 10
    assert labels[:2] == ["layer 0 f (σ)", "layer 0 g (tanh)"]


def test_activations_name_units_and_show_the_one_asked_for(
    draw: Call, trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = shown(monkeypatch)
    lines = draw("activations", "run", "--length", 30).out.splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == ["inside quotes", "line position"]
    assert all(", r = " in line for line in lines[:-1])
    letters = "".join(t.get_text() for t in axes[0].texts)
    assert letters == QUOTED[:30].replace(" ", "")
    result = draw("activations", "run", "--unit", "1:4", "--length", 30)
    assert result.out == "wrote activations.svg\n"
    assert axes[1].get_title("left") == "layer 1, unit 4"


def test_activations_as_a_page_of_another_text(draw: Call, trained: RunFolder) -> None:
    Path("b.txt").write_text('the "boat"')
    result = draw("activations", "run", "--text", "b.txt", "--unit", "0:1", "--out", "b.html")
    assert result == Result(0, "wrote b.html\n", "")
    page = Path("b.html").read_text("utf-8")
    draw("activations", "run", "--text", "b.txt", "--unit", "0:1", "--format", "html")
    assert Path("activations.html").read_text("utf-8") == page
    assert page.count("<span") == len('the "boat"')
    assert ">&quot;</span>" in page
    assert "layer 0, unit 1" in page


def test_the_loss_of_the_log(
    draw: Call, trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = shown(monkeypatch)
    draw("loss", "run")
    assert axes[0].lines[0].get_xydata().tolist() == [[1, 2], [3, 1.5]]
    assert axes[0].get_ylabel() == "nats a character"


# ---------------------------------------------------------------- of descent


def test_the_surface_and_the_race(draw: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = shown(monkeypatch)
    assert draw("error-surface", "--clip", 0.2, "--updates", 4).out == "wrote error-surface.svg\n"
    assert [line.get_label() for line in axes[0].lines] == [
        "gradient descent",
        "norm clipped at 0.2",
    ]
    assert len(axes[0].lines[0].get_xdata()) == 5
    assert draw("error-surface", "--solid", "--out", "s.svg").out == "wrote s.svg\n"
    assert axes[1].name == "3d"
    assert draw("saddle", "--rate", 0.1, "--updates", 3).out == "wrote saddle.svg\n"
    sgd = axes[2].lines[0].get_xydata()
    assert sgd[1].tolist() == pytest.approx([0.8, 0.012])
    assert len(sgd) == 4


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["saddle", "--out", "f.gif"], "one of .svg, .png, .pdf, not as 'f.gif'"),
        (
            ["saddle", "--out", "nothing/f.svg"],
            "cannot write nothing/f.svg: No such file or directory",
        ),
        (
            ["saddle", "--out", "f.png", "--format", "svg"],
            "f.png and --format svg contradict",
        ),
        (["saddle", "--format", "dot"], "'dot' is not one of 'svg', 'png', 'pdf'"),
        (["saddle", "--updates", -1], "Invalid value for '--updates'"),
        (["gradient-flow"], "Missing argument"),
        (["gradient-flow", "run", "--length", 1], "and at least 2 are needed"),
        (["gradient-flow", "run", "--text", "no.txt"], "No such file or directory: "),
        (["saturation", "run", "--text", "text.txt", "--length", 0], "Invalid value"),
        (["activations", "run", "--unit", "3"], "--unit is LAYER:INDEX, such as 0:12, and not '3'"),
        (["activations", "run", "--unit", "2:0"], "there is no layer 2: they are 0 … 1"),
        (["activations", "run", "--unit", "0:6"], "there is no unit 6: they are 0 … 5"),
        (["activations", "run", "--text", "other.txt"], "the character 'Z'"),
        (["loss", "no-run"], "there is no run folder no-run"),
    ],
)
def test_one_line_says_what_is_wrong(
    draw: Call, trained: RunFolder, args: list[Any], message: str
) -> None:
    Path("other.txt").write_text("Z")
    before = sorted(os.listdir())
    assert_refused(draw(*args), message)
    assert sorted(os.listdir()) == before


def test_a_run_without_a_log_or_a_text(draw: Call, training: Training) -> None:
    Path("-").write_text(TEXT)  # is not standard input
    RunFolder.create("run", training, Source(("-",)))
    assert_refused(draw("loss", "run"), "run has no log yet: nothing was trained")
    assert_refused(draw("saturation", "run"), "was standard input: give one with --text")


def test_the_name_of_the_default_may_be_left_away(capsys: Any) -> None:
    app = typer.Typer(cls=_Group)

    @app.command("circuit")
    def circuit(file: str = typer.Argument("circuit.svg")) -> None:
        print("circuit", file)

    @app.command("saddle")
    def saddle() -> None:
        print("saddle")

    for words in ([], ["f.dot"], ["circuit", "g.dot"], ["saddle"]):
        app(words, standalone_mode=False)
    assert capsys.readouterr().out.splitlines() == [
        "circuit circuit.svg",
        "circuit f.dot",
        "circuit g.dot",
        "saddle",
    ]
