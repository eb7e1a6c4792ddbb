"""``minigrad draw`` with the name of an instrument: what a network does, and what descent does."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import DataError
from ..files import write_atomically
from ..picture import plots
from ..picture.coloured_text import coloured_html, coloured_text
from ..picture.instruments import draw_gradient_flow, draw_saturation
from ..picture.landscapes import (
    descent,
    draw_error_surface,
    draw_saddle_race,
    error_surface,
    racers,
    saddle_race,
)
from ..text import CharRNN, RunFolder, Source, Vocabulary
from ..text.inspection import activations, best_units, gradient_flow, saturation
from .app import out
from .pictures import FigureFormat, Out, TextFormat, draw_app, file_for, is_page
from .reading import Run

__all__: list[str] = []

_SEARCHED = 5000  # symbols that units are compared with features on

Text = Annotated[
    list[Path] | None,
    typer.Option(help="A text to read (- is standard input); without: that of the run."),
]
Length = Annotated[int, typer.Option(min=1, help="Symbols of it to read.")]


@draw_app.command("gradient-flow")
def gradient_flow_(
    run: Run,
    text: Text = None,
    length: Length = 51,
    to: Out = None,
    format: FigureFormat = None,
) -> None:
    """How far back the gradient of the last symbol's surprisal reaches, in each layer."""
    ax = draw_gradient_flow(gradient_flow(*_read(run, text, length)))
    _save(ax, file_for("gradient-flow", to, format))


@draw_app.command("saturation")
def saturation_(
    run: Run,
    text: Text = None,
    length: Length = 2000,
    to: Out = None,
    format: FigureFormat = None,
) -> None:
    """Which share of the values of each gate is saturated."""
    ax = draw_saturation(saturation(*_read(run, text, length)))
    _save(ax, file_for("saturation", to, format))


@draw_app.command("activations")
def activations_(
    run: Run,
    text: Text = None,
    length: Annotated[int, typer.Option(min=1, help="Symbols of it to show.")] = 1000,
    unit: Annotated[
        str | None,
        typer.Option(
            help="LAYER:INDEX, both from 0. Without: a list of the units that follow quotes, "
            "brackets, lines or capitals best, and the first of them."
        ),
    ] = None,
    to: Out = None,
    format: TextFormat = None,
) -> None:
    """A text coloured by one unit: blue below 0, white at 0, red above."""
    chosen = _unit(unit)
    found = activations(*_read(run, text, max(length, 0 if chosen else _SEARCHED)))
    title = ""
    if chosen is None:
        best = best_units(found)
        for row in best:
            out.print(str(row))
        if best:
            first = max(best, key=lambda row: abs(row.correlation))
            chosen, title = (first.layer, first.unit), f": {first.feature}"
    layer, index = chosen or (0, 0)
    values, pieces = found.unit(layer, index)[:length], found.pieces[:length]
    title = f"layer {layer}, unit {index}{title}"
    file = file_for("activations", to, format)
    if is_page(file):
        write_atomically(file, coloured_html(pieces, values, title).encode("utf-8", "replace"))
        out.print(f"wrote {file}")
    else:
        _save(coloured_text(pieces, values, title=title), file)


@draw_app.command("error-surface")
def error_surface_(
    clip: Annotated[float, typer.Option(help="Greatest norm of a clipped gradient.")] = 0.1,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1.5,
    updates: Annotated[int, typer.Option(min=0, help="Steps of descent.")] = 30,
    solid: Annotated[bool, typer.Option("--solid", help="In three dimensions.")] = False,
    to: Out = None,
    format: FigureFormat = None,
) -> None:
    """The error of a one-unit RNN with its cliff, and descent on it with and without clipping."""
    paths = {
        "gradient descent": descent(rate=rate, updates=updates),
        f"norm clipped at {clip:g}": descent(rate=rate, updates=updates, max_norm=clip),
    }
    ax = plots.new_axes(7, 5, projection="3d") if solid else None
    _save(draw_error_surface(error_surface(), paths, ax), file_for("error-surface", to, format))


@draw_app.command("saddle")
def saddle(
    rate: Annotated[float, typer.Option(help="Learning rate of all.")] = 0.05,
    updates: Annotated[int, typer.Option(min=0, help="Steps of descent.")] = 60,
    to: Out = None,
    format: FigureFormat = None,
) -> None:
    """Six optimisers racing down x² - y²."""
    _save(draw_saddle_race(saddle_race(racers(rate), updates)), file_for("saddle", to, format))


@draw_app.command("loss")
def loss(run: Run, to: Out = None, format: FigureFormat = None) -> None:
    """Training and validation loss of a run over its steps."""
    folder = RunFolder(run)
    _, vocabulary, _ = folder.configuration()
    if not (rows := folder.rows()):
        raise DataError(f"{run} has no log yet: nothing was trained")
    _save(plots.loss_curve(rows, unit=vocabulary.unit[:-1]), file_for("loss", to, format))


def _read(
    run: Path, files: list[Path] | None, length: int
) -> tuple[CharRNN, Vocabulary, str | bytes]:
    """The network of a run, its vocabulary, and the first so many symbols of a text."""
    folder = RunFolder(run)
    network, vocabulary, settings = folder.load()
    source = Source.of(files) if files else folder.configuration()[2]
    if not files and "-" in source.files:
        raise DataError("the text of this run was standard input: give one with --text")
    text, _ = source.read(settings.level)
    if isinstance(text, bytes):
        return network, vocabulary, text[:length]
    return network, vocabulary, "".join(vocabulary.split(text)[:length])


def _unit(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    if not (found := re.fullmatch(r"(\d+):(\d+)", text)):
        raise typer.BadParameter(f"--unit is LAYER:INDEX, such as 0:12, and not {text!r}")
    return int(found[1]), int(found[2])


def _save(ax: Any, file: Path) -> None:
    out.print(f"wrote {plots.save(ax, file)}")
