"""Who reads what a gate has written, before the next gate writes over it.

    b = x + y        read by tanh alone: where both are one inner loop, b is not stored
    b = tanh(b)

What is followed is blocks of memory, which views and carries look into.
"""

from collections.abc import Iterable, Iterator, Sequence

from ...gates import Extent
from ..plan import Array, Block, Call, Copy, Instruction, Loop, Plan, inputs_of, outputs_of

__all__ = ["Looks", "Readers", "read_by", "without_unread"]

Inside = Sequence[tuple[Sequence[Instruction], int]]
"""An instruction by its place in each of the lists that it is in, from the outermost."""


class Looks:
    """Which blocks the arrays of a plan look into, and instructions write to."""

    def __init__(self, plan: Plan) -> None:
        self._looks_into: dict[Array, frozenset[Block]] = {}
        for _ in range(2):  # a carry may hold what is made further down
            self._note(plan.steps)

    def written(self, step: Instruction) -> frozenset[Block]:
        """The blocks that an instruction writes to, if it is no loop."""
        match step:
            case Call(placed=True):
                return self._all([*step.outputs, *step.scratch])
            case Call():
                return self._all(step.scratch)
            case Copy():
                return self.blocks(step.target)
        return frozenset()

    def _note(self, steps: Sequence[Instruction]) -> None:
        """Note which blocks views and carries look into."""
        for step in steps:
            if isinstance(step, Loop):
                self._note(step.steps)
                for carry, *held in zip(step.carries, step.starts, step.nexts, strict=True):
                    self._looks_into[carry] = self._all(held)
            elif isinstance(step, Call) and not step.placed:
                self._looks_into |= dict.fromkeys(step.outputs, self._all(step.inputs))

    def blocks(self, array: Array) -> frozenset[Block]:
        """Those that an array looks into."""
        around = list(array.around())
        return array.blocks.union(*(self._looks_into.get(a, frozenset()) for a in around))

    def _all(self, arrays: Sequence[Array]) -> frozenset[Block]:
        return frozenset[Block]().union(*map(self.blocks, arrays))


class Readers(Looks):
    """Of the calls whose result is the whole of a block: the instructions that read it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._kept = frozenset(b for array in plan.results for b in self.blocks(array))
        everywhere = dict(_everywhere(plan.steps, ()))
        self._reads = {step: self._all(read_by(step)) for step in everywhere}
        self._of: dict[Call, set[Instruction] | None] = {}
        for step, place in everywhere.items():
            if isinstance(step, Call) and (block := _overwritten(step)):
                self._of[step] = self._after(place, block)

    def are_among(self, call: Call, those: Iterable[Instruction]) -> bool:
        """Whether nobody but those reads the result of a call."""
        found = self._of.get(call)
        return found is not None and found <= set(those)

    def _after(self, place: Inside, block: Block) -> set[Instruction] | None:
        """Who reads a block after an instruction; None if it is read when all is done."""
        found: set[Instruction] = set()
        for depth in reversed(range(len(place))):
            steps, i = place[depth]
            if self._scan(steps[i + 1 :], block, found):
                return found
            if depth:  # the body of a loop: another step may follow
                self._scan(steps[: i + 1], block, found)
                outer, j = place[depth - 1]
                loop = outer[j]
                assert isinstance(loop, Loop)
                if block in self._all(loop.nexts):
                    found.add(loop)
        return None if block in self._kept else found

    def _scan(self, steps: Sequence[Instruction], block: Block, found: set[Instruction]) -> bool:
        """Add those that read a block, until one writes over it; whether one does."""
        for step in steps:
            if isinstance(step, Loop):  # not everything in it is done before it writes
                self._scan(step.steps, block, found)
            if block in self._reads[step]:
                found.add(step)
            if _overwritten(step) is block:
                return True
        return False


def _everywhere(
    steps: Sequence[Instruction], around: Inside
) -> Iterator[tuple[Instruction, Inside]]:
    for i, step in enumerate(steps):
        place = (*around, (steps, i))
        yield step, place
        if isinstance(step, Loop):
            yield from _everywhere(step.steps, place)


def read_by(step: Instruction) -> Sequence[Array]:
    """The arrays that an instruction reads: of a loop, those that its carries hold."""
    match step:
        case Call():
            return step.inputs
        case Copy(source):
            return (source,)
        case Loop():
            return (*step.starts, *step.nexts)
    return ()


def _overwritten(step: Instruction) -> Block | None:
    """The block of which an instruction writes the whole: what was in it is dead."""
    match step:
        case Call(outputs=[Array(place=Block() as block)], placed=True):
            return block
        case Copy(target=Array(place=Block() as block)):
            return block
    return None


def without_unread(steps: Sequence[Instruction], wanted: Iterable[Array]) -> list[Instruction]:
    """C and CUDA have views and sizes of their own: those that nothing else reads go."""
    read = set(wanted)
    kept: list[Instruction] = []
    for step in reversed(steps):
        is_free = (
            isinstance(step, Call)
            and not step.placed
            and (step.gate.view or isinstance(step.gate, Extent))
        )
        if is_free and read.isdisjoint(outputs_of(step)):
            continue
        read.update(inputs_of(step))
        kept.append(step)
    return kept[::-1]
