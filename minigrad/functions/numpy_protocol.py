"""NumPy's own functions on a Variable build gates: ``np.tanh(x)``, ``np.sum(x, axis=0)``."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import gates
from ..errors import ArgumentError
from ..variables import Variable, method
from . import elementwise, indexing, reductions, shape

__all__: list[str] = []


def _take(x: Any, indices: Any, axis: int | None = None) -> Variable:
    """np.take without an axis takes from the flattened array; ours from the first axis."""
    if axis is None:
        return indexing.take(shape.reshape(x, -1), indices)
    return indexing.take(x, indices, axis)


_OURS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): getattr(module, name)
    for module in (elementwise, reductions, shape, indexing)
    for name in module.__all__
    if hasattr(np, name)
} | {
    np.transpose: shape.permute_dims,
    np.cumsum: reductions.cumulative_sum,
    np.rint: gates.Round(),
    np.take: _take,
    np.bitwise_and: Variable.__and__,
    np.bitwise_or: Variable.__or__,
    np.bitwise_xor: Variable.__xor__,
    np.invert: Variable.__invert__,
}


@method("__array_ufunc__")
def _array_ufunc(self: Variable, ufunc: Any, call: str, *inputs: Any, **options: Any) -> Any:
    if call != "__call__":
        raise ArgumentError(f"np.{ufunc.__name__}.{call} has no gate")
    return _build(ufunc, inputs, options)


@method("__array_function__")
def _array_function(
    self: Variable, function: Any, types: Any, inputs: Any, options: dict[str, Any]
) -> Any:
    return _build(function, inputs, options)


def _build(function: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if function not in _OURS:
        raise ArgumentError(f"np.{function.__name__} has no gate in minigrad")
    if options.get("out") is not None:
        raise ArgumentError(f"np.{function.__name__}: a graph has no place to write out= to")
    try:
        return _OURS[function](*inputs, **options)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise ArgumentError(f"np.{function.__name__} on a Variable: {error}") from None
