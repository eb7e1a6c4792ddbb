"""The work of a function among the members of a team of threads.

    for t:                          for t:
        z = h @ W                       z[mine] = h[mine] @ W
        h = tanh(z)          →          h[mine] = tanh(z[mine])
    s = sum(h)                      meet; the first member: s = sum(h); meet

Each member has the same places of the first axis of whatever goes row by row. Who owns a byte is
then told by its place among the rows, so a member reads its own rows of what was written in rows
of the same length without waiting. It meets all others before it reads what may be theirs, and
around work that one member does alone. So a loop over time meets nobody, if its rows, those of a
batch, do not.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ...dims import product
from ...gates import Astype, Elementwise, Matmul
from ..memory import size_of
from ..plan import Array, Block, Call, Instruction, Loop, Plan
from .layout import Layout
from .writing import Writing

__all__ = ["Sharing", "Touch", "is_worth_sharing"]

_LEAST_ROWS = 8  # of a product: of fewer all members would read the whole matrix for little
_ROWS_OF_ONE = 4  # and no more members than have so many rows each
_WORTH = 400_000  # elements: about 0.1 ms, of which a team costs some 10 µs
_FLOPS = 32  # of a product, in the time of one element
_LARGE = 4096  # elements of an array, of fewer of which the work is none


def is_worth_sharing(plan: Plan) -> bool:
    """Whether there is much work, and a team can share most of it."""
    shared, alone = _work(plan.steps)
    return shared > max(_WORTH, alone)


def _work(steps: Sequence[Instruction]) -> tuple[int, int]:
    """In elements: what can be shared, and what cannot."""
    shared = alone = 0
    for step in steps:
        if isinstance(step, Loop):
            inner = _work(step.steps)
            shared, alone = shared + step.length * inner[0], alone + step.length * inner[1]
        elif isinstance(step, Call) and step.placed:
            work = size_of(step.outputs[0].type) // step.outputs[0].type.dtype.itemsize
            can_share = isinstance(step.gate, Elementwise | Astype) and work >= _LARGE
            if isinstance(step.gate, Matmul):
                *rows, terms = step.inputs[0].type.shape
                work = work * int(terms) * 2 // _FLOPS  # type: ignore[arg-type]  # a plan's sizes
                can_share = product(rows) >= _LEAST_ROWS  # type: ignore[operator]
            shared, alone = shared + can_share * work, alone + (not can_share) * work
    return shared, alone


@dataclass(frozen=True)
class Touch:
    """What an instruction reads, or writes: in each place of its first axis that place of `at`, or
    (not `by_rows`) all of it."""

    at: Layout
    written: bool = False
    by_rows: bool = True


@dataclass(frozen=True)
class _Memory:
    """Some memory (None: any), and who touches what of it: of n rows of so many bytes that follow
    each other, over and over, the member that has the row (None: anybody anything)."""

    base: Array | Block | None
    owner: tuple[int, int] | None
    written: bool

    def meets(self, other: "_Memory") -> bool:
        """Whether a member may touch here what another one writes there, or the other way round."""
        if not (self.written or other.written) or (self.owner and self.owner == other.owner):
            return False
        return self.base is other.base or self.base is None or other.base is None


@dataclass
class Sharing:
    """Writes between instructions where members meet.

    `is_on`: whether there is a team at all; `most`: how many members it has at most. `pointers`:
    what those of loops may point to, None where that is not known. `touched`: since the beginning,
    None for a meeting.
    """

    lines: Writing
    is_on: bool
    pointers: dict[str, Sequence[Layout] | None] = field(default_factory=dict)
    touched: list[_Memory | None] = field(default_factory=list)
    most: int = sys.maxsize
    end_of_alone: int = -1

    @contextmanager
    def instruction(self, touches: Sequence[Touch], rows: int) -> Iterator[bool]:
        """Lines that are of one instruction; whether its `rows` are shared out. (Of one row, or 0
        for what cannot be shared, the first member does all.)"""
        if not self.is_on:
            yield False
        elif rows < 2:
            with self.alone():
                yield False
        else:
            self._touch([memory for touch in touches for memory in self._memory(touch, rows)])
            yield True

    @contextmanager
    def product(
        self, a: Layout, b: Layout | None, out: Layout
    ) -> Iterator[tuple[str, Layout, Layout]]:
        """Lines of a @ b: the number of rows that are done, and from where on in a and out. None is
        a b that nobody writes to. In a loop, no more members than have a few rows each are of use,
        so the function is run by no more."""
        m = out.shape[0]
        if self.lines.times and m >= _LEAST_ROWS:
            self.most = min(self.most, max(m // _ROWS_OF_ONE, 2))
        touches = [Touch(a), Touch(out, written=True), *([Touch(b, by_rows=False)] if b else [])]
        with self.instruction(touches, m if m >= _LEAST_ROWS else 0) as shared:
            if shared:
                yield f"BEHIND({m}) - FIRST({m})", a.mine(), out.mine()
            else:
                yield str(m), a, out

    @contextmanager
    def by_all(self, touches: Sequence[Touch]) -> Iterator[None]:
        """Lines that each member does for itself."""
        if self.is_on:
            self._touch([memory for touch in touches for memory in self._memory(touch, 0)])
        yield

    def state(self) -> tuple[int, int]:
        """What `restore` goes back to, when what was written since is taken back."""
        return len(self.touched), self.most

    def restore(self, state: tuple[int, int]) -> None:
        length, self.most = state
        del self.touched[length:]
        self.end_of_alone = -1

    def _touch(self, found: Sequence[_Memory]) -> None:
        """Meet, if any of what comes may be touched by others since the last meeting."""
        if any(x.meets(y) for x in self._since_meeting(self.touched) for y in found):
            self.meet()
        self.touched += found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lines that are for the first member."""
        if not self.is_on:
            yield
            return
        lines = self.lines
        if self.end_of_alone == len(lines.text):  # go on in the same block
            del lines.text[-2:]
        else:
            self.meet()
            lines.line("if (!member) {")
        lines.depth += 1
        yield
        lines.close(1)
        self.meet()
        self.end_of_alone = len(lines.text)

    def meet(self) -> None:
        if self.is_on:
            self.lines.line("MEET;")
            self.touched.append(None)

    def close_loop(self, begin: int) -> None:
        """At the end of the body of a loop: the next step comes behind this one."""
        body = self.touched[begin:]
        head = body[: body.index(None)] if None in body else body
        if any(x and x.meets(y) for y in self._since_meeting(body) for x in head):
            self.meet()

    def _since_meeting(self, touched: Sequence[_Memory | None]) -> list[_Memory]:
        found: list[_Memory] = []
        for memory in reversed(touched):
            if memory is None:
                break
            found.append(memory)
        return found

    # ------------------------------------------------------------ who owns what

    def _memory(self, touch: Touch, rows: int) -> list[_Memory]:
        return [
            _Memory(
                at and at.base,  # type: ignore[arg-type]  # no pointer: these were followed
                _owner(at, rows) if at and touch.by_rows else None,
                touch.written,
            )
            for at in self._followed(touch.at)
        ]

    def _followed(self, x: Layout) -> list[Layout | None]:
        """The layouts that it may be, where it begins at a pointer; None for any."""
        if not isinstance(x.base, str):
            return [x]
        if x.base.startswith("(char *)&"):  # a variable of each member's own
            return []
        known = self.pointers.get(x.base)
        if known is None:
            return [None]
        return [
            deeper
            for at in known
            for deeper in self._followed(
                replace(x, base=at.base, offset=at.offset + x.offset, steps=(*at.steps, *x.steps))
            )
        ]


def _owner(x: Layout, rows: int) -> tuple[int, int] | None:
    """(n, s), if place i of the first axis lies in bytes i·s … (i + 1)·s - 1 of each n·s bytes of
    the memory, and so do the places of all that has the same owner."""
    if not x.shape or x.shape[0] != rows or x.strides[0] <= 0:
        return None
    row, around = x.strides[0], rows * x.strides[0]
    last = x.offset % row + x.type.dtype.itemsize
    for n, stride in zip(x.shape[1:], x.strides[1:], strict=True):
        if stride < 0:
            return None
        if n > 1 and stride % around:
            last += (n - 1) * stride
    is_aligned = x.offset % around < row and all(step % around == 0 for _, step in x.steps)
    return (rows, row) if is_aligned and last <= row else None
