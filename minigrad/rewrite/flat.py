"""Parameters that are updated alike lie end to end in one vector, and so do their gradients.

    W ← W - η dW;  b ← b - η db      →      p ← p - η [dW db]      W, b: views of p
    Σ dW² + Σ db²                    →      Σ [dW db]²

Clipping and an optimiser are then a few calls over long vectors, however many parameters there
are. To put the gradients together costs nothing: each is computed where it belongs.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from math import prod

from ..functions import add, concat
from ..gates import Add, Sum
from ..gates.elementwise import Elementwise
from ..graph import Apply, Graph, applies, instead_of, substitute
from ..types import Type
from ..variables import Constant, Input, Parameter, Variable
from ..where import located
from .chains import Chains
from .share import operation

__all__ = ["Vector", "flat"]

# One variable for each parameter, in the same place of what each update is made of.
Column = tuple[Variable, ...]
Place = tuple[int, int, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Vector:
    """Parameters of one dtype that lie end to end.

    places: where each of them begins and ends, and its shape; variable (N,): all their values; new
    (N,): those after an update.
    """

    parameters: tuple[Parameter, ...]
    places: list[Place]
    variable: Variable
    new: Variable


def flat(
    inputs: Collection[Variable],
    results: Sequence[Variable],
    changes: Mapping[Parameter, Variable],
) -> tuple[list[Variable], dict[Parameter, Variable], list[Vector]]:
    """`results` and `changes` (the new values of parameters), computed from vectors where some
    parameters can lie in one. Those are not among the changes any more.
    """
    edge = {v: v for v in inputs}
    forms = _forms([*results, *changes.values()], edge)
    groups = _groups(changes, forms, edge)
    if not groups:
        return list(results), dict(changes), []
    places = {g: _places(g) for g in groups}
    whole: dict[Column, Variable] = {
        g: Input(Type((places[g][-1][1],), g[0].dtype), _name(g)) for g in groups
    }
    join = _Joiner(whole, edge)
    news = [join(tuple(changes[p] for p in g)).named(f"new_{whole[g].name}") for g in groups]
    in_groups = {p for g in groups for p in g}
    left = {p: new for p, new in changes.items() if p not in in_groups}
    wanted = [*results, *left.values(), *news]
    wanted = substitute(wanted, edge | _joined_sums(wanted, edge, forms, join))
    views = {
        p: whole[g][start:end].reshape(shape).named(p.name)
        for g in groups
        for p, (start, end, shape) in zip(g, places[g], strict=True)
    }
    wanted = substitute(wanted, edge | views)
    n, m = len(results), len(results) + len(left)
    vectors = [
        Vector(g, places[g], whole[g], new) for g, new in zip(groups, wanted[m:], strict=True)
    ]
    return wanted[:n], dict(zip(left, wanted[n:m], strict=True)), vectors


def _groups(
    changes: Mapping[Parameter, Variable],
    forms: Mapping[Variable, Hashable],
    edge: Collection[Variable],
) -> list[tuple[Parameter, ...]]:
    """The parameters that are updated alike, by several at least."""
    alike: dict[Hashable, list[Parameter]] = defaultdict(list)
    for p, new in changes.items():
        if p not in edge and new not in edge and new.shape == p.shape and _is_elementwise(new):
            alike[forms[new], p.dtype].append(p)
    return [tuple(group) for group in alike.values() if len(group) > 1]


def _places(parameters: Sequence[Parameter]) -> list[Place]:
    shapes = [tuple(int(size) for size in p.shape) for p in parameters]  # type: ignore[arg-type]
    ends = list(accumulate(map(prod, shapes)))
    return list(zip([0, *ends[:-1]], ends, shapes, strict=True))


def _name(parameters: Sequence[Parameter]) -> str:
    """What to call them together: ``parameters_m`` for the slots ``W.m``, ``b.m`` …"""
    lasts = {(p.name or "").rpartition(".")[2] for p in parameters}
    last = lasts.pop() if len(lasts) == 1 else ""
    return f"parameters_{last}" if last else "parameters"


def _is_elementwise(v: Variable) -> bool:
    """Whether each element of v is made of the same element of others, and of scalars."""
    if v.owner is None or not v.ndim or not isinstance(v.owner.gate, Elementwise):
        return False
    return all(u.shape in ((), v.shape) for u in v.owner.inputs)


def _forms(outputs: Sequence[Variable], edge: Collection[Variable]) -> dict[Variable, Hashable]:
    """Numbers for what variables are made of: two of one form can be computed as one.

    A form goes down to what is not elementwise, of which only the dtype counts, and to scalars,
    which must be the same.
    """
    numbers: dict[Hashable, int] = {}
    forms: dict[Variable, Hashable] = {}

    def form(v: Variable) -> Hashable:
        if v not in forms:  # a leaf
            scalar = (v.dtype, v.value.tobytes()) if isinstance(v, Constant) else v
            forms[v] = (isinstance(v, Parameter), v.dtype) if v.ndim else scalar
        return forms[v]

    for apply in applies(outputs, edge):
        made_of = tuple(form(v) for v in apply.inputs)
        for v in apply.outputs:
            scalars = not any(u.ndim for u in (v, *apply.inputs))
            if _is_elementwise(v) or (scalars and apply.single):
                key = (operation(apply.gate), v.dtype, *made_of)
                forms[v] = numbers.setdefault(key, len(numbers))
            else:
                forms[v] = (False, v.dtype) if v.ndim else v
    return forms


class _Joiner:
    """Computes variables of one form as one vector, and remembers what it has joined."""

    def __init__(self, vectors: Mapping[Column, Variable], edge: Collection[Variable]) -> None:
        self.made: dict[Column, Variable] = dict(vectors)
        self.edge = edge

    def __call__(self, column: Column) -> Variable:
        """All the variables of a column, flattened, end to end."""
        stack = [column]
        while stack:
            top = stack[-1]
            waiting = [c for c in self.operands(top) if c not in self.made]
            if waiting and top not in self.made:
                stack.extend(waiting)
                continue
            stack.pop()
            if top not in self.made:
                self.made[top] = self.join(top)
        return self.made[column]

    def operands(self, column: Column) -> list[Column]:
        """What a column is made of, if it is elementwise: columns again."""
        if not _is_elementwise(column[0]) or any(v in self.edge for v in column):
            return []
        return list(zip(*(v.owner.inputs for v in column if v.owner), strict=True))

    def join(self, column: Column) -> Variable:
        first = column[0]
        if not first.ndim:
            return first
        if operands := self.operands(column):
            assert first.owner is not None
            made_of = [self.made[c] for c in operands]
            return Apply(first.owner.gate, made_of, first.owner).outputs[0]
        with instead_of(first.owner) if first.owner else located(first.where):
            return concat([v.reshape((-1,)) for v in column])

    def has(self, column: Column) -> bool:
        """Whether a column can be computed from what was joined before."""
        stack = [column]
        while stack:
            top = stack.pop()
            if top in self.made or not top[0].ndim:
                continue
            operands = self.operands(top)
            if not operands:
                return False
            stack += operands
        return True


def _joined_sums(
    outputs: Sequence[Variable],
    edge: Collection[Variable],
    forms: Mapping[Variable, Hashable],
    join: _Joiner,
) -> dict[Variable, Variable]:
    """Sums of whole arrays that add up, where the arrays lie in one vector anyway:
    Σ a² + Σ b² → Σ [a b]²."""
    chains = Chains(Graph(tuple(edge), tuple(outputs)))
    found: dict[Variable, Variable] = {}
    for apply in applies(outputs, edge):
        end = apply.outputs[0]
        if end.ndim or not chains.ends(end, Add):
            continue
        all_terms = chains.terms(end, Add)
        alike: dict[Hashable, list[Variable]] = defaultdict(list)
        for term in all_terms:
            whole = _summed(term)
            alike[term if whole is None else forms[whole]].append(term)
        sums = []
        for terms in alike.values():
            column = tuple(v for term in terms if (v := _summed(term)) is not None)
            if (made := terms[0].owner) and len(column) > 1 and join.has(column):
                with instead_of(made):
                    terms = [join(column).sum()]
            sums += terms
        if len(sums) < len(all_terms):
            with instead_of(apply):
                found[end] = reduce(add, sums)
    return found


def _summed(v: Variable) -> Variable | None:
    """What v is the sum of all elements of."""
    if v.owner is None or not isinstance(v.owner.gate, Sum) or v.ndim:
        return None
    (whole,) = v.owner.inputs
    return whole if whole.dtype == v.dtype else None
