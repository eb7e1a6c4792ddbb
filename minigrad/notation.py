"""How a gate is written in formulas, as text and as LaTeX."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SILENT", "STRENGTHS", "Notation", "call", "escape", "infix", "prefix", "subscript"]

STRENGTHS = (
    "any",
    "logic",
    "comparison",
    "sum",
    "sigma",
    "product",
    "matmul",
    "derivative",
    "power",
    "atom",
)
"""How tightly an operation holds its operands, from the loosest on."""


@dataclass(frozen=True)
class Notation:
    """Two patterns for `str.format`, whose arguments are the operands.

    ``{0:product}`` is operand 0, in parentheses unless it binds as tightly as a product or more;
    ``{0}`` never has any, ``{1:exponent}`` is raised. `binds` is how tightly the whole does.

    >>> Notation("{0:product} / {1:power}", r"\\frac{{{0}}}{{{1}}}", "product").text
    '{0:product} / {1:power}'
    """

    text: str
    latex: str
    binds: str = "atom"


SILENT = Notation("{0}", "{0}")
"""The notation of what only fits shapes or dtypes: as if it were not there."""


def infix(sign: str, latex: str, binds: str, left: str, right: str) -> Notation:
    """x sign y, with how tightly either operand has to bind."""
    return Notation(
        f"{{0:{left}}} {sign} {{1:{right}}}", f"{{0:{left}}} {latex} {{1:{right}}}", binds
    )


def prefix(sign: str, latex: str, binds: str, operand: str) -> Notation:
    """sign x."""
    return Notation(f"{sign}{{0:{operand}}}", f"{latex} {{0:{operand}}}", binds)


def call(name: str, latex: str = "", count: int = 1, more: Iterable[str] = ()) -> Notation:
    """name(x, …), with settings written behind its `count` operands."""
    operands, settings = [f"{{{i}}}" for i in range(count)], list(more)
    inside = ", ".join([*operands, *map(_literal, settings)])
    latex_inside = ", ".join([*operands, *(_literal(rf"\mathrm{{{escape(s)}}}") for s in settings)])
    latex = latex or _literal(rf"\operatorname{{{escape(name)}}}")
    return Notation(f"{_literal(name)}({inside})", rf"{latex}\left({latex_inside}\right)")


def _literal(text: str) -> str:
    """Text that a pattern shows as it is."""
    return text.replace("{", "{{").replace("}", "}}")


_MATH = {
    "\\": r"\backslash ",
    "^": r"\wedge ",
    "~": r"\sim ",
    "<": "{<}",  # not the start of a tag, where the formula stands in a page
    "|": r"\vert ",
    " ": r"\ ",
    **{c: f"\\{c}" for c in "{}$%&#_"},
}


def escape(name: str) -> str:
    """Any text as LaTeX in math mode, where what follows a name may be a letter."""
    return "".join(
        _MATH.get(c) or (c if c.isascii() and c not in "'\"`" else rf"\text{{{c}}}") for c in name
    )


def subscript(items: str) -> Notation:
    """x[items], where items may hold ``{1}``, the second operand."""
    latex = items.replace(":", "{{:}}")  # no space around it
    return Notation(f"{{0:atom}}[{items}]", rf"{{0:atom}}\left[{latex}\right]")
