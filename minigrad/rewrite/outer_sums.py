"""A sum of matrix products over a leading axis is one product of longer matrices.

    Σ_t h_tᵀ @ d_t   →   [h_1ᵀ … h_Tᵀ] @ [d_1; …; d_T]

This is what the gradient of a weight that is used at every step comes to: one GEMM over time and
batch instead of one for each step and a sum.
"""

from collections.abc import Sequence

from ..dims import product
from ..gates import Matmul, Sum
from ..graph import Apply, Graph, instead_of
from ..variables import Variable
from .walk import rewrite_everywhere

__all__ = ["outer_sums"]


def outer_sums(graph: Graph) -> Graph:
    """Rewrite such sums, inside loops too."""
    return rewrite_everywhere(graph, _rule)


def _rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
    gate = apply.gate
    if not isinstance(gate, Sum) or inputs[0].owner is None:
        return None
    made = inputs[0].owner
    if not isinstance(made.gate, Matmul) or gate.axes != (0,) or gate.keepdims:
        return None
    a, b = made.inputs  # (T, n, k), (T, k, m)
    if a.ndim != 3 or b.ndim != 3 or a.shape[0] != b.shape[0]:
        return None
    if not a.dtype == b.dtype == apply.outputs[0].dtype:  # sums of small integers are wider
        return None
    steps, n, k = a.shape
    rows = product((steps, k))
    with instead_of(apply):
        left = a.mT.reshape((rows, n))
        return [(left.mT @ b.reshape((rows, b.shape[2]))).named(apply.outputs[0].name)]
