"""Exponentials, logarithms, roots, and the functions of angles."""

from ..notation import Notation, call
from ..variables import Variable
from .elementwise import Elementwise

__all__ = ["Cos", "Exp", "Expm1", "Log", "Log1p", "Sin", "Sqrt", "Tanh"]

Cotangents = tuple[Variable | None, ...]


class Exp(Elementwise):
    """e^x."""

    symbol, ufunc = "exp", "exp"
    scalar = "mg_exp({0})"
    lesson = "multiplies the gradient by its own output"
    notation = Notation("e{0:exponent}", "e^{{{0}}}", "power")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * output,)


class Expm1(Elementwise):
    """e^x - 1, exact also near 0."""

    symbol, ufunc = "eˣ−1", "expm1"
    scalar = "mg_expm1({0})"
    lesson = "multiplies the gradient by e^x, its output plus 1"
    notation = Notation("e{0:exponent} - 1", "e^{{{0}}} - 1", "sum")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * (output + 1),)


class Log(Elementwise):
    """The natural logarithm; -inf at 0, NaN below."""

    symbol, ufunc = "log", "log"
    scalar = "mg_log({0})"
    lesson = "divides the gradient by its input"
    notation = call("log", r"\log")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent / x,)


class Log1p(Elementwise):
    """log(1 + x), exact also near 0."""

    symbol, ufunc = "log1p", "log1p"
    scalar = "mg_log1p({0})"
    lesson = "divides the gradient by 1 plus its input"
    notation = Notation("log(1 + {0:sigma})", r"\log\left(1 + {0:sigma}\right)")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent / (1 + x),)


class Sqrt(Elementwise):
    """The square root; NaN below 0."""

    symbol, ufunc = "√", "sqrt"
    scalar = "mg_sqrt({0})"
    lesson = "divides the gradient by twice its own output"
    notation = Notation("√{0:atom}", r"\sqrt{{{0}}}", "power")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * 0.5 / output,)


class Tanh(Elementwise):
    """tanh x = (e^x - e^-x) / (e^x + e^-x)."""

    symbol, ufunc = "tanh", "tanh"
    scalar = "mg_tanh({0})"
    lesson = "lets through 1 - tanh² of the gradient, little where it is saturated"
    notation = call("tanh", r"\tanh")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * (1 - output * output),)


class Sin(Elementwise):
    """The sine of an angle in radians."""

    symbol, ufunc = "sin", "sin"
    scalar = "mg_sin({0})"
    lesson = "multiplies the gradient by the cosine of its input"
    notation = call("sin", r"\sin")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * x.cos(),)


class Cos(Elementwise):
    """The cosine of an angle in radians."""

    symbol, ufunc = "cos", "cos"
    scalar = "mg_cos({0})"
    lesson = "multiplies the gradient by minus the sine of its input"
    notation = call("cos", r"\cos")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (-cotangent * x.sin(),)
