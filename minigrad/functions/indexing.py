"""``x[…]``, and picking by computed places."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import gates
from ..dims import Dim, Size, dim, show_shape
from ..errors import ShapeError
from ..gates.indexing import Item
from ..types import as_dtype
from ..variables import Variable, method
from .elementwise import Operand
from .reductions import front_axis, variable
from .shape import expand_dims, flip

__all__ = ["one_hot", "take", "take_along_axis"]


def _indices(indices: Operand) -> Variable:
    """Indices as a Variable; an empty list, which NumPy makes float64, is one of integers."""
    if isinstance(indices, Variable):
        return indices
    array = np.asarray(indices)
    return variable(array if array.size else array.astype(np.int64))


def take(x: Operand, indices: Operand, axis: int = 0) -> Variable:
    """The slices of x along `axis` at `indices`: x (…, n, …), indices (I…) → (…, I…, …).

    An index outside raises IndexError when it runs; a negative one counts from the end.

    >>> import minigrad as mg
    >>> mg.take(mg.input("table", (81, 16)), mg.input("ids", ("T", "B"), "int64")).shape
    (T, B, 16)
    """
    x = variable(x)
    indices = _indices(indices)
    return gates.Take(front_axis(axis, x.ndim, x))(x, indices)


def take_along_axis(x: Operand, indices: Operand, axis: int = -1) -> Variable:
    """One element along `axis` for each index: out[i, j] = x[i, indices[i, j]] for axis 1."""
    x = variable(x)
    indices = _indices(indices)
    if indices.ndim != x.ndim:
        raise ShapeError(
            f"take_along_axis needs equal ranks: {show_shape(x.shape)}, {show_shape(indices.shape)}"
        )
    return gates.TakeAlong(front_axis(axis, x.ndim, x))(x, indices)


@method("one_hot")
def one_hot(ids: Operand, n: Any, dtype: npt.DTypeLike = "float32") -> Variable:
    """Integers (…) as rows (…, n): zeros, and a one in place `id`; none for an id outside 0…n-1.

    >>> import minigrad as mg
    >>> mg.one_hot(mg.constant([2, 0]), 3).eval()
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    return gates.OneHot(dim(n), as_dtype(dtype))(ids)


@method("__getitem__")
def _getitem(x: Variable, key: Any) -> Variable:
    """x[key]: ints, slices, None, …, and at most one integer array or Variable."""
    keys = _expanded(x, key if isinstance(key, tuple) else (key,))
    items: list[Item] = []
    flipped, gathered, new_axes = [], [], []
    axis = place = 0  # of the input, of the output
    for k in keys:
        if k is None:
            new_axes.append(place)
            place += 1
            continue
        size = x.shape[axis]
        item: Item
        if isinstance(k, slice):
            item, backwards = _range(k, size)
            flipped += [axis] if backwards else []
        elif isinstance(k, int | np.integer | Dim):
            item = _place(k if isinstance(k, Dim) else int(k), size, x, axis)
        else:
            item = (0, size, 1)
            gathered.append((place - len(new_axes), k))
        items.append(item)
        axis += 1
        place += isinstance(item, tuple)
    if any(item != (0, size, 1) for item, size in zip(items, x.shape, strict=True)):
        kept = [i for i, item in enumerate(items) if isinstance(item, tuple)]
        x = gates.Index(tuple(items))(x)
        flipped = [kept.index(i) for i in flipped]
    x = flip(x, flipped) if flipped else x
    for where, ids in gathered:
        x = take(x, ids, where)
    return expand_dims(x, new_axes)


def _expanded(x: Variable, keys: tuple[Any, ...]) -> list[Any]:
    """The key with … written out, one entry for each axis (and each None)."""
    whole = [k for k in keys if k is not None and k is not Ellipsis]
    arrays = [k for k in whole if not isinstance(k, int | slice | np.integer | Dim)]
    if len(whole) > x.ndim or sum(k is Ellipsis for k in keys) > 1:
        raise ShapeError(f"{len(whole)} indices for {x.name or 'an array'} {show_shape(x.shape)}")
    if len(arrays) > 1 or any(isinstance(k, bool | str) for k in whole):
        raise ShapeError("an index is ints, slices, None, … and at most one integer array")
    if arrays and None in [k for k in keys if not isinstance(k, Variable | np.ndarray)]:
        raise ShapeError("None beside an integer array in one index: do it in two steps")
    picks = [i for i, k in enumerate(keys) if not (k is None or k is ... or isinstance(k, slice))]
    if arrays and picks[-1] - picks[0] >= len(picks):  # NumPy moves the array's axes to the front
        raise ShapeError("a slice between an int and an integer array: do it in two steps")
    fill = [slice(None)] * (x.ndim - len(whole))
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    return [*keys[:at], *fill, *keys[at + 1 :]]


def _place(index: Size, size: Size, x: Variable, axis: int) -> Size:
    """An index counted from the front."""
    if isinstance(index, int) and isinstance(size, int) and not -size <= index < size:
        raise ShapeError(f"index {index} is outside axis {axis} of {show_shape(x.shape)}")
    return size + index if isinstance(index, int) and index < 0 else index


def _range(key: slice, size: Size) -> tuple[tuple[Size, Size, int], bool]:
    """A slice as (start, stop, step) with step > 0, and whether to flip what it picks.

    On an axis of size 5, [::-2] → ((0, 5, 2), True). On a named axis bounds are not cut off at its
    end: a size too small for them is an error when it runs.
    """
    bounds = tuple(int(b) if isinstance(b, np.integer) else b for b in (key.start, key.stop))
    if isinstance(size, int) and not any(isinstance(b, Dim) for b in bounds):
        picked = range(*key.indices(size))
        if not picked:
            return (0, 0, 1), False
        return (min(picked), max(picked) + 1, abs(picked.step)), picked.step < 0
    step = 1 if key.step is None else key.step
    if step == -1 and bounds == (None, None):
        return (0, size, 1), True
    if step < 1:
        raise ShapeError(f"a named axis {size} takes no {key}: flip it first, then slice forward")
    start, stop = (
        default if b is None else size + b if isinstance(b, int) and b < 0 else b
        for b, default in zip(bounds, (0, size), strict=True)
    )
    if isinstance(start, int) and isinstance(stop, int):
        stop = max(start, stop)  # x[5:2] is empty
    return (start, stop, step), False
