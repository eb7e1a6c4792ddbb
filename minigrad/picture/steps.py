"""How many steps of each loop a picture shows, and how many gates it has with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dims import Dim, Size, bind_sizes, evaluate
from ..errors import ArgumentError, PictureError
from ..graph import leaves
from ..loops.gate import Scan
from ..variables import Variable

__all__ = ["Steps", "Unrolling"]

_MOST = 40  # columns


@dataclass(frozen=True)
class Steps:
    """The steps of a loop that are drawn, by time: the first so many, and maybe, after a gap, the
    last."""

    first: int
    last: Size | None = None

    @property
    def count(self) -> int:
        return self.first + (self.last is not None)

    def __iter__(self) -> Iterator[Size]:
        yield from range(self.first)
        if self.last is not None:
            yield self.last


class Unrolling:
    """What ``unroll=`` means for each loop: None or False folded, True all steps, k so many: the
    first ones, and the last."""

    def __init__(
        self, unroll: bool | int | None, outputs: Sequence[Variable], values: Mapping[Variable, Any]
    ) -> None:
        if unroll is not None and (not isinstance(unroll, int) or unroll < 0):
            raise ArgumentError(f"unroll is None, True or a number of steps, not {unroll!r}")
        self.unroll = unroll
        given = ((v, np.shape(values[v])) for v in leaves(outputs) if v in values)
        self.sizes = bind_sizes((v.name or "a leaf", v.shape, shape) for v, shape in given)

    def steps(self, loop: Scan) -> Steps | None:
        """The steps of `loop` to draw; None for a folded one. Raises PictureError."""
        if not self.unroll:
            return None
        total = loop.length
        if isinstance(total, Dim) and total.names() <= self.sizes.keys():
            total = evaluate(total, self.sizes)
        if isinstance(total, int):
            shown = total if self.unroll is True else min(self.unroll, total)
        elif self.unroll is True:
            raise PictureError(
                f"{loop} over {total} cannot be unrolled: nothing here says how much {total} is; "
                "pass a number of steps, such as unroll=3"
            )
        else:
            shown = self.unroll
        if shown > _MOST:
            raise PictureError(
                f"{shown} steps of {loop} beside each other cannot be read: pass a number of at "
                f"most {_MOST}, such as unroll=5, for the first four and the last"
            )
        return Steps(shown) if shown == total else Steps(shown - 1, total - 1)
