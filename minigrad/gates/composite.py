"""Gates that are made of simpler ones, but computed in a way that neither overflows nor cancels.

Each states its `definition` in simpler gates: what a picture shows when it zooms in, and what a
test holds the stable forward and gradient against.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..dims import Size
from ..errors import ShapeError
from ..graph import Gate
from ..notation import Notation, call
from ..types import Type
from ..variables import Variable
from .choice import Maximum, Where
from .elementwise import Elementwise, ufunc_dtype
from .reductions import axes_of

__all__ = ["Composite", "LogSoftmax", "LogSumExp", "Relu", "Sigmoid", "Softmax", "Softplus"]


class Composite(Gate):
    """A gate with a `definition`."""

    @abstractmethod
    def definition(self, *inputs: Any) -> Variable:
        """The same, from simpler gates: true wherever those neither overflow nor cancel."""


def _as_float(x: Any) -> Any:
    """Integers as the floats that exp makes of them: unsigned, -x and x - max x wrap around."""
    return x if x.dtype.kind == "f" else x.astype(ufunc_dtype("exp", x.dtype))


class _ElementwiseComposite(Elementwise, Composite):
    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        return ufunc_dtype("exp", *dtypes)


class Sigmoid(_ElementwiseComposite):
    """σ(x) = 1 / (1 + e^-x)."""

    symbol = "σ"
    scalar = "mg_sigmoid({0})"
    lesson = "lets through σ · (1 - σ) of the gradient, a quarter at most"
    notation = call("σ", r"\sigma")

    def in_place(self) -> bool:
        return type(self).forward is Sigmoid.forward

    def definition(self, x: Variable) -> Variable:
        return 1 / (1 + (-x).exp())

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        e = xp.exp(xp.negative(_as_float(x), out=out), out=out)  # inf for x far below 0: 1/inf = 0
        return xp.divide(1, xp.add(e, 1, out=out), out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent * (output * (1 - output))


class Relu(Elementwise, Composite):
    """max(x, 0). The derivative at 0 is taken as 0."""

    symbol = "relu"
    scalar = "{0} <= 0 ? 0 : {0}"
    verb = "keeps what is positive"
    lesson = "lets the gradient through where the input was positive"

    def in_place(self) -> bool:
        return type(self).forward is Relu.forward

    def definition(self, x: Variable) -> Variable:
        return Maximum()(x, 0)

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        return ufunc_dtype("positive", *dtypes)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.maximum(x, 0, out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return Where()(x > 0, cotangent, 0.0)


class Softplus(_ElementwiseComposite):
    """log(1 + e^x)."""

    symbol = "softplus"
    scalar = "mg_softplus({0})"
    lesson = "multiplies the gradient by σ of its input"

    def definition(self, x: Variable) -> Variable:
        return (1 + x.exp()).log()

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.logaddexp(x, 0, out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent * Sigmoid()(x)


@dataclass(frozen=True)
class _AlongAxis(Composite):
    """A composite over the exponentials along one axis (counted from the front)."""

    axis: int

    def formula(self, *types: Type) -> Notation:
        rank = len(types[0].shape)
        over = axes_of(types[0].shape, [self.axis]) if self.axis < rank - 1 else []
        return call(str(self), more=[f"over {name}" for name in over])

    def lift(self, lifted: Sequence[bool], x: Variable) -> Any:
        return replace(self, axis=self.axis + 1)(x)

    def infer(self, x: Type) -> Type:
        if not 0 <= self.axis < len(x.shape):
            raise ShapeError(f"there is no axis {self.axis} in {x.shape}")
        return Type(x.shape, ufunc_dtype("exp", x.dtype))

    def top(self, x: Any, size: Size) -> Any:
        """The largest along the axis, with which no exponential overflows; -inf of nothing."""
        if size:
            return x.max(axis=self.axis, keepdims=True)
        return x.sum(axis=self.axis, keepdims=True) - np.inf


@dataclass(frozen=True)
class Softmax(_AlongAxis):
    """e^x_i / Σ_j e^x_j along an axis."""

    symbol: ClassVar[str] = "softmax"
    verb = "makes shares that add up to 1"
    lesson = "takes off the gradient its mean, weighted by the shares, and multiplies by the shares"

    def definition(self, x: Variable) -> Variable:
        return x.exp() / x.exp().sum(axis=self.axis, keepdims=True)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        x, size = _as_float(x), x.shape[self.axis]
        shifted = xp.subtract(x, self.top(x, size), out=out)
        e = xp.exp(shifted, out=out)
        return xp.divide(e, e.sum(axis=self.axis, keepdims=True), out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return output * (cotangent - (cotangent * output).sum(axis=self.axis, keepdims=True))


@dataclass(frozen=True)
class LogSoftmax(_AlongAxis):
    """x_i - log Σ_j e^x_j along an axis."""

    symbol: ClassVar[str] = "log softmax"
    verb = "takes the logs of shares"
    lesson = "takes off the gradient its sum, dealt out in softmax shares"

    def definition(self, x: Variable) -> Variable:
        return x - x.exp().sum(axis=self.axis, keepdims=True).log()

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        x, size = _as_float(x), x.shape[self.axis]
        shifted = xp.subtract(x, self.top(x, size), out=out)
        total = xp.exp(shifted).sum(axis=self.axis, keepdims=True)
        return xp.subtract(shifted, xp.log(total), out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent - output.exp() * cotangent.sum(axis=self.axis, keepdims=True)


@dataclass(frozen=True)
class LogSumExp(_AlongAxis):
    """log Σ_i e^x_i over an axis; -inf when all are."""

    keepdims: bool = False
    symbol: ClassVar[str] = "logΣexp"
    lesson = "deals the gradient out in softmax shares"

    def definition(self, x: Variable) -> Variable:
        return x.exp().sum(axis=self.axis, keepdims=self.keepdims).log()

    def infer(self, x: Type) -> Type:
        full = super().infer(x)
        kept = (1,) if self.keepdims else ()
        return Type((*full.shape[: self.axis], *kept, *full.shape[self.axis + 1 :]), full.dtype)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        x, size = _as_float(x), x.shape[self.axis]
        top = self.top(x, size)
        top = xp.where(xp.isfinite(top), top, 0)  # inf - inf would be NaN
        total = xp.exp(x - top).sum(axis=self.axis, keepdims=True)
        result = xp.log(total) + top
        return result if self.keepdims else result.squeeze(self.axis)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        if not self.keepdims:
            cotangent, output = (v.expand_dims(self.axis) for v in (cotangent, output))
        return cotangent * (x - output).exp()
