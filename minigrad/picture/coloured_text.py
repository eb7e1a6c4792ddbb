"""A text whose symbols are coloured by numbers: blue below 0, white at 0, red above."""

import html
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .plots import new_axes

__all__ = ["coloured_html", "coloured_text"]

# From -1 over 0 to 1. The blue is the darker, with white letters: what is below 0 is told from what
# is above in grey too.
_BLUE, _WHITE, _RED = (np.array(rgb) for rgb in ((40, 90, 190), (255, 255, 255), (245, 130, 115)))
_DARK = -0.7
_CELL, _LINE = 0.088, 0.2  # inches of a character: its width, and its height with what is between
_LEAST = 5, 24  # lines and columns: what the title and the scale need
_POINTS = 10
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.6 sans-serif; color: #111; background: #fff; margin: 2em; }}
pre {{ font: 15px/1.5 monospace; white-space: pre-wrap; overflow-wrap: anywhere; }}
i {{ font-style: normal; padding: 0 .5em; }}
</style>
<p>{title} &nbsp; {legend}</p>
<pre>{text}</pre>
</html>
"""


def coloured_html(pieces: Sequence[str], values: npt.ArrayLike, title: str = "activation") -> str:
    """A page with the text in it; the value of a symbol shows where the mouse rests on it.

    >>> page = coloured_html(["a", "<"], [1.0, -1.0])
    >>> '<span style="background:#f58273" title="+1.00">a</span>' in page, "&lt;</span>" in page
    (True, True)

    Values beyond ±1 have the colour of ±1. Raises ArgumentError unless there is one for each piece.
    """
    text = "".join(
        f'<span style="{_style(value)}" title="{value:+.2f}">{_shown(piece)}</span>'
        for piece, value in _pairs(pieces, values)
    )
    legend = "".join(f'<i style="{_style(v)}">{v:+g}</i>' for v in (-1, -0.5, 0, 0.5, 1))
    return _PAGE.format(title=html.escape(title), legend=legend, text=text)


def coloured_text(
    pieces: Sequence[str],
    values: npt.ArrayLike,
    ax: Any = None,
    title: str = "activation",
    width: int = 80,
) -> Any:
    """The text in lines of at most `width` characters, each on its colour. The axes, for more.

    Values beyond ±1 have the colour of ±1. Raises ArgumentError unless there is one for each piece,
    PictureError where there is no matplotlib.
    """
    rows = _lines(_pairs(pieces, values), width)
    height, columns = max(_LEAST[0], len(rows)), max([_LEAST[1], *map(len, rows)])
    ax = new_axes(_CELL * columns + 1.3, _LINE * height + 0.6) if ax is None else ax
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.font_manager import FontProperties, findfont, get_font

    grid = np.full((height, columns), np.nan)
    font = get_font(findfont(FontProperties(family="monospace")))
    style = {"ha": "center", "va": "center", "family": "monospace", "fontsize": _POINTS}
    for y, row in enumerate(rows):
        for x, (c, value) in enumerate(row):
            grid[y, x] = value
            if c not in " \t\n":
                shown = c if c.isprintable() and font.get_char_index(ord(c)) else "\ufffd"
                color = "white" if value < _DARK else "black"
                ax.text(x, y, shown, color=color, parse_math=False, **style)
    colours = LinearSegmentedColormap.from_list(
        "activation", [rgb / 255 for rgb in (_BLUE, _WHITE, _RED)]
    )
    image = ax.imshow(grid, cmap=colours, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    tall = min(1.0, 1.5 / (_LINE * height))
    ax.figure.colorbar(image, ax=ax, ticks=[-1, 0, 1], fraction=0.04, shrink=tall, anchor=(0, 1))
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_axis_off()
    return ax


def _pairs(pieces: Sequence[str], values: npt.ArrayLike) -> Iterator[tuple[str, float]]:
    numbers = np.asarray(values, np.float64)
    if numbers.shape != (len(pieces),):
        raise ArgumentError(
            f"there are {len(pieces)} symbols, and values of shape {numbers.shape}: one is needed "
            "for each"
        )
    return zip(pieces, numbers.tolist(), strict=True)


def _style(value: float) -> str:
    """A background, and letters that are read on it."""
    share = min(1.0, abs(value))
    rgb = _WHITE + share * ((_RED if value > 0 else _BLUE) - _WHITE)
    background = "background:#" + "".join(f"{round(c):02x}" for c in rgb.tolist())
    return f"{background};color:#fff" if value < _DARK else background


def _shown(piece: str) -> str:
    """A newline has a sign of its own, to show its colour."""
    return html.escape(piece).replace("\n", "↵\n")


def _lines(pairs: Iterator[tuple[str, float]], width: int) -> list[list[tuple[str, float]]]:
    """Characters with the value of their piece, broken at newlines and at the width."""
    rows: list[list[tuple[str, float]]] = [[]]
    for piece, value in pairs:
        for c in piece:
            if len(rows[-1]) == width:
                rows.append([])
            rows[-1].append((c, value))
            if c == "\n":
                rows.append([])
    return rows if rows[-1] or len(rows) == 1 else rows[:-1]
