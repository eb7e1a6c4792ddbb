"""What the page's script knows of a run: its moments, and variables with their numbers at each
step."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ...graph import applies
from ...loops.gate import everywhere
from ...types import Array
from ...variables import Constant, Parameter, Variable
from ...where import short
from ..numbers import At, Index, Numbers, Reading
from ..text import show_dims, show_number, tidy
from ..words.walk import Moment
from .times import Times

__all__ = ["Numbered"]

_MOST = 8  # rows, and numbers in a row, of an array that is shown in full


class Numbered:
    """The variables of a run and its moments, each known by its number."""

    def __init__(
        self,
        cost: Variable,
        values: Mapping[Variable, Array],
        gradients: Mapping[Variable, Array],
        moments: Sequence[Moment],
    ) -> None:
        self.values = {v: np.asarray(a) for v, a in values.items()}
        self.gradients = {v: np.asarray(a) for v, a in gradients.items()}
        self.moments = moments
        self.cost = cost
        self.number = {v: i for i, v in enumerate(self.values)}
        inner = [(apply, loops[-1]) for apply, loops in everywhere(applies([cost])) if loops]
        self.loops = dict(reversed(inner))  # of loops with one body the first

    def lengths(self, v: Variable) -> At:
        """How many steps the loops around a variable have, the outermost first."""
        array = self.values[v]
        return array.shape[: array.ndim - v.ndim]

    @cached_property
    def clock(self) -> At:
        """The most steps of a loop, of an inner one, and so on."""
        deep: list[int] = []
        for v in self.values:
            for depth, length in enumerate(self.lengths(v)):
                deep[depth:] = [max([length, *deep[depth : depth + 1]]), *deep[depth + 1 :]]
        return tuple(deep)

    def one_step(self) -> tuple[dict[Variable, Array], dict[Variable, Array]]:
        """Values and gradients for a folded picture, of one step each: that which takes the most
        room."""
        return (
            {v: self._widest(v, a) for v, a in self.values.items()},
            {v: self._widest(v, a) for v, a in self.gradients.items()},
        )

    def _widest(self, v: Variable, array: Array) -> Array:
        numbers = Numbers({v: array}, {})
        steps = list(_steps(self.lengths(v)))
        if not steps:
            return array
        at = max(steps, key=lambda at: len(numbers.value(v, at).text))
        return array[tuple(slice(t, t + 1) for t in at)]

    # ------------------------------------------------------------ the script's data

    def data(self, words: Mapping[Variable, str]) -> dict[str, Any]:
        """Everything but the pictures; `words` are what variables are called."""
        times = Times(self.cost, self.moments, self.values)
        return {
            "clock": self.clock,
            "forward": sum(not m.back for m in self.moments),
            "moments": [{"say": m.sentence, "at": m.at} for m in self.moments],
            "variables": [self._variable(v, words, times) for v in self.values],
        }

    def _variable(self, v: Variable, words: Mapping[Variable, str], times: Times) -> dict[str, Any]:
        numbers = Numbers(self.values, self.gradients)
        steps = list(_steps(self.lengths(v)))
        found = {
            "name": tidy(v.name or words.get(v, "")),
            "made": _made(v),
            "where": tidy(short(v.where), 200),
            "shape": show_dims(v.shape),
            "steps": self.lengths(v),
            "value": [
                _entry(self.values[v][at], numbers.value(v, at), times.value(v, at)) for at in steps
            ],
        }
        if v in self.gradients:
            found["gradient"] = [
                _entry(self.gradients[v][at], numbers.gradient(v, at), times.gradient(v, at))
                for at in steps
            ]
        return found

    def at(self, v: Variable, at: Index) -> At | None:
        """Where a variable of a picture is; None where all steps are one part of it."""
        if None in at or v not in self.values:
            return None
        return tuple(t % n for t, n in zip(at, self.lengths(v), strict=False) if t is not None)


def _steps(lengths: At) -> Iterator[At]:
    return product(*map(range, lengths))


def _made(v: Variable) -> str:
    if v.owner is not None:
        return tidy(repr(v.owner.gate), 120)
    if isinstance(v, Constant):
        return "constant"
    return "parameter" if isinstance(v, Parameter) else "input"


def _entry(array: Array, reading: Reading, known: int) -> dict[str, Any]:
    """One value at one step: its text and strip on pictures, its numbers, and from which position
    on it is known."""
    entry: dict[str, Any] = {"from": known, "text": reading.text, "rows": _rows(array)}
    cells = [None if c is None else round(100 * c) for row in reading.strip for c in row]
    return entry | ({"cells": cells} if len(cells) > 1 else {})


def _rows(array: Array) -> list[list[str]]:
    """The numbers of an array, its last axis across; "…" for those left out."""
    if not array.size:
        return []
    grid = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    down, across = grid.shape
    rows = [
        [*map(show_number, row), *["…"] * (across > _MOST)] for row in grid[:_MOST, :_MOST].tolist()
    ]
    return [*rows, *[["…"] * len(rows[0])] * (down > _MOST)]
