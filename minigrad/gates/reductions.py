"""Gates that shrink axes: sum, mean, max, min, argmax, all, any; and the running sum."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..dims import Shape, product
from ..graph import Gate
from ..notation import SILENT, Notation, call, escape, prefix
from ..types import Type
from ..variables import Variable
from .creation import Extent

__all__ = ["AllTrue", "AnyTrue", "Argmax", "Argmin", "CumulativeSum", "Max", "Mean", "Min", "Sum"]


def axes_of(shape: Shape, axes: Sequence[int]) -> list[str]:
    """What some axes are called: by the names of their sizes, or their numbers; none for all."""
    if len(axes) == len(shape):
        return []
    names = [str(size) for size in shape]
    return [
        names[a] if names[a].isidentifier() and names.count(names[a]) == 1 else f"axis {a}"
        for a in axes
    ]


@dataclass(frozen=True)
class Reduction(Gate):
    """A gate that takes `axes` (counted from the front, sorted) down to one number each.

    With `keepdims` they stay as axes of size 1.
    """

    axes: tuple[int, ...]
    keepdims: bool = False
    function: ClassVar[str]
    fold: ClassVar[tuple[str, str] | None] = None
    """In C: what it begins with ("first": an element), and how {1} joins the result {0}."""

    def formula(self, *types: Type) -> Notation:
        over = axes_of(types[0].shape, self.axes)
        return call(str(self), count=1, more=[f"over {', '.join(over)}"] if over else [])

    def infer(self, x: Type) -> Type:
        shape = tuple(1 if i in self.axes else size for i, size in enumerate(x.shape))
        if not self.keepdims:
            shape = tuple(size for i, size in enumerate(shape) if i not in self.axes)
        return Type(shape, self.result_dtype(x.dtype))

    def result_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype of the output: what NumPy makes of such an array."""
        return np.dtype(getattr(np, self.function)(np.ones(1, dtype)).dtype)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return getattr(x, self.function)(axis=self.axes, keepdims=self.keepdims, out=out)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return replace(self, axes=tuple(a + 1 for a in self.axes))(x)

    def restore(self, reduced: Variable, shape: Shape) -> Variable:
        """An output of this reduction laid over the shape of its input."""
        return (reduced if self.keepdims else reduced.expand_dims(self.axes)).broadcast_to(shape)


@dataclass(frozen=True)
class Sum(Reduction):
    """The sum over axes. Integers add up in 64 bits, as in NumPy."""

    symbol: ClassVar[str] = "Σ"
    verb = "adds up"
    lesson = "spreads the gradient to every element"
    function = "sum"
    fold = "0", "{0} + {1}"

    def formula(self, *types: Type) -> Notation:
        if all(types[0].shape[a] == 1 for a in self.axes):
            return SILENT
        over = axes_of(types[0].shape, self.axes)
        axes = ",".join(over)
        text = f"_{axes}" if len(axes) == 1 else f"_{{{{{axes}}}}}" if axes else ""
        latex = rf"_{{{{{escape(axes)}}}}}" if axes else ""
        return prefix(f"Σ{text} ", rf"\sum{latex}", "sigma", "sigma")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return self.restore(cotangent, x.shape)


@dataclass(frozen=True)
class Mean(Reduction):
    """The mean over axes; NaN where there is nothing to average."""

    symbol: ClassVar[str] = "mean"
    verb = "averages"
    lesson = "spreads the gradient to every element, divided by their number"
    function = "mean"
    fold = "0", "{0} + {1}"

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        total = x.sum(axis=self.axes, keepdims=self.keepdims)  # xp.mean warns of nothing
        return xp.divide(total, product(x.shape[i] for i in self.axes), out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        count = product(x.shape[i] for i in self.axes)
        return self.restore(cotangent / Extent(count, cotangent.dtype)(), x.shape)


@dataclass(frozen=True)
class Max(Reduction):
    """The largest over axes; NaN if any is. Equal maxima share the cotangent equally."""

    symbol: ClassVar[str] = "max"
    verb = "keeps the largest"
    lesson = "routes the gradient to the largest element, in equal parts where several are"
    function = "max"
    fold = "first", "mg_maximum({0}, {1})"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        chosen = (x == self.restore(output, x.shape)).astype(cotangent.dtype)
        share = chosen / chosen.sum(axis=self.axes, keepdims=True)
        return self.restore(cotangent, x.shape) * share


@dataclass(frozen=True)
class Min(Max):
    """The smallest over axes; NaN if any is. Equal minima share the cotangent equally."""

    symbol: ClassVar[str] = "min"
    verb = "keeps the smallest"
    lesson = "routes the gradient to the smallest element, in equal parts where several are"
    function = "min"
    fold = "first", "mg_minimum({0}, {1})"


@dataclass(frozen=True)
class AllTrue(Reduction):
    """Whether all are true."""

    symbol: ClassVar[str] = "∀"
    verb = "asks whether all are true"
    function = "all"
    fold = "1", "{0} & ({1} != 0)"


@dataclass(frozen=True)
class AnyTrue(Reduction):
    """Whether any is true."""

    symbol: ClassVar[str] = "∃"
    verb = "asks whether any is true"
    function = "any"
    fold = "0", "{0} | ({1} != 0)"


@dataclass(frozen=True)
class Argmax(Gate):
    """The index of the largest along one axis, the first of equals; int64."""

    axis: int
    keepdims: bool = False
    symbol: ClassVar[str] = "argmax"
    verb = "finds the place of the largest"
    function: ClassVar[str] = "argmax"

    def formula(self, *types: Type) -> Notation:
        over = axes_of(types[0].shape, [self.axis])
        return call(str(self), more=[f"over {name}" for name in over])

    def infer(self, x: Type) -> Type:
        kept: Shape = (1,) if self.keepdims else ()
        return Type(x.shape[: self.axis] + kept + x.shape[self.axis + 1 :], np.dtype(np.int64))

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return replace(self, axis=self.axis + 1)(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return getattr(x, self.function)(axis=self.axis, keepdims=self.keepdims, out=out)


@dataclass(frozen=True)
class Argmin(Argmax):
    """The index of the smallest along one axis, the first of equals; int64."""

    symbol: ClassVar[str] = "argmin"
    verb = "finds the place of the smallest"
    function: ClassVar[str] = "argmin"


@dataclass(frozen=True)
class CumulativeSum(Gate):
    """The running sum along an axis: out_t = Σ_{s ≤ t} x_s, or s ≥ t when `reverse`.

    Integers add up in 64 bits, as in NumPy.
    """

    axis: int
    reverse: bool = False
    symbol: ClassVar[str] = "Σ≤"
    verb = "adds up as it goes"
    lesson = "adds the gradient up from the other end"

    def formula(self, *types: Type) -> Notation:
        over = axes_of(types[0].shape, [self.axis])
        more = [f"over {name}" for name in over] + ["reverse"] * self.reverse
        return call(str(self), more=more)

    def infer(self, x: Type) -> Type:
        return Type(x.shape, np.cumsum(np.ones(1, x.dtype)).dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return replace(self, axis=self.axis + 1)(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        if self.reverse:
            back = (slice(None),) * self.axis + (slice(None, None, -1),)
            return xp.cumsum(x[back], axis=self.axis)[back]
        return xp.cumsum(x, axis=self.axis, out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return CumulativeSum(self.axis, not self.reverse)(cotangent)
