"""The line that the user wrote: every variable and every application remembers its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

__all__ = ["caller", "located", "naming", "short"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_where: ContextVar[str | None] = ContextVar("where", default=None)
_own: ContextVar[tuple[str, ...]] = ContextVar("own", default=())


def caller() -> str | None:
    """``file:line`` of the innermost frame that is not minigrad's own; ``In[3]:line`` for a line in
    a cell of a notebook."""
    if (where := _where.get()) is not None:
        return where
    own = _own.get()
    frame = sys._getframe(1)
    while (file := frame.f_code.co_filename).startswith(_PACKAGE) or _is_generated(frame, file):
        if file.startswith(own):
            break
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return f"{_cell(frame, file) or file}:{frame.f_lineno}"


def _cell(frame: FrameType, file: str) -> str | None:
    """The cell that this code was typed in, or None: its file is a temporary one, if any."""
    shell = frame.f_globals.get("get_ipython")
    compiler = getattr(shell(), "compile", None) if shell else None
    number = getattr(compiler, "_filename_map", {}).get(file)
    return None if number is None else f"In[{number}]"


def short(where: str | None) -> str:
    """A place without its folders, for what is shown to others.

    >>> short("/home/me/lesson.py:12")
    'lesson.py:12'
    """
    return os.path.basename(where or "")


def _is_generated(frame: FrameType, file: str) -> bool:
    """Whether it is a method that a dataclass of ours has, and no program of the user's."""
    if file != "<string>":
        return False
    return str(frame.f_globals.get("__package__")).partition(".")[0] == "minigrad"


@contextmanager
def naming(*packages: str) -> Iterator[None]:
    """Lines of these packages of minigrad count as the user's: where a program of its own is run,
    there are no others to name."""
    token = _own.set(tuple(os.path.join(_PACKAGE, name, "") for name in packages))
    try:
        yield
    finally:
        _own.reset(token)


@contextmanager
def located(where: str | None) -> Iterator[None]:
    """Gates built inside say that they come from `where`: a gradient is born on its gate's line."""
    token = _where.set(where)
    try:
        yield
    finally:
        _where.reset(token)
