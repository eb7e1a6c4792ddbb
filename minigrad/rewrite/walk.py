"""The walk that every rewrite shares."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..graph import Apply, Graph, Variable

__all__ = ["Rule", "rewrite"]

# What an application becomes on rewritten inputs; None keeps it as it is.
Rule = Callable[[Apply, Sequence[Variable]], Sequence[Variable] | None]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """`graph` with every application replaced by what `rule` makes of it, in order.

    Lines and names are kept. The body of a loop is a graph of its own: a rule that wants to go there
    calls `rewrite` on it.
    """
    new: dict[Variable, Variable] = {}
    for apply in graph.applies():
        inputs = [new.get(v, v) for v in apply.inputs]
        results = rule(apply, inputs)
        if results is None:
            same = all(a is b for a, b in zip(inputs, apply.inputs, strict=True))
            results = apply.outputs if same else apply.on(inputs)
        new.update(
            (old, v) for old, v in zip(apply.outputs, results, strict=True) if old is not v
        )
    return replace(graph, outputs=tuple(new.get(v, v) for v in graph.outputs))
