"""Equal work on neighbouring pieces of an array is done on the array.

    a, b = split(z);  σ(a), σ(b)              →   split(σ(z))
    a, b = split(z);  a + u, b + v            →   split(z + [u v])        for small u and v
    a, b = split(z);  x @ a, x @ b            →   split(x @ z)

Loops take whole rows and put out whole results, so that this can go on inside and behind them:

    scan(a_t, b_t → …)                        →   scan(z_t → a_t, b_t = split(z_t) …)
    scan(… → concat([a, b]), a, b)            →   scan(… → z = concat([a, b]), z), outside split(z)
"""

import builtins
from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field

from ..dims import Size
from ..functions.shape import concat
from ..gates import Concat, Elementwise, Matmul, Split, Sum
from ..graph import Apply, Gate, Graph, instead_of, substitute
from ..types import Type
from ..variables import Input, Variable
from .loop import Loop, rewrite_loops
from .pieces import Piece, cut, is_view_of_leaf, piece_of
from .share import operation
from .walk import rewrite

__all__ = ["neighbours"]


def neighbours(graph: Graph) -> Graph:
    """Join such work everywhere, inner loops first."""
    return _joined(rewrite_loops(graph, _in_loop))


@dataclass
class _Member:
    """An application that may be joined with its neighbours.

    Its pieces are places `start` to `stop` of an axis that is the last but `back` - 1 of theirs,
    and the last but `behind` - 1 of the output; `pieces` and `small`: the numbers of the operands
    that are such pieces, and those that each member has its own of.
    """

    apply: Apply
    start: Size
    stop: Size
    back: int
    behind: int
    pieces: set[int] = field(default_factory=set)
    small: set[int] = field(default_factory=set)


def _joined(graph: Graph) -> Graph:
    """Join until nothing is left to join: what was joined makes pieces again."""
    while runs := _runs(graph):
        graph = rewrite(graph, _Joining(runs))
    return graph


def _runs(graph: Graph) -> list[list[_Member]]:
    """Applications that do equal work on pieces, each of which begins where the last one ends."""
    known = set(graph.inputs)
    groups: dict[Hashable, dict[Size, _Member]] = defaultdict(dict)
    for apply in graph.applies():
        key, member = _member(apply, known)
        if member is not None and member.start != member.stop:
            groups[key].setdefault(member.start, member)
    runs = []
    for group in groups.values():
        follows = {member.stop for member in group.values()}
        for start in group.keys() - follows:
            run = [group[start]]
            while run[-1].stop in group:
                run.append(group[run[-1].stop])
            if len(run) > 1:
                runs.append(run)
    return runs


def _member(apply: Apply, known: Collection[Variable]) -> tuple[Hashable, _Member | None]:
    """What an application has in common with those that it may be joined with, if any."""
    gate, output = apply.gate, apply.outputs[0]
    small = [isinstance(gate, Elementwise) and _is_small(v, output, known) for v in apply.inputs]
    pieces = [
        None if is_small else piece_of(v, known)
        for v, is_small in zip(apply.inputs, small, strict=True)
    ]
    first = next((p for p in pieces if p is not None), None)
    if first is None or (behind := _axis_of_output(gate, pieces)) is None:
        return None, None
    member = _Member(apply, first.start, first.stop, first.whole.ndim - first.axis, behind)
    common: list[Hashable] = [operation(gate), output.dtype, member.back]
    for i, (v, piece) in enumerate(zip(apply.inputs, pieces, strict=True)):
        if piece is not None and _are_alike(piece, first):
            common.append((piece.whole, piece.start - first.start))
            member.pieces.add(i)
        elif isinstance(gate, Matmul) or v.ndim < member.back or v.shape[-member.back] == 1:
            common.append(v)
        elif small[i]:
            axis = v.ndim - member.back
            if v.shape[axis] != first.stop - first.start:
                return None, None  # it repeats the piece
            common.append((v.shape[:axis], v.shape[axis + 1 :], v.dtype))
            member.small.add(i)
        else:
            return None, None
    return tuple(common), member


def _axis_of_output(gate: Gate, pieces: Sequence[Piece | None]) -> int | None:
    """Which axis of the output, from its end, is that of the pieces that go in; None if none is."""
    piece = next(p for p in pieces if p is not None)
    back = piece.whole.ndim - piece.axis
    match gate:
        case Elementwise():
            return back
        case Matmul():  # columns of the right operand are columns of the product
            return 1 if pieces[0] is None and piece.whole.ndim > 1 and back == 1 else None
        case Sum(axes, keepdims) if piece.axis not in axes:
            return back if keepdims else back - builtins.sum(a > piece.axis for a in axes)
    return None


