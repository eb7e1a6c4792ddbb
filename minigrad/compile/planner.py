"""From a graph to a plan, and scans to loops in which nothing is allocated.

    h = h0                      a carry is a name that each step binds anew
    for t:                      rows are views that can be made beforehand
        b = matmul(h, W)
        b = add(b, xs[t])
        hs[t] = tanh(b)         a y is computed in its row of the result
        h = hs[t]

- A carry that is put out as it enters a step (which the way back needs) and as it leaves it are
  rows t and t + 1 of one array.
- Another carry is written into two places in turn, since a step may still read the old value.
- A transposed weight is copied once before the loop: products with it are quicker then.
"""

from collections.abc import Sequence

from ..gates import PermuteDims
from ..graph import Apply, Binding, Graph
from ..loops import Scan
from ..types import Type
from ..variables import Variable
from .gate_planner import GatePlanner, Scope
from .plan import Array, Block, Copy, Empty, Loop, Part, Plan, Row, Turn

__all__ = ["plan"]


def plan(graph: Graph, smallest: int, filled: Sequence[Variable] = ()) -> Plan:
    """The plan of a bound graph. Values of fewer bytes than `smallest` are given no place.

    The variables in `filled` are computed too: each into an argument more, that is room for it.
    Raises ShapeError, with the user's line, where sizes do not fit what the graph was built for.
    """
    return _Planner(graph.binding or Binding({}), smallest).plan(graph, filled)


class _Planner(GatePlanner):
    def loop(self, scope: Scope, apply: Apply, gate: Scan) -> None:
        _LoopPlanner(self, scope, apply, gate).plan()


