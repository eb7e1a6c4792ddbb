"""Gates that move elements about without touching them: reshape, transpose, join, split."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from ..dims import Shape, Size, broadcast, product, show_shape
from ..errors import ShapeError
from ..graph import Gate
from ..notation import SILENT, Notation, call, subscript
from ..types import Type
from ..variables import Variable, constant

__all__ = [
    "BroadcastTo",
    "Concat",
    "ExpandDims",
    "Flip",
    "PermuteDims",
    "Reshape",
    "Split",
    "Squeeze",
    "Stack",
]


class View(Gate):
    """A gate that only looks at its input in another way: its output lies in the same memory."""

    view = True

    def shares(self, contiguous: bool) -> bool:
        return True


def all_lifted(lifted: Sequence[bool], inputs: Sequence[Variable]) -> list[Variable]:
    """Inputs of which some have one more axis in front, with that axis for all of them."""
    steps = next(v.shape[0] for v, up in zip(inputs, lifted, strict=True) if up)
    return [
        v if up else v.broadcast_to((steps, *v.shape)) for v, up in zip(inputs, lifted, strict=True)
    ]


@dataclass(frozen=True)
class Reshape(View):
    """The same elements in the same (row-major) order under another shape."""

    shape: Shape
    symbol: ClassVar[str] = "reshape"
    verb = "gives another shape"
    lesson = "gives the gradient its old shape"
    keeps_order: ClassVar[bool] = True

    def formula(self, *types: Type) -> Notation:
        """Silent where axes of size 1 come and go, and where all axes but the last become one or
        one becomes several."""
        old, new = ([s for s in shape if s != 1] for shape in (types[0].shape, self.shape))
        fits = old == new or (old[-1:] == new[-1:] and min(len(old), len(new)) <= 2)
        return SILENT if fits else call("reshape", more=[show_shape(self.shape)])

    def infer(self, x: Type) -> Type:
        if product(x.shape) != product(self.shape):
            raise ShapeError(
                f"{show_shape(x.shape)} has {product(x.shape)} elements, "
                f"{show_shape(self.shape)} has {product(self.shape)}"
            )
        return Type(self.shape, x.dtype)

    def shares(self, contiguous: bool) -> bool:
        return contiguous  # else NumPy copies

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return Reshape((x.shape[0], *self.shape))(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.reshape(self.shape)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent.reshape(x.shape)


@dataclass(frozen=True)
class PermuteDims(View):
    """The axes in another order: axis i of the output is axis axes[i] of x."""

    axes: tuple[int, ...]
    symbol: ClassVar[str] = "Aᵀ"
    verb = "changes the order of axes"
    lesson = "puts the axes of the gradient back in order"

    def formula(self, *types: Type) -> Notation:
        rank = len(self.axes)
        if self.axes == tuple(range(rank)):
            return SILENT
        if self.axes == (*range(rank - 2), rank - 1, rank - 2):
            return Notation("{0:atom}ᵀ", r"{0:atom}^\top", "power")
        return call("permute", more=map(str, self.axes))

    def infer(self, x: Type) -> Type:
        if sorted(self.axes) != list(range(len(x.shape))):
            raise ShapeError(f"the order {self.axes} is none of {len(x.shape)} axes")
        return Type(tuple(x.shape[i] for i in self.axes), x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return PermuteDims((0, *(a + 1 for a in self.axes)))(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.transpose(self.axes)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        back = tuple(sorted(range(len(self.axes)), key=self.axes.__getitem__))
        return PermuteDims(back)(cotangent)


@dataclass(frozen=True)
class BroadcastTo(View):
    """x repeated along new axes in front and along axes of size 1."""

    shape: Shape
    symbol: ClassVar[str] = "bcast"
    verb = "repeats"
    lesson = "adds the gradient up over what was repeated"
    notation = SILENT
    repeats: ClassVar[bool] = True

    def infer(self, x: Type) -> Type:
        if len(x.shape) > len(self.shape) or broadcast(x.shape, self.shape) != self.shape:
            raise ShapeError(
                f"{show_shape(x.shape)} does not broadcast to {show_shape(self.shape)}"
            )
        return Type(self.shape, x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        extra = len(self.shape) - (x.ndim - 1)
        return x.expand_dims(tuple(range(1, 1 + extra))).broadcast_to((x.shape[0], *self.shape))

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.broadcast_to(x, self.shape)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        extra = len(self.shape) - x.ndim
        ones = tuple(i for i, size in enumerate(x.shape, extra) if size == 1 and self.shape[i] != 1)
        summed = cotangent.sum(axis=tuple(range(extra)) + ones)
        return summed.reshape(x.shape)


@dataclass(frozen=True)
class ExpandDims(View):
    """New axes of size 1; `axes` are their places in the output, sorted."""

    axes: tuple[int, ...]
    symbol: ClassVar[str] = "+axis"
    verb = "adds axes of size 1"
    lesson = "takes the new axes off the gradient"
    notation = SILENT
    keeps_order: ClassVar[bool] = True

    def infer(self, x: Type) -> Type:
        shape = list(x.shape)
        for axis in self.axes:
            shape.insert(axis, 1)
        return Type(tuple(shape), x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return ExpandDims(tuple(a + 1 for a in self.axes))(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        rank = x.ndim + len(self.axes)
        return x[tuple(None if i in self.axes else slice(None) for i in range(rank))]

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return Squeeze(self.axes)(cotangent)


@dataclass(frozen=True)
class Squeeze(View):
    """Without some axes, which must have size 1; `axes` sorted."""

    axes: tuple[int, ...]
    symbol: ClassVar[str] = "−axis"
    verb = "takes off axes of size 1"
    lesson = "gives the gradient the axes back"
    notation = SILENT
    keeps_order: ClassVar[bool] = True

    def infer(self, x: Type) -> Type:
        for axis in self.axes:
            if x.shape[axis] != 1:
                raise ShapeError(f"axis {axis} of {show_shape(x.shape)} has not size 1")
        return Type(tuple(s for i, s in enumerate(x.shape) if i not in self.axes), x.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return Squeeze(tuple(a + 1 for a in self.axes))(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.squeeze(self.axes)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return ExpandDims(self.axes)(cotangent)


@dataclass(frozen=True)
class Flip(View):
    """The elements along an axis in reverse order."""

    axis: int
    symbol: ClassVar[str] = "flip"
    verb = "turns the order round"
    lesson = "turns the order of the gradient back"

    def formula(self, *types: Type) -> Notation:
        return call("flip", more=[f"axis {self.axis}"] if len(types[0].shape) > 1 else [])

    def infer(self, x: Type) -> Type:
        return x

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return Flip(self.axis + 1)(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.flip(x, self.axis)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return Flip(self.axis)(cotangent)


@dataclass(frozen=True)
class Concat(Gate):
    """Arrays end to end along an axis; all other sizes equal."""

    axis: int
    symbol: ClassVar[str] = "concat"
    verb = "joins end to end"
    lesson = "cuts the gradient into the pieces that were joined"

    def formula(self, *types: Type) -> Notation:
        operands = ", ".join(f"{{{i}}}" for i in range(len(types)))
        return Notation(f"[{operands}]", rf"\left[{operands}\right]")

    def infer(self, *xs: Type) -> Type:
        first, axis = xs[0].shape, self.axis
        for x in xs[1:]:
            if (x.shape[:axis], x.shape[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
                raise ShapeError(
                    f"{show_shape(first)} and {show_shape(x.shape)} differ on another axis than "
                    f"{axis}"
                )
        total = sum((x.shape[axis] for x in xs), start=0)
        shape = (*first[:axis], total, *first[axis + 1 :])
        return Type(shape, np.result_type(*(x.dtype for x in xs)))

    def lift(self, lifted: Sequence[bool], *xs: Variable) -> Any:
        return Concat(self.axis + 1)(*all_lifted(lifted, xs))

    def forward(self, xp: Any, *xs: Any, out: Any = None) -> Any:
        return xp.concatenate(xs, axis=self.axis, out=out)

    def vjp(self, cotangent: Variable, output: Variable, *xs: Variable) -> tuple[Variable, ...]:
        pieces = Split(tuple(x.shape[self.axis] for x in xs), self.axis)(cotangent)
        return tuple(p.astype(x.dtype) for p, x in zip(pieces, xs, strict=True))


@dataclass(frozen=True)
class Stack(Gate):
    """Arrays of one shape side by side along a new axis."""

    axis: int
    symbol: ClassVar[str] = "stack"
    verb = "lays side by side"
    lesson = "hands each input its slice of the gradient"

    def infer(self, *xs: Type) -> Type:
        first = xs[0].shape
        for x in xs[1:]:
            if x.shape != first:
                raise ShapeError(f"{show_shape(first)} and {show_shape(x.shape)} differ")
        shape = (*first[: self.axis], len(xs), *first[self.axis :])
        return Type(shape, np.result_type(*(x.dtype for x in xs)))

    def lift(self, lifted: Sequence[bool], *xs: Variable) -> Any:
        return Stack(self.axis + 1)(*all_lifted(lifted, xs))

    def forward(self, xp: Any, *xs: Any, out: Any = None) -> Any:
        return xp.stack(xs, axis=self.axis, out=out)

    def vjp(self, cotangent: Variable, output: Variable, *xs: Variable) -> tuple[Variable, ...]:
        every = (slice(None),) * self.axis
        return tuple(cotangent[(*every, i)].astype(x.dtype) for i, x in enumerate(xs))


@dataclass(frozen=True)
class Split(View):
    """Neighbouring pieces of given sizes along an axis: the inverse of concat. Several outputs."""

    sizes: tuple[Size, ...]
    axis: int
    symbol: ClassVar[str] = "split"
    verb = "cuts into pieces"
    lesson = "joins the gradients of the pieces again"

    def formula(self, *types: Type) -> tuple[Notation, ...]:
        before = [":"] * self.axis
        starts = accumulate(self.sizes[:-1], initial=self.sizes[0] - self.sizes[0])
        return tuple(
            subscript(", ".join([*before, f"{start}:{start + size}"]))
            for start, size in zip(starts, self.sizes, strict=True)
        )

    def infer(self, x: Type) -> tuple[Type, ...]:
        axis = self.axis
        if sum(self.sizes, start=0) != x.shape[axis]:
            raise ShapeError(
                f"the pieces {self.sizes} do not make up axis {axis} of {show_shape(x.shape)}"
            )
        return tuple(
            Type((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype) for size in self.sizes
        )

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return Split(self.sizes, self.axis + 1)(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        pieces: list[Any] = []
        start: Size = 0
        for size in self.sizes:
            piece = (slice(None),) * self.axis + (slice(start, start + size),)
            pieces.append(x[piece])
            start += size
        return tuple(pieces)

    def vjp(
        self, cotangents: Sequence[Variable | None], outputs: Sequence[Variable], x: Variable
    ) -> Any:
        filled = [
            BroadcastTo(output.shape)(constant(0, x.dtype)) if ct is None else ct
            for ct, output in zip(cotangents, outputs, strict=True)
        ]
        return Concat(self.axis)(*filled)
