"""One traced run as a tape: each use of a gate in order, at every step of every loop, with what it
read and made; and back along it, what each use adds to which gradient.

The gates inside a loop are there once for each of its steps. A carry that enters a step is the very
value that left the step before it, so that all contributions to its gradient come together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...dims import Dim, Shape, bind_sizes, evaluate
from ...errors import PictureError
from ...graph import Apply, Binding, Graph, applies, leaves
from ...interpret import label, run
from ...loops.gate import Scan
from ...types import Array
from ...variables import Constant, Input, Variable
from ..numbers import At

__all__ = ["Join", "Part", "Tape", "Use", "Value"]


@dataclass(eq=False)
class Value:
    """What a variable is at one step of each loop around it."""

    v: Variable
    at: At
    array: Array
    varied: bool
    """Whether it depends on an input that has a gradient."""
    reads: int = 0
    """How many contributions to its gradient there are, and how many of them are still to come."""
    left: int = 0
    steps: set[At] = field(default_factory=set)
    """The steps of loops that it lies outside of from which they come."""
    total: Array | None = None
    """The sum of those that have come: in the end, its gradient."""

    def expect(self, at: At) -> None:
        """Count one more contribution to come, from a gate at these steps."""
        self.reads += 1
        self.left += 1
        if len(at) > len(self.at):
            self.steps.add(at)


@dataclass(eq=False)
class Use:
    """One use of a gate."""

    apply: Apply
    at: At
    inputs: list[Value]
    outputs: list[Value]


@dataclass(eq=False)
class Join:
    """A sequence and its rows, of which either is made of the other: `whole` enters a loop as
    `rows`, or leaves it made of them (`stacks`)."""

    whole: Value
    rows: list[Value]
    stacks: bool


@dataclass(frozen=True, eq=False)
class Part:
    """What one use, or a join, adds to the gradient of a value."""

    value: Value
    given: tuple[Variable, ...]
    """The contributions, from the gate's rule: one for each time that it reads the value."""
    array: Array
    before: Array | None
    after: Array
    left: int
    """How many contributions are still to come: with 0 `after` is the gradient."""


@dataclass(frozen=True)
class _Rule:
    """A gate's own rule: placeholders for the cotangents of its outputs, and contributions."""

    cotangents: tuple[Variable | None, ...]
    given: tuple[Variable | None, ...]
    graph: Graph


