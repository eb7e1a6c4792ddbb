"""A product with one-hot rows picks rows.

    one_hot(ids) @ W   →   lookup(ids, W)

What it picks from is computed so that it is NaN where the product would be.
"""

from collections.abc import Sequence

from ..dims import product
from ..gates import Lookup, Matmul, OneHot, Reshape
from ..graph import Apply, Graph, instead_of
from ..variables import Variable
from .walk import rewrite_everywhere

__all__ = ["lookup"]


def lookup(graph: Graph) -> Graph:
    """Rewrite such products, inside loops too."""
    return rewrite_everywhere(graph, _rule)


def _rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
    if not isinstance(apply.gate, Matmul):
        return None
    left, table = inputs
    if table.ndim != 2 or left.dtype != table.dtype or table.dtype.kind != "f":
        return None
    with instead_of(apply):
        ids = _places_of_ones(left)
        if ids is None:
            return None
        return [Lookup()(ids, table).named(apply.outputs[0].name)]


def _places_of_ones(v: Variable) -> Variable | None:
    """The ids of which v (…, n) is the one-hot form, reshaped perhaps."""
    if v.owner is None:
        return None
    if isinstance(v.owner.gate, OneHot):
        return v.owner.inputs[0]
    if not isinstance(v.owner.gate, Reshape):
        return None
    (inner,) = v.owner.inputs
    if not inner.ndim or inner.shape[-1:] != v.shape[-1:]:
        return None
    ids = _places_of_ones(inner)
    if ids is None or product(ids.shape) != product(v.shape[:-1]):
        return None
    return ids.reshape(v.shape[:-1])
