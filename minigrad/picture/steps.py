"""How many steps of each loop a picture shows, and how many gates it has with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dims import Dim, Size, bind_sizes, evaluate
from ..errors import ArgumentError, PictureError
from ..graph import Apply, leaves
from ..loops.gate import Scan
from ..variables import Variable

__all__ = ["Steps", "Unrolling"]


@dataclass(frozen=True)
class Steps:
    """The first `drawn` of `total` steps of a loop."""

    drawn: int
    total: Size

    @property
    def whole(self) -> bool:
        return self.drawn == self.total


class Unrolling:
    """What ``unroll=`` means for each loop: None or False folded, True all steps, k the first k."""

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
            return Steps(total if self.unroll is True else min(self.unroll, total), total)
        if self.unroll is True:
            raise PictureError(
                f"{loop} over {total} cannot be unrolled: nothing here says how much {total} is; "
                "pass a number of steps, such as unroll=3"
            )
        return Steps(self.unroll, total)

    def gates(self, applies: Iterable[Apply]) -> int:
        """How many gates these are on the picture, with all that is inside loops."""
        total = 0
        for apply in applies:
            if isinstance(apply.gate, Scan):
                steps = self.steps(apply.gate)
                total += self.gates(apply.gate.body.applies()) * (steps.drawn if steps else 1)
            else:
                total += 1
        return total