class Tape:
    """The run of `cost` with the values and gradients of a trace."""

    def __init__(
        self,
        cost: Variable,
        values: Mapping[Variable, Array],
        gradients: Mapping[Variable, Array],
    ) -> None:
        self.cost, self.values, self.gradients = cost, values, gradients
        self.entries: list[Use | Join] = []
        order = applies([cost])
        self.binding = Binding(_sizes(order, cost, values))
        self._leaves: dict[Variable, Value] = {}
        self._homes: dict[Variable, set[Apply | None]] = {}
        self._rules: dict[tuple[Apply, tuple[bool, ...], tuple[bool, ...]], _Rule] = {}
        scope: dict[Variable, Value] = {}
        self._record(order, scope, (), None)
        self.end = self._find(self.cost, scope)
        self._expect()

    # ------------------------------------------------------------ forward

    def _find(self, v: Variable, scope: Mapping[Variable, Value]) -> Value:
        if v in scope:
            return scope[v]
        if v not in self._leaves:
            fixed = isinstance(v, Constant)
            array = v.value if isinstance(v, Constant) else self.values[v]
            self._leaves[v] = Value(v, (), np.asarray(array), v.type.differentiable and not fixed)
        return self._leaves[v]

    def _made(self, v: Variable, at: At, varied: bool, home: Apply | None) -> Value:
        self._homes.setdefault(v, set()).add(home)
        array = np.asarray(self.values[v][at])
        return Value(v, at, array, varied and v.type.differentiable)

    def _record(
        self, order: Sequence[Apply], scope: dict[Variable, Value], at: At, home: Apply | None
    ) -> None:
        """The uses of a graph's gates; `home` is the loop whose step it is."""
        for apply in order:
            inputs = [self._find(v, scope) for v in apply.inputs]
            if isinstance(apply.gate, Scan):
                outputs = self._loop(apply, apply.gate, inputs, at, home)
            else:
                varied = any(x.varied for x in inputs)
                outputs = [self._made(v, at, varied, home) for v in apply.outputs]
                self.entries.append(Use(apply, at, inputs, outputs))
            scope.update(zip(apply.outputs, outputs, strict=True))

    def _loop(
        self, apply: Apply, gate: Scan, inputs: Sequence[Value], at: At, home: Apply | None
    ) -> list[Value]:
        """The steps of a loop as they run. The values of its outputs."""
        carry, xs, fixed = gate.parts(inputs)
        carries, row_variables, _ = gate.parts(gate.body.inputs)
        for v in carries:
            self._homes.setdefault(v, set()).add(apply)
        steps = range(evaluate(gate.length, self.binding.sizes))
        rows = [self._rows(x, v, steps, at, apply) for x, v in zip(xs, row_variables, strict=True)]
        order = gate.body.applies()
        made: list[dict[int, Value]] = [{} for _ in gate.body.outputs[gate.carries :]]
        for count, t in enumerate(reversed(steps) if gate.reverse else steps):
            if count and _is_cut(gate, count):
                carry = [replace(c, varied=False) for c in carry]
            here = [*carry, *(row[t] for row in rows), *fixed]
            scope = dict(zip(gate.body.inputs, here, strict=True))
            self._record(order, scope, (*at, t), apply)
            results = [self._find(v, scope) for v in gate.body.outputs]
            carry = results[: gate.carries]
            for y, row in zip(made, results[gate.carries :], strict=True):
                y[t] = row
        stacks = []
        for v, y in zip(apply.outputs[gate.carries :], made, strict=True):
            whole = self._made(v, at, any(row.varied for row in y.values()), home)
            self.entries.append(Join(whole, [y[t] for t in steps], stacks=True))
            stacks.append(whole)
        return [*carry, *stacks]

    def _rows(self, x: Value, v: Variable, steps: range, at: At, home: Apply) -> list[Value]:
        self._homes.setdefault(v, set()).add(home)
        rows = [Value(v, (*at, t), np.asarray(x.array[t]), x.varied) for t in steps]
        self.entries.append(Join(x, rows, stacks=False))
        return rows

    # ------------------------------------------------------------ the way back

    def uses_back(self) -> list[Use]:
        """The uses at which a gradient arrives that is asked for, the last one first."""
        return [e for e in reversed(self.entries) if isinstance(e, Use) and self._is_reached(e)]

    def _is_reached(self, use: Use) -> bool:
        return any(x.varied for x in use.inputs) and any(
            y.reads or y is self.end for y in use.outputs
        )

    def _expect(self) -> None:
        """Count the contributions to each gradient."""
        for entry in reversed(self.entries):
            if isinstance(entry, Use):
                given = self.rule(entry).given if self._is_reached(entry) else ()
                for x, ct in zip(entry.inputs, given, strict=False):
                    if ct is not None:
                        x.expect(entry.at)
            elif not entry.stacks:
                if entry.whole.varied and any(row.reads for row in entry.rows):
                    entry.whole.expect(())
            elif entry.whole.reads:
                for row in entry.rows:
                    if row.varied:
                        row.expect(())

    def rule(self, use: Use) -> _Rule:
        """What goes back through a use, as formulas, by the gate's own rule."""
        apply = use.apply
        reached = tuple(bool(y.reads) or y is self.end for y in use.outputs)
        needed = tuple(x.varied for x in use.inputs)
        key = apply, reached, needed
        if key not in self._rules:
            cotangents = tuple(
                Input(v.type) if r else None for v, r in zip(apply.outputs, reached, strict=True)
            )
            found = apply.gate.pullback(apply, cotangents, needed)
            given = tuple(ct if n else None for ct, n in zip(found, needed, strict=True))
            arguments = dict.fromkeys(
                [*apply.inputs, *apply.outputs, *(ct for ct in cotangents if ct is not None)]
            )
            results = tuple(ct for ct in given if ct is not None)
            self._rules[key] = _Rule(
                cotangents, given, Graph(tuple(arguments), results, self.binding)
            )
        return self._rules[key]

    def back(self) -> Iterator[tuple[Use | Join, list[Part]]]:
        """Each entry on the way back, and what it adds to gradients. To be run once."""
        self.end.total = np.ones_like(self.end.array)
        for entry in reversed(self.entries):
            if isinstance(entry, Join):
                yield entry, self._across(entry)
            elif self._is_reached(entry):
                yield entry, self._through(entry)

    def _across(self, join: Join) -> list[Part]:
        """What a join adds: to each row its part, or to the sequence all of its rows."""
        whole, rows = join.whole, join.rows
        if join.stacks:
            if whole.total is None:
                return []
            parts = zip(rows, whole.total, strict=True)
            return [self._add(row, (), np.asarray(part)) for row, part in parts if row.varied]
        if not whole.varied or not any(row.reads for row in rows):
            return []
        found = [np.zeros_like(r.array) if r.total is None else r.total for r in rows]
        return [self._add(whole, (), np.stack(found))]

    def _through(self, use: Use) -> list[Part]:
        """What a use adds to the gradients of its inputs."""
        rule = self.rule(use)
        arrays = dict(zip(use.apply.inputs, (x.array for x in use.inputs), strict=True))
        arrays |= dict(zip(use.apply.outputs, (y.array for y in use.outputs), strict=True))
        for ct, y in zip(rule.cotangents, use.outputs, strict=True):
            if ct is not None:
                assert y.total is not None
                arrays[ct] = y.total
        results = iter(run(rule.graph, [arrays[v] for v in rule.graph.inputs]))
        found: dict[Value, tuple[list[Variable], list[Array]]] = {}
        for x, formula in zip(use.inputs, rule.given, strict=True):
            if formula is not None:
                formulas, contributions = found.setdefault(x, ([], []))
                formulas.append(formula)
                contributions.append(next(results))
        return [self._add(x, tuple(f), *contributions) for x, (f, contributions) in found.items()]

    def _add(self, value: Value, given: tuple[Variable, ...], *arrays: Array) -> Part:
        before = value.total
        array = np.asarray(sum(arrays[1:], start=arrays[0]))
        after = np.asarray(array if before is None else before + array)
        value.left -= len(arrays)
        if not value.left:
            after = self._gradient(value, after)
        value.total = after
        return Part(value, given, array, before, after, value.left)

    def _gradient(self, value: Value, total: Array) -> Array:
        """The gradient of a value that is complete, to the last bit as the trace has it.

        A trace has one gradient for a variable that several loops make, such as a loop and the one
        that goes back through it: the sum. Here each has its own.
        """
        v = value.v
        if v not in self.gradients or len(self._homes.get(v, ())) > 1:
            return total
        return np.asarray(self.gradients[v][value.at])


