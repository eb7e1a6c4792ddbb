"""Hoisting: what does not vary over time moves out of the loop.

    scan(h, x → h @ Wᵀ …)   →   V = Wᵀ;  scan(h, x → h @ V …)

A step function's own invariants are never in the loop; those that a gradient or another pass brings
in are found here.
"""

from collections.abc import Sequence

from ..graph import Graph
from ..variables import Variable
from .loop import Loop, rewrite_loops

__all__ = ["hoist"]


def hoist(graph: Graph) -> Graph:
    """Move invariant gates out of all loops, from the inside outwards."""
    return rewrite_loops(graph, _hoisted)


def _hoisted(loop: Loop) -> Sequence[Variable] | None:
    before = len(loop.fixed)
    for apply in loop.applies():
        inputs = [loop.outer(v) for v in apply.inputs]
        if all(v is not None for v in inputs):
            outside = apply.on([v for v in inputs if v is not None])
            loop.fixed.update(zip(apply.outputs, outside, strict=True))
    return loop.close() if len(loop.fixed) > before else None
