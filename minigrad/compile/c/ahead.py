"""What a loop does not change, and what is done with it once, before the loop."""

from dataclasses import dataclass, field

from ..plan import Block, Plan
from .layout import Layout

__all__ = ["Ahead"]


@dataclass
class Ahead:
    """What is done before a loop since it is the same in every step: `lines`, by which matrices
    are `packed`. Known before it: the counters of the loops around it, so many blocks of the plan,
    and which of those it has `written` in the end."""

    counters: frozenset[str]
    blocks: int
    written: frozenset[Block]
    lines: list[str] = field(default_factory=list)
    packed: dict[Layout, str] = field(default_factory=dict)

    def is_steady(self, plan: Plan, x: Layout) -> bool:
        """Whether what is there is the same before the loop and in every step."""
        if any(counter not in self.counters for counter, _ in x.steps):
            return False
        if isinstance(x.base, Block):
            return x.base.number < self.blocks and x.base not in self.written
        return x.base in plan.arguments or x.base in plan.constants.values()