def _sizes(
    order: Sequence[Apply], cost: Variable, values: Mapping[Variable, Array]
) -> dict[str, int]:
    """The sizes of all names: those of leaves, and those that only what was computed tells."""
    known = [v for v in leaves([cost]) if v in values]
    sizes = bind_sizes((label(v), v.shape, np.shape(values[v])) for v in known)
    for v, shape in _shapes(order, ()):
        actual = np.shape(values[v]) if v in values else ()
        for size, number in zip(shape, actual, strict=False):
            if isinstance(size, Dim) and size.names() == {str(size)}:
                sizes.setdefault(str(size), number)
    return sizes


def _shapes(order: Sequence[Apply], around: Shape) -> Iterator[tuple[Variable, Shape]]:
    """What gates make, and carries, with their shapes at all steps of the loops around."""
    for apply in order:
        yield from ((v, (*around, *v.shape)) for v in apply.outputs)
        if isinstance(apply.gate, Scan):
            gate, inside = apply.gate, (*around, apply.gate.length)
            yield from ((v, (*inside, *v.shape)) for v in gate.body.inputs[: gate.carries])
            yield from _shapes(gate.body.applies(), inside)


def _is_cut(gate: Scan, count: int) -> bool:
    """Whether truncation lets no gradient pass from a step, the one after `count` others."""
    if gate.truncate is None:
        return False
    k1, k2 = gate.truncate
    if k2 > k1:
        raise PictureError(
            f"with truncate={gate.truncate} the windows of {gate} overlap, and each has gradients "
            f"of its own: only windows that do not, as with truncate=({k1}, {k1}), can be walked "
            "through"
        )
    return count % k1 == 0
