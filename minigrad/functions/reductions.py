"""Functions over axes: reductions, the running sum, softmax and its kin, and matrix products.

An axis may be negative; `axis=None` means all of them. ShapeError names an axis that is not there.
"""

from typing import Any

from .. import gates
from ..dims import Axis, show_shape
from ..errors import ShapeError
from ..variables import Variable, as_variables, method
from .elementwise import Operand, sqrt, square

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "cumulative_sum",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "mean",
    "min",
    "softmax",
    "std",
    "sum",
    "var",
]


def variable(x: Operand) -> Variable:
    """`x` as a Variable."""
    return as_variables(x)[0]


def front_axis(axis: int, ndim: int, x: Variable) -> int:
    """`axis` counted from the front, of `ndim`; a ShapeError, showing x, when it is not there."""
    if not isinstance(axis, int) or not -ndim <= axis < ndim:
        raise ShapeError(
            f"there is no axis {axis!r} in {x.name or 'an array'} {show_shape(x.shape)}"
        )
    return axis % ndim


def front_axes(axis: Axis, ndim: int, x: Variable) -> tuple[int, ...]:
    """Axes counted from the front, sorted; None is all of them."""
    if axis is None:
        return tuple(range(ndim))
    given = [axis] if isinstance(axis, int) else list(axis)
    found = {front_axis(a, ndim, x) for a in given}
    if len(found) != len(given):
        raise ShapeError(f"the axes {tuple(given)} name one axis twice")
    return tuple(sorted(found))


def _reduce(gate: Any, x: Operand, axis: Axis, keepdims: bool) -> Variable:
    x = variable(x)
    return gate(front_axes(axis, x.ndim, x), keepdims)(x)


@method("sum")
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The sum over `axis`.

    >>> import minigrad as mg
    >>> mg.sum(mg.input("x", ("T", "B", 3)), axis=(0, 2)).shape
    (B,)
    """
    return _reduce(gates.Sum, x, axis, keepdims)


@method("mean")
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The mean over `axis`; NaN where there is nothing to average."""
    return _reduce(gates.Mean, x, axis, keepdims)


@method("var")
def var(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The variance over `axis`: the mean of (x - mean x)²."""
    x = variable(x)
    return mean(square(x - mean(x, axis, keepdims=True)), axis, keepdims)


@method("std")
def std(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The standard deviation over `axis`: the square root of `var`."""
    return sqrt(var(x, axis, keepdims))


@method("max")
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The largest over `axis`; equal maxima share the gradient equally."""
    return _reduce(gates.Max, x, axis, keepdims)


@method("min")
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The smallest over `axis`; equal minima share the gradient equally."""
    return _reduce(gates.Min, x, axis, keepdims)


@method("all")
def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Whether all over `axis` are true."""
    return _reduce(gates.AllTrue, x, axis, keepdims)


@method("any")
def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Whether any over `axis` is true."""
    return _reduce(gates.AnyTrue, x, axis, keepdims)


def _locate(gate: Any, x: Operand, axis: int | None, keepdims: bool) -> Variable:
    x = variable(x)
    if axis is not None:
        return gate(front_axis(axis, x.ndim, x), keepdims)(x)
    place = gate(0, False)(x.reshape((-1,)))
    return place.expand_dims(tuple(range(x.ndim))) if keepdims else place


@method("argmax")
def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Variable:
    """The index of the largest along `axis` (None: in flattened x), the first of equals; int64."""
    return _locate(gates.Argmax, x, axis, keepdims)


@method("argmin")
def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Variable:
    """The index of the smallest along `axis` (None: in flattened x), the first of equals; int64."""
    return _locate(gates.Argmin, x, axis, keepdims)


@method("cumulative_sum")
def cumulative_sum(x: Operand, axis: int | None = None, reverse: bool = False) -> Variable:
    """The running sum along `axis` (needed unless x has just one), from its end when `reverse`."""
    x = variable(x)
    if axis is None and x.ndim != 1:
        raise ShapeError(f"cumulative_sum of {show_shape(x.shape)} needs an axis")
    return gates.CumulativeSum(front_axis(axis or 0, x.ndim, x), reverse)(x)


@method("softmax")
def softmax(x: Operand, axis: int = -1) -> Variable:
    """e^x / Σ e^x along `axis`, without overflow.

    >>> import minigrad as mg
    >>> mg.softmax(mg.constant([1000.0, 1000.0])).eval()
    array([0.5, 0.5])
    """
    x = variable(x)
    return gates.Softmax(front_axis(axis, x.ndim, x))(x)


@method("log_softmax")
def log_softmax(x: Operand, axis: int = -1) -> Variable:
    """log softmax(x) = x - log Σ e^x along `axis`, without overflow or log 0."""
    x = variable(x)
    return gates.LogSoftmax(front_axis(axis, x.ndim, x))(x)


@method("logsumexp")
def logsumexp(x: Operand, axis: int = -1, keepdims: bool = False) -> Variable:
    """log Σ e^x over `axis`, without overflow."""
    x = variable(x)
    return gates.LogSumExp(front_axis(axis, x.ndim, x), keepdims)(x)


@method("__matmul__")
def matmul(a: Operand, b: Operand) -> Variable:
    """The matrix product: a (…, n, k), b (…, k, m) → (…, n, m); a vector is a row, or a column.

    >>> import minigrad as mg
    >>> mg.matmul(mg.input("x", ("T", "B", 4)), mg.input("W", (4, 5))).shape
    (T, B, 5)
    """
    return gates.Matmul()(a, b)


method("__rmatmul__")(lambda b, a: matmul(a, b))
