"""Gates that pick elements by place, and their transposes that put them back.

The two kinds come in pairs, each the gradient of the other: Index and Place (places known when the
graph is built), Take and ScatterAdd, TakeAlong and ScatterAddAlong (places computed).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..dims import Shape, Size, show_shape
from ..errors import DTypeError, ShapeError
from ..graph import Gate
from ..notation import Notation, call, subscript
from ..types import Type
from ..variables import Variable
from .shape import View, all_lifted

__all__ = ["Index", "Place", "ScatterAdd", "ScatterAddAlong", "Take", "TakeAlong"]

# One item for each axis: an index, or (start, stop, step) with step > 0; no negative numbers.
Item = Size | tuple[Size, Size, int]
Items = tuple[Item, ...]


def _count(start: Size, stop: Size, step: int) -> Size:
    """How many places start, start + step, … lie below stop."""
    return stop - start if step == 1 else (stop - start + (step - 1)) // step


def _key(items: Items) -> tuple[Any, ...]:
    return tuple(slice(*item) if isinstance(item, tuple) else item for item in items)


def _zeros(xp: Any, shape: Any, dtype: Any, out: Any) -> Any:
    """Zeros, in `out` if it is given."""
    if out is None:
        return xp.zeros(shape, dtype)
    out[...] = 0
    return out


def _picked(items: Items, shape: Shape) -> Shape:
    """The shape of x[items]. Raises ShapeError where an item lies outside."""
    picked: list[Size] = []
    for axis, (item, size) in enumerate(zip(items, shape, strict=True)):
        last = item[1] - 1 if isinstance(item, tuple) else item
        if isinstance(last, int) and isinstance(size, int) and last >= size:
            raise ShapeError(f"index {last} is outside axis {axis} of {show_shape(shape)}")
        if isinstance(item, tuple):
            picked.append(_count(*item))
    return tuple(picked)


def _shown(items: Items, shape: Shape) -> str:
    """The items as they were written: ``1:, 0``."""
    found = []
    for item, size in zip(items, shape, strict=True):
        if isinstance(item, tuple):
            start, stop, step = item
            ends = [str(start) if start != 0 else "", str(stop) if stop != size else ""]
            found.append(":".join([*ends, str(step)] if step != 1 else ends))
        else:
            found.append(str(item))
    while len(found) > 1 and found[-1] == ":":
        found.pop()
    return ", ".join(found)


@dataclass(frozen=True)
class Index(View):
    """x[items], with indices and slices known when the graph is built."""

    items: Items
    symbol: ClassVar[str] = "[:]"
    verb = "picks"
    lesson = "puts the gradient back where it was taken from, zeros elsewhere"

    def formula(self, *types: Type) -> Notation:
        return subscript(_shown(self.items, types[0].shape))

    def infer(self, x: Type) -> Type:
        return Type(_picked(self.items, x.shape), x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return Index(((0, x.shape[0], 1), *self.items))(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x[_key(self.items)]

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return Place(self.items, x.shape)(cotangent)


@dataclass(frozen=True)
class Place(Gate):
    """Zeros of `shape` with x written at [items]."""

    items: Items
    shape: Shape
    symbol: ClassVar[str] = "place"
    verb = "puts into zeros"
    lesson = "picks the gradient from where its input was put"

    def formula(self, *types: Type) -> Notation:
        return call("place", more=[f"[{_shown(self.items, self.shape)}]"])

    def infer(self, x: Type) -> Type:
        if _picked(self.items, self.shape) != x.shape:
            raise ShapeError(f"{show_shape(x.shape)} does not fit its place in {self.shape}")
        return Type(self.shape, x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        steps = x.shape[0]
        return Place(((0, steps, 1), *self.items), (steps, *self.shape))(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        out = _zeros(xp, self.shape, x.dtype, out)
        out[_key(self.items)] = x
        return out

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return Index(self.items)(cotangent)


def _integers(ids: Type) -> None:
    if ids.dtype.kind not in "iu":
        raise DTypeError(f"indices must be integers, and are {ids.dtype}")


@dataclass(frozen=True)
class Take(Gate):
    """The slices of x along an axis at `ids`, of any shape; a negative id counts from the end.

    x (…, n, …), ids (I…) → (…, I…, …). An id outside raises IndexError when it runs.
    """

    axis: int
    symbol: ClassVar[str] = "take"
    verb = "picks"
    lesson = "puts the gradient back where it was taken from, adding up what was taken twice"

    def formula(self, *types: Type) -> Notation:
        return subscript(":, " * self.axis + "{1}")

    allocates: ClassVar[bool] = True

    def infer(self, x: Type, ids: Type) -> Type:
        _integers(ids)
        return Type(x.shape[: self.axis] + ids.shape + x.shape[self.axis + 1 :], x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable, ids: Variable) -> Any:
        if all(lifted):
            return None
        if lifted[0]:
            return Take(self.axis + 1)(x, ids)
        # (…, T, I…, …) → (T, …, I…, …)
        picked = Take(self.axis)(x, ids)
        rest = [i for i in range(picked.ndim) if i != self.axis]
        return picked.permute_dims((self.axis, *rest))

    def forward(self, xp: Any, x: Any, ids: Any, out: Any = None) -> Any:
        return xp.take(x, ids, axis=self.axis)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, ids: Variable) -> Any:
        return ScatterAdd(self.axis, x.shape[self.axis])(cotangent, ids), None


@dataclass(frozen=True)
class ScatterAdd(Gate):
    """Zeros to which the slices of x are added at `ids` along an axis; equal ids add up."""

    axis: int
    size: Size
    symbol: ClassVar[str] = "scatter+"
    verb = "adds into zeros"
    lesson = "picks the gradient from where its input was added"
    notation = call("scatter_add", count=2)

    def infer(self, x: Type, ids: Type) -> Type:
        _integers(ids)
        end = self.axis + len(ids.shape)
        if x.shape[self.axis : end] != ids.shape:
            raise ShapeError(f"{show_shape(x.shape)} holds no slices for ids {ids.shape}")
        return Type((*x.shape[: self.axis], self.size, *x.shape[end:]), x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable, ids: Variable) -> Any:
        return None if lifted[1] else ScatterAdd(self.axis + 1, self.size)(x, ids)

    def forward(self, xp: Any, x: Any, ids: Any, out: Any = None) -> Any:
        end = self.axis + ids.ndim
        out = _zeros(xp, (*x.shape[: self.axis], self.size, *x.shape[end:]), x.dtype, out)
        xp.add.at(out, ((slice(None),) * self.axis + (ids,)), x)
        return out

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, ids: Variable) -> Any:
        return Take(self.axis)(cotangent, ids), None


def _grid(xp: Any, ids: Any, axis: int) -> tuple[Any, ...]:
    """Index arrays that pick, at each place of `ids`, the same place but for `axis`."""
    rank = ids.ndim
    return tuple(
        ids
        if i == axis
        else xp.reshape(xp.arange(ids.shape[i]), (1,) * i + (-1,) + (1,) * (rank - 1 - i))
        for i in range(rank)
    )


@dataclass(frozen=True)
class TakeAlong(Gate):
    """One element along an axis for each element of `ids`: out[i, j] = x[i, ids[i, j]] for axis 1.

    x (…, n, …), ids (…, k, …) → (…, k, …), all other sizes equal.
    """

    axis: int
    symbol: ClassVar[str] = "pick"
    lesson = "puts the gradient back where it was taken from, adding up what was taken twice"

    def formula(self, *types: Type) -> Notation:
        last = self.axis == len(types[0].shape) - 1
        return subscript("{1}") if last else call("pick", count=2, more=[f"axis {self.axis}"])

    allocates: ClassVar[bool] = True

    def infer(self, x: Type, ids: Type) -> Type:
        _integers(ids)
        axis = self.axis
        if (x.shape[:axis], x.shape[axis + 1 :]) != (ids.shape[:axis], ids.shape[axis + 1 :]):
            raise ShapeError(
                f"x {show_shape(x.shape)} and ids {show_shape(ids.shape)} differ on another axis "
                f"than {axis}"
            )
        return Type(ids.shape, x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable, ids: Variable) -> Any:
        return TakeAlong(self.axis + 1)(*all_lifted(lifted, (x, ids)))

    def forward(self, xp: Any, x: Any, ids: Any, out: Any = None) -> Any:
        return x[_grid(xp, ids, self.axis)]

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, ids: Variable) -> Any:
        return ScatterAddAlong(self.axis, x.shape[self.axis])(cotangent, ids), None


@dataclass(frozen=True)
class ScatterAddAlong(Gate):
    """Zeros to which x is added at the places `ids` along an axis: the transpose of TakeAlong."""

    axis: int
    size: Size
    symbol: ClassVar[str] = "put+"
    verb = "adds into zeros"
    lesson = "picks the gradient from where its input was added"
    notation = call("scatter_add", count=2)

    def infer(self, x: Type, ids: Type) -> Type:
        _integers(ids)
        if x.shape != ids.shape:
            raise ShapeError(f"x {show_shape(x.shape)} and ids {show_shape(ids.shape)} differ")
        return Type((*x.shape[: self.axis], self.size, *x.shape[self.axis + 1 :]), x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable, ids: Variable) -> Any:
        return ScatterAddAlong(self.axis + 1, self.size)(*all_lifted(lifted, (x, ids)))

    def forward(self, xp: Any, x: Any, ids: Any, out: Any = None) -> Any:
        shape = (*x.shape[: self.axis], self.size, *x.shape[self.axis + 1 :])
        out = _zeros(xp, shape, x.dtype, out)
        xp.add.at(out, _grid(xp, ids, self.axis), x)
        return out

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, ids: Variable) -> Any:
        return TakeAlong(self.axis)(cotangent, ids), None
