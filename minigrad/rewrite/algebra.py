"""Algebra: gates that change nothing, or undo each other, go away.

    1 · x → x     x + 0 → x     x² → x · x     (xᵀ)ᵀ → x     Σ_0 Σ_1 x → Σ_01 x     …

Only what holds for every value, but for the sign of a zero: 0 · x stays, since it is NaN for x = ∞.
No rule changes a type.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from .. import gates
from ..dims import product
from ..graph import Apply, Gate, Graph
from ..variables import Constant, Variable
from .pieces import cut, piece_of
from .walk import first_that_fits, rewrite_everywhere

__all__ = ["algebra", "filled_with", "made_by"]


def algebra(graph: Graph) -> Graph:
    """Apply the rules below everywhere, inside loops too."""
    return rewrite_everywhere(graph, _rule)


def _rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
    rules = _RULES.get(type(apply.gate), ())
    return first_that_fits(apply, inputs, (simpler(apply.gate, *inputs) for simpler in rules))


def filled_with(v: Variable, number: float) -> bool:
    """Whether every element of v is this number, for all that can be seen."""
    while v.owner is not None and isinstance(v.owner.gate, gates.BroadcastTo):
        (v,) = v.owner.inputs
    return isinstance(v, Constant) and bool((v.value == number).all())


def made_by(v: Variable, kind: type[Gate]) -> Apply | None:
    return v.owner if v.owner is not None and isinstance(v.owner.gate, kind) else None


def _times_one(gate: Gate, x: Variable, y: Variable) -> Variable | None:
    return y if filled_with(x, 1) else x if filled_with(y, 1) else None


def _plus_zero(gate: Gate, x: Variable, y: Variable) -> Variable | None:
    return y if filled_with(x, 0) else x if filled_with(y, 0) else None


def _minus_zero(gate: Gate, x: Variable, y: Variable) -> Variable | None:
    return x if filled_with(y, 0) else None


def _over_one(gate: Gate, x: Variable, y: Variable) -> Variable | None:
    return x if filled_with(y, 1) else None


def _small_power(gate: Gate, x: Variable, y: Variable) -> Variable | None:
    return x * x if filled_with(y, 2) else x if filled_with(y, 1) else None


def _twice_negative(gate: Gate, x: Variable) -> Variable | None:
    inner = made_by(x, gates.Negative)
    return inner.inputs[0] if inner else None


def _no_broadcast(gate: Gate, *inputs: Variable) -> Variable | None:
    """An operand need not be broadcast when the gate does that by itself."""
    plain = [a.inputs[0] if (a := made_by(v, gates.BroadcastTo)) else v for v in inputs]
    if all(a is b for a, b in zip(plain, inputs, strict=True)):
        return None
    return gate(*plain)


def _permuted_twice(gate: Gate, x: Variable) -> Variable | None:
    assert isinstance(gate, gates.PermuteDims)
    if (inner := made_by(x, gates.PermuteDims)) is None:
        return None
    assert isinstance(inner.gate, gates.PermuteDims)
    return inner.inputs[0].permute_dims(tuple(inner.gate.axes[a] for a in gate.axes))


def _reshaped_twice(gate: Gate, x: Variable) -> Variable | None:
    assert isinstance(gate, gates.Reshape)
    inner = made_by(x, gates.Reshape)
    return inner.inputs[0].reshape(gate.shape) if inner else None


def _summed_twice(gate: Gate, x: Variable) -> Variable | None:
    assert isinstance(gate, gates.Sum)
    inner = made_by(x, gates.Sum)
    if not gate.axes:
        return x
    if inner is None or gate.keepdims:
        return None
    assert isinstance(inner.gate, gates.Sum)
    if inner.gate.keepdims:
        return None
    (original,) = inner.inputs
    left = [a for a in range(original.ndim) if a not in inner.gate.axes]
    return original.sum(axis=(*inner.gate.axes, *(left[a] for a in gate.axes)))


def _squeezed_expansion(gate: Gate, x: Variable) -> Variable | None:
    inner = made_by(x, gates.ExpandDims)
    return inner.inputs[0] if inner and inner.gate.axes == gate.axes else None  # type: ignore[attr-defined]


def _pieces_again(gate: Gate, *xs: Variable) -> Variable | None:
    """All neighbouring pieces of an array, end to end, are the array, or a longer piece of it."""
    assert isinstance(gate, gates.Concat)
    pieces = [piece_of(x) for x in xs]
    first, last = pieces[0], pieces[-1]
    if first is None or last is None or first.axis != gate.axis:
        return None
    for p, q in pairwise(pieces):
        if p is None or q is None or p.whole is not q.whole:
            return None
        if (p.axis, p.stop) != (q.axis, q.start):
            return None
    return cut(first.whole, gate.axis, first.start, last.stop)


def _reshaped_piece(gate: Gate, x: Variable) -> Variable | None:
    """Columns of an array whose other axes are reshaped are columns of the reshaped array."""
    assert isinstance(gate, gates.Reshape)
    piece = piece_of(x)
    if piece is None or piece.axis != x.ndim - 1 or gate.shape[-1:] != x.shape[-1:]:
        return None
    if product(gate.shape[:-1]) != product(x.shape[:-1]):  # of nothing there may be many
        return None
    whole = piece.whole.reshape((*gate.shape[:-1], piece.whole.shape[-1]))
    return cut(whole, whole.ndim - 1, piece.start, piece.stop)


def _one_product(gate: Gate, a: Variable, b: Variable) -> Variable | None:
    """(T, B, k) @ (k, m) is one product of (T·B, k) with (k, m), not T small ones."""
    if a.ndim < 3 or b.ndim != 2:
        return None
    rows = product(a.shape[:-1])
    return (a.reshape((rows, a.shape[-1])) @ b).reshape((*a.shape[:-1], b.shape[1]))


_RULES: dict[type[Gate], tuple[Callable[..., Variable | None], ...]] = {
    gates.Multiply: (_times_one, _no_broadcast),
    gates.Add: (_plus_zero, _no_broadcast),
    gates.Subtract: (_minus_zero, _no_broadcast),
    gates.Divide: (_over_one, _no_broadcast),
    gates.Where: (_no_broadcast,),
    gates.Power: (_small_power,),
    gates.Negative: (_twice_negative,),
    gates.PermuteDims: (_permuted_twice,),
    gates.Reshape: (_reshaped_twice, _reshaped_piece),
    gates.Concat: (_pieces_again,),
    gates.Sum: (_summed_twice,),
    gates.Squeeze: (_squeezed_expansion,),
    gates.Matmul: (_one_product,),
}
