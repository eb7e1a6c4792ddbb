"""A scan written as a Python loop in which nothing is allocated.

    h = h0                                          a carry is a name that each step binds anew
    for t, x, row in zip(range(5), xs, rows):       rows and places are views made beforehand
        np.matmul(h, W, out=b)
        np.add(b, x, out=b)
        np.tanh(b, out=row)                         a y is computed in its row of the result
        h = row

- A carry that is put out as it enters a step (which the way back needs) and as it leaves it are
  rows t and t + 1 of one array.
- Another carry is written alternately into two places, since a step may still read the old value.
- A transposed weight is copied once before the loop: products with it are quicker then.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..gates import PermuteDims
from ..graph import Apply
from ..loops import Scan
from ..types import Type
from ..variables import Variable
from .memory import Place

if TYPE_CHECKING:
    from .writer import Block, Writer

__all__ = ["LoopWriter"]


class LoopWriter:
    """Writes one application of a scan, bound to numbers, into the lines of `writer`."""

    def __init__(self, writer: "Writer", block: "Block", apply: Apply, gate: Scan) -> None:
        self.writer, self.outer, self.apply, self.gate = writer, block, apply, gate
        self.length = int(gate.length)  # type: ignore[arg-type]
        self.carries, self.xs, _ = gate.parts(gate.body.inputs)
        self.new = gate.body.outputs[: gate.carries]
        self.ys = gate.body.outputs[gate.carries :]
        self.t = writer.name("t")
        self.put_out, self.old = set(self.ys), set(self.carries)
        self.zipped: dict[str, str] = {}  # loop variable: what it runs over
        self.targets: dict[Variable, Place] = {}  # where the body writes a variable
        self.copies: list[tuple[str, Variable]] = []  # places to which a step copies a variable
        self.stacked: dict[Variable, Place] = {}  # the array of each y
        self.own: set[str] = set()  # blocks that carries may look into
        self.swaps: list[str] = []
        self.next: dict[int, str] = {}  # the name of a carry's new value, where it was copied
        self.direct = {
            v
            for made in gate.body.applies()
            if made.single and made.outputs[0].ndim and not isinstance(made.gate, Scan)
            for v in made.outputs
        }

    def write(self) -> None:
        w, gate = self.writer, self.gate
        inputs = [w.value(v, self.outer.names) for v in self.apply.inputs]
        init, sequences, fixed = gate.parts(inputs)
        state = [w.name(v.name) for v in self.carries]
        if not w.steps:
            w.local.update(state)
        for name, start in zip(state, init, strict=True):
            self.line(f"{name} = {start}")
        self.histories(init)
        self.results()
        self.alternate()
        fixed, borrowed = self.contiguous(fixed)
        rows = [w.name(v.name) for v in self.xs]
        backwards = "[::-1]" if gate.reverse else ""
        self.zipped |= {
            row: f"{name}{backwards}" for row, name in zip(rows, sequences, strict=True)
        }
        self.head()
        w.steps.append(self.t)
        found, body = w.block(gate.body, [*state, *rows, *fixed], self.targets)
        self.tail(state, dict(zip(gate.body.outputs, found, strict=True)), found)
        w.steps.pop()
        self.hand_over(state, body)
        for memory in borrowed - self.own:
            w.memory.give(memory)

    def line(self, text: str) -> None:
        self.writer.line(text, self.apply)

    # ------------------------------------------------------------ places

    def histories(self, init: Sequence[str]) -> None:
        """Carries that are put out as they enter a step: row t enters, row t + 1 leaves."""
        seen: set[Variable] = set()
        for c, new, start in zip(self.carries, self.new, init, strict=True):
            if c not in self.put_out or c in seen:
                continue
            seen.add(c)
            step = self.writer.type(c)
            whole = self.writer.memory.take(Type((self.length + 1, *step.shape), step.dtype))
            first, rest = ("1:", ":-1") if self.gate.reverse else (":-1", "1:")
            self.stacked[c] = self.writer.memory.part(whole, first)
            leaving = self.writer.memory.part(whole, rest)
            self.own.add(whole.block)
            self.line(f"{whole.name}[{self.length if self.gate.reverse else 0}] = {start}")
            self.into_rows(new, leaving)
            if new in self.put_out:
                self.stacked.setdefault(new, leaving)

    def results(self) -> None:
        """Arrays for the ys; those that the program returns are new ones."""
        w = self.writer
        for v, outside in zip(self.ys, self.apply.outputs[self.gate.carries :], strict=True):
            if v in self.stacked:
                continue
            type = w.type(outside)
            if outside in self.outer.kept:
                place = Place("", w.name(outside.name))
                self.line(f"{place.name} = np.empty({type.shape}, np.{type.dtype.name})")
                w.local.update([] if w.steps else [place.name])
            else:
                place = w.memory.take(type)
            self.stacked[v] = place
            self.into_rows(v, place)

    def into_rows(self, v: Variable, array: Place) -> None:
        """Let the body write v into the rows of an array, or a step copy it there."""
        if not v.ndim:
            self.copies.append((f"{array.name}[{self.t}]", v))
            return
        row = self.writer.name("row")
        backwards = "[::-1]" if self.gate.reverse else ""
        self.zipped[row] = (
            self.writer.memory.rows(array, self.gate.reverse)
            if array.block
            else f"{array.name}{backwards}"
        )
        if v in self.direct and v not in self.targets:
            self.targets[v] = Place(array.block, row)
            self.own.update([array.block] if array.block else [])
        else:
            self.copies.append((f"{row}[...]", v))

    def alternate(self) -> None:
        """Two places in turn for a carry that is not put out, so that a step can read the old value
        while it writes the new one. What the body cannot write there itself is copied."""
        made = {v for apply in self.gate.body.applies() for v in apply.outputs}
        for j, new in enumerate(self.new):
            handed_on = new in self.old and new is not self.carries[j]  # another carry's old value
            if new in self.targets or not new.ndim or not (new in made or handed_on):
                continue
            type = self.writer.type(new)
            places = [self.writer.memory.take(type) for _ in range(2)]
            now, spare = self.writer.name("now"), self.writer.name("spare")
            self.line(f"{now}, {spare} = {places[0].name}, {places[1].name}")
            self.swaps.append(f"{now}, {spare} = {spare}, {now}")
            self.own.update(place.block for place in places)
            if new in self.direct:
                self.targets[new] = Place(places[0].block, now)
            else:
                self.copies.append((f"{now}[...]", new))
                self.next[j] = now

    def contiguous(self, fixed: Sequence[str]) -> tuple[list[str], set[str]]:
        """Invariants with transposed ones copied, and the blocks that the copies are in."""
        names: list[str] = list(fixed)
        blocks: set[str] = set()
        first = self.gate.carries + self.gate.sequences
        for i, v in enumerate(self.apply.inputs[first:]):
            if v.owner is not None and isinstance(v.owner.gate, PermuteDims) and self.length > 1:
                place = self.writer.memory.take(self.writer.type(v))
                self.line(f"np.copyto({place.name}, {names[i]})")
                names[i] = place.name
                blocks.add(place.block)
                if self.gate.body.inputs[first + i] in set(self.new):
                    self.own.add(place.block)  # it is what a carry is at the end
        return names, blocks

    # ------------------------------------------------------------ the loop itself

    def head(self) -> None:
        last = self.length - 1
        steps = f"range({last}, -1, -1)" if self.gate.reverse else f"range({last + 1})"
        if self.zipped:
            names, arrays = ", ".join(self.zipped), ", ".join(self.zipped.values())
            self.line(f"for {self.t}, {names} in zip({steps}, {arrays}):")
        else:
            self.line(f"for {self.t} in {steps}:")

    def tail(
        self, state: Sequence[str], names: dict[Variable, str], results: Sequence[str]
    ) -> None:
        """What a step does at its end: copies, and the carries for the next one."""
        for place, v in self.copies:
            self.line(f"{place} = {names[v]}")
        if state:
            new = [self.next.get(j, name) for j, name in enumerate(results[: len(state)])]
            self.line(f"{', '.join(state)} = {', '.join(new)}")
        for swap in self.swaps:
            self.line(swap)
        if not (state or self.copies):
            self.line("pass")

    def hand_over(self, state: Sequence[str], body: "Block") -> None:
        """Tell the graph around where the results are, and which memory they look into."""
        liveness, n = self.outer.liveness, len(state)
        inside = body.liveness.of(self.new)
        carried = liveness.of(self.apply.inputs) | inside | self.own
        for memory in body.liveness.of(self.ys) - carried:
            self.writer.memory.give(memory)
        for v, name in zip(self.apply.outputs[:n], state, strict=True):
            self.outer.names[v] = name
            liveness.made(v, carried)
        for y, v in zip(self.ys, self.apply.outputs[n:], strict=True):
            place = self.stacked[y]
            self.outer.names[v] = place.name
            liveness.made(v, frozenset([place.block] if place.block else []), placed=True)
