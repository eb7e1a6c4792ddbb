"""The forward equations of a graph: which variables get a line, and what they are called."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...graph import Apply, applies
from ...loops.gate import Scan
from ...notation import SILENT
from ...variables import Constant, Variable
from ..text import tidy
from .loop_body import Body
from .simplify import definition, is_filled, term_of
from .terms import Name, Step, Term, moved

__all__ = ["SYMBOLS", "Equation", "Forward", "Words", "header", "is_fixed"]

_LONGEST = 8  # gates in one formula
SYMBOLS = "tsruvw"
_PRIMES = 4
Words = tuple["str | Name | Step", ...]


@dataclass(frozen=True)
class Equation:
    """name = terms[0] + terms[1] + …, or words alone; `depth` loops deep."""

    depth: int
    name: Name | None = None
    terms: tuple[Term, ...] = ()
    words: Words = ()


class Forward:
    """Lines, names and equations of the graph of `cost`.

    A variable has a line if it has a name, is read several times, is in `wrt`, or else would make
    a formula too long; what has none is part of the formulas of others.
    """

    def __init__(self, cost: Variable, wrt: Sequence[Variable], every_gate: bool = False) -> None:
        self.cost, self.wrt, self.every_gate = cost, wrt, every_gate
        self.order = applies([cost])
        self.lines: set[Variable] = set()
        self.names: dict[Variable, Term] = {}
        self.given: dict[Variable, Name] = {}
        self.bodies: dict[Apply, Body] = {}
        self.forward: list[Equation] = []
        self._used: Counter[str] = Counter()
        self._nameless = 0
        self._number = 1  # of the next name to make up
        self._choose(self.order, [cost, *wrt], 0)

    def state(self) -> None:
        """Give names to all lines, and write down the forward equations."""
        self._nameless = len(self._without_name(self.order))
        self._name(self.order, ())
        self._name_leaf(self.cost)
        self._state(self.order, 0)

    # ------------------------------------------------------------ lines

    def _choose(self, order: Sequence[Apply], outputs: Sequence[Variable], depth: int) -> None:
        """What gets a line of its own, so far as the forward equations tell."""
        reads = Counter(v for apply in order for _ in apply.outputs for v in apply.inputs)
        self.lines.update(outputs)
        for apply in order:
            if isinstance(apply.gate, Scan):
                self._choose_loop(apply, reads, depth)
                continue
            silent = apply.gate.formula(*(v.type for v in apply.inputs)) == SILENT
            for v in apply.outputs:
                several = reads[v] > 1 and not apply.gate.view
                own = v.name or (self.every_gate and not silent)
                if own or (several and not is_fixed(v)):
                    self.lines.add(v)

    def _choose_loop(self, apply: Apply, reads: Mapping[Variable, int], depth: int) -> None:
        body = self.bodies[apply] = Body(apply, SYMBOLS[depth % len(SYMBOLS)])
        self.lines.update(apply.outputs)
        self.lines.update(x for x in body.sequences if x.owner is not None)
        for init in body.inits:  # stated as h_0
            if reads[init] == len(apply.outputs) and init.owner and init not in set(self.wrt):
                self.lines.discard(init)
        self._choose(body.order, body.outputs, depth + 1)

    def shorten(self, order: Sequence[Apply] | None = None) -> None:
        """Cut formulas of more than so many gates."""
        size: dict[Variable, int] = {}
        for apply in self.order if order is None else order:
            if isinstance(apply.gate, Scan):
                self.shorten(self.bodies[apply].order)
                continue
            silent = apply.gate.formula(*(v.type for v in apply.inputs)) == SILENT
            inside = sum(size.get(v, 0) for v in apply.inputs) + (not silent)
            if inside > _LONGEST:
                self.lines.update(apply.outputs)
            size |= {v: 0 if v in self.lines else inside for v in apply.outputs}

    # ------------------------------------------------------------ names

    def fresh(self, wanted: str) -> str:
        """A name that nothing has yet: h, h′, h′′, h′′′, h(4), …"""
        wanted = tidy(wanted)
        before = self._used[wanted]
        self._used[wanted] += 1
        name = wanted + ("′" * before if before < _PRIMES else f"({before})")
        if name != wanted and self._used[name]:
            return self.fresh(wanted)
        self._used[name] = max(self._used[name], 1)
        return name

    def _name(self, order: Sequence[Apply], index: tuple[Step, ...]) -> None:
        """Names of leaves and lines, in the order in which they are met."""
        for apply in order:
            for v in apply.inputs:
                self._name_leaf(v)
            if isinstance(apply.gate, Scan):
                self._name_loop(self.bodies[apply], index)
                continue
            for v in apply.outputs:
                if v in self.lines and v not in self.names:
                    wanted = v.name or ("L" if v is self.cost else "")
                    base = self.fresh(wanted) if wanted else self._generated()
                    self.names[v] = Name(base, index, None, v.shape)

    def _without_name(self, order: Sequence[Apply]) -> list[Variable]:
        """The lines for which a name must be made up."""
        found = [
            v
            for apply in order
            for v in apply.outputs
            if v in self.lines and not v.name and v is not self.cost
        ]
        loops = [self.bodies[a] for a in order if a in self.bodies]
        known = {v for body in loops for v in (*body.apply.outputs, *body.outputs)}
        known |= {x for body in loops for x in body.sequences}
        found += [v for body in loops for v in self._without_name(body.order)]
        return [v for v in found if v not in known]

    def _name_leaf(self, v: Variable) -> None:
        if v.owner is not None or v in self.names:
            return
        if isinstance(v, Constant) and not v.name and is_filled(v.value):
            return  # written as its number
        self.names[v] = self.given[v] = Name(self.fresh(v.name or "c"), (), None, v.shape)

    def _generated(self) -> str:
        """a, or a1, a2, … where several variables have no name of their own."""
        if self._nameless == 1 and not self._used["a"]:
            return self.fresh("a")
        while self._used[f"a{self._number}"]:
            self._number += 1
        return self.fresh(f"a{self._number}")

    def _name_loop(self, body: Body, index: tuple[Step, ...]) -> None:
        gate, here = body.gate, (*index, Step(body.t))
        for row, x in zip(body.rows, body.sequences, strict=True):
            name = self.names.get(x)
            if not isinstance(name, Name):
                name = Name(self.fresh("x"), (*index, body.whole), None, x.shape)
                self.names[x] = name
            self.names[row] = Name(name.base, here, None, row.shape)
        bases: dict[Variable, str] = {}
        for old, new in zip(body.inputs[: body.carries], body.outputs, strict=False):
            start = (old.name or "").rstrip("0").rstrip("_")
            base = bases[new] = self.fresh(new.name or (start if start != "carry" else "") or "h")
            before = Step(body.t, body.back)
            self.names[old] = Name(base, (*index, before), None, old.shape)
        for v in body.outputs[body.carries :]:
            if v not in bases:
                bases[v] = self.fresh(v.name or "y")
        for v, base in bases.items():
            self.names[v] = Name(base, here, None, v.shape)
        for i, (result, v) in enumerate(zip(body.apply.outputs, body.outputs, strict=True)):
            step = body.last if i < body.carries else body.whole
            own = result.name if result.name != gate.body.outputs[i].name else None
            base, at = (self.fresh(own), index) if own else (bases[v], (*index, step))
            self.names[result] = Name(base, at, None, result.shape)
        self._name(body.order, here)

    # ------------------------------------------------------------ forward

    def _state(self, order: Sequence[Apply], depth: int) -> None:
        """The forward equations."""
        for apply in order:
            if isinstance(apply.gate, Scan):
                self._state_loop(self.bodies[apply], depth)
                continue
            for v in apply.outputs:
                if v in self.lines:
                    term = definition(v, self.names)
                    self.forward.append(Equation(depth, self.name_of(v), (term,)))

    def name_of(self, v: Variable) -> Name:
        """What a leaf or line is called."""
        name = self.names[v]
        assert isinstance(name, Name)
        return name

    def _state_loop(self, body: Body, depth: int) -> None:
        for old, init in zip(body.inputs, body.inits, strict=False):
            start = moved(self.name_of(old), body.t, body.first)
            assert isinstance(start, Name)
            term = term_of(init, self.names)
            if replace(term, shape=start.shape) != start:
                self.forward.append(Equation(depth, start, (term,)))
        self.forward.append(Equation(depth, words=header(body, back=False)))
        self._state(body.order, depth + 1)
        for result, v in zip(body.apply.outputs, body.outputs, strict=True):
            name = self.name_of(result)
            if name.base != self.name_of(v).base:
                i = result.index
                at = body.last if i < body.carries else body.whole
                inner = moved(self.name_of(v), body.t, at)
                self.forward.append(Equation(depth, name, (inner,)))


def header(body: Body, back: bool) -> Words:
    """for t = 1, …, T:"""
    ends = [body.first, body.last]
    first, last = ends[::-1] if back else ends
    cut = f" (no further than truncate={body.gate.truncate}):"
    end = cut if back and body.gate.truncate else ":"
    return "for ", Step(body.t), " = ", first, ", …, ", last, end


def is_fixed(v: Variable) -> bool:
    """Whether it is made of constants alone."""
    return all(isinstance(x, Constant) for a in applies([v]) for x in a.inputs if x.owner is None)
