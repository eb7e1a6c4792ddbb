"""Terms made simple as they are built: 1 · x is x, e^(log x) is x, and the like.

For reading only: here 0 + x is x, also where x is -0, sums and products may be regrouped, and what
guards a rule against a single point is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ... import gates
from ...gates import Add, Divide, Multiply, Negative, OneHot, Power, Subtract
from ...graph import Apply, Gate, applies
from ...notation import SILENT, Notation, infix
from ...types import Array, Type
from ...variables import Constant, Variable
from .terms import Node, Number, Term

__all__ = ["Indicator", "build", "definition", "is_filled", "stated", "term_of"]


class Indicator(Gate):
    """1 where a condition holds, 0 elsewhere."""

    notation = Notation("[{0}]", r"\left[{0}\right]")


class ScaledRows(Multiply):
    """Each row of y times its number in x, which has one axis less."""

    def formula(self, *types: Type) -> Notation:
        return infix("·", r"\cdot", "product", "product", "derivative")

    def forward(self, xp: Any, x: Any, y: Any, out: Any = None) -> Any:
        return x[..., None] * y


_FLOAT = np.dtype(np.float32)
_INDICATOR, _NOT = Indicator(), gates.LogicalNot()


def term_of(v: Variable, known: Mapping[Variable, Term]) -> Term:
    """The term of a variable, from those of the variables that are `known`."""
    return _leaf(v, known) if v in known or v.owner is None else definition(v, known)


def definition(v: Variable, known: Mapping[Variable, Term]) -> Term:
    """The term of what a gate makes, from those of other variables that are `known`."""
    assert v.owner is not None
    found: dict[Variable, Term] = {}
    for apply in applies(v.owner.inputs, known):
        for output in apply.outputs:
            if output not in known:
                found[output] = _made(apply, output.index, known, found)
    return _made(v.owner, v.index, known, found)


def _made(
    apply: Apply, output: int, known: Mapping[Variable, Term], found: Mapping[Variable, Term]
) -> Term:
    operands = [_leaf(x, known if x in known else found) for x in apply.inputs]
    return build(apply.gate, *operands, types=[x.type for x in apply.inputs], output=output)


def _leaf(v: Variable, known: Mapping[Variable, Term]) -> Term:
    if v not in known and isinstance(v, Constant) and is_filled(v.value):
        return Number(v.value.flat[0].item(), v.shape)
    return known[v]


def is_filled(array: Array) -> bool:
    """Whether it holds one number everywhere."""
    return array.size == 1 or bool(array.size and (array == array.flat[0]).all())


def build(
    gate: Gate, *operands: Term, types: Sequence[Type] | None = None, output: int = 0
) -> Term:
    """A gate on terms, by the rules below; of several outputs the one of this number."""
    types = _types(operands) if types is None else types
    written = _written(gate, operands, types)
    if written == SILENT:
        return operands[0]
    for rule in _RULES.get(type(gate), ()):
        if (simple := rule(gate, types, *operands)) is not None:
            return simple
    return stated(gate, operands, types, output)


def stated(gate: Gate, operands: Sequence[Term], types: Sequence[Type], output: int = 0) -> Node:
    """A gate on terms as it stands, even where it could be simpler."""
    written = _written(gate, operands, types)
    notation = written[output] if isinstance(written, tuple) else written
    if isinstance(gate, gates.Elementwise | Indicator):
        shape = max((o.shape for o in operands), key=len)
    else:
        made = gate.infer(*types)
        if not isinstance(made, Type) and not isinstance(written, tuple):
            place = f"[{output}]"
            notation = replace(notation, text=notation.text + place, latex=notation.latex + place)
        shape = (made if isinstance(made, Type) else made[output]).shape
    return Node(gate, notation, tuple(operands), shape, output)


def _types(operands: Sequence[Term]) -> list[Type]:
    return [Type(o.shape, _FLOAT) for o in operands]


def _written(
    gate: Gate, operands: Sequence[Term], types: Sequence[Type]
) -> Notation | tuple[Notation, ...]:
    return gate.formula(*(_types(operands) if isinstance(gate, Multiply) else types))


# ---------------------------------------------------------------- rules

Types = Sequence[Type]
Found = Term | None


def _made_by(term: Term, kind: type[Gate]) -> tuple[Term, ...] | None:
    return term.operands if isinstance(term, Node) and type(term.gate) is kind else None


def _is(term: Term, number: float) -> bool:
    return isinstance(term, Number) and term.value == number


def _numbers(gate: Gate, types: Types, *operands: Term) -> Found:
    """2 · 3 → 6"""
    values = [o.value for o in operands if isinstance(o, Number)]
    if len(values) < len(operands):
        return None
    with np.errstate(all="ignore"):
        value = gate.forward(np, *map(np.float64, values)).item()
    return Number(value, max((o.shape for o in operands), key=len))


def _add(gate: Gate, types: Types, x: Term, y: Term) -> Found:
    if _is(x, 0) or _is(y, 0):
        return y if _is(x, 0) else x
    if (minus := _made_by(y, Negative)) or (minus := _made_by(x, Negative)):
        return build(Subtract(), x if _made_by(y, Negative) else y, minus[0])
    for kind in (Add, Subtract):  # x + (a - b) → (x + a) - b
        if inner := _made_by(y, kind):
            return build(kind(), build(Add(), x, inner[0]), inner[1])
    return None


def _subtract(gate: Gate, types: Types, x: Term, y: Term) -> Found:
    if _is(y, 0) or _is(x, 0):
        return x if _is(y, 0) else build(Negative(), y)
    if minus := _made_by(y, Negative):
        return build(Add(), x, minus[0])
    for kind in (Multiply, Divide):  # a · c - b · c → (a - b) · c
        a, b = _made_by(x, kind), _made_by(y, kind)
        if a and b and a[1] == b[1] and not isinstance(a[1], Number):
            return build(kind(), build(Subtract(), a[0], b[0]), a[1])
    return None


def _negative(gate: Gate, types: Types, x: Term) -> Found:
    if isinstance(x, Number):
        return Number(-x.value, x.shape)
    if inner := _made_by(x, Negative):
        return inner[0]
    if inner := _made_by(x, Subtract):
        return build(Subtract(), inner[1], inner[0])
    return None


def _multiply(gate: Gate, types: Types, x: Term, y: Term) -> Found:
    if _is(x, 1) or _is(y, 1):
        return y if _is(x, 1) else x
    for a, b in ((x, y), (y, x)):
        if minus := _made_by(a, Negative):
            pair = (minus[0], b) if a is x else (b, minus[0])
            return build(Negative(), build(Multiply(), *pair))
        if isinstance(a, Number) and a.value < 0:
            return build(Negative(), build(Multiply(), Number(-a.value, a.shape), b))
    if isinstance(y, Number):
        return build(Multiply(), y, x)
    for kind in (Multiply, Divide):  # x · (a / b) → (x · a) / b
        if inner := _made_by(y, kind):
            return build(kind(), build(Multiply(), x, inner[0]), inner[1])
    if (inner := _made_by(x, Divide)) and _is(inner[0], 1):
        return build(Divide(), y, inner[1])
    if x == y:
        return build(Power(), x, Number(2))
    if (inner := _made_by(x, Multiply)) and inner[1] == y:
        return build(Multiply(), inner[0], build(Power(), y, Number(2)))
    return None


def _divide(gate: Gate, types: Types, x: Term, y: Term) -> Found:
    if _is(y, 1):
        return x
    if isinstance(x, Number) and x.value < 0:
        return build(Negative(), build(Divide(), Number(-x.value, x.shape), y))
    if minus := _made_by(x, Negative):
        return build(Negative(), build(Divide(), minus[0], y))
    if inner := _made_by(x, Divide):
        return build(Divide(), inner[0], build(Multiply(), inner[1], y))
    return None


def _power(gate: Gate, types: Types, x: Term, y: Term) -> Found:
    if (guarded := _unguarded(y)) is not None:
        return build(Power(), x, guarded)
    return x if _is(y, 1) else None


def _log(gate: Gate, types: Types, x: Term) -> Found:
    guarded = _unguarded(x)
    return None if guarded is None else build(gate, guarded)


def _unguarded(term: Term) -> Found:
    """where(x = 0, …, y) → y: what keeps a power and its rule from 0 · ∞."""
    chosen = _made_by(term, gates.Where)
    condition = _made_by(chosen[0], gates.Equal) if chosen else None
    return chosen[2] if chosen and condition and _is(condition[1], 0) else None


def _exp(gate: Gate, types: Types, x: Term) -> Found:
    if inner := _made_by(x, gates.Log):
        return inner[0]
    if isinstance(x, Node) and isinstance(x.gate, gates.LogSoftmax):
        return build(gates.Softmax(x.gate.axis), *x.operands, types=[Type(x.shape, _FLOAT)])
    return None


def _where(gate: Gate, types: Types, condition: Term, x: Term, y: Term) -> Found:
    """where(c, x, 0) → x · [c]"""
    if _is(y, 0):
        return build(Multiply(), x, build(_INDICATOR, condition))
    if _is(x, 0):
        return build(Multiply(), y, build(_INDICATOR, build(_NOT, condition)))
    return None


def _number_alone(gate: Gate, types: Types, x: Term) -> Found:
    return x if isinstance(x, Number) else None


def _permute(gate: gates.PermuteDims, types: Types, x: Term) -> Found:
    """(xᵀ)ᵀ → x"""
    if not isinstance(x, Node) or not isinstance(x.gate, gates.PermuteDims):
        return None
    twice = tuple(x.gate.axes[a] for a in gate.axes) if len(x.shape) == len(gate.axes) else ()
    return x.operands[0] if twice == tuple(range(len(x.shape))) else None


def _put(gate: gates.ScatterAddAlong, types: Types, x: Term, ids: Term) -> Found:
    """One number for each id, written in its place: x · onehot(ids)."""
    size, axis = types[0].shape[-1], len(types[0].shape) - 1
    if gate.axis != axis or size != 1:
        return None
    one_hot = OneHot(gate.size, _FLOAT)
    row = Node(one_hot, one_hot.notation, (ids,), (*types[0].shape[:-1], gate.size))
    if not x.shape or isinstance(x, Number):
        return build(Multiply(), x, row)
    minus = _made_by(x, Negative)
    scaled = build(ScaledRows(), minus[0] if minus else x, row)
    return build(Negative(), scaled) if minus else scaled


def _sum(gate: gates.Sum, types: Types, x: Term) -> Found:
    """Σ -x → -Σ x, Σ x / n → (Σ x) / n for scalars n; a one-hot row adds up to 1."""
    rank = len(types[0].shape)
    if minus := _made_by(x, Negative):
        return build(Negative(), build(gate, minus[0], types=types))
    for kind in (Multiply, Divide):
        inner = _made_by(x, kind)
        if inner and not inner[1].shape:
            return build(kind(), build(gate, inner[0], types=types), inner[1])
        if inner and kind is Multiply and not inner[0].shape:
            return build(kind(), inner[0], build(gate, inner[1], types=types))
    if gate.axes == (rank - 1,) and _made_by(x, OneHot):
        return Number(1)
    if gate.axes == (rank - 1,) and (scaled := _made_by(x, ScaledRows)):
        return scaled[0]
    return None


_RULES: dict[type[Gate], tuple[Callable[..., Found], ...]] = {
    Add: (_numbers, _add),
    Subtract: (_numbers, _subtract),
    Multiply: (_numbers, _multiply),
    Divide: (_divide,),
    Negative: (_negative,),
    Power: (_power,),
    gates.Exp: (_exp,),
    gates.Log: (_log,),
    gates.Where: (_where,),
    gates.Flip: (_number_alone,),
    gates.Index: (_number_alone,),
    gates.Reshape: (_number_alone,),
    gates.Split: (_number_alone,),
    gates.PermuteDims: (_number_alone, _permute),
    gates.ScatterAddAlong: (_put,),
    gates.Sum: (_sum,),
}
