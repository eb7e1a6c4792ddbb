"""What all of ``minigrad draw`` shares: the group of its commands, and files of pictures."""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from ..errors import DataError
from ..picture import draw
from ..picture.drawing import SUFFIXES
from ..tracing import Trace
from ..variables import Variable
from .app import UsageError, app, out

__all__ = [
    "FigureFormat",
    "GraphFormat",
    "Out",
    "TextFormat",
    "Theme",
    "draw_app",
    "file_for",
    "is_page",
    "save_graph",
]

_DEFAULT = "circuit"
_LIKE = 0.75  # how near a word is to the name of a command when it is taken for a slip


class _Group(TyperGroup):
    """A group of commands whose first word may be left away: it is then that of the default."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or not (args[0] in self.commands or args[0] == "--help"):
            if near := self._meant(args):
                raise UsageError(f"there is no picture {args[0]!r}: did you mean {near}?", ctx)
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def _meant(self, args: list[str]) -> str:
        """The command that the first word is a slip of, which might be read as an expression."""
        if not args or not re.fullmatch("[a-z][a-z-]*", args[0]):
            return ""
        return next(iter(difflib.get_close_matches(args[0], self.commands, 1, _LIKE)), "")


draw_app = typer.Typer(
    cls=_Group,
    help="Draw a circuit, a recurrent network, what a trained one does, or what descent does.",
)
app.add_typer(draw_app, name="draw")

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Its suffix is the format. Without: NAME.svg, or as --format says.",
    ),
]
_FORMAT = typer.Option("--format", help="The suffix, if --out gives none.")
FigureFormat = Annotated[Literal["svg", "png", "pdf"] | None, _FORMAT]
TextFormat = Annotated[Literal["svg", "png", "pdf", "html"] | None, _FORMAT]
GraphFormat = Annotated[Literal["svg", "png", "pdf", "dot", "html"] | None, _FORMAT]
Theme = Annotated[Literal["light", "dark", "grey"], typer.Option(help="Its colours.")]


def file_for(name: str, to: Path | None, format: str | None) -> Path:
    """The file of a picture: `to`, or NAME.svg; `format` is the suffix where it has none."""
    if to is None:
        return Path(f"{name}.{format or 'svg'}")
    if format is None:
        return to
    if to.suffix.lower() not in ("", f".{format}"):
        raise DataError(f"the file {to} and --format {format} contradict each other")
    return to if to.suffix else Path(f"{to}.{format}")


def is_page(file: Path) -> bool:
    """Whether it is a page of HTML, and no picture."""
    return file.suffix.lower() == ".html"


def save_graph(cost: Variable, run: Trace | None, file: Path, theme: str, **options: Any) -> None:
    """Save the graph of a cost, with the numbers of a run if there is one, and say so."""
    if not is_page(file) and file.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"a picture is saved as one of {', '.join(SUFFIXES)}, not as {file.name!r}; with its "
            "numbers also as .html, a page to step through"
        )
    if run is None:
        draw(cost, theme=theme, **options).save(file)
    elif not is_page(file):
        run.draw(theme=theme, **options).save(file)
    elif theme != "light":
        raise DataError(f"--theme is for pictures, and {file} is a page")
    else:
        run.page(file)
    out.print(f"wrote {file}")
