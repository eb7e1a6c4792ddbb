"""The chain rule of a graph as equations, back from a cost to what it is differentiated by.

A gate's own `vjp` says what goes back through it. It is called with a placeholder ∂f/∂q for the
cotangent of each variable that has a line; what has none is part of the formulas of others.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any

from ... import gates
from ...graph import Apply, dependents, leaves
from ...loops.gate import Scan
from ...variables import Constant, Input, Variable
from .forward import Equation, Forward, Words, header
from .loop_body import Body, OverSteps, Row, Rows
from .simplify import build, term_of
from .terms import Name, Node, Number, Step, Term, moved

__all__ = ["ChainRule"]


class ChainRule(Forward):
    """The equations of `cost`, and of its derivatives on all paths to `wrt`."""

    def __init__(self, cost: Variable, wrt: Sequence[Variable], every_gate: bool = False) -> None:
        super().__init__(cost, wrt, every_gate)
        self.backward: list[Equation] = []
        self._cotangents: dict[Variable, Variable] = {}
        self._seed = Input(cost.type)
        self.names[self._seed] = Number(1.0)
        self._run(dry=True)
        self.shorten()
        self._run(dry=True)
        self.state()
        self._run(dry=False)

    def _run(self, dry: bool) -> None:
        """Everything on the way back; a dry run only finds what else should have a line: that whose
        derivative would stand in several formulas."""
        varied = {v for v in dependents([self.cost], set(self.wrt)) if v.type.differentiable}
        found: list[tuple[Variable, list[Variable]] | Equation] = []
        totals = self._flow(self.order, {self.cost: [self._seed]}, varied, found, 0, dry)
        if dry:
            return
        found += [(v, totals[v]) for v in dict.fromkeys(self.wrt) if v.owner is None]
        for entry in found:
            line = entry if isinstance(entry, Equation) else self._line(0, *entry)
            if line.terms != (line.name,):  # or it says that ∂f/∂y_t is ∂f/∂y_t
                self.backward.append(line)
        self._say_every_step()

    def _say_every_step(self) -> None:
        """Words for what is used at every step of a loop, together."""
        names = [
            Name(line.name.base, line.name.steps)
            for line in self.backward
            if line.name and not line.depth and any(map(_is_over_steps, line.terms))
        ]
        if names:
            listed: list[str | Name | Step] = []
            for name in names:
                listed += [", ", name]
            del listed[0]
            if len(names) > 1:
                listed[-2] = " and "
            words = " are used at every step: their gradients add up"
            if len(names) == 1:
                words = " is used at every step: its gradients add up"
            self.backward.append(Equation(0, words=(*listed, words)))

    def _flow(
        self,
        order: Sequence[Apply],
        totals: dict[Variable, list[Variable]],
        varied: Collection[Variable],
        found: list[Any],
        depth: int,
        dry: bool,
    ) -> dict[Variable, list[Variable]]:
        """All contributions to each variable, back through a sorted walk; lines go to `found`."""
        for apply in reversed(order):
            needed = [v in varied for v in apply.inputs]
            given = [totals.get(v) for v in apply.outputs]
            if not any(given):
                continue
            several = sum(needed) > 1
            incoming = []
            for v, parts in zip(apply.outputs, given, strict=True):
                incoming.append(self._cotangent(v, parts, dry and several) if parts else None)
                if parts and v in self.lines:
                    found.append((v, parts))
            if not any(needed):
                continue
            if isinstance(apply.gate, Scan):
                body = self.bodies[apply]
                results = self._loop_back(body, incoming, needed, found, depth, dry)
            else:
                results = list(apply.gate.pullback(apply, incoming, needed))
            for v, ct, need in zip(apply.inputs, results, needed, strict=True):
                if need and ct is not None:
                    totals.setdefault(v, []).append(ct)
        return totals

    def _cotangent(self, v: Variable, parts: Sequence[Variable], may_promote: bool) -> Variable:
        """What a rule gets for the cotangent of v: a name if v has a line, else the formula."""
        total = reduce(lambda a, b: a + b, parts)
        if may_promote and v not in self.lines and self._is_formula(total):
            self.lines.add(v)
        if v is self.cost:
            return parts[0]
        return self._placeholder(v) if v in self.lines else total

    def _is_formula(self, ct: Variable) -> bool:
        """Whether there is work in it: more than a sign, another look, or a number for all."""
        while ct.owner is not None and (
            ct.owner.gate.view or isinstance(ct.owner.gate, gates.Negative)
        ):
            (ct,) = ct.owner.inputs
        fixed = all(isinstance(v, Constant) or v is self._seed for v in leaves([ct]))
        return ct.owner is not None and not fixed

    def _placeholder(self, v: Variable) -> Variable:
        """∂f/∂v as a variable."""
        if v not in self._cotangents:
            self._cotangents[v] = Input(v.type)
        ct = self._cotangents[v]
        if v in self.names:
            self.names[ct] = self.derivative(self.name_of(v))
        return ct

    def derivative(self, name: Name) -> Name:
        """∂f/∂name."""
        return Name(name.base, name.steps, self.name_of(self.cost), name.shape)

    def _line(
        self, depth: int, v: Variable, parts: Sequence[Variable], words: Words = ()
    ) -> Equation:
        name = self.name_of(v)
        terms = [self._term(ct) for ct in parts]
        if not words and len(terms) > 1:
            times = "twice" if len(terms) == 2 else f"{len(terms)} times"
            words = (name, f" is used {times}: its gradients add up")
        return Equation(depth, self.derivative(name), tuple(terms), words)

    def _term(self, ct: Variable) -> Term:
        return term_of(ct, self.names)

    def _sum(self, parts: Sequence[Variable]) -> Term:
        terms = [self._term(ct) for ct in parts]
        return reduce(lambda a, b: build(gates.Add(), a, b), terms or [Number(0.0)])

    def _loop_back(
        self,
        body: Body,
        incoming: Sequence[Variable | None],
        needed: Sequence[bool],
        found: list[Any],
        depth: int,
        dry: bool,
    ) -> list[Variable | None]:
        """One step back at a time t, from the cotangents of the loop's outputs to its inputs."""
        n = body.carries
        seeded = [i for i, ct in enumerate(incoming) if ct is not None]
        varied, active = body.active(needed, seeded)
        totals: dict[Variable, list[Variable]] = {}
        reads = Counter(v for a in body.order for v in a.inputs)
        for i in seeded:
            if i < n or body.outputs[i] not in varied:
                continue
            v, row = body.outputs[i], Input(body.outputs[i].type)
            totals.setdefault(v, []).append(row)
            alone = not reads[v] and not any(v is body.outputs[j] for j in active)
            if not dry:
                whole, own = self.name_of(body.apply.outputs[i]), self.derivative(self.name_of(v))
                named = alone and whole.base == own.base
                stack = self.derivative(whole)
                self.names[row] = own if named else build(Row(body.t), stack)
        later = {j: Input(body.outputs[j].type) for j in active}
        for j, ct in later.items():
            totals.setdefault(body.outputs[j], []).append(ct)
        inner: list[Any] = []
        totals = self._flow(body.order, totals, varied, inner, depth + 1, dry)
        results: list[Variable | None] = []
        for i, (v, need) in enumerate(zip(body.inputs, needed, strict=True)):
            reached = need and (v in totals or i in active)
            results.append(Input(body.apply.inputs[i].type) if reached else None)
        if dry:
            return results
        for j, ct in later.items():
            step = self._sum(totals.get(body.inputs[j], ()))
            self.names[ct] = moved(step, body.t, Step(body.t, -body.back))
        found.append(Equation(depth, words=header(body, back=True)))
        for entry in inner:
            if not isinstance(entry, Equation):
                entry = self._step(body, depth + 1, incoming, later, *entry)
            found.append(entry)
        for row in body.rows:
            if row in totals:
                found.append(self._line(depth + 1, row, totals[row]))
        self._results(body, totals, results)
        return results

    def _results(
        self,
        body: Body,
        totals: Mapping[Variable, list[Variable]],
        results: Sequence[Variable | None],
    ) -> None:
        """What the cotangents of a loop's inputs are called."""
        for i, (v, ct) in enumerate(zip(body.inputs, results, strict=True)):
            if ct is None:
                continue
            if i < body.carries:
                self.names[ct] = moved(self._sum(totals.get(v, ())), body.t, body.first)
            elif i < body.carries + len(body.rows):
                row = self.derivative(self.name_of(v))
                self.names[ct] = build(Rows(body.t, body.gate.length), row)
            else:
                self.names[ct] = build(OverSteps(body.t), self._sum(totals[v]))

    def _step(
        self,
        body: Body,
        depth: int,
        incoming: Sequence[Variable | None],
        later: Mapping[int, Variable],
        v: Variable,
        parts: Sequence[Variable],
    ) -> Equation:
        """The line of one variable of a step; of a carry, with where its parts come from."""
        for j, ct in later.items():
            if v is not body.outputs[j]:
                continue
            parts = [*(p for p in parts if p is not ct and _is_shown(self._term(p))), ct]
            after = Step(body.t, -body.back)
            last = "the last part" if len(parts) > 1 else "this"
            words: Words = (f"{last} comes from step ", after, "; for ", Step(body.t), " = ")
            if incoming[j] is None:
                return self._line(depth, v, parts, (*words, body.last, " it is 0"))
            outer = self.derivative(self.name_of(body.apply.outputs[j]))
            words = (*words, body.last, " it is ", outer, " from after the loop")
            return self._line(depth, v, parts, words)
        return self._line(depth, v, parts)


def _is_over_steps(term: Term) -> bool:
    return isinstance(term, Node) and isinstance(term.gate, OverSteps)


def _is_shown(term: Term) -> bool:
    return not (isinstance(term, Number) and term.value == 0)
