"""Functions that make arrays of settings, and that move elements about.

Wherever a shape is asked for, it holds ints and dimension names: ``mg.zeros(("B", 100))``.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import gates
from ..dims import Axis, Dim, Shape, Size, dim, product, show_shape
from ..errors import ShapeError
from ..types import as_dtype
from ..variables import Variable, as_variables, constant, method
from .elementwise import Operand, equal
from .reductions import front_axes, front_axis, variable

__all__ = [
    "arange",
    "astype",
    "broadcast_to",
    "concat",
    "expand_dims",
    "eye",
    "flip",
    "full",
    "full_like",
    "moveaxis",
    "ones",
    "ones_like",
    "permute_dims",
    "reshape",
    "split",
    "squeeze",
    "stack",
    "stop_gradient",
    "unstack",
    "zeros",
    "zeros_like",
]


# ---------------------------------------------------------------- making


def full(shape: Any, value: Operand, dtype: npt.DTypeLike | None = None) -> Variable:
    """An array of one value, a scalar Variable or a number: float32 or int64 by default.

    >>> import minigrad as mg
    >>> mg.full(("B", 2), 7.0)
    <variable: float32 (B, 2) = broadcast_to>
    """
    value = value if isinstance(value, Variable) else constant(value, dtype)
    return broadcast_to(value if dtype is None else astype(value, dtype), shape)


def zeros(shape: Any, dtype: npt.DTypeLike = "float32") -> Variable:
    """An array of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: npt.DTypeLike = "float32") -> Variable:
    """An array of ones."""
    return full(shape, 1, dtype)


def full_like(x: Operand, value: Any) -> Variable:
    """An array of one value, of the shape and dtype of x."""
    x = variable(x)
    return full(x.shape, value, x.dtype)


def zeros_like(x: Operand) -> Variable:
    """Zeros of the shape and dtype of x."""
    return full_like(x, 0)


def ones_like(x: Operand) -> Variable:
    """Ones of the shape and dtype of x."""
    return full_like(x, 1)


def arange(
    start: Any, stop: Any = None, step: Any = 1, dtype: npt.DTypeLike | None = None
) -> Variable:
    """start, start + step, … below stop; from 0 when only one bound is given.

    int64 by default, float32 when a bound is a float. Bounds may be dimensions.

    >>> import minigrad as mg
    >>> mg.arange("T").shape, mg.arange(2, 9, 3).eval()
    ((T,), array([2, 5, 8]))
    """
    start, stop = (0, start) if stop is None else (start, stop)
    if any(isinstance(n, float) for n in (start, stop, step)):
        size: Size = max(0, math.ceil((stop - start) / step))
        return (gates.Arange(size)() * step + start).astype(dtype or "float32")
    start, stop = (n if isinstance(n, int) else dim(n) for n in (start, stop))
    if not isinstance(step, int) or step == 0:
        raise ShapeError(f"the step of arange is an int other than 0, not {step!r}")
    size = (stop - start + step - (1 if step > 0 else -1)) // step
    counted = gates.Arange(max(0, size) if isinstance(size, int) else size)()
    if step != 1:
        counted = counted * step
    if start != 0:
        counted = counted + (
            gates.Extent(start, np.dtype(np.int64))() if isinstance(start, Dim) else start
        )
    return counted if dtype is None else astype(counted, dtype)


def eye(n: Any, dtype: npt.DTypeLike = "float32") -> Variable:
    """The unit matrix (n, n)."""
    i = arange(n)
    return astype(equal(expand_dims(i, 1), i), dtype)


# ---------------------------------------------------------------- changing


@method("astype")
def astype(x: Operand, dtype: npt.DTypeLike) -> Variable:
    """x in another dtype."""
    x, found = variable(x), as_dtype(dtype)
    return x if x.dtype == found else gates.Astype(found)(x)


@method("stop_gradient")
def stop_gradient(x: Operand) -> Variable:
    """x itself, but no gradient passes."""
    return gates.StopGradient()(x)


def _shape(shape: Any) -> tuple[Any, ...]:
    return (shape,) if isinstance(shape, int | str | Dim) else tuple(shape)


@method("reshape")
def reshape(x: Operand, shape: Any) -> Variable:
    """The same elements in the same order under another shape; one size may be -1.

    >>> import minigrad as mg
    >>> mg.reshape(mg.input("x", ("T", "B", 6)), (-1, 2)).shape
    (3*B*T, 2)
    """
    x = variable(x)
    given = _shape(shape)
    sizes = [None if isinstance(s, int) and s == -1 else dim(s) for s in given]
    if sizes.count(None) > 1:
        raise ShapeError(f"only one size of {given} can be -1")
    if None in sizes:
        known = product(s for s in sizes if s is not None)
        rest = product(x.shape) // known if known != 0 else 0
        if rest * known != product(x.shape):
            raise ShapeError(f"reshape: {show_shape(x.shape)} does not go into {given}")
        sizes[sizes.index(None)] = rest
    target: Shape = tuple(s for s in sizes if s is not None)
    return x if target == x.shape else gates.Reshape(target)(x)


