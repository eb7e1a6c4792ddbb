"""Memory that a program uses again at every call.

A block is taken for a value and given back when nothing looks at it any more; a later value of any
type of the same size may then have it. So a call allocates little, and a step of a loop nothing.
"""

from dataclasses import dataclass, field

from ..dims import product
from ..types import Type
from .plan import Array, Block, Plan

__all__ = ["Memory", "new_block", "size_of"]


def size_of(type: Type) -> int:
    """The bytes of an array whose sizes are numbers."""
    return int(product(type.shape)) * type.dtype.itemsize  # type: ignore[arg-type]


def new_block(plan: Plan, type: Type) -> Block:
    """One more block of a plan, for an array of this type alone."""
    plan.blocks.append(Block(size_of(type), len(plan.blocks)))
    return plan.blocks[-1]


@dataclass
class Memory:
    """The blocks of one program."""

    blocks: list[Block] = field(default_factory=list)
    _free: dict[int, list[Block]] = field(default_factory=dict)
    _arrays: dict[tuple[Block, Type], Array] = field(default_factory=dict)

    def take(self, type: Type) -> Array:
        """An array of this type over a block that is free, or a new one."""
        size = size_of(type)
        if free := self._free.get(size):
            block = free.pop()
        else:
            block = Block(size, len(self.blocks))
            self.blocks.append(block)
        return self._arrays.setdefault((block, type), Array(type, block))

    def give(self, block: Block) -> None:
        """What was in a block is not needed any more."""
        self._free.setdefault(block.size, []).append(block)