def _are_alike(piece: Piece, first: Piece) -> bool:
    """Whether two pieces are as long, along an axis that falls together."""
    same_axis = piece.whole.ndim - piece.axis == first.whole.ndim - first.axis
    return same_axis and piece.stop - piece.start == first.stop - first.start


def _is_small(v: Variable, output: Variable, known: Collection[Variable]) -> bool:
    """Whether v is laid over the output several times, and is there from the beginning."""
    return v.ndim < output.ndim and v.dtype == output.dtype and is_view_of_leaf(v, known)


class _Joining:
    """The rule that replaces each member of a run by a piece of the work on the whole."""

    def __init__(self, runs: Sequence[Sequence[_Member]]) -> None:
        self.runs = {member.apply: run for run in runs for member in run}
        self.made: dict[Apply, Variable] = {}

    def __call__(self, apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        if apply not in self.runs:
            return None
        if apply not in self.made:
            self.join(self.runs[apply], apply, inputs)
        return [self.made[apply].named(apply.outputs[0].name)]

    def join(self, run: Sequence[_Member], apply: Apply, inputs: Sequence[Variable]) -> None:
        """Work on the whole; `inputs` are the operands that one of the run has now."""
        me = next(member for member in run if member.apply is apply)
        before, after = me.start - run[0].start, run[-1].stop - me.stop
        operands = []
        with instead_of(apply):
            for i, v in enumerate(inputs):
                if i in me.small:
                    v = concat([member.apply.inputs[i] for member in run], v.ndim - me.back)
                elif i in me.pieces:
                    piece = piece_of(v)
                    assert piece is not None
                    v = cut(piece.whole, piece.axis, piece.start - before, piece.stop + after)
                operands.append(v)
            whole = apply.gate(*operands)
            sizes = tuple(member.stop - member.start for member in run)
            parts = Split(sizes, whole.ndim - me.behind)(whole)
        self.made |= {member.apply: part for member, part in zip(run, parts, strict=True)}


# ---------------------------------------------------------------- loops


def _in_loop(loop: Loop) -> Sequence[Variable] | None:
    changed = _take_whole_rows(loop)
    body = loop.body
    joined = _joined(body)
    loop.rebind(joined.outputs)
    pieces = _whole_results(loop)
    if not (changed or pieces or joined is not body):
        return None
    ys = loop.ys
    loop.ys = list(dict.fromkeys(pieces[y].whole if y in pieces else y for y in ys))
    results = loop.close()
    n = len(loop.carries)
    stacked = dict(zip(loop.ys, results[n:], strict=True))
    with instead_of(loop.apply):
        for y, p in pieces.items():
            stacked[y] = cut(stacked[p.whole], p.axis + 1, p.start, p.stop)
    return [*results[:n], *(stacked[y] for y in ys)]


def _take_whole_rows(loop: Loop) -> bool:
    """Rows that are pieces of one array become pieces of its rows. Whether there were some."""
    wholes: dict[Variable, list[tuple[Variable, Piece]]] = defaultdict(list)
    for v, rows in loop.rows.items():
        piece = piece_of(rows)
        if piece is not None and piece.axis > 0:
            wholes[piece.whole].append((v, piece))
    new: dict[Variable, Variable] = {}
    for whole, found in wholes.items():
        if len(found) > 1:
            row = Input(Type(whole.shape[1:], whole.dtype))
            loop.rows[row] = whole
            new |= {v: cut(row, p.axis - 1, p.start, p.stop) for v, p in found}
    if new:
        loop.rebind(substitute(loop.outputs, {v: v for v in loop.known} | new))
    return bool(new)


def _whole_results(loop: Loop) -> dict[Variable, Piece]:
    """The ys that are pieces of one variable, all of which is put out in them."""
    known, ys = loop.known, set(loop.ys)
    pieces = {y: p for y in loop.ys if (p := piece_of(y, known)) and p.whole not in known}
    for apply in loop.applies():
        if isinstance(apply.gate, Concat) and ys.issuperset(apply.inputs):
            whole, axis = apply.outputs[0], apply.gate.axis
            start: Size = 0
            for v in apply.inputs:
                end = start + v.shape[axis]
                if v.dtype == whole.dtype:
                    pieces.setdefault(v, Piece(whole, axis, start, end))
                start = end
    sizes: dict[tuple[Variable, int], Size] = defaultdict(int)
    for p in set(pieces.values()):
        sizes[p.whole, p.axis] += p.stop - p.start
    return {
        y: p
        for y, p in pieces.items()
        if p.whole in ys or sizes[p.whole, p.axis] == p.whole.shape[p.axis]
    }
