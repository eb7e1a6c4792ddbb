"""The ``minigrad`` command itself: its help, and errors as one line and a status."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import __version__
from ..errors import MinigradError, NotFiniteError

__all__ = ["INTERRUPTED", "UsageError", "app", "as_line", "main", "out"]

app = typer.Typer(
    name="minigrad",
    help="Symbolic autodiff: train a character RNN on a text, check gradients, draw graphs.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
UsageError: Any = typer.BadParameter.__bases__[0]  # typer has no name for it
_BAD, INTERRUPTED = 2, 130  # exit statuses; 130 is 128 + SIGINT, as shells have it


def main(args: Sequence[str] | None = None) -> None:
    """The ``minigrad`` command. Always ends in SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a character shows a ?
    with errors_as_lines():
        status = app(args, prog_name="minigrad", standalone_mode=False)
    sys.exit(status)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """What a person can mend is one line on standard error, and status 2."""
    try:
        yield
        sys.stdout.flush()
        return
    except BrokenPipeError:  # who reads our output has enough of it, as in `yes | head -1`
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except (MinigradError, OSError, MemoryError, UsageError) as error:
        print(f"minigrad: {as_line(error)}", file=sys.stderr)
        status = _BAD
    try:
        sys.stdout.flush()
    except OSError:  # what cannot be written is given up, or Python complains again as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def as_line(error: Any) -> str:
    """What an error says, on one line."""
    if isinstance(error, OSError):
        message = error.strerror or str(error)
        message += f": {error.filename}" if error.filename else ""
    elif isinstance(error, MemoryError):
        message = f"not enough memory: {error}"
    elif isinstance(error, UsageError):
        command = error.ctx.command_path if error.ctx else "minigrad"
        message = f"{error.format_message()} (see {command} --help)"
    else:
        message = error.message
        if isinstance(error, NotFiniteError) and error.where:
            message += f", at {error.where}"
    return " ".join(message.split())


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        print(f"minigrad {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
