"""A scan taken apart: what rewrites of loops work on.

The body of a scan is cut off at its inputs, which may be any variables. So to move a part of it
out, it is enough to compute a variable of the body elsewhere and to bind it as one more row or
invariant: the body then begins there, and what lay behind it is gone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..graph import Apply, Graph, applies, leaves
from ..loops import Scan
from ..variables import Constant, Variable
from .walk import Rule, rewrite

__all__ = ["Loop", "rewrite_loops"]


@dataclass
class Loop:
    """The parts of one application of a scan, by the variables of its body.

    carries: old value in a step → (what it starts with, its new value); rows: x_t → xs; fixed: what
    does not vary in the loop → the same outside; ys: what is stacked.
    """

    gate: Scan
    apply: Apply
    carries: dict[Variable, tuple[Variable, Variable]]
    rows: dict[Variable, Variable]
    fixed: dict[Variable, Variable]
    ys: list[Variable]

    @classmethod
    def of(cls, apply: Apply, inputs: Sequence[Variable]) -> "Loop":
        """Take an application of a Scan apart; `inputs` stand in place of its own."""
        gate = apply.gate
        assert isinstance(gate, Scan)
        carries, rows, fixed = gate.parts(gate.body.inputs)
        init, xs, outer = gate.parts(inputs)
        new = gate.body.outputs[: gate.carries]
        return cls(
            gate,
            apply,
            dict(zip(carries, zip(init, new, strict=True), strict=True)),
            dict(zip(rows, xs, strict=True)),
            dict(zip(fixed, outer, strict=True)),
            list(gate.body.outputs[gate.carries :]),
        )

    @property
    def known(self) -> dict[Variable, None]:
        """The inputs of the body: where it begins."""
        return dict.fromkeys([*self.carries, *self.rows, *self.fixed])

    @property
    def outputs(self) -> list[Variable]:
        """What a step computes: new carries, then ys."""
        return [*(new for _, new in self.carries.values()), *self.ys]

    def applies(self) -> list[Apply]:
        """The applications in the body."""
        return applies(self.outputs, self.known)

    @property
    def body(self) -> Graph:
        """The body as a graph."""
        return Graph(tuple(self.known), tuple(self.outputs))

    def rewrite_body(self, rule: Rule) -> None:
        """Rewrite the applications in the body; what `rule` adds to `fixed` is known there."""
        self.rebind(rewrite(self.body, rule).outputs)

    def rebind(self, outputs: Sequence[Variable]) -> None:
        """Let a step compute other new carries and ys."""
        n = len(self.carries)
        kept = zip(self.carries.items(), outputs[:n], strict=True)
        self.carries = {v: (start, new) for (v, (start, _)), new in kept}
        self.ys = list(outputs[n:])

    def close(self) -> tuple[Variable, ...]:
        """Put together again: the last carries, and the stacked ys. Only what is read goes in."""
        read = set(leaves(self.outputs, self.known))
        rows = {v: x for v, x in self.rows.items() if v in read}
        fixed = {v: x for v, x in self.fixed.items() if v in read}
        inputs = (*self.carries, *rows, *fixed)
        gate = replace(
            self.gate,
            body=Graph(inputs, tuple(self.outputs)),
            carries=len(self.carries),
            sequences=len(rows),
        )
        init = [start for start, _ in self.carries.values()]
        results = Apply(gate, [*init, *rows.values(), *fixed.values()], self.apply).outputs
        for result, v in zip(results, self.outputs, strict=True):
            result.name = v.name
        return results

    def outer(self, v: Variable) -> Variable | None:
        """What an invariant or a constant is outside the loop; None for what varies."""
        return v if isinstance(v, Constant) else self.fixed.get(v)


def rewrite_loops(graph: Graph, change: Callable[[Loop], Sequence[Variable] | None]) -> Graph:
    """`graph` with every scan, inner ones first, replaced by what `change` makes of it: its last
    carries and stacked ys, in order. None keeps it."""

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        if not isinstance(apply.gate, Scan):
            return None
        gate = replace(apply.gate, body=rewrite_loops(apply.gate.body, change))
        inner = Apply(gate, inputs, apply)
        results = change(Loop.of(inner, inputs))
        if results is None:
            return apply.on(inputs, gate)
        given = set(inputs)
        for result, old in zip(results, apply.outputs, strict=True):
            if result not in given:  # which belong to others
                result.name = result.name or old.name
        return results

    return rewrite(graph, rule)


def used_by(outputs: Iterable[Variable], known: Iterable[Variable]) -> set[Variable]:
    """All variables that `outputs` are made of, themselves and those in `known` included."""
    outputs = list(outputs)
    found = set(outputs)
    for apply in applies(outputs, dict.fromkeys(known)):
        found.update(apply.inputs)
        found.update(apply.outputs)
    return found
