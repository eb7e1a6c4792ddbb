"""Composite gates written out: σ as the add, exp and divide of its definition."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..gates import Composite
from ..graph import Apply, Gate, applies, instead_of
from ..groups import group
from ..loops.gate import Scan, everywhere
from ..variables import Variable

__all__ = ["composites", "written_out"]


def composites(order: Iterable[Apply]) -> set[str]:
    """The names of the composite gates in a graph, inside loops too."""
    return {str(a.gate) for a, _ in everywhere(order) if isinstance(a.gate, Composite)}


def written_out(
    outputs: Sequence[Variable], names: set[str], known: Sequence[Variable] = ()
) -> dict[Variable, Variable]:
    """Each variable whose gates, or what they read, change, with its new one.

    σ(x)  →  1 / (1 + exp(-x)), in a group "sigmoid"

    Gates of these `names` are replaced by their definitions, inside loops too; the graph behind
    what is `known` is left alone.
    """
    new: dict[Variable, Variable] = {v: v for v in known}
    for apply in applies(outputs, known):
        inputs = [new.get(v, v) for v in apply.inputs]
        results: Sequence[Variable] = apply.outputs
        if isinstance(apply.gate, Composite) and str(apply.gate) in names:
            with instead_of(apply), group(str(apply.gate)):
                result = apply.gate.definition(*inputs)
            result = written_out([result], names, inputs).get(result, result)
            results = [result.named(apply.outputs[0].name)]
        else:
            gate, inner = _inside(apply.gate, names)
            new |= inner
            if gate is not apply.gate or any(
                a is not b for a, b in zip(inputs, apply.inputs, strict=True)
            ):
                results = apply.on(inputs, gate)
        new |= {v: r for v, r in zip(apply.outputs, results, strict=True) if r is not v}
    return new


def _inside(gate: Gate, names: set[str]) -> tuple[Gate, dict[Variable, Variable]]:
    """A gate with the body of a loop written out, and what is new in there."""
    if not isinstance(gate, Scan):
        return gate, {}
    new = written_out(gate.body.outputs, names, gate.body.inputs)
    outputs = tuple(new.get(v, v) for v in gate.body.outputs)
    if all(a is b for a, b in zip(outputs, gate.body.outputs, strict=True)):
        return gate, {}
    changed = {v: r for v, r in new.items() if r is not v}
    return replace(gate, body=replace(gate.body, outputs=outputs)), changed
