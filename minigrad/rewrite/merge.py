"""Scan merge: loops over the same data become one loop, and what their steps share is done once.

    ys = scan(h, x → h', y)          (ys, rs) = scan(h, x → h', (y, r))
    rs = scan(h, x → h', r)    →

The gradient of a scan asks for a second run of the loop that emits what the way back needs. The two
have the same variables in their bodies, which is how they are recognised: so this pass runs before
any other has touched a body.
"""

from dataclasses import replace
from itertools import combinations

from ..graph import Apply, Graph, dependents, substitute
from ..loops import Scan
from ..variables import Variable
from .walk import rewrite, with_body

__all__ = ["merge"]


def merge(graph: Graph) -> Graph:
    """Merge scans pair by pair, then those inside their bodies."""
    while (merged := _merge_one(graph)) is not None:
        graph = merged
    return rewrite(graph, lambda apply, inputs: with_body(apply, inputs, merge))


def _merge_one(graph: Graph) -> Graph | None:
    scans = [apply for apply in graph.applies() if isinstance(apply.gate, Scan)]
    for a, b in combinations(scans, 2):
        if _alike(a, b):
            # What lies behind an input that is itself computed is not part of the graph.
            stops = {v: v for v in graph.inputs if v.owner is not None}
            outputs = substitute(graph.outputs, stops | _merged(a, b))
            return replace(graph, outputs=tuple(outputs))
    return None


def _roles(apply: Apply) -> dict[Variable, tuple[object, ...]]:
    """What each input of the body is bound to: kind, outer variable, a carry's next value."""
    gate = apply.gate
    assert isinstance(gate, Scan)
    carries, xs, invariants = gate.parts(gate.body.inputs)
    kinds = ["carry"] * len(carries) + ["row"] * len(xs) + ["invariant"] * len(invariants)
    after = [*gate.body.outputs[: gate.carries], *[None] * (len(kinds) - gate.carries)]
    return {
        v: (kind, outer, new)
        for v, kind, outer, new in zip(gate.body.inputs, kinds, apply.inputs, after, strict=True)
    }


def _alike(a: Apply, b: Apply) -> bool:
    """Whether two scans are one loop: they share a row or a carry, agree on all they share, and
    neither waits for the other."""
    one, other = a.gate, b.gate
    assert isinstance(one, Scan)
    assert isinstance(other, Scan)
    settings = ("length", "reverse", "truncate", "recompute")
    if any(getattr(one, s) != getattr(other, s) for s in settings):
        return False
    roles_a, roles_b = _roles(a), _roles(b)
    common = roles_a.keys() & roles_b.keys()
    if all(roles_a[v][0] == "invariant" for v in common):
        return False
    if any(x is not y for v in common for x, y in zip(roles_a[v], roles_b[v], strict=True)):
        return False
    return not any(v in dependents(b.inputs, a.outputs) for v in b.inputs) and not any(
        v in dependents(a.inputs, b.outputs) for v in a.inputs
    )


def _merged(a: Apply, b: Apply) -> dict[Variable, Variable]:
    """The outputs of two scans as outputs of one."""
    bound = _roles(a) | _roles(b)
    inputs = {
        kind: [v for v, role in bound.items() if role[0] == kind]
        for kind in ("carry", "row", "invariant")
    }
    new = [bound[v][2] for v in inputs["carry"]]
    carried = {v: i for i, v in enumerate(inputs["carry"])}  # list.index would compare with ==
    ys: dict[Variable, int] = {}  # what both put out is put out once
    places: dict[Variable, int] = {}
    for apply in (a, b):
        gate = apply.gate
        assert isinstance(gate, Scan)
        for i, v in enumerate(apply.outputs):
            if i < gate.carries:
                places[v] = carried[gate.body.inputs[i]]
            else:
                places[v] = len(new) + ys.setdefault(gate.body.outputs[i], len(ys))
    order = [*inputs["carry"], *inputs["row"], *inputs["invariant"]]
    body = Graph(tuple(order), (*new, *ys))  # type: ignore[arg-type]
    gate = replace(a.gate, body=body, carries=len(new), sequences=len(inputs["row"]))  # type: ignore[call-arg]
    results = Apply(gate, [bound[v][1] for v in order], a).outputs  # type: ignore[misc]
    for v, i in places.items():
        results[i].name = results[i].name or v.name
    return {v: results[i] for v, i in places.items()}
