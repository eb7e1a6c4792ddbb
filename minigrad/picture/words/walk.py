"""`walk`: the story of a traced run, gate by gate, forward and then backward, in words and numbers.

What a gate does is said by its `verb` and, on the way back, its `lesson`; the formulas are its
`formula` and its own `vjp`, as in `explain`. Time steps count from 0, as on pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...dims import Sizes, evaluate
from ...errors import PictureError
from ...gates import Astype, Where
from ...graph import Apply, Gate
from ...types import Array
from ...variables import Constant, Variable
from ..numbers import At
from ..text import show_value, tidy
from .explain import SMALL, is_known, write_sum
from .forward import SYMBOLS, Forward
from .simplify import Indicator, is_filled, stated, term_of
from .tape import Join, Part, Tape, Use, Value
from .terms import Name, Node, Number, Step, Term, moved, show, write

__all__ = ["Moment", "names", "walk"]

_LONGEST = 60  # characters of a formula that stands beside a lesson
_MOST = 4  # gradients that one sentence tells of


@dataclass(frozen=True)
class Moment:
    """One gate at work."""

    apply: Apply
    """The gate: inside a loop one of its body, never the scan itself."""
    at: At
    """The time step of each loop around it, the outermost first."""
    back: bool
    """Whether it is on the way back."""
    sentence: str
    """What it does, as plain text."""
    shown: tuple[Variable, ...]
    """What is known from now on: its outputs, or those of its inputs whose gradient is complete."""


def walk(
    cost: Variable,
    values: Mapping[Variable, Array],
    gradients: Mapping[Variable, Array],
    max_moments: int = 2000,
) -> list[Moment]:
    """Every gate of a run at work: forward in the order of the run, and back where a gradient goes.

    `values` and `gradients` are those of a trace; loops are walked through step by step.

    >>> import minigrad as mg
    >>> x, y, z = mg.inputs("x y z")
    >>> q = (x + y).named("q")
    >>> t = mg.trace((q * z).named("f"), {x: -2, y: 5, z: -4})
    >>> for moment in walk(t.cost, t.values, t.gradients):
    ...     print(moment.sentence)
    + adds: q = x + y = -2 + 5 = 3
    × multiplies: f = q · z = 3 · (-4) = -12
    ∂f/∂f = 1. × swaps its inputs: ∂f/∂q = ∂f/∂f · z = 1 · (-4) = -4; ∂f/∂z = ∂f/∂f · q = 1 · 3 = 3
    + hands the gradient to both inputs: ∂f/∂x = ∂f/∂q = -4; ∂f/∂y = ∂f/∂q = -4

    Raises PictureError where there are more than `max_moments`.
    """
    tape = Tape(cost, values, gradients)
    forward = [entry for entry in tape.entries if isinstance(entry, Use)]
    count = len(forward) + len(tape.uses_back())
    if count > max_moments:
        error = PictureError(
            f"this run has {count} moments, and more than {max_moments} are hard to follow one by "
            "one: take fewer time steps",
            cost.where,
        )
        error.add_note(f"max_moments={count} tells it all the same")
        raise error
    if not forward:
        return []
    story = _Story(tape)
    return [*map(story.forward, forward), *story.backward()]


def names(cost: Variable) -> dict[Variable, str]:
    """What each variable of a graph is called in its walk, time steps left out."""
    forward = Forward(cost, [], every_gate=True)
    forward.state()
    found = _starts(forward, None) | forward.names
    return {v: name.base for v, name in found.items() if isinstance(name, Name)}


def _starts(forward: Forward, sizes: Sizes | None) -> dict[Variable, Term]:
    """What the initial carries of loops are called that formulas pass over: by their own name, or
    h_{-1}, or h_T where the loop runs backward."""
    found: dict[Variable, Term] = {}
    for body in forward.bodies.values():
        known = body.gate.reverse and sizes is not None
        first = evaluate(body.gate.length, sizes or {}) - 1 if known else 0
        for old, init in zip(body.inputs, body.inits, strict=False):
            before = moved(forward.name_of(old), body.t, Step("", first))
            if init.name and init not in forward.names:
                before = Name(forward.fresh(init.name), forward.name_of(old).steps[:-1])
            found[init] = before
    return found


class _Story:
    """What is said of each entry of a tape."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._forward = Forward(tape.cost, [], every_gate=True)
        self._forward.state()
        self._names = _starts(self._forward, tape.binding.sizes) | self._forward.names
        self._terms: dict[Value, Term] = {}
        own = self._forward.name_of(tape.cost)
        end = self.term(tape.end)
        self._cost = end if own.steps and isinstance(end, Name) else own

    # ------------------------------------------------------------ names

    def term(self, value: Value) -> Term:
        """What a value is called, at its time steps; a number for a constant."""
        if value not in self._terms:
            self._terms[value] = self._term(value)
        return self._terms[value]

    def _term(self, value: Value) -> Term:
        v = value.v
        if isinstance(v, Constant) and not v.name and is_filled(v.value):
            return Number(v.value.flat[0].item(), v.shape)
        found = self._names.get(v)
        assert isinstance(found, Name)
        term: Term = found
        for symbol, t in zip(SYMBOLS, value.at, strict=False):
            term = moved(term, symbol, Step("", t))
        assert isinstance(term, Name)
        if term.steps and term.steps[-1].symbol.startswith("1:"):
            last = len(value.array) - 1
            term = replace(term, steps=(*term.steps[:-1], Step(f"0…{last}" if last else "0")))
        return replace(term, shape=v.shape)

    def derivative(self, value: Value) -> Name:
        """∂f/∂value."""
        name = self.term(value)
        assert isinstance(name, Name)
        return replace(name, of=self._cost)

    # ------------------------------------------------------------ forward

    def forward(self, use: Use) -> Moment:
        """A gate and what it makes."""
        apply, gate = use.apply, use.apply.gate
        operands = [self.term(x) for x in use.inputs]
        passed = {y for y in use.outputs if self._passed(y, gate, operands)}
        known = self._known(use.inputs)
        types = [v.type for v in apply.inputs]
        made = []
        for i, y in enumerate(use.outputs):
            term = stated(gate, operands, types, i)
            parts = [_text(self.term(y))]
            if y not in passed:
                parts.append(_text(term))
                if not y.array.ndim and is_known(term, known):
                    parts.append(write(term, known).text)
            made.append(_equation(parts, y.array))
        sentence = f"{_head(gate, gate.verb)}: {'; '.join(made)}"
        return Moment(apply, use.at, False, sentence, apply.outputs)

    def _passed(self, y: Value, gate: Gate, operands: Sequence[Term]) -> bool:
        """Whether formulas pass over y, which is then called after its operand: broadcast_to(b)."""
        if isinstance(self._names.get(y.v), Name):
            return False
        (x,) = operands
        name = Name(tidy(f"{gate}({_text(x)})"), (), None, y.v.shape)
        self._terms[y] = replace(x, shape=y.v.shape) if isinstance(x, Number) else name
        return True

    def _known(self, values: Sequence[Value]) -> dict[Name, Array]:
        terms = ((self.term(x), x.array) for x in values)
        return {name: array for name, array in terms if isinstance(name, Name)}

    # ------------------------------------------------------------ backward

    def backward(self) -> list[Moment]:
        """The gates on the way back, and what they add to gradients."""
        moments: list[Moment] = []
        for entry, parts in self.tape.back():
            if isinstance(entry, Join):
                notes = [self._joined(part) for part in parts] if not entry.stacks else []
                if moments and any(notes):
                    told = " ".join([moments[-1].sentence + ".", *notes])
                    moments[-1] = replace(moments[-1], sentence=told.removesuffix("."))
                continue
            start = "" if moments else self._start()
            sentence = start + self._through(entry, parts)
            done = {part.value for part in parts if not part.left}
            complete = dict.fromkeys(
                v for v, x in zip(entry.apply.inputs, entry.inputs, strict=True) if x in done
            )
            moments.append(Moment(entry.apply, entry.at, True, sentence, tuple(complete)))
        return moments

    def _start(self) -> str:
        cost, end = _text(self._cost), _text(self.term(self.tape.end))
        same = "" if cost == end else f"{cost} is {end}, so "
        return f"{same}∂{cost}/∂{end} = 1. "

    def _through(self, use: Use, parts: Sequence[Part]) -> str:
        """What goes back through one use of a gate."""
        gate = use.apply.gate
        head = _head(gate, gate.lesson)
        if not parts:
            asked = dict.fromkeys(_text(self.derivative(x)) for x in use.inputs if x.varied)
            return f"{head}: nothing is added to {', '.join(asked)}"
        terms = {v: self.term(x) for v, x in zip(use.apply.inputs, use.inputs, strict=True)}
        terms |= {v: self.term(y) for v, y in zip(use.apply.outputs, use.outputs, strict=True)}
        known = self._known([*use.inputs, *use.outputs])
        for ct, y in zip(self.tape.rule(use).cotangents, use.outputs, strict=True):
            if ct is not None and y.total is not None:
                terms[ct] = name = self.derivative(y)
                known[name] = y.total
        told = [self._part(part, terms, known, bool(gate.lesson)) for part in parts[:_MOST]]
        more = f"; and likewise for {len(parts) - _MOST} more" if len(parts) > _MOST else ""
        return f"{head}: {'; '.join(told)}{more}"

    def _part(
        self,
        part: Part,
        terms: Mapping[Variable, Term],
        known: Mapping[Name, Array],
        taught: bool,
    ) -> str:
        """What is added to one gradient."""
        given = tuple(term_of(ct, terms) for ct in part.given)
        formula = write_sum(given, {}).text
        long = len(formula) > _LONGEST or any(map(_chooses, given))
        chain = [] if taught and long else [formula]
        if chain and not part.array.ndim and all(is_known(term, known) for term in given):
            chain.append(write_sum(given, known).text)
        target = _text(self.derivative(part.value))
        if part.before is None and not part.left:
            several = len(part.given) > 1
            return _equation([target, *chain], part.array) + (self._why(part) if several else "")
        if part.array.size > SMALL and chain:
            return f"it adds {formula} to {target}{self._so_far(part)}"
        return f"it adds {_equation(chain, part.array)} to {target}{self._so_far(part)}"

    def _so_far(self, part: Part) -> str:
        """The sum that has come together so far."""
        first = part.before is None
        known = first and part.array.size <= SMALL  # it was just said
        now = "" if known else f", which is now {_equation(_running(part), part.after)}"
        return now + (f" ({part.left} more to come)" if part.left else self._why(part))

    def _why(self, part: Part) -> str:
        """Why there are several contributions."""
        name = _text(self.term(part.value))
        if len(part.value.steps) > 1:
            return f": {name} is used at every step, its gradients add up"
        reads = part.value.reads
        times = "twice" if reads == 2 else f"{reads} times"
        return f": {name} is used {times}, its gradients add up"

    def _joined(self, part: Part) -> str:
        """What all steps of a loop add to the gradient of a sequence that is used elsewhere too."""
        if part.before is None and not part.left:
            return ""
        target = _text(self.derivative(part.value))
        return f"All steps of the loop add {_shown(part.array)} to {target}{self._so_far(part)}."


