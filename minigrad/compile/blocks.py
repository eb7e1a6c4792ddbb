"""Elementwise work on long arrays is done block by block, so that what is between stays in cache.

    a = x * y                 for i in blocks:
    b = a + z                     a[i] = x[i] * y[i]
    c = tanh(b)         →         b[i] = a[i] + z[i]
                                  c[i] = tanh(b[i])

A block is some places of axis 0, which all arrays of a run share. Instructions in between that do
not depend on the run, such as scalars and views, go before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

from ..gates import ExpandDims, Index, Split, Squeeze
from ..graph import Gate
from ..types import Type
from .memory import size_of
from .plan import Array, Block, Call, Empty, Instruction, Loop, Part, Plan, Row

__all__ = ["in_blocks"]


def in_blocks(plan: Plan, size: int) -> None:
    """Let the instructions of a plan outside of loops work on blocks of about `size` bytes."""
    memory = _Aliases(plan.steps)
    steps: list[Instruction] = []
    run = _Run(memory, size)
    for step in plan.steps:
        if run.takes(step):
            continue
        if _is_long(step, size) or not run.can_follow(step):
            steps += run.closed()
            run = _Run(memory, size)
            if run.takes(step):
                continue
        steps.append(step)
    plan.steps = [*steps, *run.closed()]


def _is_long(step: Instruction, size: int) -> TypeGuard[Call]:
    """Whether it is elementwise work on arrays of several blocks."""
    if not (isinstance(step, Call) and step.gate.in_place()):
        return False
    (out,) = step.outputs
    return len(out.type.shape) > 0 and size_of(out.type) >= 2 * size


class _Aliases:
    """Which arrays may lie in the same memory."""

    def __init__(self, steps: Iterable[Instruction]) -> None:
        self.looks: dict[Array, Sequence[Array]] = {}  # arrays that an array may be a view of
        self.aligned: dict[Array, Array] = {}  # views that have the same places of axis 0
        self._note(steps)

    def _note(self, steps: Iterable[Instruction]) -> None:
        for step in steps:
            if isinstance(step, Loop):
                self._note(step.steps)
                places = zip(step.starts, step.nexts, strict=True)
                self.looks |= dict(zip(step.carries, places, strict=True))
            elif isinstance(step, Call) and not step.placed:
                if step.gate.may_share:
                    self.looks |= dict.fromkeys(step.outputs, step.inputs)
                if _keeps_axis_0(step.gate):
                    self.aligned |= dict.fromkeys(step.outputs, step.inputs[0])

    def memory(self, array: Array) -> frozenset[object]:
        """The blocks, or arrays without a place, in which the elements of an array may lie."""
        found: set[object] = set()
        seen: set[Array] = set()
        stack = [array]
        while stack:
            a = stack.pop()
            if a in seen:
                continue
            seen.add(a)
            stack += [*a.around(), *self.looks.get(a, ())]
            if a.place is None:
                found.add(a)
            elif isinstance(a.place, Block):
                found.add(a.place)
        return frozenset(found)

    def root(self, array: Array) -> Array:
        """What an array is a view of, place by place of axis 0."""
        while array in self.aligned:
            array = self.aligned[array]
        return array


def _keeps_axis_0(gate: Gate) -> bool:
    """Whether it is a view whose place i of axis 0 is that of its input."""
    match gate:
        case Split():
            return gate.axis > 0
        case Index((first, *_)):
            return isinstance(first, tuple) and first[::2] == (0, 1)
        case ExpandDims() | Squeeze():
            return 0 not in gate.axes
    return False


class _Run:
    """Elementwise calls, one after another, that can be done block by block.

    blocked: the arrays that are taken apart; whole: operands that each block reads whole; both with
    the memory that they may lie in.
    """

    def __init__(self, aliases: _Aliases, size: int) -> None:
        self.aliases, self.size = aliases, size
        self.calls: list[Call] = []
        self.blocked: dict[Array, frozenset[object]] = {}
        self.whole: dict[Array, frozenset[object]] = {}

    def takes(self, step: Instruction) -> bool:
        """Take an instruction into the run, if it fits."""
        if not _is_long(step, self.size):
            return False
        (out,) = step.outputs
        rows = out.type.shape[0]
        if self.calls and rows != self.calls[0].outputs[0].type.shape[0]:
            return False
        memory = self.aliases.memory
        blocked = {out: memory(out)}
        whole: dict[Array, frozenset[object]] = {}
        for a in step.inputs:
            kept = len(a.type.shape) < len(out.type.shape) or a.type.shape[0] != rows
            (whole if kept else blocked)[a] = memory(a)
        calls = [*self.calls, step]
        blocked, whole = self.blocked | blocked, self.whole | whole
        if not self._is_sound(calls, blocked, whole):
            return False
        self.calls, self.blocked, self.whole = calls, blocked, whole
        return True

    def _is_sound(
        self,
        calls: Sequence[Call],
        blocked: dict[Array, frozenset[object]],
        whole: dict[Array, frozenset[object]],
    ) -> bool:
        """Whether no array is read in blocks and whole, and no block reads what another writes."""
        if blocked.keys() & whole.keys():
            return False
        root = self.aliases.root
        for w in {call.outputs[0] for call in calls}:
            places = blocked[w]
            if any(places & others for others in whole.values()):
                return False
            if any(places & others and root(a) is not root(w) for a, others in blocked.items()):
                return False
        return True

    def can_follow(self, step: Instruction) -> bool:
        """Whether the run may come after this instruction, which stands behind it."""
        if not isinstance(step, Call):
            return not self.calls
        memory = self.aliases.memory
        touched = frozenset[object]().union(*self.blocked.values(), *self.whole.values())
        written = {call.outputs[0] for call in self.calls}
        changed = frozenset[object]().union(*(self.blocked[w] for w in written))
        if any(a in written and a.place is None for a in step.inputs):
            return False  # it has no name yet
        single = any(not a.type.shape for a in step.outputs)  # which is no view, but a number
        reads = single or not step.gate.shares(False)
        if reads and any(memory(a) & changed for a in step.inputs):
            return False
        return not (step.placed and memory(step.outputs[0]) & touched)

    def closed(self) -> list[Instruction]:
        """The loop over blocks, and what is left at the end of the arrays."""
        if len(self.calls) < 2:
            return list(self.calls)
        rows = int(self.calls[0].outputs[0].type.shape[0])  # type: ignore[arg-type]
        largest = max(size_of(a.type) for a in self.blocked)
        height = max(1, rows * self.size // largest)
        count = rows // height
        if count < 2:
            return list(self.calls)
        cut = count * height
        loop = Loop(count, False, self.calls[0].apply, in_blocks=True)
        inside, rest = {}, {}
        for a in self.blocked:
            shape, dtype = a.type.shape[1:], a.type.dtype
            blocks = Array(Type((count, height, *shape), dtype), Part(a, 0, 0, cut))
            inside[a] = Array(Type((height, *shape), dtype), Row(blocks), a.name)
            rest[a] = Array(Type((rows - cut, *shape), dtype), Part(a, 0, cut, rows), a.name)
        loop.rows = list(inside.values())
        loop.steps = list(self._calls_on(inside))
        found: list[Instruction] = [
            Empty(c.outputs[0], c.apply) for c in self.calls if not c.placed
        ]
        return [*found, loop, *(self._calls_on(rest) if cut < rows else ())]

    def _calls_on(self, pieces: dict[Array, Array]) -> Iterator[Call]:
        for call in self.calls:
            inputs = [pieces.get(a, a) for a in call.inputs]
            yield Call(call.gate, inputs, [pieces[call.outputs[0]]], call.apply, placed=True)
