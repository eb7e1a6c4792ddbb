"""Liveness: which blocks of memory the variables of a graph look into, and until when."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ..graph import Apply
from ..variables import Variable
from .plan import Block

__all__ = ["Liveness"]


class Liveness:
    """Followed through the applications of one graph, in order.

    Only what the graph itself makes is counted: its inputs belong to whoever gave them.
    """

    def __init__(self, order: Sequence[Apply], outputs: Iterable[Variable]) -> None:
        self.last = {v: k for k, apply in enumerate(order) for v in apply.inputs}
        self.last |= dict.fromkeys(outputs, len(order))
        self.blocks: dict[Variable, frozenset[Block]] = {}
        self._viewers: Counter[Block] = Counter()
        self._placed: set[Variable] = set()

    def of(self, variables: Iterable[Variable]) -> frozenset[Block]:
        """The blocks that some variables look into."""
        return frozenset[Block]().union(*(self.blocks.get(v, frozenset()) for v in variables))

    def made(self, v: Variable, blocks: frozenset[Block], placed: bool = False) -> None:
        """A variable was computed, and looks into these blocks; `placed`: it was written there."""
        self.blocks[v] = blocks
        self._viewers.update(blocks)
        if placed:
            self._placed.add(v)

    def dying(self, apply: Apply, k: int) -> list[Variable]:
        """The inputs of application k that nothing reads after it."""
        return [v for v in dict.fromkeys(apply.inputs) if self.last[v] == k and v in self.blocks]

    def alone(self, v: Variable) -> bool:
        """Whether v may be overwritten: it was placed in one block, and nothing else looks there.

        So may a view of such a variable, unless it shows an element in several places.
        """
        blocks = self.blocks.get(v, frozenset())
        if len(blocks) != 1 or any(self._viewers[b] != 1 for b in blocks):
            return False
        while v not in self._placed:
            if v.owner is None or not v.owner.gate.view or v.owner.gate.repeats:
                return False
            v = v.owner.inputs[0]
        return True

    def dead(self, variables: Iterable[Variable]) -> list[Block]:
        """Forget variables; the blocks that nothing looks into any more.

        In an order that a set does not have, so that a program is the same in every process.
        """
        left = []
        for v in variables:
            for block in self.blocks.pop(v, ()):
                self._viewers[block] -= 1
                if not self._viewers[block]:
                    left.append(block)
        return sorted(left, key=lambda block: block.number)
