"""Arithmetic: + − × ÷, powers, and their kin."""

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
    commutative = True

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent, cotangent


class Subtract(Elementwise):
    """x - y."""

    symbol, ufunc = "−", "subtract"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent, -cotangent


class Multiply(Elementwise):
    """x · y. Swaps its inputs: each gets the cotangent times the other."""

    symbol, ufunc = "×", "multiply"
    commutative = True

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent * y, cotangent * x


class Divide(Elementwise):
    """x / y; a float, also for integers."""

    symbol, ufunc = "÷", "divide"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent / y, -cotangent * output / y


class FloorDivide(Elementwise):
    """The greatest whole number up to x / y. Its derivative is 0 wherever it has one."""

    symbol, ufunc = "⌊÷⌋", "floor_divide"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return None, None


class Remainder(Elementwise):
    """x - y · ⌊x / y⌋, with the sign of y."""

    symbol, ufunc = "mod", "remainder"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        return cotangent, -cotangent * (x // y)


class Negative(Elementwise):
    """-x."""

    symbol, ufunc = "−", "negative"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (-cotangent,)


class Abs(Elementwise):
    """|x|; the derivative at 0 is taken as 0."""

    symbol, ufunc = "|·|", "abs"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (cotangent * x.sign(),)


class Sign(Elementwise):
    """-1, 0 or 1; NaN for NaN. Its derivative is 0."""

    symbol, ufunc = "sgn", "sign"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (None,)


class Floor(Elementwise):
    """The greatest whole number up to x. Its derivative is 0."""

    symbol, ufunc = "⌊·⌋", "floor"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Cotangents:
        return (None,)


class Ceil(Floor):
    """The least whole number from x up. Its derivative is 0."""

    symbol, ufunc = "⌈·⌉", "ceil"


class Round(Floor):
    """The nearest whole number, halves to even. Its derivative is 0."""

    symbol, ufunc = "round", "rint"


class Power(Elementwise):
    """x ** y.

    d/dx = y · x^(y-1), which is 0 for y = 0 whatever x is; d/dy = x^y · log x, taken as 0 at x = 0.
    """

    symbol, ufunc = "^", "power"

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        plain = isinstance(y, Constant) and bool((y.value != 0).all())
        less = y - 1 if plain else Where()(y == 0, y + 1, y - 1)
        log_x = Where()(x == 0, x * 0 + 1, x).log()
        return cotangent * y * x**less, cotangent * output * log_x