@method("permute_dims", "transpose")
def permute_dims(x: Operand, axes: Sequence[int] | None = None) -> Variable:
    """The axes in another order; reversed when none is given."""
    x = variable(x)
    order = range(x.ndim)[::-1] if axes is None else [front_axis(a, x.ndim, x) for a in axes]
    return x if list(order) == list(range(x.ndim)) else gates.PermuteDims(tuple(order))(x)


def _matrix_transpose(x: Variable) -> Variable:
    """The last two axes swapped."""
    return permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


method("T")(property(lambda x: permute_dims(x)))
method("mT")(property(_matrix_transpose))


def moveaxis(x: Operand, source: int, destination: int) -> Variable:
    """One axis moved to another place, the others in their order."""
    x = variable(x)
    source, destination = (front_axis(a, x.ndim, x) for a in (source, destination))
    order = [i for i in range(x.ndim) if i != source]
    order.insert(destination, source)
    return permute_dims(x, order)


@method("broadcast_to")
def broadcast_to(x: Operand, shape: Any) -> Variable:
    """x repeated along new axes in front and along axes of size 1."""
    x, target = variable(x), tuple(dim(s) for s in _shape(shape))
    return x if target == x.shape else gates.BroadcastTo(target)(x)


@method("expand_dims")
def expand_dims(x: Operand, axis: int | Iterable[int]) -> Variable:
    """New axes of size 1 at these places of the result."""
    x = variable(x)
    given = [axis] if isinstance(axis, int) else list(axis)
    return gates.ExpandDims(front_axes(given, x.ndim + len(given), x))(x) if given else x


@method("squeeze")
def squeeze(x: Operand, axis: Axis) -> Variable:
    """x without these axes, which must have size 1."""
    x = variable(x)
    return gates.Squeeze(front_axes(axis, x.ndim, x))(x)


@method("flip")
def flip(x: Operand, axis: Axis = None) -> Variable:
    """The elements along these axes in reverse order."""
    x = variable(x)
    for a in front_axes(axis, x.ndim, x):
        x = gates.Flip(a)(x)
    return x


def concat(arrays: Iterable[Operand], axis: int = 0) -> Variable:
    """Arrays end to end along an axis.

    >>> import minigrad as mg
    >>> mg.concat([mg.input("x", ("B", 3)), mg.input("h", ("B", "H"))], axis=1).shape
    (B, H + 3)
    """
    xs = as_variables(*arrays)
    if not xs or any(x.ndim != xs[0].ndim for x in xs):
        raise ShapeError(f"concat needs arrays of one rank, and had {[x.shape for x in xs]}")
    return gates.Concat(front_axis(axis, xs[0].ndim, xs[0]))(*xs)


def stack(arrays: Iterable[Operand], axis: int = 0) -> Variable:
    """Arrays of one shape side by side along a new axis."""
    xs = as_variables(*arrays)
    if not xs:
        raise ShapeError("stack needs at least one array")
    return gates.Stack(front_axis(axis, xs[0].ndim + 1, xs[0]))(*xs)


def split(x: Operand, sections: int | Sequence[Any], axis: int = 0) -> tuple[Variable, ...]:
    """Neighbouring pieces along an axis: so many of equal size, or cut before these places.

    >>> import minigrad as mg
    >>> [piece.shape for piece in mg.split(mg.input("z", ("B", 12)), 4, axis=1)]
    [(B, 3), (B, 3), (B, 3), (B, 3)]
    """
    x = variable(x)
    axis = front_axis(axis, x.ndim, x)
    size = x.shape[axis]
    if isinstance(sections, int):
        if sections < 1 or size % sections != 0:
            raise ShapeError(
                f"split: axis {axis} of {show_shape(x.shape)} does not go into {sections} equal "
                "pieces"
            )
        return gates.Split((size // sections,) * sections, axis)(x)
    cuts: list[Size] = [0, *(dim(cut) for cut in sections), size]
    return gates.Split(tuple(b - a for a, b in pairwise(cuts)), axis)(x)


def unstack(x: Operand, axis: int = 0) -> tuple[Variable, ...]:
    """The slices along an axis whose size is an int, as a tuple: the inverse of stack."""
    return tuple(moveaxis(x, axis, 0))
