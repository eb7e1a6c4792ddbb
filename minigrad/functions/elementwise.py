"""Elementwise functions. Shapes broadcast, dtypes promote as in NumPy; Python numbers adapt.

All take Variables, arrays or numbers, x (…) and y (…), and give a Variable of the broadcast shape.
They raise ShapeError where shapes do not broadcast, DTypeError where a dtype has no such function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import gates
from ..errors import DTypeError
from ..variables import Variable, as_variables, method

__all__ = [
    "abs",
    "add",
    "ceil",
    "clip",
    "cos",
    "divide",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "relu",
    "remainder",
    "round",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "subtract",
    "tanh",
    "where",
]

Operand = Any  # a Variable, or what NumPy makes an array of


def _reflected(function: Callable[[Operand, Operand], Variable]) -> Callable[..., Variable]:
    """``2 - x`` is ``x.__rsub__(2)``."""
    return lambda y, x: function(x, y)


@method("__neg__")
def negative(x: Operand) -> Variable:
    """-x."""
    return gates.Negative()(x)


@method("__abs__", "abs")
def abs(x: Operand) -> Variable:
    """|x|; the derivative at 0 is 0."""
    return gates.Abs()(x)


@method("sign")
def sign(x: Operand) -> Variable:
    """-1, 0 or 1."""
    return gates.Sign()(x)


@method("floor")
def floor(x: Operand) -> Variable:
    """The greatest whole number up to x."""
    return gates.Floor()(x)


@method("ceil")
def ceil(x: Operand) -> Variable:
    """The least whole number from x up."""
    return gates.Ceil()(x)


@method("round")
def round(x: Operand) -> Variable:
    """The nearest whole number, halves to even; integers stay as they are."""
    (x,) = as_variables(x)
    return x if x.dtype.kind in "iu" else gates.Round()(x)


@method("exp")
def exp(x: Operand) -> Variable:
    """e^x."""
    return gates.Exp()(x)


@method("expm1")
def expm1(x: Operand) -> Variable:
    """e^x - 1, exact also near 0."""
    return gates.Expm1()(x)


@method("log")
def log(x: Operand) -> Variable:
    """The natural logarithm."""
    return gates.Log()(x)


@method("log1p")
def log1p(x: Operand) -> Variable:
    """log(1 + x), exact also near 0."""
    return gates.Log1p()(x)


@method("sqrt")
def sqrt(x: Operand) -> Variable:
    """The square root."""
    return gates.Sqrt()(x)


@method("tanh")
def tanh(x: Operand) -> Variable:
    """The hyperbolic tangent."""
    return gates.Tanh()(x)


@method("sin")
def sin(x: Operand) -> Variable:
    """The sine of an angle in radians."""
    return gates.Sin()(x)


@method("cos")
def cos(x: Operand) -> Variable:
    """The cosine of an angle in radians."""
    return gates.Cos()(x)


def logical_not(x: Operand) -> Variable:
    """Whether x is false (0)."""
    return gates.LogicalNot()(x)


@method("isnan")
def isnan(x: Operand) -> Variable:
    """Whether x is NaN."""
    return gates.Isnan()(x)


@method("isinf")
def isinf(x: Operand) -> Variable:
    """Whether x is an infinity."""
    return gates.Isinf()(x)


@method("isfinite")
def isfinite(x: Operand) -> Variable:
    """Whether x is neither NaN nor an infinity."""
    return gates.Isfinite()(x)


@method("sigmoid")
def sigmoid(x: Operand) -> Variable:
    """σ(x) = 1 / (1 + e^-x), without overflow."""
    return gates.Sigmoid()(x)


@method("relu")
def relu(x: Operand) -> Variable:
    """max(x, 0); the derivative at 0 is 0."""
    return gates.Relu()(x)


@method("softplus")
def softplus(x: Operand) -> Variable:
    """log(1 + e^x), without overflow."""
    return gates.Softplus()(x)


@method("__add__")
def add(x: Operand, y: Operand) -> Variable:
    """x + y."""
    return gates.Add()(x, y)


@method("__sub__")
def subtract(x: Operand, y: Operand) -> Variable:
    """x - y."""
    return gates.Subtract()(x, y)


@method("__mul__")
def multiply(x: Operand, y: Operand) -> Variable:
    """x · y."""
    return gates.Multiply()(x, y)


@method("__truediv__")
def divide(x: Operand, y: Operand) -> Variable:
    """x / y, a float also for integers."""
    return gates.Divide()(x, y)


@method("__floordiv__")
def floor_divide(x: Operand, y: Operand) -> Variable:
    """The greatest whole number up to x / y."""
    return gates.FloorDivide()(x, y)


@method("__mod__")
def remainder(x: Operand, y: Operand) -> Variable:
    """x - y · ⌊x / y⌋."""
    return gates.Remainder()(x, y)


@method("__pow__")
def pow(x: Operand, y: Operand) -> Variable:
    """x to the power of y."""
    return gates.Power()(x, y)


def maximum(x: Operand, y: Operand) -> Variable:
    """The larger one; equal inputs share the gradient, half each."""
    return gates.Maximum()(x, y)


def minimum(x: Operand, y: Operand) -> Variable:
    """The smaller one; equal inputs share the gradient, half each."""
    return gates.Minimum()(x, y)


@method("__lt__")
def less(x: Operand, y: Operand) -> Variable:
    """x < y."""
    return gates.Less()(x, y)


@method("__le__")
def less_equal(x: Operand, y: Operand) -> Variable:
    """x ≤ y."""
    return gates.LessEqual()(x, y)


@method("__gt__")
def greater(x: Operand, y: Operand) -> Variable:
    """x > y."""
    return gates.Greater()(x, y)


@method("__ge__")
def greater_equal(x: Operand, y: Operand) -> Variable:
    """x ≥ y."""
    return gates.GreaterEqual()(x, y)


@method("__eq__")
def equal(x: Operand, y: Operand) -> Variable:
    """x = y."""
    return gates.Equal()(x, y)


@method("__ne__")
def not_equal(x: Operand, y: Operand) -> Variable:
    """x ≠ y."""
    return gates.NotEqual()(x, y)


def logical_and(x: Operand, y: Operand) -> Variable:
    """Both are true."""
    return gates.LogicalAnd()(x, y)


def logical_or(x: Operand, y: Operand) -> Variable:
    """At least one is true."""
    return gates.LogicalOr()(x, y)


def logical_xor(x: Operand, y: Operand) -> Variable:
    """Just one is true."""
    return gates.LogicalXor()(x, y)


for _name, _function in {
    "__radd__": add,
    "__rsub__": subtract,
    "__rmul__": multiply,
    "__rtruediv__": divide,
    "__rfloordiv__": floor_divide,
    "__rmod__": remainder,
    "__rpow__": pow,
}.items():
    method(_name)(_reflected(_function))


def _for_booleans(symbol: str, function: Callable[..., Variable]) -> Callable[..., Variable]:
    """``x & y`` of booleans; NumPy's works on the bits of integers, for which there is no gate."""

    def operator(*operands: Operand) -> Variable:
        found = as_variables(*operands)
        if any(v.dtype != np.bool_ for v in found):
            dtypes = ", ".join(str(v.dtype) for v in found)
            raise DTypeError(
                f"{symbol} takes booleans, and had {dtypes}: use mg.{function.__name__}"
            )
        return function(*found)

    return operator


method("__invert__")(_for_booleans("~", logical_not))
method("__and__", "__rand__")(_for_booleans("&", logical_and))
method("__or__", "__ror__")(_for_booleans("|", logical_or))
method("__xor__", "__rxor__")(_for_booleans("^", logical_xor))


def square(x: Operand) -> Variable:
    """x · x."""
    (x,) = as_variables(x)
    return multiply(x, x)


@method("clip")
def clip(x: Operand, lo: Operand, hi: Operand) -> Variable:
    """x, but at least `lo` and at most `hi`. The gradient passes for lo ≤ x ≤ hi.

    >>> import minigrad as mg
    >>> mg.clip(mg.constant([-2.0, 0.5, 9.0]), -1, 1).eval()
    array([-1. ,  0.5,  1. ])
    """
    return gates.Clip()(x, lo, hi)


def where(condition: Operand, x: Operand, y: Operand) -> Variable:
    """x where `condition` (bool) holds, else y."""
    if not isinstance(condition, Variable):
        condition = np.asarray(condition)  # of a dtype of its own, whatever x and y are
    return gates.Where()(condition, *as_variables(x, y))
