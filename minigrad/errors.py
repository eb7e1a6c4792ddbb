"""Every error minigrad raises. A message says what was asked, what it had and needs, and where.

Each type also subclasses the built-in exception that Python users would expect, so both
``except mg.errors.ShapeError`` and ``except ValueError`` work.
"""

from .where import caller

__all__ = [
    "ArgumentError",
    "BackendError",
    "CompileError",
    "DTypeError",
    "DataError",
    "GateError",
    "GradientError",
    "MinigradError",
    "NotFiniteError",
    "PictureError",
    "ReentryError",
    "ScanError",
    "ShapeError",
    "UnknownNameError",
]


class MinigradError(Exception):
    """The base of all of them. `where` is the user's ``file:line`` of what is wrong, once it is
    known; until then the message names the line that was running."""

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self._running = caller()

    def __str__(self) -> str:
        where = self.where or self._running
        return f"{self.message}\n  at {where}" if where else self.message

    def __reduce__(self) -> tuple[type, tuple[str, str | None]]:
        return type(self), (self.message, self.where)


class ShapeError(MinigradError, ValueError):
    """Shapes do not fit together, or a size is not what its dimension name says."""


class DTypeError(MinigradError, TypeError):
    """A dtype that a gate cannot take, or a cast that would lose something."""


class GradientError(MinigradError, ValueError):
    """A derivative that does not exist: not a scalar cost, an integer or unconnected `wrt` …"""


class ScanError(MinigradError, ValueError):
    """A step function whose carry, x or y does not have the form that `scan` needs."""


class ArgumentError(MinigradError, TypeError):
    """An argument of wrong name, count or kind."""


class GateError(MinigradError, RuntimeError):
    """A gate whose rules contradict each other: its forward against its shape rule, its vjp …"""


class NotFiniteError(MinigradError, FloatingPointError):
    """A NaN or an infinity, found by ``check_nan=True``."""


class UnknownNameError(MinigradError, KeyError):
    """A name that no variable here has."""

    __str__ = MinigradError.__str__  # KeyError would print the repr of the message


class BackendError(MinigradError, RuntimeError):
    """A backend that is not there; the message names what to install."""


class CompileError(MinigradError, RuntimeError):
    """C source that does not become a loaded object; the message has the compiler's own words."""


class PictureError(MinigradError, RuntimeError):
    """A picture that cannot be drawn: too large, or no engine to lay it out."""


class ReentryError(MinigradError, RuntimeError):
    """A compiled function that is called while it runs, by the thread in which it does."""


class DataError(MinigradError, ValueError):
    """A file, text or run folder that cannot be used as it is: no line of code is at fault."""

    def __str__(self) -> str:
        return self.message
