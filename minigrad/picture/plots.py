"""Figures of how a training went, by matplotlib, onto axes of yours or new ones."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import PictureError

__all__ = ["as_svg", "loss_curve"]

# Blue as values are in pictures of graphs; red, as gradients are, is left to them.
_TRAINING, _VALIDATION = "#1f5fbf", "#d98200"


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
    ax = _figure().add_subplot() if ax is None else ax
    for name, label, color, style in (
        ("train_loss", "training", _TRAINING, {"linewidth": 1.5}),
        ("val_loss", "validation", _VALIDATION, {"linewidth": 2, "marker": "o", "markersize": 4}),
    ):
        points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if points:
            ax.plot(*zip(*points, strict=True), color=color, label=label, **style)
    if ax.lines:
        ax.legend(frameon=False)
    ax.set(xlabel="step", ylabel=f"nats a {unit}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    return ax


def as_svg(ax: Any) -> bytes:
    """The figure that axes belong to, the same for the same numbers."""
    file = io.BytesIO()
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "minigrad", "svg.fonttype": "path"}):
        ax.figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise PictureError(
            "this picture needs matplotlib: python -m pip install matplotlib"
        ) from None
    return Figure(figsize=(7, 4), layout="constrained")
