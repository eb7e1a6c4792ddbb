"""Reassociation: in sums and products, what changes least often is combined first.

    (x_t @ W + h @ U) + b   →   (b + x_t @ W) + h @ U
    (dc · g) · f'           →   (g · f') · dc

Constants and invariants come first, then what depends on the sequences, and the carry last: so that
all but the last can leave the loop. This changes rounding, nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..gates import Add, Multiply
from ..graph import Apply, Graph, instead_of
from ..loops import Scan
from ..variables import Variable
from .chains import Chains
from .walk import rewrite

__all__ = ["reassociate"]

_INVARIANT, _ROW, _CARRY = range(3)


def reassociate(graph: Graph) -> Graph:
    """Reorder the sums and products inside all loops."""

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        if not isinstance(apply.gate, Scan):
            return None
        body = _reordered(reassociate(apply.gate.body), apply.gate)
        return apply.on(inputs, replace(apply.gate, body=body))

    return rewrite(graph, rule)


def _reordered(body: Graph, gate: Scan) -> Graph:
    carries, rows, _ = gate.parts(body.inputs)
    level = dict.fromkeys(rows, _ROW) | dict.fromkeys(carries, _CARRY)
    for apply in body.applies():
        depth = max((level.get(v, _INVARIANT) for v in apply.inputs), default=_INVARIANT)
        level |= dict.fromkeys(apply.outputs, depth)
    chains = Chains(body)
    new: dict[Variable, Variable] = {}

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        new.update(zip(apply.inputs, inputs, strict=True))
        kind = type(apply.gate)
        if kind not in (Add, Multiply) or not chains.ends(apply.outputs[0], kind):
            return None
        terms = chains.terms(apply.outputs[0], kind)
        levels = [level.get(v, _INVARIANT) for v in terms]
        if len(terms) < 3 or len(set(levels)) < 2:
            return None
        ordered = [v for _, v in sorted(zip(levels, terms, strict=True), key=lambda pair: pair[0])]
        with instead_of(apply):
            total = new[ordered[0]]
            for v in ordered[1:]:
                total = apply.gate(total, new[v])
        if total.type != apply.outputs[0].type:
            return None
        total.name = apply.outputs[0].name
        return [total]

    return rewrite(body, rule)
