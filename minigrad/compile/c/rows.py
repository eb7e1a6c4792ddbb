"""Elementwise gates, and reductions of rows, that share their rows: one nest of loops.

    z = x + y                 for each row:
    i = σ(z[:, :n])               z[j] = x[j] + y[j]        for each j
    g = tanh(z[:, n:])    →       i[j] = σ(z[j])            for each j
    s = Σ i * g                   g[j] = tanh(z[n + j]), p[j] = i[j] * g[j]
                                  s += p[j]

What one row needs stays in cache, and what one inner loop alone needs in registers. A gate joins
where no row of it meets another row of what the others read or write.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...gates import Mean
from .accumulator import Accumulator
from .grouping import Grouping, Work, fold_of, merged
from .layout import Layout
from .sharing import Touch
from .text import C_TYPES

__all__ = ["Rows"]


@dataclass
class Rows(Grouping):
    """A group as a nest of loops."""

    def write_nest(self) -> None:
        works = self.flattened()
        outside = works[0].shape[:-1]
        touches = [Touch(x, written) for work in works for x, written in work.touched]
        with self.lines.sharing.instruction(touches, self.shared_rows(works)) as shared:
            outer = self.lines.nest(outside, shared=shared)
            for together in self.together(works):
                self.inner(together, outer, shared and not outer)
            self.lines.close(len(outer))

    def shared_rows(self, works: Sequence[Work]) -> int:
        """How many places of the first axis are done each by itself: rows, or the elements of the
        only row if all is one inner loop, and no sum. 0 where none."""
        shape = works[0].shape
        if len(shape) == 1 and (
            any(work.is_reduction for work in works) or len(list(self.together(works))) > 1
        ):
            return 0
        return shape[0] if shape else 0

    def inner(self, together: Sequence[Work], outer: Sequence[str], shared: bool) -> None:
        lines, shape = self.lines, together[0].shape
        totals = {id(w): self.accumulator(w, outer) for w in together if w.is_reduction}
        held = self.of_rows(together, outer)
        clauses = "".join([total.clause() for total in totals.values()])
        counters = [*outer, *(lines.nest_of_row(n, clauses, shared) for n in shape[-1:])]
        self.elements(together, held, counters, {i: s.name for i, s in totals.items()})
        lines.close(len(shape[-1:]))
        for work in together:
            if work.is_reduction:
                self.end(work, totals[id(work)], outer)

    def of_rows(self, together: Sequence[Work], outer: Sequence[str]) -> dict[Layout, str]:
        """Variables for what is the same in all of a row. (In the loop, a compiler would have to
        read it again after each store.)"""
        held: dict[Layout, str] = {}
        for x in (x for work in together for x in work.reads):
            if x and x.shape and x.shape[-1] != 1 and not x.strides[-1]:
                self.read(x, held, [*outer, "0"])
        return held

    def flattened(self) -> list[Work]:
        """With as few axes as can be: one, where all is one inner loop. In the steps of a loop that
        is shared the first axis stays, so that a member has the same of it in all instructions."""
        works, rank = self.works, len(self.works[0].shape)
        if self.lines.is_shared and self.lines.times:
            return works
        elementwise = not any(work.is_reduction for work in works)
        if rank > 1 and elementwise and len(list(self.together(works))) == 1:
            works = merged(works, rank) or works
        if len(works[0].shape) > 2:
            found = [work.seen(Layout.rows_merged) for work in works]
            works = [work for work in found if work] if all(found) else works
        return works

    # ------------------------------------------------------------ one number of each row

    def accumulator(self, work: Work, outer: Sequence[str]) -> Accumulator:
        (x,), (start, step) = work.reads, fold_of(work)
        assert x
        first = self.lines.at(x, [*outer, "0"]) if start == "first" else start
        return Accumulator(self.lines, work.out.type.dtype, (first, step), work.call.apply)

    def end(self, work: Work, total: Accumulator, outer: Sequence[str]) -> None:
        dtype = C_TYPES[work.out.type.dtype.name]
        scale = f" / {work.shape[-1]}" if isinstance(work.call.gate, Mean) else ""
        self.lines.line(f"{self.lines.at(work.out, [*outer, '0'])} = ({dtype}){total.name}{scale};")
