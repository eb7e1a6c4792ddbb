"""The line that the user wrote: every variable and every application remembers its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["caller", "located"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_where: ContextVar[str | None] = ContextVar("where", default=None)


def caller() -> str | None:
    """``file:line`` of the innermost frame that is not minigrad's own."""
    if (where := _where.get()) is not None:
        return where
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


@contextmanager
def located(where: str | None) -> Iterator[None]:
    """Gates built inside say that they come from `where`: a gradient is born on its gate's line."""
    token = _where.set(where)
    try:
        yield
    finally:
        _where.reset(token)
