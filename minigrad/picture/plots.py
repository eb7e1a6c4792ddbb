"""Figures by matplotlib, onto axes of yours or new ones: what they share, and the loss curve."""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..errors import PictureError
from .themes import theme_called

__all__ = ["as_svg", "loss_curve", "save", "style"]

# Blue as values are in pictures of graphs, red as gradients are; all of a lightness that is seen on
# light pages and on dark ones.
VALUE, GRADIENT, VALIDATION, NEUTRAL = "#2f75d6", "#e0413f", "#c97800", "#80808038"
# Several series, to be told apart by line and marker where there is no colour.
SERIES = (
    {"color": "#2f75d6", "linestyle": "-", "marker": "o"},
    {"color": "#c97800", "linestyle": "--", "marker": "s"},
    {"color": "#2a8a57", "linestyle": "-.", "marker": "^"},
    {"color": "#9b59c6", "linestyle": ":", "marker": "D"},
    {"color": "#7d858f", "linestyle": "-", "marker": "x"},
    {"color": "#b8568f", "linestyle": "--", "marker": "v"},
)
_SUFFIXES = (".svg", ".png", ".pdf")
_DOTS = 150  # an inch, in a png


def loss_curve(rows: Sequence[Mapping[str, Any]], ax: Any = None, unit: str = "symbol") -> Any:
    """Training and validation loss over steps. The axes, for more.

    `rows` are those of a log: dicts with step, train_loss and val_loss (nats), of which a loss may
    be None.

    >>> rows = [{"step": 1, "train_loss": 4.0, "val_loss": None},
    ...         {"step": 9, "train_loss": 2.0, "val_loss": 2.5}]
    >>> loss_curve(rows).get_ylabel()
    'nats a symbol'

    Raises PictureError where there is no matplotlib.
    """
    ax = new_axes() if ax is None else ax
    for name, label, color, style in (
        ("train_loss", "training", VALUE, {"linewidth": 1.5}),
        ("val_loss", "validation", VALIDATION, {"linewidth": 2, "marker": "o", "markersize": 4}),
    ):
        points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if points:
            ax.plot(*zip(*points, strict=True), color=color, label=label, **style)
    if ax.lines:
        ax.legend(frameon=False)
    ax.set(xlabel="step", ylabel=f"nats a {unit}")
    return plain(ax)


def as_svg(ax: Any) -> bytes:
    """The figure that axes belong to, the same for the same numbers."""
    return _as(ax, "svg", {"Date": None})


def save(ax: Any, path: str | os.PathLike[str]) -> Path:
    """Write the figure that axes belong to, as its suffix says: ``.svg``, ``.png`` or ``.pdf``.

    The file appears complete or not at all. Returns its path. Raises PictureError for another
    suffix, or when the file cannot be written.
    """

    def content(suffix: str) -> bytes:
        dates: dict[str, Any] = {"CreationDate": None} if suffix == ".pdf" else {}
        return as_svg(ax) if suffix == ".svg" else _as(ax, suffix[1:], dates)

    return files.save(path, content, _SUFFIXES, "a figure", PictureError)


def _as(ax: Any, format: str, metadata: Mapping[str, Any]) -> bytes:
    file = io.BytesIO()
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "minigrad", "svg.fonttype": "path"}):
        ax.figure.savefig(file, format=format, metadata=metadata, dpi=_DOTS)
    return file.getvalue()


def new_axes(width: float = 7, height: float = 4, **settings: Any) -> Any:
    """The axes of a new figure of so many inches. Raises PictureError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise PictureError(
            "this picture needs matplotlib: python -m pip install matplotlib"
        ) from None
    return Figure(figsize=(width, height), layout="constrained").add_subplot(**settings)


def style(theme: str) -> dict[str, str]:
    """Settings of matplotlib for figures that go with drawings of a theme.

    >>> import matplotlib
    >>> with matplotlib.rc_context(style("dark")):
    ...     ax = loss_curve([])
    >>> ax.get_facecolor() == matplotlib.colors.to_rgba("#16191d")
    True
    """
    look = theme_called(theme)
    grounds = dict.fromkeys(("figure.facecolor", "axes.facecolor"), look.page)
    lines = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return grounds | dict.fromkeys(lines, look.ink)


def plain(ax: Any) -> Any:
    """Axes without a box around them, on a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    return ax
