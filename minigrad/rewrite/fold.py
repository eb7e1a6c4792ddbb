"""Constant folding: what is made of constants alone is computed once, when the graph is compiled.

    (1 + 1) · x  →  2 · x

Only small results are kept as constants.
"""

from collections.abc import Sequence

import numpy as np

from ..graph import Apply, Binding, Graph, instead_of
from ..interpret import compute
from ..variables import Constant, Variable
from .walk import rewrite_everywhere

__all__ = ["fold"]

_LARGEST = 1024  # elements; a larger result costs more to keep than to make again


def fold(graph: Graph) -> Graph:
    """Replace small results of constants by constants, inside loops too.

    What fails, or makes a NaN or an infinity, is left to do so when it runs, where it is reported.
    """
    return rewrite_everywhere(graph, _rule)


def _rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
    values = [v.value for v in inputs if isinstance(v, Constant)]
    if len(values) < len(inputs) or not all(_is_small(v) for v in apply.outputs):
        return None
    try:
        results = compute(apply, values, Binding({}))
    except Exception:  # sizes that have names still, an index outside, a gate of the user's
        return None
    if not all(np.isfinite(r).all() for r in results):
        return None
    with instead_of(apply):
        return [Constant(r, name=v.name) for r, v in zip(results, apply.outputs, strict=True)]


def _is_small(v: Variable) -> bool:
    count = 1
    for size in v.shape:
        count *= size if isinstance(size, int) else _LARGEST + 1
    return count <= _LARGEST
