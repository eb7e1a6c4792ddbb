"""What overflows or cancels as it is written becomes the gate that does not.

    log(softmax(x))  →  log_softmax(x)         log(1 + eˣ)     →  softplus(x)
    log(σ(x))        →  -softplus(-x)          log(1 + x)      →  log1p(x)
    log(Σ eˣ)        →  logsumexp(x)           eˣ - 1          →  expm1(x)
    eˣ / Σ eˣ        →  softmax(x)             eˣ / eʸ         →  eˣ⁻ʸ

and in their gradients, where s is a softmax, a sigmoid or an exponential, which are zero only when
they have underflowed:

    (a / s) · s        →  a                    s · (a / s - b)  →  a - s · b
    (a / s) · (s · b)  →  a · b

The values are those of the formula where that is accurate, and right where it overflows or
cancels. NaN stays NaN.
"""

from collections.abc import Callable, Iterator, Sequence

from .. import gates
from ..functions import isnan, where
from ..graph import Apply, Gate, Graph
from ..variables import Variable
from .algebra import filled_with, made_by
from .walk import first_that_fits, rewrite_everywhere

__all__ = ["stability"]


def stability(graph: Graph) -> Graph:
    """Apply the rules everywhere, inside loops too."""
    return rewrite_everywhere(graph, _rule)


def _rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
    rules = _RULES.get(type(apply.gate), ())
    return first_that_fits(apply, inputs, (found for better in rules for found in better(*inputs)))


def _of(v: Variable, kind: type[Gate]) -> Iterator[tuple[Variable, ...]]:
    """The operands, of its dtype, that v is made of by a gate of this kind; in both orders if it
    has two that commute."""
    made = made_by(v, kind)
    if made is not None and all(u.dtype == v.dtype for u in made.inputs):
        yield made.inputs
        if made.gate.commutative:
            yield made.inputs[::-1]


def _log_of_composite(x: Variable) -> Iterator[Variable]:
    if softmax := made_by(x, gates.Softmax):
        yield softmax.inputs[0].log_softmax(softmax.gate.axis)  # type: ignore[attr-defined]
    for (inner,) in _of(x, gates.Sigmoid):
        yield -(-inner).softplus()


def _log_of_sum(x: Variable) -> Iterator[Variable]:
    if total := made_by(x, gates.Sum):
        assert isinstance(total.gate, gates.Sum)
        for (inner,) in _of(total.inputs[0], gates.Exp):
            if len(total.gate.axes) == 1:
                yield inner.logsumexp(total.gate.axes[0], total.gate.keepdims)


def _log_of_more_than_one(x: Variable) -> Iterator[Variable]:
    for one, rest in _of(x, gates.Add):
        if filled_with(one, 1):
            for (inner,) in _of(rest, gates.Exp):
                yield inner.softplus()
            yield gates.Log1p()(rest)


def _minus_one(x: Variable, y: Variable) -> Iterator[Variable]:
    for (inner,) in _of(x, gates.Exp):
        if filled_with(y, 1):
            yield gates.Expm1()(inner)


def _ratio(x: Variable, y: Variable) -> Iterator[Variable]:
    for (top,) in _of(x, gates.Exp):
        for (bottom,) in _of(y, gates.Exp):
            yield (top - bottom).exp()
        if total := made_by(y, gates.Sum):
            assert isinstance(total.gate, gates.Sum)
            if total.inputs[0] is x and total.gate.keepdims and len(total.gate.axes) == 1:
                yield top.softmax(total.gate.axes[0])


def _is_positive(v: Variable) -> bool:
    return any(made_by(v, kind) for kind in (gates.Softmax, gates.Sigmoid, gates.Exp))


def _unless_nan(s: Variable, v: Variable) -> Variable:
    """v, but NaN where s is."""
    return where(isnan(s), s, v)


def _cancelled(x: Variable, y: Variable) -> Iterator[Variable]:
    for left, right in ((x, y), (y, x)):
        for a, s in _of(left, gates.Divide):
            if not _is_positive(s):
                continue
            if right is s:
                yield _unless_nan(s, a)
            for other, b in _of(right, gates.Multiply):
                if other is s:
                    yield _unless_nan(s, a * b)
        for difference, b in _of(right, gates.Subtract) if _is_positive(left) else ():
            for a, s in _of(difference, gates.Divide):
                if s is left:
                    yield a - s * b


_RULES: dict[type[Gate], tuple[Callable[..., Iterator[Variable]], ...]] = {
    gates.Log: (_log_of_composite, _log_of_sum, _log_of_more_than_one),
    gates.Subtract: (_minus_one,),
    gates.Divide: (_ratio,),
    gates.Multiply: (_cancelled,),
}
