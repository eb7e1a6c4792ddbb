"""``minigrad verify`` and ``minigrad draw circuit``: expressions, checked and drawn."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..errors import DataError
from ..expressions import FUNCTIONS, Expression, parse
from ..picture.text import tidy
from ..tracing import trace
from ..verify import verify_grad
from .app import UsageError, app, out
from .pictures import GraphFormat, Out, Theme, draw_app, file_for, is_page, save_graph

__all__ = ["circuit", "verify"]

_CIRCUIT = "q = x + y; f = q * z", {"x": -2.0, "y": 5.0, "z": -4.0}
# A sigmoid neuron from add, multiply, exp and divide.
_NEURON = (
    "f = 1 / (1 + exp(-(w0·x0 + w1·x1 + w2)))",
    {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0},
)
_FILE = re.compile(r"(?i).*\.(svg|png|pdf|dot|html)")  # which no expression ends in
_OPTION = re.compile(r"--.*|-[A-Za-z]")  # a slip, where -x * y is an expression
_HELP = f"""An expression as a circuit. Values are blue, gradients red.

\b
    minigrad draw circuit "(x + y) * z" x=-2 y=5 z=-4
    minigrad draw circuit "q = x + y; f = q * z" x=-2 y=5 z=-4 --out f.png

An expression has numbers, names, + - * / ** ( ) and functions. "q = …; f = …" names its parts. No
numbers for its names: its gates alone are drawn. No expression: the second one above is. As html
it is a page to step through.

Functions: {", ".join(FUNCTIONS)}."""


@app.command()
def verify() -> None:
    """Check gradients of the lecture's circuits against finite differences."""
    right = True
    for title, text, at in (("f = (x + y) · z", *_CIRCUIT), (_NEURON[0], *_NEURON)):
        report = verify_grad(parse(text).output, at)
        right = right and bool(report)
        print(f"{title}\n{report}\n")
    raise typer.Exit(0 if right else 1)


@draw_app.command("circuit", help=_HELP, context_settings={"ignore_unknown_options": True})
def circuit(
    context: typer.Context,
    expression: Annotated[
        str | None, typer.Argument(metavar="EXPRESSION", help="What to draw, in quotes.")
    ] = None,
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=NUMBER", help="One for each of its names.")
    ] = None,
    to: Out = None,
    format: GraphFormat = None,
    theme: Theme = "light",
) -> None:
    words = [expression, *(numbers or [])] if expression is not None else []
    for word in words:
        if _OPTION.fullmatch(word):
            raise UsageError(f"No such option: {word}", context)
    if len(words) == 1 and _FILE.fullmatch(words[0]):
        if to is not None:
            raise DataError(f"{words[0]} and --out {to} are both files: give one of them")
        words, to = [], Path(words[0])
    text, at = _asked(words)
    file = file_for("circuit", to, format)
    if len(words) == 1 and words[0].isidentifier():
        known = ", ".join(sorted(command.name or "" for command in draw_app.registered_commands))
        raise DataError(
            f"there is no picture {words[0]!r}, and nothing to compute: the pictures are {known}"
        )
    parsed = parse(text)
    if at or not parsed.inputs:
        _check_names(parsed, at)
        if not parsed.output.type.differentiable:
            raise DataError(
                f"{tidy(text)} is true or false: what is drawn with its gradients is a number"
            )
        run = trace(parsed.output, at)
        save_graph(parsed.output, run, file, theme, fold=False)
        if words:
            out.print(run.table())
        return
    names = _given_as(parsed.inputs)
    if is_page(file):
        raise DataError(f"a page shows numbers: give {names}")
    save_graph(parsed.output, None, file, theme, fold=False)
    out.print(f"without numbers: they are given as {names}")


def _asked(words: Sequence[str]) -> tuple[str, Mapping[str, float]]:
    """The expression, which comes first, and its numbers; those of the lecture without any."""
    if not words:
        return _CIRCUIT
    text = _CIRCUIT[0]
    if _number(words[0].partition("=")[2]) is None:
        text, *words = words
    at: dict[str, float] = {}
    for word in words:
        name, sign, number = word.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python reads names
        if not sign or not name.isidentifier():
            raise DataError(
                f"{word!r} is no NAME=NUMBER: the expression comes first, in quotes, and then "
                "the numbers"
            )
        if (value := _number(number)) is None:
            raise DataError(f"{name} is given {number!r}, which is not a number")
        if name in at:
            raise DataError(f"{name} is given twice")
        at[name] = value
    return text, at


def _number(text: str) -> float | None:
    try:
        return float(text.replace("−", "-"))
    except ValueError:
        return None


def _check_names(expression: Expression, at: Mapping[str, float]) -> None:
    """Every name has a number, and every number a name."""
    if unknown := at.keys() - expression.inputs.keys():
        names = ", ".join(expression.inputs) or "none"
        raise DataError(
            f"{', '.join(sorted(unknown))} is no name that the expression reads; these are: {names}"
        )
    if missing := [name for name in expression.inputs if name not in at]:
        raise DataError(f"numbers are missing: give {_given_as(missing)} too")


def _given_as(names: Iterable[str]) -> str:
    return " ".join(f"{name}=…" for name in names)
