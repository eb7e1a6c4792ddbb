"""The numbers on a picture: which value and which gradient belongs to a variable, at which step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..types import Array
from ..variables import Variable
from .text import show_number, show_range

__all__ = ["NOTHING", "At", "Index", "Numbers", "Reading", "Strip"]

At = tuple[int, ...]
"""A place in the loops around something: a step for each, the outermost first."""

Index = tuple["int | None", ...]
"""Where a picture stands in the loops around it: a step for each, or None for all of its steps."""

Strip = tuple[tuple["float | None", ...], ...]
"""Rows of cells from -1 to 1, by the largest number of all; None for what is not a number."""

_ROWS, _CELLS = 8, 16


@dataclass(frozen=True)
class Reading:
    """A number or an array as it stands on a picture."""

    text: str = ""
    strip: Strip = ()


NOTHING = Reading()


@dataclass(frozen=True)
class Numbers:
    """Values and gradients by variable; those of one in a loop have a leading axis of steps."""

    values: Mapping[Variable, Any]
    gradients: Mapping[Variable, Any]

    def value(self, v: Variable, at: Index) -> Reading:
        return _reading(v, self.values.get(v), at)

    def gradient(self, v: Variable, at: Index) -> Reading:
        return _reading(v, self.gradients.get(v), at)


def _reading(v: Variable, value: Any, at: Index) -> Reading:
    array = np.asarray(value)
    if value is None or array.ndim != len(at) + v.ndim:
        return NOTHING
    array = array[tuple(slice(None) if step is None else step for step in at)]
    if array.ndim == 0:
        return Reading(show_number(array.item()))
    return Reading(show_range(array) or "empty", strip(array))


def strip(array: Array) -> Strip:
    """A small heat map: the last axis across, the others down, 0 in the middle of its scale.

    Of more than 8 × 16 numbers each cell is the mean of some neighbours.

    >>> strip(np.array([[0.0, -1.0], [4.0, float("nan")]]))
    ((0.0, -0.25), (1.0, None))
    """
    if not array.size:
        return ()
    grid = array.reshape(-1, array.shape[-1]).astype(np.float64)
    grid /= np.abs(grid[np.isfinite(grid)]).max(initial=0.0) or 1.0  # sums of 1e308 overflow
    grid = _fewer(_fewer(grid, _ROWS).T, _CELLS).T
    return tuple(tuple(_cell(x) for x in row) for row in grid.tolist())


def _cell(share: float) -> float | None:
    if np.isnan(share):
        return None
    return float(np.clip(share, -1.0, 1.0))


def _fewer(rows: Array, most: int) -> Array:
    """At most so many rows: means of neighbours."""
    if len(rows) <= most:
        return rows
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.stack([part.mean(0) for part in np.array_split(rows, most)])