class _LoopPlanner:
    """Plans one application of a scan, bound to numbers, with the memory of `planner`."""

    def __init__(self, planner: GatePlanner, outer: Scope, apply: Apply, gate: Scan) -> None:
        self.planner, self.outer, self.apply, self.gate = planner, outer, apply, gate
        self.length = int(gate.length)  # type: ignore[arg-type]
        self.carries, self.xs, _ = gate.parts(gate.body.inputs)
        self.new = gate.body.outputs[: gate.carries]
        self.ys = gate.body.outputs[gate.carries :]
        self.loop = Loop(self.length, gate.reverse, apply)
        self.targets: dict[Variable, Array] = {}  # where the body writes a variable
        self.copies: list[tuple[Variable, Array]] = []  # what a step copies, and where to
        self.stacked: dict[Variable, Array] = {}  # all steps of each y
        self.own: set[Block] = set()  # blocks that carries may look into
        self.next: dict[int, Array] = {}  # the new value of a carry, where that was copied
        made = [a for a in gate.body.applies() if a.single and not isinstance(a.gate, Scan)]
        self.direct = {a.outputs[0] for a in made if a.outputs[0].ndim}

    def plan(self) -> None:
        planner, gate, loop = self.planner, self.gate, self.loop
        inputs = [planner.array(v, self.outer) for v in self.apply.inputs]
        loop.starts, sequences, fixed = gate.parts(inputs)
        loop.carries = [Array(planner.type(v), name=v.name) for v in self.carries]
        self.histories()
        self.results()
        self.alternate()
        fixed, borrowed = self.contiguous(fixed)
        rows = [self.row(v, xs) for v, xs in zip(self.xs, sequences, strict=True)]
        outside, planner.steps = planner.steps, loop.steps
        found, body = planner.block(gate.body, [*loop.carries, *rows, *fixed], self.targets)
        at = dict(zip(gate.body.outputs, found, strict=True))
        loop.steps += [Copy(at[v], target, self.apply) for v, target in self.copies]
        loop.nexts = [self.next.get(j, at[v]) for j, v in enumerate(self.new)]
        planner.steps = outside
        planner.steps.append(loop)
        self.hand_over(body)
        for block in borrowed - self.own:
            planner.memory.give(block)

    def row(self, v: Variable, whole: Array) -> Array:
        """The row of an array that belongs to a step."""
        self.loop.rows.append(Array(self.planner.type(v), Row(whole), v.name))
        return self.loop.rows[-1]

    def copy_before(self, source: Array, target: Array) -> None:
        self.planner.steps.append(Copy(source, target, self.apply))

    # ------------------------------------------------------------ places

    def histories(self) -> None:
        """Carries that are put out as they enter a step: row t enters, row t + 1 leaves."""
        put_out, n = set(self.ys), self.length
        seen: set[Variable] = set()
        for c, new, start in zip(self.carries, self.new, self.loop.starts, strict=True):
            if c not in put_out or c in seen:
                continue
            seen.add(c)
            step = self.planner.type(c)
            many = Type((n, *step.shape), step.dtype)
            whole = self.planner.memory.take(Type((n + 1, *step.shape), step.dtype))
            entering, leaving = (Array(many, Part(whole, 0, i, n + i)) for i in (0, 1))
            first = Array(step, Part(whole, 0, 0, 1))
            if self.gate.reverse:
                entering, leaving = leaving, entering
                first = Array(step, Part(whole, 0, n, n + 1))
            self.copy_before(start, first)
            self.own |= whole.blocks
            self.stacked[c] = entering
            self.into_rows(new, leaving)
            if new in put_out:
                self.stacked.setdefault(new, leaving)

    def results(self) -> None:
        """Arrays for the ys; those that the program returns are new ones."""
        for v, outside in zip(self.ys, self.apply.outputs[self.gate.carries :], strict=True):
            if v in self.stacked:
                continue
            type = self.planner.type(outside)
            if outside in self.outer.kept:
                whole = Array(type, name=outside.name)
                self.planner.steps.append(Empty(whole, self.apply))
            else:
                whole = self.planner.memory.take(type)
            self.stacked[v] = whole
            self.into_rows(v, whole)

    def into_rows(self, v: Variable, whole: Array) -> None:
        """Let the body write v into the rows of an array, or a step copy it there."""
        row = self.row(v, whole)
        if v in self.direct and v not in self.targets:
            self.targets[v] = row
            self.own |= whole.blocks
        else:
            self.copies.append((v, row))

    def alternate(self) -> None:
        """Two places in turn for a carry that is not put out, so that a step can read the old value
        while it writes the new one. What the body cannot write there itself is copied."""
        made = {v for apply in self.gate.body.applies() for v in apply.outputs}
        old = set(self.carries)
        for j, new in enumerate(self.new):
            handed_on = new in old and new is not self.carries[j]  # another carry's old value
            if new in self.targets or not new.ndim or not (new in made or handed_on):
                continue
            type = self.planner.type(new)
            even, odd = (self.planner.memory.take(type) for _ in range(2))
            turn = Array(type, Turn(even, odd), new.name)
            self.loop.turns.append(turn)
            self.own |= turn.blocks
            if new in self.direct:
                self.targets[new] = turn
            else:
                self.copies.append((new, turn))
                self.next[j] = turn

    def contiguous(self, fixed: Sequence[Array]) -> tuple[list[Array], set[Block]]:
        """Invariants with transposed ones copied, and the blocks that the copies are in."""
        arrays, blocks = list(fixed), set[Block]()
        first = self.gate.carries + self.gate.sequences
        for i, v in enumerate(self.apply.inputs[first:]):
            if v.owner is not None and isinstance(v.owner.gate, PermuteDims) and self.length > 1:
                place = self.planner.memory.take(self.planner.type(v))
                self.copy_before(arrays[i], place)
                arrays[i] = place
                blocks |= place.blocks
                if self.gate.body.inputs[first + i] in set(self.new):
                    self.own |= place.blocks  # it is what a carry is at the end
        return arrays, blocks

    def hand_over(self, body: Scope) -> None:
        """Tell the graph around where the results are, and which memory they look into."""
        liveness, n = self.outer.liveness, self.gate.carries
        carried = liveness.of(self.apply.inputs) | body.liveness.of(self.new) | self.own
        for block in body.liveness.of(self.ys) - carried:
            self.planner.memory.give(block)
        for v, array in zip(self.apply.outputs[:n], self.loop.carries, strict=True):
            self.outer.arrays[v] = array
            liveness.made(v, carried)
        for y, v in zip(self.ys, self.apply.outputs[n:], strict=True):
            whole = self.stacked[y]
            self.outer.arrays[v] = whole
            liveness.made(v, whole.blocks, placed=True)
