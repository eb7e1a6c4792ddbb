"""``minigrad sample`` and ``minigrad score``: a trained network writes, or judges, a text."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..errors import DataError
from ..files import write_atomically
from ..text import RunFolder, Sampler, Scorer, Scores, Source
from .app import app, out

__all__ = ["sample", "score"]

Run = Annotated[Path, typer.Argument(help="A run folder that minigrad train wrote.")]
_WIDTH = 100  # characters of a line that are shown


@app.command()
def sample(
    run: Run,
    prime: Annotated[str, typer.Option(help="The text to go on from.")] = "",
    length: Annotated[int, typer.Option(help="Symbols to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="0: the likeliest; 1: as learnt; above: wilder.")
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k likeliest only.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the fewest likeliest with this probability.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same text.")] = None,
) -> None:
    """Write text with a trained network, as it comes."""
    network, vocabulary, _ = RunFolder(run).load()
    pieces = Sampler(network, vocabulary).stream(length, prime, temperature, seed, top_k, top_p)
    sys.stdout.write(prime)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


@app.command()
def score(
    run: Run,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Texts (- is standard input), read as one.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="The most surprising lines to show.")] = 10,
    skip_unknown: Annotated[
        bool,
        typer.Option("--skip-unknown", help="Leave out characters that the run never saw."),
    ] = False,
    symbols: Annotated[
        Path | None, typer.Option(help="A file for each symbol and its nats, as JSON lines.")
    ] = None,
) -> None:
    """Say how surprising a text is to a trained network, and which of its lines are.

    The surprise of a symbol is -ln of its probability after all that was before: an unusual line of
    a log stands out.
    """
    if not files:
        raise typer.BadParameter("there is no text to score: give files, or - for standard input")
    network, vocabulary, settings = RunFolder(run).load()
    text, _ = Source.of(files).read(settings.level)
    if skip_unknown and isinstance(text, str):
        length, text = len(text), vocabulary.known(text)
        out.print(f"{length - len(text):,} unknown characters left out")
    scores = Scorer(network, vocabulary).score(text)
    if symbols is not None:
        if symbols.exists():
            raise DataError(f"{symbols} exists already: choose another file")
        rows = zip(scores.pieces, scores.nats.tolist(), strict=True)
        lines = [json.dumps({"symbol": piece, "nats": round(nats, 6)}) for piece, nats in rows]
        write_atomically(symbols, "\n".join([*lines, ""]).encode())
    unit = vocabulary.unit[:-1]
    out.print(
        f"{len(scores.nats):,} {vocabulary.unit}: {scores.mean:.3f} nats ({scores.bits:.3f} bits) "
        f"a {unit}, perplexity {scores.perplexity:.2f}, {scores.bits_per_byte:.3f} bits a byte"
    )
    if top:
        out.print(f"\nmost surprising lines (nats a {unit}):")
    for number, line in scores.most_surprising(top):
        out.print(Text.assemble(f"{line.mean:7.3f}  line {number:,}:  ", _coloured(line)))


def _coloured(line: Scores) -> Text:
    """A line whose symbols are the redder, the more surprising: from 2 nats on, full at 8."""
    shown = Text()
    for piece, nats in zip(line.pieces, line.nats, strict=True):
        if len(shown) >= _WIDTH:
            shown.append("…")
            break
        heat = min(1.0, max(0.0, (nats - 2) / 6))
        style = f"rgb({int(120 + 135 * heat)},60,60)" if heat else ""
        shown.append(piece.rstrip("\r\n"), style)
    return shown
