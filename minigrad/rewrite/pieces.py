"""Pieces: variables that are neighbouring slices of one array, and can be dealt with as one.

a, b = split(z)      a is places 0 … n of z, b is places n … 2n
"""

from collections.abc import Collection
from dataclasses import dataclass

from ..dims import Size
from ..gates import Index, Split
from ..variables import Variable

__all__ = ["Piece", "cut", "is_view_of_leaf", "piece_of"]


@dataclass(frozen=True)
class Piece:
    """Places `start` to `stop` of `whole` along an axis."""

    whole: Variable
    axis: int
    start: Size
    stop: Size


def piece_of(v: Variable, known: Collection[Variable] = ()) -> Piece | None:
    """What v is a piece of, if it is one. The walk stops at the variables in `known`."""
    if v in known or v.owner is None:
        return None
    gate = v.owner.gate
    if isinstance(gate, Split):
        start = sum(gate.sizes[: v.index], start=0)
        found = Piece(v.owner.inputs[0], gate.axis, start, start + gate.sizes[v.index])
    elif isinstance(gate, Index):
        (whole,) = v.owner.inputs
        items = zip(gate.items, whole.shape, strict=True)
        cuts = [(axis, item) for axis, (item, n) in enumerate(items) if item != (0, n, 1)]
        if len(cuts) != 1:
            return None
        ((axis, item),) = cuts
        if not isinstance(item, tuple) or item[2] != 1:
            return None
        found = Piece(whole, axis, item[0], item[1])
    else:
        return None
    around = piece_of(found.whole, known)
    if around is None or around.axis != found.axis:
        return found
    start = around.start
    return Piece(around.whole, found.axis, start + found.start, start + found.stop)


def cut(whole: Variable, axis: int, start: Size, stop: Size) -> Variable:
    """The piece of an array; all of it is the array itself."""
    if (start, stop) == (0, whole.shape[axis]):
        return whole
    every = tuple((0, n, 1) for n in whole.shape)
    found: Variable = Index((*every[:axis], (start, stop, 1), *every[axis + 1 :]))(whole)
    return found


def is_view_of_leaf(v: Variable, known: Collection[Variable]) -> bool:
    """Whether v is a leaf or a view of one; it may go through `known`, but a computed input of a
    graph is none: a rewrite puts a placeholder there."""
    while v not in known and v.owner is not None and v.owner.gate.view and v.owner.inputs:
        (v,) = v.owner.inputs
    return v.owner is None
