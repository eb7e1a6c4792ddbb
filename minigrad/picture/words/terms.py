"""Terms: expressions as they are written down, and as text and LaTeX.

A term knows no dtypes, and gates that only fit shapes are not in it. How each gate is written
stands on the gate (`Gate.formula`); names may have a time step.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...dims import Shape
from ...graph import Gate
from ...notation import STRENGTHS, Notation, escape
from ...types import Array
from ..text import show_number, tidy

__all__ = ["Formula", "Name", "Node", "Number", "Step", "Term", "moved", "write"]


@dataclass(frozen=True)
class Step:
    """A time step: t + 1, or a number, or what stands for several (1:T)."""

    symbol: str
    offset: int = 0

    def text(self) -> str:
        return str(self)

    def latex(self) -> str:
        return str(self).replace("_", r"\_").replace("*", r" \cdot ")

    def __str__(self) -> str:
        if not self.symbol:
            return str(self.offset)
        if self.symbol.isdigit():
            return str(int(self.symbol) + self.offset)
        symbol = f"({self.symbol})" if self.offset and " " in self.symbol else self.symbol
        return f"{symbol}{self.offset:+}" if self.offset else symbol


@dataclass(frozen=True)
class Name:
    """A variable, at time steps inside loops; or the derivative of the name `of` by it."""

    base: str
    steps: tuple[Step, ...] = ()
    of: "Name | None" = None
    shape: Shape = ()

    def text(self) -> str:
        index = ",".join(map(str, self.steps))
        own = self.base + (f"_{index}" if len(index) == 1 else f"_{{{index}}}" if index else "")
        return f"∂{self.of.text()}/∂{own}" if self.of else own

    def latex(self) -> str:
        own = latex_name(self.base, ",".join(step.latex() for step in self.steps))
        return rf"\frac{{\partial {self.of.latex()}}}{{\partial {own}}}" if self.of else own


@dataclass(frozen=True)
class Number:
    """A number, or an array that holds it everywhere."""

    value: float
    shape: Shape = ()


@dataclass(frozen=True)
class Node:
    """A gate on operands; of several outputs the one of this number."""

    gate: Gate
    notation: Notation
    operands: "tuple[Term, ...]"
    shape: Shape = ()
    output: int = 0


Term = Name | Number | Node


def moved(term: Term, symbol: str, to: Step) -> Term:
    """A term with the time step t (`symbol`) replaced by `to`: by t + 1, or by 1."""
    if isinstance(term, Node):
        return replace(term, operands=tuple(moved(o, symbol, to) for o in term.operands))
    if isinstance(term, Name):
        steps = (
            Step(to.symbol, to.offset + s.offset) if s.symbol == symbol else s for s in term.steps
        )
        return replace(term, steps=tuple(steps))
    return term


# ---------------------------------------------------------------- writing

_BINDS = {name: i for i, name in enumerate(STRENGTHS)}
_RAISED = {"2": "²", "3": "³"}


@dataclass(frozen=True)
class Formula:
    """A term as text and as LaTeX, and how tightly it binds."""

    text: str
    latex: str
    binds: str = "atom"


class _Operand:
    """One operand in one language: `str.format` asks it for the form that its place needs."""

    def __init__(self, shown: str, binds: str, latex: bool) -> None:
        self.shown, self.binds, self.latex = shown, _BINDS[binds], latex

    def __format__(self, need: str) -> str:
        if need == "exponent":
            return _RAISED.get(self.shown) or f"^{self:atom}"
        if self.binds >= _BINDS[need or "any"]:
            return self.shown
        return rf"\left({self.shown}\right)" if self.latex else f"({self.shown})"


def write(term: Term, known: Mapping[Name, Array] | None = None) -> Formula:
    """A term as text and LaTeX, with numbers in place of the scalars that are `known`."""
    if isinstance(term, Node):
        operands = [write(o, known) for o in term.operands]
        notation = term.notation
        return Formula(
            notation.text.format(*(_Operand(o.text, o.binds, False) for o in operands)),
            notation.latex.format(*(_Operand(o.latex, o.binds, True) for o in operands)),
            notation.binds,
        )
    if isinstance(term, Number):
        return show(term.value)
    if known and term in known:
        return show(known[term])
    return Formula(term.text(), term.latex(), "derivative" if term.of else "atom")


def show(value: Array | float) -> Formula:
    """A number, or a small array of them."""
    array = np.asarray(value)
    if array.ndim:
        parts = [show(part) for part in array]
        inside = ", ".join(p.text for p in parts), ", ".join(p.latex for p in parts)
        return Formula(f"[{inside[0]}]", rf"\left[{inside[1]}\right]")
    shown = show_number(array.item())
    mantissa, e, exponent = shown.partition("e")
    latex = rf"{mantissa} \cdot 10^{{{exponent}}}" if exponent else shown
    special = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{nan}"}
    binds = "sum" if shown.startswith("-") else "product" if e else "atom"
    return Formula(shown, special.get(shown, latex), binds)


# ---------------------------------------------------------------- names in LaTeX

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Σ": "Sigma",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot"}
_PARTS = re.compile(r"([^\W\d_]+)(?:_([^\W_]+)|(\d+))?")


def latex_name(name: str, index: str = "") -> str:
    """A name in math mode: its part behind "_", or its digits, as an index.

    >>> print(latex_name("W_hh"), latex_name("h", "t-1"), latex_name("score"), latex_name("ŷ", "t"))
    W_{hh} h_{t-1} \\mathrm{score} \\hat{y}_{t}
    >>> print(latex_name("50% of $x_"))
    \\mathrm{50\\%\\ of\\ \\$x\\_}
    """
    bare = name.rstrip("′")
    parts = _PARTS.fullmatch(bare)
    if parts:
        main, *behind = parts.groups()
        index = ",".join([*(_letters(b) for b in behind if b), *([index] if index else [])])
    else:
        main = bare
    shown = _letters(main) + "'" * (len(name) - len(bare))
    return f"{shown}_{{{index}}}" if index else shown


def _letters(word: str) -> str:
    """Letters, in italics if there are few."""
    apart = unicodedata.normalize("NFD", word)
    if len(apart) == 2 and apart[1] in _ACCENTS:
        return rf"\{_ACCENTS[apart[1]]}{{{apart[0]}}}"
    if word in _GREEK or word in _GREEK.values():
        return rf"\{_GREEK.get(word, word)}"
    if word.isascii() and word.isalnum() and (len(word) < 3 or word.isdigit()):
        return word
    return rf"\mathrm{{{escape(tidy(word))}}}"
