"""Arithmetic: + − × ÷, powers, and their kin."""

from typing import Any

import numpy as np

from ..notation import Notation, call, infix, prefix
from ..types import Type
from ..variables import Constant, Variable
from .choice import Where
from .elementwise import Elementwise

__all__ = [
    "Abs",
    "Add",
    "Ceil",
    "Divide",
    "Floor",
    "FloorDivide",
    "Multiply",
    "Negative",
    "Power",
    "Remainder",
    "Round",
    "Sign",
    "Subtract",
]

Cotangents = tuple[Variable | None, ...]


class Add(Elementwise):
    """x + y. Copies the cotangent to both inputs."""

    symbol, ufunc = "+", "add"
    scalar = "{0} + {1}"
    verb, lesson = "adds", "hands the gradient to both inputs"
    notation = infix("+", "+", "sum", "sum", "sigma")
    commutative = True

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent, cotangent


class Subtract(Elementwise):
    """x - y."""

    symbol, ufunc = "−", "subtract"
    scalar = "{0} - {1}"
    verb = "subtracts"
    lesson = "hands the gradient to the first input, and its negative to the second"
    notation = infix("-", "-", "sum", "sum", "sigma")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent, -cotangent


class Multiply(Elementwise):
    """x · y. Swaps its inputs: each gets the cotangent times the other."""

    symbol, ufunc = "×", "multiply"
    scalar = "{0} * {1}"
    verb, lesson = "multiplies", "swaps its inputs"
    commutative = True

    def formula(self, *types: Type) -> Notation:
        arrays = all(t.shape for t in types)
        sign, latex = ("⊙", r"\odot") if arrays else ("·", r"\cdot")
        return infix(sign, latex, "product", "product", "derivative")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent * y, cotangent * x


class Divide(Elementwise):
    """x / y; a float, also for integers."""

    symbol, ufunc = "÷", "divide"
    scalar = "{0} / {1}"
    verb = "divides"
    lesson = "divides the gradient by the lower input, which gets minus that times the result"
    notation = Notation("{0:product} / {1:power}", r"\frac{{{0}}}{{{1}}}", "product")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent / y, -cotangent * output / y


class FloorDivide(Elementwise):
    """The greatest whole number up to x / y. Its derivative is 0 wherever it has one."""

    symbol, ufunc = "⌊÷⌋", "floor_divide"
    scalar = "mg_floor_divide({0}, {1})"
    verb = "divides, and rounds down"
    lesson = "lets no gradient through, as its slope is 0"
    notation = Notation(
        "⌊{0:product} / {1:power}⌋", r"\left\lfloor\frac{{{0}}}{{{1}}}\right\rfloor"
    )

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return None, None


class Remainder(Elementwise):
    """x - y · ⌊x / y⌋, with the sign of y."""

    symbol, ufunc = "mod", "remainder"
    scalar = "mg_remainder({0}, {1})"
    verb = "keeps the rest of a division"
    lesson = "hands the gradient to the first input, and minus it times ⌊x / y⌋ to the second"
    notation = infix("mod", r"\bmod", "product", "product", "power")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent, -cotangent * (x // y)


class Negative(Elementwise):
    """-x."""

    symbol, ufunc = "−", "negative"
    scalar = "-{0}"
    verb = "turns the sign"
    lesson = "turns the sign of the gradient"
    notation = prefix("-", "-", "sum", "sigma")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (-cotangent,)


class Abs(Elementwise):
    """|x|; the derivative at 0 is taken as 0."""

    symbol, ufunc = "|·|", "abs"
    scalar = "mg_abs({0})"
    verb = "takes the sign away"
    lesson = "hands the gradient on with the sign of its input"
    notation = Notation("|{0}|", r"\left|{0}\right|")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * x.sign(),)


class Sign(Elementwise):
    """-1, 0 or 1; NaN for NaN. Its derivative is 0."""

    symbol, ufunc = "sgn", "sign"
    scalar = "{0} > 0 ? 1 : {0} < 0 ? -1 : {0} == 0 ? 0 : {0}"
    verb = "keeps the sign alone"
    lesson = "lets no gradient through, as its slope is 0"
    notation = call("sgn")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (None,)


class Floor(Elementwise):
    """The greatest whole number up to x. Its derivative is 0."""

    symbol, ufunc = "⌊·⌋", "floor"
    scalar = "mg_floor({0})"
    verb = "rounds down"
    lesson = "lets no gradient through, as its slope is 0"
    notation = Notation("⌊{0}⌋", r"\left\lfloor{0}\right\rfloor")

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (None,)


class Ceil(Floor):
    """The least whole number from x up. Its derivative is 0."""

    symbol, ufunc = "⌈·⌉", "ceil"
    scalar = "mg_ceil({0})"
    verb = "rounds up"
    notation = Notation("⌈{0}⌉", r"\left\lceil{0}\right\rceil")


class Round(Floor):
    """The nearest whole number, halves to even. Its derivative is 0."""

    symbol, ufunc = "round", "rint"
    scalar = "mg_rint({0})"
    verb = "goes to the nearest whole number"
    notation = call("round")


class Power(Elementwise):
    """x ** y.

    d/dx = y · x^(y-1), which is 0 for y = 0 whatever x is; d/dy = x^y · log x, taken as 0 at x = 0.
    """

    symbol, ufunc = "^", "power"
    scalar = "mg_power({0}, {1})"
    verb = "raises to a power"
    lesson = "multiplies the gradient by the slope of the power"
    notation = Notation("{0:atom}{1:exponent}", "{{{0:atom}}}^{{{1}}}", "power")

    def expression(self, *dtypes: np.dtype[Any]) -> str:
        floats = self.result_dtype(*dtypes).kind == "f"  # of integers NumPy refuses powers below 0
        return super().expression(*dtypes) if floats else ""

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        plain = isinstance(y, Constant) and bool((y.value != 0).all())
        less = y - 1 if plain else Where()(y == 0, y + 1, y - 1)
        log_x = Where()(x == 0, x * 0 + 1, x).log()
        return cotangent * y * x**less, cotangent * output * log_x
