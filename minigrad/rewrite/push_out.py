"""Pushing out: work that need not be done step by step is done for all steps at once.

    before the loop, what depends on the sequences only:
        scan(h, x → tanh(x @ W + h @ U))       →  X = xs @ W;  scan(h, x → tanh(x + h @ U))

    after the loop, what no carry waits for:
        hs, zs = scan(h, x → h', (h', h' @ V))  →  hs = scan(h, x → h', h');  zs = hs @ V

A gate's `lift` is its form for all steps. One that has none stays where it is.
"""

from collections.abc import Mapping, Sequence

from ..gates import Matmul
from ..graph import Apply, Graph, applies, instead_of, substitute
from ..loops import Scan
from ..variables import Input, Variable
from .loop import Loop, rewrite_loops, used_by

__all__ = ["push_after", "push_before"]


def push_before(graph: Graph) -> Graph:
    """Move what depends on rows and invariants only in front of all loops."""
    return rewrite_loops(graph, _pushed_before)


def _is_checkpointed(loop: Loop) -> bool:
    """Whether its steps are loops that run again on the way back, to save memory: storing work
    for all of its steps at once would undo that."""
    return any(isinstance(a.gate, Scan) and a.gate.recompute for a in loop.applies())


def _pushed_before(loop: Loop) -> Sequence[Variable] | None:
    if _is_checkpointed(loop):
        return None
    before = len(loop.rows)
    for apply in loop.applies():
        outer = {v: loop.rows[v] if v in loop.rows else loop.outer(v) for v in apply.inputs}
        if any(v is None for v in outer.values()) or not any(v in loop.rows for v in outer):
            continue
        lifted = _lifted(apply, [v in loop.rows for v in apply.inputs], outer)
        if lifted is not None:
            loop.rows.update(zip(apply.outputs, lifted, strict=True))
    return loop.close() if len(loop.rows) > before else None


def _lifted(
    apply: Apply, mask: Sequence[bool], outer: Mapping[Variable, Variable | None]
) -> tuple[Variable, ...] | None:
    """An application for all steps, on what its inputs are outside."""
    with instead_of(apply):
        results = apply.gate.lift(mask, *(outer[v] for v in apply.inputs))
    if results is None:
        return None
    found: tuple[Variable, ...] = (results,) if isinstance(results, Variable) else tuple(results)
    for new, old in zip(found, apply.outputs, strict=True):
        if not any(new is v for v in outer.values()):
            new.name = new.name or old.name
    return found


def push_after(graph: Graph) -> Graph:
    """Move what no carry waits for behind all loops."""
    return rewrite_loops(graph, _pushed_after)


def _pushed_after(loop: Loop) -> Sequence[Variable] | None:
    """Each y becomes a graph outside, made of stand-ins for what the loop must put out instead."""
    if _is_checkpointed(loop):
        return None
    inside = used_by((new for _, new in loop.carries.values()), loop.known)
    cones = {y: _Cone(loop, y, inside | loop.known.keys()) for y in loop.ys}
    put_out = {y for y in loop.ys if y in inside and y not in loop.rows}
    put_out.update(v for cone in cones.values() if cone.pays for v in cone.stand_ins)
    moved = {y: c for y, c in cones.items() if c.stand_ins.keys() <= put_out and c.is_new}
    if not moved:
        return None
    ys = loop.ys
    wanted = [v for y in ys for v in (moved[y].stand_ins if y in moved else (y,))]
    loop.ys = list(dict.fromkeys(wanted))
    results = loop.close()
    n = len(loop.carries)
    stacked = dict(zip(loop.ys, results[n:], strict=True))
    real = {s: stacked[v] for cone in moved.values() for v, s in cone.stand_ins.items()}
    stacked.update(zip(moved, substitute([c.result for c in moved.values()], real), strict=True))
    return [*results[:n], *(stacked[y] for y in ys)]


class _Cone:
    """What one y is made of outside of what carries need, lifted as far as that goes.

    stand_ins: variables of the body → placeholders for all their steps, of which `result` is made;
    pays: whether it has a matrix product, which is worth storing its operands for.
    """

    def __init__(self, loop: Loop, y: Variable, inside: set[Variable]) -> None:
        self.loop = loop
        self.stand_ins: dict[Variable, Variable] = {}
        self.pays = False
        outer: dict[Variable, Variable] = {}
        for apply in applies([y], inside):
            mask = [self.loop.outer(v) is None for v in apply.inputs]
            arguments = {v: self._outside(v, outer) for v in apply.inputs}
            lifted = _lifted(apply, mask, arguments) if any(mask) else None
            if lifted is not None:
                self.pays = self.pays or isinstance(apply.gate, Matmul)
                outer.update(zip(apply.outputs, lifted, strict=True))
        self.result = self._outside(y, outer)
        made_of = used_by([self.result], ())
        self.stand_ins = {v: s for v, s in self.stand_ins.items() if s in made_of}
        self.is_new = y not in self.stand_ins and loop.outer(y) is None

    def _outside(self, v: Variable, outer: dict[Variable, Variable]) -> Variable:
        """All steps of a variable, as it is outside: lifted, a sequence, or a stand-in."""
        for found in (outer.get(v), self.loop.rows.get(v), self.loop.outer(v)):
            if found is not None:
                return found
        if v not in self.stand_ins:
            self.stand_ins[v] = Input(self.loop.gate.stacked(v.type), v.name)
        return self.stand_ins[v]
