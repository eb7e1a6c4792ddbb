"""Dead code: what nobody reads is not computed.

Applications that no output needs are not even walked. What is left is inside loops: results of a
scan that are not used, and carries that only carry themselves on.

    last, ys = scan(…)  with only `last` used  →  a scan without ys
"""

from collections.abc import Sequence
from dataclasses import replace

from ..graph import Apply, Graph
from ..loops import Scan
from ..variables import Variable
from .walk import rewrite

__all__ = ["trim"]


def trim(graph: Graph) -> Graph:
    """Drop unused outputs, carries and inputs of scans, from the end of the graph to its start."""
    used = set(graph.outputs)
    narrow: dict[Apply, tuple[Scan, list[int], list[int]]] = {}
    for apply in reversed(graph.applies()):
        kept = [i for i, v in enumerate(apply.outputs) if v in used]
        if not kept:
            continue
        picks: Sequence[int] = range(len(apply.inputs))
        if isinstance(apply.gate, Scan):
            narrow[apply] = _narrowed(apply.gate, kept)
            picks = narrow[apply][1]
        used.update(apply.inputs[i] for i in picks)

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        if apply not in narrow:
            return None
        gate, picks, places = narrow[apply]
        results = Apply(gate, [inputs[i] for i in picks], apply).outputs
        found = dict(zip(places, results, strict=True))
        for i, v in found.items():
            v.name = apply.outputs[i].name
        return [found.get(i, v) for i, v in enumerate(apply.outputs)]

    return rewrite(graph, rule)


def _narrowed(gate: Scan, kept: Sequence[int]) -> tuple[Scan, list[int], list[int]]:
    """The scan for these outputs with its body trimmed, the inputs it takes and outputs it has."""
    narrow, picks, places = gate.narrowed(kept)
    narrow = replace(narrow, body=trim(narrow.body))
    narrow, fewer, _ = narrow.narrowed(range(len(places)))
    return narrow, [picks[i] for i in fewer], places
