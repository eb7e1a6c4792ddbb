"""The step-through page: a traced run as one HTML file, gate by gate, forward and then back."""

import base64
import hashlib
import html
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ...errors import PictureError
from ...files import save
from ...types import Array
from ...variables import Variable
from ..diagram import draw
from ..drawing import Drawing
from ..folding import Names
from ..text import tidy
from ..words.walk import names, walk
from .data import Numbered
from .parts import picture_data
from .svg import colours, inline

__all__ = ["Page", "build_page"]

_SUFFIXES = (".html", ".htm")
_STEPS, _GATES = 8, 200  # the most that an unrolled picture has and can still be read
_SCRIPTS = ("zoom.js", "tips.js", "story.js", "page.js")


@dataclass(frozen=True, repr=False)
class Page:
    """What `Trace.page` returns: one HTML file that needs nothing outside it.

    It shows itself in a notebook.
    """

    title: str
    html: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file ``.html``, which appears complete or not at all. Returns its path.

        Raises PictureError for another suffix, or when the file cannot be written.
        """
        return save(path, lambda _: self.html.encode(), _SUFFIXES, "a page", PictureError)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts allow-modals" '
            'style="width: 100%; height: 720px; border: 0" '
            f'srcdoc="{html.escape(self.html)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page: {self.title}>"


def build_page(
    cost: Variable,
    values: Mapping[Variable, Array],
    gradients: Mapping[Variable, Array],
    *,
    fold: Names = None,
    unfold: Names = (),
    max_moments: int = 2000,
    max_nodes: int = 400,
) -> Page:
    """The page of a run with these values and gradients, which are those of a trace.

    `fold`, `unfold` and `max_nodes` are as in `draw`. Raises PictureError where there are more than
    `max_moments` moments or `max_nodes` gates, or when nothing here lays pictures out.
    """
    numbered = Numbered(cost, values, gradients, walk(cost, values, gradients, max_moments))
    shown, back = numbered.one_step()
    words = names(cost)
    folds: dict[str, Any] = {"fold": fold, "unfold": unfold, "names": words}
    drawings = {"folded": draw(cost, max_nodes=max_nodes, values=shown, gradients=back, **folds)}
    folds |= {"values": values, "gradients": gradients}
    if unrolled := _unrolled(cost, max(numbered.clock, default=0), folds):
        drawings["unrolled"] = unrolled
    data = numbered.data(words) | {
        "pictures": {kind: picture_data(d, numbered) for kind, d in drawings.items()}
    }
    return _filled(f"{tidy(words.get(cost, 'f'))}, step by step", drawings, data)


def _unrolled(cost: Variable, longest: int, options: Mapping[str, Any]) -> Drawing | None:
    """The unrolled picture: all steps if it can be read, else the first and last ones, or none."""
    if not longest:
        return None
    for steps in [longest] * (longest <= _STEPS) + [3, 2]:
        drawing = draw(cost, steps, legend=False, max_nodes=10**6, **options)
        if drawing.gates <= _GATES:
            return drawing
    return None


# ---------------------------------------------------------------- the file


def _filled(title: str, drawings: Mapping[str, Drawing], data: Mapping[str, Any]) -> Page:
    """The template with everything in its place."""
    script = "\n".join(_part(name) for name in _SCRIPTS)
    pictures = {kind: inline(kind, d) for kind, d in drawings.items()}
    page = Template(_part("page.html")).substitute(
        title=html.escape(title),
        policy=_policy(script),
        style=colours() + _part("page.css"),
        script=script,
        data=_harmless(data),
        folded=pictures["folded"],
        unrolled=pictures.get("unrolled", ""),
    )
    return Page(title, page)


@cache
def _part(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """The page may run its own script, and fetch nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _harmless(data: Mapping[str, Any]) -> str:
    """JSON that no HTML parser takes for the end of a script, or for the start of anything."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
