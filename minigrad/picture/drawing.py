"""A finished picture: its DOT source, and the files that it can be saved as."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PictureError
from ..files import save
from ..graph import Apply
from ..variables import Variable
from .columns import places
from .dot import Writer
from .engine import render
from .numbers import Index
from .sketch import Sketch
from .themes import theme_called

__all__ = ["SUFFIXES", "Drawing"]

SUFFIXES = (".svg", ".png", ".pdf", ".dot")


@dataclass(frozen=True, repr=False)
class Drawing:
    """What `draw` returns. It shows itself in a notebook; `source` is its DOT text.

    >>> import minigrad as mg
    >>> from minigrad.picture import draw
    >>> draw(mg.tanh(mg.input("x")))
    <drawing of 1 gate>
    """

    sketch: Sketch
    gates: int
    theme: str = "light"
    nodes: Mapping[tuple[Apply, Index], str] = field(default_factory=dict)
    """The node of each application, at the steps of the loops around it: its id in the SVG."""
    wires: Mapping[tuple[Variable, Index], str] = field(default_factory=dict)
    """The wire of each variable: the id of its text in the SVG, and the class of its lines."""

    @property
    def source(self) -> str:
        """The picture as DOT."""
        return Writer(self.sketch, theme_called(self.theme)).source()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file whose suffix says how: ``.svg``, ``.png``, ``.pdf`` or ``.dot``.

        The file appears complete or not at all. Returns its path. Raises PictureError for another
        suffix, when the file cannot be written, or when there is no engine to lay it out.
        """
        hint = " (a page to step through is made by the .page of a trace)"
        return save(path, self._content, SUFFIXES, "a picture", PictureError, hint)

    def _content(self, suffix: str) -> bytes:
        return self.source.encode() if suffix == ".dot" else self.rendered(suffix[1:])

    def rendered(self, format: str) -> bytes:
        """The picture as "svg", "png" or "pdf". Raises PictureError where no engine is there."""
        writer = Writer(self.sketch, theme_called(self.theme))
        if not self.sketch.unrolled:
            return render(writer.source(), format)
        return render(writer.source(places(writer)), format, settled=True)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self._svg(), "text/plain": repr(self)}
        except PictureError as error:
            return {"text/plain": f"{self!r}: {error}"}

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def _svg(self) -> str:
        return self.rendered("svg").decode()

    def __repr__(self) -> str:
        return f"<drawing of {self.gates} gate{'' if self.gates == 1 else 's'}>"
