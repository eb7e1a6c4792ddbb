"""Elementwise work for all steps of a loop, done in its steps again.

    s = 1 - f * f            for t:
    for t:              →        s = 1 - f[t] * f[t]
        d[t] = c * s[t]          d[t] = c * s

Rewrites had pushed it out, since NumPy does one long array quicker than many rows. In C a row is
done while it is in cache, and s, which nobody else reads, needs the memory of one row: an array all
of whose rows are at one place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...gates import Astype, Elementwise
from ...types import Type
from ..memory import new_block, size_of
from ..plan import Array, Block, Call, Copy, Instruction, Loop, Part, Plan, Row, inside
from .layout import Layout, laid_out, viewed
from .readers import Readers, read_by

__all__ = ["Sunk", "sink"]


@dataclass
class Sunk:
    """What was moved: where the arrays lie that have one row now; and, of the plan before, the
    steps, those of loops and their rows, and where rows were that are that one row now."""

    plan: Plan
    before: list[Instruction]
    layouts: dict[Array, Layout] = field(default_factory=dict)
    loops: dict[Loop, tuple[list[Instruction], list[Array]]] = field(default_factory=dict)
    places: dict[Array, Row] = field(default_factory=dict)

    def undo(self) -> None:
        self.plan.steps = self.before
        for loop, (steps, rows) in self.loops.items():
            loop.steps, loop.rows = steps, rows
        for row, place in self.places.items():
            row.place = place


def sink(plan: Plan) -> Sunk:
    """Move such work into the loops of a plan that alone read it."""
    sunk = Sunk(plan, list(plan.steps))
    readers = Readers(plan)
    for loop in sunk.before:
        if isinstance(loop, Loop) and loop.length > 1:
            _Sinking(sunk, readers, loop).run()
    return sunk


class _Sinking:
    """Into one loop. A *unit* is an array and the calls that write it, one over the other."""

    def __init__(self, sunk: Sunk, readers: Readers, loop: Loop) -> None:
        self.sunk, self.readers, self.loop, self.steps = sunk, readers, loop, sunk.plan.steps
        self.body = [s for s in inside(loop.steps) if isinstance(s, Call | Copy)]
        self.place = self.steps.index(loop)
        before = self.steps[: self.place]
        self.calls = {s: i for i, s in enumerate(before) if isinstance(s, Call) and s.placed}
        self.views = {
            v: s
            for s in before
            if isinstance(s, Call) and not s.placed and s.gate.view and len(s.inputs) == 1
            for v in s.outputs
        }
        self.units: dict[Array, list[Call]] = {}

    def run(self) -> None:
        for call in self.calls:
            self.units.setdefault(call.outputs[0], []).append(call)
        others = {a for s in self.steps if isinstance(s, Copy) for a in s.target.around()}
        others |= {a for x in self.used() for a in x.around() if isinstance(x.place, Part)}
        self.units = {
            a: calls
            for a, calls in self.units.items()
            if a not in others and self.is_row_by_row(a, calls)
        }
        while wrong := [a for a in self.units if not self.may_move(a)]:
            for array in wrong:
                del self.units[array]
        reading = [i for i, step in enumerate(self.loop.steps) if self.reads_a_unit(step)]
        if reading:  # else what is left is read by nobody
            self.move(min(reading))

    # ------------------------------------------------------------ what may move

    def is_row_by_row(self, array: Array, calls: Sequence[Call]) -> bool:
        """Whether each row is made of the same row of what is read, or of what has no rows."""
        shape = array.type.shape
        if len(shape) < 2 or shape[0] != self.loop.length or not isinstance(array.place, Block):
            return False
        read = [self.seen_through(x) for call in calls for x in call.inputs]
        simple = all(isinstance(call.gate, Elementwise | Astype) for call in calls)
        fitting = all(x.type.shape[:1] == shape[:1] or len(x.type.shape) < len(shape) for x in read)
        return simple and fitting and array not in calls[0].inputs

    def may_move(self, array: Array) -> bool:
        """Whether this loop alone reads it, by rows, and nothing that it is made of changes until
        then."""
        moved = {call for calls in self.units.values() for call in calls}
        if any(self.root(x) is array for x in self.read_whole(moved)):
            return False
        allowed = [*self.body, *moved]
        for call in self.units[array]:
            if not self.readers.are_among(call, allowed):
                return False
            changed = self.written(self.calls[call], moved)
            for x in call.inputs:
                if self.root(x) not in self.units and changed & self.readers.blocks(x):
                    return False
        return all(self.by_rows(array, x) for x in self.used() if self.root(x) is array)

    def read_whole(self, moved: set[Call]) -> Iterator[Array]:
        """What steps and the calls that move read all of, or go through in a loop of their own."""
        for step in self.body:
            yield from read_by(step)
        for call in moved:
            rank = len(call.outputs[0].type.shape)
            yield from (x for x in call.inputs if len(x.type.shape) < rank)
        for inner in inside(self.loop.steps):
            if isinstance(inner, Loop):
                yield from (r.place.of for r in inner.rows if isinstance(r.place, Row))

    def written(self, i: int, moved: set[Call]) -> set[Block]:
        """The blocks that are written between a call and the end of the loop."""
        between = (s for s in self.steps[i + 1 : self.place] if s not in moved)
        return {b for s in [*inside(between), *self.body] for b in self.readers.written(s)}

    def used(self) -> Iterator[Array]:
        """The arrays from outside that the loop and what moves into it read: of rows, all rows."""
        for step in (*self.body, *(call for calls in self.units.values() for call in calls)):
            for x in read_by(step):
                yield _all_rows(x)

    def root(self, x: Array) -> Array:
        """What a view looks at in the end."""
        while x in self.views:
            (x,) = self.views[x].inputs
        return x

    def seen_through(self, x: Array) -> Array:
        """A number behind views of it; another array itself."""
        root = self.root(x)
        return root if root in self.numbers() else x

    def numbers(self) -> set[Array]:
        constants = self.sunk.plan.constants
        return {array for constant, array in constants.items() if constant.value.size == 1}

    def by_rows(self, array: Array, x: Array) -> bool:
        """Whether row t of a view is within row t of the array."""
        chain = []
        while x is not array:
            chain.append(self.views[x])
            (x,) = chain[-1].inputs
        whole = found = laid_out(array.type, "", size_of(array.type))
        for call in reversed(chain):
            (found,) = viewed(call.gate, found) or (None,)  # type: ignore[assignment]
            if found is None:
                return False
        row, size = found.strides[0] if found.shape else 0, whole.strides[0]
        spans = [(n - 1) * s for n, s in zip(found.shape[1:], found.strides[1:], strict=True)]
        low = found.offset + sum(min(span, 0) for span in spans)
        high = found.offset + sum(max(span, 0) for span in spans) + array.type.dtype.itemsize
        return found.shape[0] == whole.shape[0] and row == size and low >= 0 and high <= size

    # ------------------------------------------------------------ moving

    def move(self, first: int) -> None:
        """Move the units in front of the step of the loop that is the first to read one."""
        loop, plan = self.loop, self.sunk.plan
        self.sunk.loops[loop] = loop.steps, loop.rows
        loop.rows = list(loop.rows)
        moved = [call for call in self.calls if call.outputs[0] in self.units]
        inner = [self.of_rows(call) for call in moved]
        loop.steps = [*loop.steps[:first], *inner, *loop.steps[first:]]
        plan.steps = [step for step in plan.steps if step not in set(moved)]
        for array in self.units:
            self.give_one_row(array)

    def give_one_row(self, array: Array) -> None:
        """Memory of one row for all rows: where no view looks at it, they are that row."""
        plan, loop = self.sunk.plan, self.loop
        row = Type(array.type.shape[1:], array.type.dtype)
        block = new_block(plan, row)
        one = laid_out(row, block, size_of(row))
        if any(self.root(x) is array and x is not array for x in self.used()):
            strides = (0, *one.strides)
            self.sunk.layouts[array] = Layout(array.type, one.base, one.size, strides)
            return
        for r in loop.rows:
            if isinstance(r.place, Row) and r.place.of is array:
                self.sunk.places[r] = r.place
                r.place = block
        loop.rows = [r for r in loop.rows if isinstance(r.place, Row)]

    def reads_a_unit(self, step: Instruction) -> bool:
        work = (s for s in inside([step]) if not isinstance(s, Loop))
        read = (_all_rows(x) for s in work for x in read_by(s))
        return any(self.root(x) in self.units for x in read)

    def of_rows(self, call: Call) -> Call:
        """The same for the row of a step."""
        (out,) = call.outputs
        rank = len(out.type.shape)
        inputs = [self.seen_through(x) for x in call.inputs]
        inputs = [self.row(x) if len(x.type.shape) == rank else x for x in inputs]
        return Call(call.gate, inputs, [self.row(out)], call.apply, placed=True)

    def row(self, array: Array) -> Array:
        found = Array(Type(array.type.shape[1:], array.type.dtype), Row(array), array.name)
        self.loop.rows.append(found)
        return found


def _all_rows(x: Array) -> Array:
    """What an array is a row of, or a row of a row; another one itself."""
    while isinstance(x.place, Row):
        x = x.place.of
    return x
