"""Comparisons, logic, and the gates that choose: where, maximum, minimum, clip."""

from typing import Any

import numpy as np

from ..errors import DTypeError
from ..notation import Notation, call, infix, prefix
from ..variables import Variable
from .elementwise import Elementwise

__all__ = [
    "Clip",
    "Equal",
    "Greater",
    "GreaterEqual",
    "Isfinite",
    "Isinf",
    "Isnan",
    "Less",
    "LessEqual",
    "LogicalAnd",
    "LogicalNot",
    "LogicalOr",
    "LogicalXor",
    "Maximum",
    "Minimum",
    "NotEqual",
    "Where",
]

Cotangents = tuple[Variable | None, ...]


class Less(Elementwise):
    """x < y."""

    symbol, ufunc = "<", "less"
    scalar = "{0} < {1}"
    notation = infix("<", r"<", "comparison", "sum", "sum")


class LessEqual(Elementwise):
    """x ≤ y."""

    symbol, ufunc = "≤", "less_equal"
    scalar = "{0} <= {1}"
    notation = infix("≤", r"\le", "comparison", "sum", "sum")


class Greater(Elementwise):
    """x > y."""

    symbol, ufunc = ">", "greater"
    scalar = "{0} > {1}"
    notation = infix(">", r">", "comparison", "sum", "sum")


class GreaterEqual(Elementwise):
    """x ≥ y."""

    symbol, ufunc = "≥", "greater_equal"
    scalar = "{0} >= {1}"
    notation = infix("≥", r"\ge", "comparison", "sum", "sum")


class Equal(Elementwise):
    """x = y; NaN equals nothing."""

    symbol, ufunc = "=", "equal"
    scalar = "{0} == {1}"
    notation = infix("=", r"=", "comparison", "sum", "sum")
    commutative = True


class NotEqual(Elementwise):
    """x ≠ y."""

    symbol, ufunc = "≠", "not_equal"
    scalar = "{0} != {1}"
    notation = infix("≠", r"\ne", "comparison", "sum", "sum")
    commutative = True


class LogicalAnd(Elementwise):
    """Both are true; a number is true unless it is 0."""

    symbol, ufunc = "∧", "logical_and"
    scalar = "({0} != 0) & ({1} != 0)"
    notation = infix("and", r"\land", "logic", "comparison", "comparison")
    commutative = True


class LogicalOr(Elementwise):
    """One of them or both are true."""

    symbol, ufunc = "∨", "logical_or"
    scalar = "({0} != 0) | ({1} != 0)"
    notation = infix("or", r"\lor", "logic", "comparison", "comparison")
    commutative = True


class LogicalXor(Elementwise):
    """Just one of them is true."""

    symbol, ufunc = "⊕", "logical_xor"
    scalar = "({0} != 0) != ({1} != 0)"
    notation = infix("xor", r"\oplus", "logic", "comparison", "comparison")
    commutative = True


class LogicalNot(Elementwise):
    """It is false."""

    symbol, ufunc = "¬", "logical_not"
    scalar = "{0} == 0"
    notation = prefix("not ", r"\lnot", "logic", "sum")


class Isnan(Elementwise):
    """It is NaN."""

    symbol, ufunc = "nan?", "isnan"
    scalar = "{0} != {0}"


class Isinf(Elementwise):
    """It is an infinity."""

    symbol, ufunc = "∞?", "isinf"
    scalar = "({0} == {0}) & ({0} - {0} != 0)"


class Isfinite(Elementwise):
    """It is neither NaN nor an infinity."""

    symbol, ufunc = "fin?", "isfinite"
    scalar = "{0} - {0} == 0"


class Where(Elementwise):
    """x where condition holds, else y. The cotangent goes to what was chosen, 0 to the other."""

    symbol, ufunc = "?:", "where"
    scalar = "{0} ? {1} : {2}"
    verb = "chooses"
    lesson = "hands the gradient to what was chosen"
    notation = Notation(
        "where({0}, {1}, {2})",
        r"\begin{{cases}}{1} & \text{{if }}{0} \\ {2} & \text{{else}}\end{{cases}}",
    )

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        condition, x, y = dtypes
        if condition != np.bool_:
            raise DTypeError(f"the condition must be bool, and is {condition}")
        return np.result_type(x, y)

    def computes_in(self, *dtypes: np.dtype[Any]) -> tuple[np.dtype[Any], ...]:
        return dtypes[0], *[self.result_dtype(*dtypes)] * 3

    def forward(self, xp: Any, condition: Any, x: Any, y: Any, out: Any = None) -> Any:
        if out is None:
            return xp.where(condition, x, y)
        xp.copyto(out, y)
        xp.copyto(out, x, where=condition)
        return out

    def vjp(
        self, cotangent: Variable, output: Variable, condition: Variable, x: Variable, y: Variable
    ) -> Cotangents:
        return None, Where()(condition, cotangent, 0.0), Where()(condition, 0.0, cotangent)


class Maximum(Elementwise):
    """The larger one; NaN if either is. Equal inputs share the cotangent, half each."""

    symbol, ufunc = "max", "maximum"
    scalar = "mg_maximum({0}, {1})"
    verb = "keeps the larger"
    lesson = "routes the gradient to the larger input, half to each of equal ones"
    notation = call("max", r"\max", 2)
    commutative = True

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        shared = Where()(x == y, cotangent * 0.5, 0.0)
        return Where()(x > y, cotangent, shared), Where()(x < y, cotangent, shared)


class Minimum(Elementwise):
    """The smaller one; NaN if either is. Equal inputs share the cotangent, half each."""

    symbol, ufunc = "min", "minimum"
    scalar = "mg_minimum({0}, {1})"
    verb = "keeps the smaller"
    lesson = "routes the gradient to the smaller input, half to each of equal ones"
    notation = call("min", r"\min", 2)
    commutative = True

    def vjp(self, cotangent: Variable, output: Variable, x: Variable, y: Variable) -> Cotangents:
        shared = Where()(x == y, cotangent * 0.5, 0.0)
        return Where()(x < y, cotangent, shared), Where()(x > y, cotangent, shared)


class Clip(Elementwise):
    """x, at least lo and at most hi. The cotangent goes to x for lo ≤ x ≤ hi, else to the bound."""

    symbol, ufunc = "clip", "clip"
    scalar = "mg_minimum(mg_maximum({0}, {1}), {2})"
    verb = "cuts off"
    lesson = "lets the gradient through between the bounds, and beyond them hands it to the bound"

    def forward(self, xp: Any, x: Any, lo: Any, hi: Any, out: Any = None) -> Any:
        return x.clip(lo, hi, out=out)

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        return np.result_type(*dtypes)

    def vjp(
        self, cotangent: Variable, output: Variable, x: Variable, lo: Variable, hi: Variable
    ) -> Cotangents:
        below, above = x < lo, x > hi
        inside = Where()(below, 0.0, Where()(above, 0.0, cotangent))
        return inside, Where()(below, cotangent, 0.0), Where()(above, cotangent, 0.0)
