"""A product with one-hot rows picks rows, and one with their transpose adds rows up.

    one_hot(ids) @ W     →   lookup(ids, W)
    one_hot(ids).T @ d   →   segment_sum(ids, d)

Both are NaN where the product would be.
"""

from collections.abc import Sequence

from ..dims import product
from ..gates import (
    ExpandDims,
    Lookup,
    Matmul,
    OneHot,
    PermuteDims,
    Reshape,
    SegmentSum,
    Squeeze,
)
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
    left, right = inputs
    if right.ndim != 2 or left.dtype != right.dtype or right.dtype.kind != "f":
        return None
    with instead_of(apply):
        if (ids := _places_of_ones(left)) is not None:
            found = Lookup()(ids, right)
        elif (ids := _places_of_ones(_untransposed(left))) is not None:
            found = SegmentSum(left.shape[0])(ids, right)
        else:
            return None
        return [found.named(apply.outputs[0].name)]


def _untransposed(v: Variable) -> Variable | None:
    """The matrix of which v is the transpose."""
    swapped = v.owner is not None and v.owner.gate == PermuteDims((1, 0))
    return v.owner.inputs[0] if swapped and v.owner else None


def _places_of_ones(v: Variable | None) -> Variable | None:
    """The ids of which v (…, n) is the one-hot form, reshaped perhaps."""
    if v is None or v.owner is None:
        return None
    if isinstance(v.owner.gate, OneHot):
        return v.owner.inputs[0]
    if not isinstance(v.owner.gate, ExpandDims | Reshape | Squeeze):
        return None
    (inner,) = v.owner.inputs
    if not inner.ndim or inner.shape[-1:] != v.shape[-1:]:
        return None
    ids = _places_of_ones(inner)
    if ids is None or product(ids.shape) != product(v.shape[:-1]):
        return None
    return ids.reshape(v.shape[:-1])
