"""The walk that every rewrite shares."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..errors import GateError
from ..graph import Apply, Graph, instead_of
from ..loops import Scan
from ..variables import Input, Variable

__all__ = ["Rule", "first_that_fits", "rewrite", "rewrite_everywhere", "with_body"]

# What an application becomes on rewritten inputs; None keeps it as it is.
Rule = Callable[[Apply, Sequence[Variable]], Sequence[Variable] | None]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """`graph` with every application replaced by what `rule` makes of it, in order.

    Lines and names are kept. The body of a loop is a graph of its own, which this leaves alone.

    An input of the graph may be a variable that something makes; what lies behind it is not part of
    the graph. Such inputs are replaced by placeholders, so that a rule that looks at how an input
    was made (`v.owner`) cannot see past the edge.
    """
    new: dict[Variable, Variable] = {
        v: Input(v.type, v.name) for v in graph.inputs if v.owner is not None
    }
    at_edge = set(new)
    edge = tuple(new.get(v, v) for v in graph.inputs)
    for apply in graph.applies():
        inputs = [new.get(v, v) for v in apply.inputs]
        results = rule(apply, inputs)
        if results is None:
            same = all(a is b for a, b in zip(inputs, apply.inputs, strict=True))
            results = apply.outputs if same else apply.on(inputs)
        if any(old.type != v.type for old, v in zip(apply.outputs, results, strict=True)):
            raise GateError(f"a rewrite of {apply.gate} changed its type", apply.where)
        pairs = zip(apply.outputs, results, strict=True)
        new.update((old, v) for old, v in pairs if old is not v and old not in at_edge)
    return replace(graph, inputs=edge, outputs=tuple(new.get(v, v) for v in graph.outputs))


def rewrite_everywhere(graph: Graph, rule: Rule) -> Graph:
    """`rewrite`, in the bodies of loops too."""

    def deep(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        if isinstance(apply.gate, Scan):
            return with_body(apply, inputs, lambda body: rewrite_everywhere(body, rule))
        return rule(apply, inputs)

    return rewrite(graph, deep)


def first_that_fits(
    apply: Apply, inputs: Sequence[Variable], candidates: Iterable[Variable | None]
) -> Sequence[Variable] | None:
    """The first of some variables that has the type of what `apply` makes, as a rule gives it."""
    with instead_of(apply):
        for found in candidates:
            if found is not None and found.type == apply.outputs[0].type:
                known = {*inputs, *(u for v in inputs if v.owner for u in v.owner.inputs)}
                if found not in known:  # what the user built keeps the name that it had
                    found.name = found.name or apply.outputs[0].name
                return [found]
    return None


def with_body(
    apply: Apply, inputs: Sequence[Variable], change: Callable[[Graph], Graph]
) -> tuple[Variable, ...] | None:
    """A scan on these inputs with its body changed; None for another gate."""
    if not isinstance(apply.gate, Scan):
        return None
    return apply.on(inputs, replace(apply.gate, body=change(apply.gate.body)))
