"""Sharing (common subexpressions): the same gate on the same inputs is computed once.

    tanh(x) + tanh(x)  →  t + t  with t = tanh(x)

Gates are pure, random ones too: a draw is a function of its key.
"""

from collections.abc import Hashable, Sequence

from ..graph import Apply, Gate, Graph
from ..loops import Scan
from ..variables import Constant, Variable
from .walk import rewrite, with_body

__all__ = ["operation", "share"]


def share(graph: Graph) -> Graph:
    """Merge equal applications, and equal constants, inside loops too."""
    made: dict[Hashable, Sequence[Variable]] = {}
    constants: dict[Hashable, Variable] = {}

    def only(v: Variable) -> Variable:
        if not isinstance(v, Constant):
            return v
        return constants.setdefault((v.dtype, v.shape, v.value.tobytes()), v)

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        inputs = [only(v) for v in inputs]
        if isinstance(apply.gate, Scan):
            return with_body(apply, inputs, share)
        key = (operation(apply.gate), *inputs)
        if key not in made:
            made[key] = apply.on(inputs)
        return made[key]

    return rewrite(graph, rule)


def operation(gate: Gate) -> Hashable:
    """What two gates have in common that do the same.

    Their settings are compared as they are written too, since 2 == 2.0 and 0.0 == -0.0. A gate
    whose class is no dataclass may have settings that its == does not look at; one with settings
    that cannot be hashed is like no other.
    """
    settings = tuple(vars(gate).items())
    try:
        hash((gate, settings))
    except TypeError:
        return id(gate)
    return gate, settings, repr(settings)
