"""Scan split: carries that do not wait for each other get loops of their own, one after the other.

    scan((h, k), x → (f(h, x), g(k, f(h, x))))  →  hs = scan(h, x → f(h, x)); scan(k, hs → g(k, ·))

Two layers written in one step become two loops, so that the second one's input product can leave it
too. Carries go together when each needs the other, directly or by way of others: the strongly
connected components of "the new value of this one needs the old value of that one".
"""

from collections.abc import Sequence
from dataclasses import replace

from ..graph import Graph
from ..variables import Variable
from .loop import Loop, rewrite_loops, used_by

__all__ = ["split"]


def split(graph: Graph) -> Graph:
    """Split all loops whose carries fall into groups."""
    return rewrite_loops(graph, _split)


def _split(loop: Loop) -> Sequence[Variable] | None:
    groups = _groups(loop)
    if len(groups) < 2:
        return None
    carries, ys = dict(loop.carries), list(loop.ys)
    last: dict[Variable, Variable] = {}
    stacked: dict[Variable, Variable] = {}
    for group in groups[:-1]:
        first, rest = _parted(loop, group)
        results = first.close()
        last.update(zip(first.carries, results, strict=False))
        rows = dict(zip(first.ys, results[len(first.carries) :], strict=True))
        stacked |= rows
        rest.rows |= rows
        loop = rest
    results = loop.close()
    last.update(zip(loop.carries, results, strict=False))
    stacked.update(zip(loop.ys, results[len(loop.carries) :], strict=True))
    return [*(last[v] for v in carries), *(stacked[y] for y in ys)]


def _groups(loop: Loop) -> list[list[Variable]]:
    """The carries in groups, each after those it needs."""
    carries = list(loop.carries)
    reach = {
        v: {c for c in carries if c in used_by([loop.carries[v][1]], loop.known)} for v in carries
    }
    for middle in carries:  # Warshall: what one reaches by way of `middle`
        for v in carries:
            if middle in reach[v]:
                reach[v] |= reach[middle]
    groups: list[list[Variable]] = []
    placed: set[Variable] = set()
    for v in sorted(carries, key=lambda c: len(reach[c] | {c})):  # fewer needs come first
        if v not in placed:
            group = [c for c in carries if c is v or (c in reach[v] and v in reach[c])]
            groups.append(group)
            placed.update(group)
    return groups


def _parted(loop: Loop, group: Sequence[Variable]) -> tuple[Loop, Loop]:
    """A loop of these carries, which need no others, and the loop of the rest.

    The first puts out whatever the rest reads that depends on its carries alone.
    """
    own = set(group)
    waits: dict[Variable, bool] = {v: v not in own for v in loop.carries}  # for another carry
    early = set(group)
    edge: dict[Variable, None] = {}
    for apply in loop.applies():
        late = any(waits.get(v, False) for v in apply.inputs)
        mine = not late and any(v in early for v in apply.inputs)
        for v in apply.outputs:
            waits[v] = late
        if mine:
            early.update(apply.outputs)
        if late:
            edge |= dict.fromkeys(v for v in apply.inputs if v in early)
    rest_new = [loop.carries[v][1] for v in loop.carries if v not in own]
    edge |= dict.fromkeys(v for v in [*rest_new, *loop.ys] if v in early)
    first = replace(loop, carries={v: loop.carries[v] for v in group}, ys=list(edge))
    rest = replace(
        loop,
        carries={v: c for v, c in loop.carries.items() if v not in own},
        rows=dict(loop.rows),
        ys=[y for y in loop.ys if y not in edge],
    )
    return first, rest
