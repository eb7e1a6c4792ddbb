"""`explain`: the chain rule of a graph, gate by gate, as text, Markdown and LaTeX."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import gates
from ...autodiff import grad, vjp
from ...dims import Shape
from ...errors import ArgumentError, PictureError
from ...functions import ones_like
from ...graph import applies, leaves
from ...interpret import evaluate
from ...loops.gate import everywhere
from ...notation import escape
from ...tree import flatten
from ...types import Array
from ...variables import Constant, Variable
from ..text import show_dims
from .chain_rule import ChainRule
from .forward import Equation
from .terms import Formula, Name, Node, Number, Term, show, write

__all__ = ["SMALL", "Explanation", "explain", "is_known", "write_sum"]

SMALL = 4  # elements of an array that is shown in numbers
_WIDTH = 60


@dataclass(frozen=True)
class Explanation:
    """What `explain` returns. It shows itself in a notebook."""

    text: str
    """The equations as plain text."""
    markdown: str
    """The equations as Markdown, with LaTeX between ``$$``."""
    latex: str
    """The equations as one LaTeX environment for math mode (aligned)."""

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _repr_latex_(self) -> str:
        return f"$${self.latex}$$"


def explain(
    cost: Variable,
    wrt: Any,
    values: Mapping[Any, Any] | None = None,
    *,
    every_gate: bool = False,
    max_gates: int = 200,
) -> Explanation:
    """The chain rule from `cost` back to `wrt`, gate by gate, in the names of the variables.

    First the equations of the graph, then those of its derivatives on all paths to `wrt`, each
    from the rule of its gate. A variable has a line if it has a name, is read several times, or its
    derivative is; others stand in the formulas of those.

    Args:
        cost: a float scalar.
        wrt: a Variable, or a nested structure of them, as for `grad`.
        values: {Variable or name: value}, as for `trace`: scalars, and arrays of up to four
            elements, are then shown in numbers.
        every_gate: give each gate a line of its own.
        max_gates: the most gates to explain.

    >>> import minigrad as mg
    >>> x, y, z = mg.inputs("x y z")
    >>> q = (x + y).named("q")
    >>> f = (q * z).named("f")
    >>> print(explain(f, [x, z], {x: -2, y: 5, z: -4}))
    Forward
      x = -2, y = 5, z = -4
      q = x + y = -2 + 5 = 3
      f = q · z = 3 · (-4) = -12
    <BLANKLINE>
    Backward
      ∂f/∂f = 1
      ∂f/∂q = z = -4
      ∂f/∂x = ∂f/∂q = -4
      ∂f/∂z = q = 3

    Raises GradientError as `grad` does, PictureError for a graph of more than `max_gates` gates.
    """
    if not isinstance(cost, Variable):
        raise ArgumentError(f"the cost must be a Variable, and is {cost!r}")
    targets = flatten(wrt)[0]
    if not targets:
        raise ArgumentError(f"wrt needs at least one Variable, and was {wrt!r}", cost.where)
    _check_size(cost, max_gates)
    grad(cost, targets)  # says what cannot be differentiated
    rule = ChainRule(cost, targets, every_gate)
    known = {n: v.value for v, n in rule.given.items() if isinstance(v, Constant)}
    if values is not None:
        known |= _numbers(rule, values)
    sections = [
        ("Forward", [_given(rule, known), *(_line(e, known, True) for e in rule.forward)]),
        ("Backward", [_line(e, known, False) for e in rule.backward]),
    ]
    return _explanation(sections)


def _check_size(cost: Variable, most: int) -> None:
    count = len(list(everywhere(applies([cost]))))
    if count > most:
        raise PictureError(
            f"this graph has {count} gates, and more than {most} are hard to follow as equations: "
            f"explain an inner part of it, or pass max_gates={count}",
            cost.where,
        )


def _numbers(rule: ChainRule, values: Mapping[Any, Any]) -> dict[Name, Array]:
    """The values of what has a line outside of loops, and of the derivatives by it."""
    order = applies([rule.cost])
    outer = [v for a in order for v in a.outputs if v in rule.lines]
    shown = {v: rule.names[v] for v in [*leaves([rule.cost]), *outer] if v in rule.names}
    named = {v: name for v, name in shown.items() if isinstance(name, Name)}
    floats = [v for v in named if v.type.differentiable]
    slopes = vjp(rule.cost, floats, ones_like(rule.cost), unused="zeros")
    arrays = evaluate([*named, *slopes], values)
    names = [*named.values(), *(rule.derivative(named[v]) for v in floats)]
    return dict(zip(names, arrays, strict=True))


# ---------------------------------------------------------------- lines


@dataclass(frozen=True)
class _Line:
    """A line in both languages: its equation, and what is said of it."""

    depth: int
    equation: Formula
    words: Formula


def _given(rule: ChainRule, known: Mapping[Name, Array]) -> _Line:
    """The leaves: their numbers where they are short, or their shapes."""
    parts = []
    for name in rule.given.values():
        one = write(name)
        array = known.get(name)
        if array is not None and array.size <= SMALL:
            value = show(array)
            parts.append(Formula(f"{one.text} = {value.text}", f"{one.latex} = {value.latex}"))
        elif name.shape:
            shape = _shape(name.shape)
            parts.append(Formula(f"{one.text}: {shape.text}", rf"{one.latex}\colon {shape.latex}"))
    return _Line(0, _joined(parts, ", ", r",\quad "), Formula("", ""))


def _joined(parts: list[Formula], text: str, latex: str) -> Formula:
    return Formula(text.join(p.text for p in parts), latex.join(p.latex for p in parts))


def _shape(shape: Shape) -> Formula:
    shown = show_dims(shape)
    latex = escape(shown.replace("×", "\0").replace("*", "\1"))
    latex = latex.replace("\0", r" \times ").replace("\1", r" \cdot ")
    return Formula(shown, latex)


def _line(e: Equation, known: Mapping[Name, Array], forward: bool) -> _Line:
    words = _words(e)
    if e.name is None:
        return _Line(e.depth, words, Formula("", ""))
    parts = [write(e.name), write_sum(e.terms, {})]
    value = known.get(e.name)
    if value is not None and value.size <= SMALL:
        if all(is_known(t, known) for t in e.terms):
            parts.append(write_sum(e.terms, known))
        parts.append(show(value))
    equation = _joined(list({p.text: p for p in parts}.values()), " = ", " = ")
    if parts[0].latex == parts[1].latex:  # as of h_0 and h0
        equation = Formula(equation.text, "")
    notes = [words] if words.text else []
    if forward and e.name.shape:
        notes.insert(0, _shape(e.name.shape))
    elif e.name.shape and all(not t.shape for t in e.terms):
        notes.insert(0, Formula("for every element", r"\text{for every element}"))
    return _Line(e.depth, equation, _joined(notes, "; ", r";\ "))


def write_sum(terms: tuple[Term, ...], known: Mapping[Name, Array]) -> Formula:
    """terms[0] + terms[1] - …"""
    total = write(terms[0], known)
    for term in terms[1:]:
        minus = isinstance(term, Node) and isinstance(term.gate, gates.Negative)
        if isinstance(term, Node) and minus:
            (term,) = term.operands
        part, sign = write(term, known), "-" if minus else "+"
        if part.binds == "sum" and (minus or part.text.startswith("-")):
            part = _grouped(part)
        if total.binds == "sigma":  # or what follows seems to be part of the sum
            total = _grouped(total)
        total = Formula(f"{total.text} {sign} {part.text}", f"{total.latex} {sign} {part.latex}")
    return total


def _grouped(part: Formula) -> Formula:
    return Formula(f"({part.text})", rf"\left({part.latex}\right)")


def is_known(term: Term, known: Mapping[Name, Array]) -> bool:
    """Whether all that stands in it is a number, or known as one."""
    if isinstance(term, Node):
        return all(is_known(o, known) for o in term.operands)
    return isinstance(term, Number) or (term in known and not known[term].ndim)


def _words(e: Equation) -> Formula:
    text = "".join(part if isinstance(part, str) else part.text() for part in e.words)
    latex = "".join(
        rf"\text{{{part}}}" if isinstance(part, str) else part.latex() for part in e.words
    )
    return Formula(text, latex)


# ---------------------------------------------------------------- pages


def _explanation(sections: list[tuple[str, list[_Line]]]) -> Explanation:
    shown = [(title, [x for x in lines if x.equation.text]) for title, lines in sections]
    text = "\n\n".join(f"{title}\n{_text(lines)}" for title, lines in shown)
    markdown = "\n\n".join(f"**{t}**\n\n$$\n{_aligned(_latex(x))}\n$$" for t, x in shown)
    latex = _aligned([row for t, x in shown for row in (rf"& \textbf{{{t}}}", *_latex(x))])
    return Explanation(text, markdown, latex)


def _text(lines: list[_Line]) -> str:
    equations = ["  " * (line.depth + 1) + line.equation.text for line in lines]
    described = [e for e, line in zip(equations, lines, strict=True) if line.words.text]
    width = max((len(e) for e in described if len(e) <= _WIDTH), default=0)
    return "\n".join(
        f"{e:{width}}   {line.words.text}".rstrip() if line.words.text else e
        for e, line in zip(equations, lines, strict=True)
    )


def _latex(lines: list[_Line]) -> list[str]:
    return [
        "& "
        + r"\quad " * line.depth
        + line.equation.latex
        + (rf" \qquad ({line.words.latex})" if line.words.latex else "")
        for line in lines
        if line.equation.latex
    ]


def _aligned(rows: list[str]) -> str:
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
