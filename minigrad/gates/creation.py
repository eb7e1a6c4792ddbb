"""Gates made of settings alone (a range, a size as a number), casts, and the gradient's stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..dims import Size
from ..errors import DTypeError
from ..graph import Gate
from ..notation import SILENT, Notation, call, escape
from ..types import Type
from ..variables import Variable

__all__ = ["Arange", "Astype", "Extent", "OneHot", "StopGradient"]


@dataclass(frozen=True)
class Arange(Gate):
    """0, 1, … n - 1, as int64. Other ranges are made of it."""

    size: Size
    symbol: ClassVar[str] = "0…n"
    verb = "counts"
    allocates: ClassVar[bool] = True

    def formula(self, *types: Type) -> Notation:
        last = self.size - 1
        return Notation(f"[0, …, {last}]", rf"\left[0, \dots, {escape(str(last))}\right]")

    def infer(self) -> Type:
        return Type((self.size,), np.dtype(np.int64))

    def forward(self, xp: Any, out: Any = None) -> Any:
        return xp.arange(self.size)


@dataclass(frozen=True)
class Extent(Gate):
    """A size as a number: what a mean divides by."""

    size: Size
    dtype: np.dtype[Any]
    symbol: ClassVar[str] = "n"
    verb = "is a size"

    def formula(self, *types: Type) -> Notation:
        size = str(self.size)
        binds = "sum" if " " in size else "product" if "*" in size else "atom"
        return Notation(size.replace("*", "·"), escape(size).replace("*", r" \cdot "), binds)

    def infer(self) -> Type:
        return Type((), self.dtype)

    def forward(self, xp: Any, out: Any = None) -> Any:
        return xp.asarray(self.size, self.dtype)


@dataclass(frozen=True)
class Astype(Gate):
    """The same numbers in another dtype; floats lose their fraction on the way to integers."""

    dtype: np.dtype[Any]
    symbol: ClassVar[str] = "cast"
    verb = "changes the number type"
    lesson = "hands the gradient on, in the number type of the input"
    view: ClassVar[bool] = True

    def formula(self, *types: Type) -> Notation:
        if types[0].dtype.kind == "b":
            return Notation("[{0}]", r"\left[{0}\right]")  # 1 where it holds, 0 elsewhere
        rounds = types[0].differentiable and self.dtype.kind != "f"
        return call("int") if rounds else SILENT

    def infer(self, x: Type) -> Type:
        return Type(x.shape, self.dtype)

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return self(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.astype(self.dtype)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent.astype(x.dtype)


@dataclass(frozen=True)
class StopGradient(Gate):
    """x itself, but no cotangent passes."""

    symbol: ClassVar[str] = "stop"
    verb = "hands its input on"
    lesson = "lets no gradient through"
    notation = call("stop")
    view: ClassVar[bool] = True

    def infer(self, x: Type) -> Type:
        return x

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return self(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> None:
        return None


@dataclass(frozen=True)
class OneHot(Gate):
    """Integers (…) as rows (…, n) of zeros with a one in their place.

    The row of an id outside 0…n-1 has no one.
    """

    size: Size
    dtype: np.dtype[Any]
    symbol: ClassVar[str] = "1-hot"
    verb = "puts a 1 at the place of each number"
    notation = call("onehot")

    def infer(self, ids: Type) -> Type:
        if ids.dtype.kind not in "iu":
            raise DTypeError(f"ids must be integers, and are {ids.dtype}")
        return Type((*ids.shape, self.size), self.dtype)

    def lift(self, lifted: Sequence[bool], ids: Variable) -> Any:
        return self(ids)

    def forward(self, xp: Any, ids: Any, out: Any = None) -> Any:
        if out is None:
            out = xp.empty((*ids.shape, self.size), self.dtype)
        return xp.equal(ids[..., None], xp.arange(self.size), out=out, casting="unsafe")