# ---------------------------------------------------------------- text


def _chooses(term: Term) -> bool:
    """Whether it goes by a condition: words say that better."""
    if not isinstance(term, Node):
        return False
    return isinstance(term.gate, Where | Indicator | Astype) or any(map(_chooses, term.operands))


def _head(gate: Gate, words: str) -> str:
    return f"{tidy(gate.symbol)} {words}".strip()


def _text(term: Term) -> str:
    return write(term).text


def _shown(array: Array) -> str:
    return show(array).text if array.size <= SMALL else show_value(array)


def _equation(parts: Sequence[str], array: Array) -> str:
    """a = b = 3, or with an array too long for its numbers: a = b, 50×128 in -1…1."""
    apart = ", " if array.size > SMALL else " = "
    parts = [part for part, before in zip(parts, ["", *parts], strict=False) if part != before]
    if array.size <= SMALL and parts and parts[-1] == _shown(array):
        return " = ".join(parts)
    return apart.join(filter(None, [" = ".join(parts), _shown(array)]))


def _running(part: Part) -> list[str]:
    """3 + (-4), for scalars."""
    if part.before is None or part.array.ndim:
        return []
    before, more = show(part.before), show(part.array)
    shown = f"({more.text})" if more.text.startswith("-") else more.text
    return [f"{before.text} + {shown}"]
