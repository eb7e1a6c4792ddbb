"""A product with one-hot rows picks rows.

    one_hot(ids) @ W   →   lookup(ids, W)

What it picks from is computed so that it is NaN where the product would be.
"""

from collections.abc import Sequence

from ..gates import Lookup, Matmul, OneHot, Reshape
from ..graph import Apply, Graph
from ..loops import Scan
from ..variables import Variable
from ..where import located
from .walk import rewrite, with_body

__all__ = ["lookup"]


def lookup(graph: Graph) -> Graph:
    """Rewrite such products, inside loops too."""
    return rewrite(graph, _rule)


def _rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
    if isinstance(apply.gate, Scan):
        return with_body(apply, inputs, lookup)
    if not isinstance(apply.gate, Matmul):
        return None
    left, table = inputs
    ids = _places_of_ones(left)
    if ids is None or table.ndim != 2 or left.dtype != table.dtype or table.dtype.kind != "f":
        return None
    with located(apply.where):
        return [Lookup()(ids, table).named(apply.outputs[0].name)]


def _places_of_ones(v: Variable) -> Variable | None:
    """The ids of which v (…, n) is the one-hot form, reshaped perhaps."""
    if v.owner is None:
        return None
    if isinstance(v.owner.gate, OneHot):
        return v.owner.inputs[0]
    (*_, width), (inner, *_) = v.shape or (0,), v.owner.inputs or (v,)
    if isinstance(v.owner.gate, Reshape) and inner.ndim and inner.shape[-1] == width:
        ids = _places_of_ones(inner)
        return None if ids is None else ids.reshape(v.shape[:-1])
    return None
