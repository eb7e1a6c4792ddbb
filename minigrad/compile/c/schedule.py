"""The order of instructions, so that work over the same long arrays is done in one pass.

    m = 0.9 * m        n = step + 1
    n = step + 1   →   m = 0.9 * m;  p = p - m / n
    p = p - m / n

Single numbers are computed as early as can be, elementwise work on arrays as late: just before
somebody reads it. Two neighbours change places where neither writes what the other reads or writes.
"""

from collections.abc import Sequence

from ...gates import Astype, Elementwise
from ..plan import Array, Block, Call, Copy, Instruction, Plan, inputs_of, inside, outputs_of
from .readers import Looks

__all__ = ["scheduled"]

_FAR = 500  # places that an instruction is moved at most


def scheduled(plan: Plan, found: Sequence[Instruction]) -> list[Instruction]:
    """Instructions of a plan in this order, those in loops as they are."""
    touches = _Touches(plan)
    steps = list(found)
    for i, step in enumerate(found):
        if _is_elementwise(step) and not _is_long(step):
            touches.move(steps, i, -1)
    for step in reversed(list(steps)):
        if _is_elementwise(step) and _is_long(step):
            touches.move(steps, steps.index(step), 1)
    return steps


class _Touches:
    """What instructions read and write: blocks, and arrays by name."""

    def __init__(self, plan: Plan) -> None:
        memory = Looks(plan)
        self.reads: dict[Instruction, set[Array | Block]] = {}
        self.writes: dict[Instruction, set[Array | Block]] = {}
        for step in plan.steps:
            work = list(inside([step]))
            read = {a for s in work for a in inputs_of(s)}
            written = {a for s in work for a in outputs_of(s)}
            written |= {s.target for s in work if isinstance(s, Copy)}
            self.reads[step] = read | {b for a in read for b in memory.blocks(a)}
            self.writes[step] = written | {b for s in work for b in memory.written(s)}

    def move(self, steps: list[Instruction], i: int, by: int) -> None:
        """Move an instruction up (-1) or down (1) as far as it may go."""
        for _ in range(_FAR):
            if not 0 <= i + by < len(steps) or not self.are_apart(steps[i], steps[i + by]):
                break
            steps[i], steps[i + by] = steps[i + by], steps[i]
            i += by

    def are_apart(self, a: Instruction, b: Instruction) -> bool:
        written = self.writes[a]
        return written.isdisjoint(self.reads[b] | self.writes[b]) and self.writes[b].isdisjoint(
            self.reads[a]
        )


def _is_elementwise(step: Instruction) -> bool:
    return isinstance(step, Call) and step.placed and isinstance(step.gate, Elementwise | Astype)


def _is_long(step: Instruction) -> bool:
    return isinstance(step, Call) and bool(step.outputs[0].type.shape)
