"""A finished picture: its DOT source, and the files that it can be saved as."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PictureError
from ..files import write_atomically
from .engine import render

__all__ = ["Drawing"]

_SUFFIXES = (".svg", ".png", ".pdf", ".dot")


@dataclass(frozen=True, repr=False)
class Drawing:
    """What `draw` returns. It shows itself in a notebook; `source` is its DOT text.

    >>> import minigrad as mg
    >>> from minigrad.picture import draw
    >>> draw(mg.tanh(mg.input("x")))
    <drawing of 1 gate>
    """

    source: str
    gates: int

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file whose suffix says how: ``.svg``, ``.png``, ``.pdf`` or ``.dot``.

        The file appears complete or not at all. Returns its path. Raises PictureError for another
        suffix, when the file cannot be written, or when there is no engine to lay it out.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in _SUFFIXES:
            raise PictureError(
                f"a picture is saved as one of {', '.join(_SUFFIXES)}, not as {path.name!r}"
            )
        text = self.source.encode()
        content = text if suffix == ".dot" else render(self.source, suffix[1:])
        try:
            write_atomically(path, content)
        except OSError as error:
            raise PictureError(f"cannot write {path}: {error.strerror}") from None
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self._svg(), "text/plain": repr(self)}
        except PictureError as error:
            return {"text/plain": f"{self!r}: {error}"}

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def _svg(self) -> str:
        return render(self.source, "svg").decode()

    def __repr__(self) -> str:
        return f"<drawing of {self.gates} gate{'' if self.gates == 1 else 's'}>"
