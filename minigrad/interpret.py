"""The reference interpreter: what a graph means. Slow, plain; all else is checked against it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .dims import bind_sizes
from .errors import ArgumentError, GateError, UnknownNameError
from .graph import Apply, Binding, Graph, leaves
from .types import Array, Type, cast_safely, on_host
from .variables import Constant, Parameter, Variable, method

__all__ = ["evaluate", "run"]


def run(graph: Graph, arrays: Sequence[Array]) -> list[Array]:
    """The outputs of a bound graph for arrays of its inputs, one gate after the other."""
    binding = graph.binding or Binding({})
    values = dict(zip(graph.inputs, arrays, strict=True))
    for apply in graph.applies():
        known = [_value(v, values, binding) for v in apply.inputs]
        values.update(zip(apply.outputs, compute(apply, known, binding), strict=True))
    return [_value(v, values, binding) for v in graph.outputs]


def _value(v: Variable, values: Mapping[Variable, Array], binding: Binding) -> Array:
    if v in values:
        return values[v]
    if not isinstance(v, Constant | Parameter):
        raise ArgumentError(f"{v!r} has no value: give one for it", v.where)
    held = v.value if isinstance(v, Constant) else on_host(v._value)
    return held.astype(binding(held.dtype), copy=False)


def compute(apply: Apply, arrays: Sequence[Array], binding: Binding) -> Sequence[Array]:
    """One gate on arrays, checked against its own shape rule; an error names gate and line."""
    try:
        gate = apply.gate.bind(binding)
        expected = gate.infer(*(Type(a.shape, a.dtype) for a in arrays))
        with np.errstate(all="ignore"):
            results = gate.forward(np, *arrays)
        if apply.single:
            results, expected = (results,), (expected,)
        results = [np.asarray(r) for r in results]
        for result, type in zip(results, expected, strict=True):
            if (result.shape, result.dtype) != (type.shape, type.dtype):
                raise GateError(f"{gate}.infer says {type}, its forward gave {_shown(result)}")
    except Exception as error:
        if getattr(error, "where", None) is None:
            error.add_note(f"in {apply.gate}, at {apply.where}")
        raise
    return results


def _shown(array: Array) -> str:
    return f"{array.dtype} {array.shape}"


def evaluate(
    outputs: Iterable[Variable], values: Mapping[Any, Any] | None = None, precise: bool = False
) -> list[Array]:
    """The values of `outputs`; `values` maps Variables, or names of leaves, to arrays.

    Any variable may be given, also an inner one: it is then not computed. `precise` runs all of it
    in float64. Raises UnknownNameError, ArgumentError, ShapeError, DTypeError.
    """
    outputs = list(outputs)
    given = keyed(outputs, values or {})
    cast = {
        v: np.asarray(a, np.float64)
        if precise and v.type.differentiable
        else cast_safely(a, v.dtype, label(v))
        for v, a in given.items()
    }
    sizes = bind_sizes((label(v), v.shape, a.shape) for v, a in cast.items())
    graph = Graph(tuple(cast), tuple(outputs), Binding(sizes, precise))
    return run(graph, list(cast.values()))


def label(v: Variable) -> str:
    """A variable as messages call it."""
    return v.name or repr(v)


def keyed(outputs: Sequence[Variable], values: Mapping[Any, Any]) -> dict[Variable, Any]:
    """`values` with every key a Variable."""
    named: dict[str, list[Variable]] = {}
    if any(isinstance(key, str) for key in values):
        for v in leaves(outputs):
            named.setdefault(v.name or "", []).append(v)
    found: dict[Variable, Any] = {}
    for key, value in values.items():
        if isinstance(key, Variable):
            found[key] = value
        elif len(named.get(key, ())) == 1:
            found[named[key][0]] = value
        else:
            problem = "several leaves are" if key in named else "no leaf is"
            raise UnknownNameError(
                f"{problem} named {key!r}; there are {sorted(filter(None, named))}"
            )
    return found


@method("eval")
def _eval(self: Variable, values: Mapping[Any, Any] | None = None) -> Array:
    """Its value by the reference interpreter; `values` maps Variables or names to arrays.

    >>> import minigrad as mg
    >>> x, y = mg.inputs("x y")
    >>> ((x + y) * 2).eval({x: -2.0, "y": 5.0})
    array(6., dtype=float32)
    """
    return evaluate([self], values)[0]
