"""Matrix products are merged: few large ones are quicker than many small ones.

    same left operand:   h @ U, h @ V          →   the two halves of  h @ [U V]
    sum of products:     a @ U + b @ V         →   [a b] @ [U; V]

The right operands must be there from the beginning: in a loop they do not vary, and are put
together before it; outside they are leaves. A cell with a weight for each gate so comes to one
product a step, and so does its way back. Outside of loops the left operands of a sum must be pieces
of one array, since else long arrays would be copied.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from ..functions.shape import concat
from ..gates import Add, Matmul, Split
from ..graph import Apply, Graph, instead_of
from ..variables import Input, Variable
from .chains import Chains
from .loop import Loop, rewrite_loops
from .pieces import is_view_of_leaf, piece_of
from .walk import Rule, rewrite

__all__ = ["merge_matmuls"]


def merge_matmuls(graph: Graph) -> Graph:
    """Merge such products in all loops, and outside."""
    for rule in (_summed, _side_by_side):
        graph = rewrite_loops(graph, partial(_in_loop, rule))
        graph = rewrite(graph, rule(_Outside(graph)))
    return graph


def _in_loop(rule: Callable[["_Outside"], Rule], loop: Loop) -> Sequence[Variable] | None:
    before = loop.outputs
    loop.rewrite_body(rule(_Inside(loop)))
    same = all(a is b for a, b in zip(before, loop.outputs, strict=True))
    return None if same else loop.close()


class _Outside:
    """Where products are merged: a graph, but not its loops."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known = set(graph.inputs)

    def is_fixed(self, v: Variable) -> bool:
        """Whether v is there from the beginning."""
        return is_view_of_leaf(v, self.known)

    def pays(self, left: Sequence[Variable]) -> bool:
        """Whether these are put end to end for nothing, or for little."""
        pieces = [piece_of(v, self.known) for v in left]
        return all(p is not None and pieces[0] and p.whole is pieces[0].whole for p in pieces)

    def together(self, right: Sequence[Variable], axis: int) -> Variable:
        """Right operands put end to end."""
        return concat(right, axis)

    def products(self, applies: Iterable[Apply]) -> list[Apply]:
        """Those that can be merged."""
        return [a for a in applies if isinstance(a.gate, Matmul) and self.can_be_merged(*a.inputs)]

    def can_be_merged(self, left: Variable, right: Variable) -> bool:
        return self.is_fixed(right) and right.ndim == 2 and left.dtype == right.dtype


class _Inside(_Outside):
    """The body of a loop, outside of which right operands are put together."""

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop.body)
        self.loop = loop

    def is_fixed(self, v: Variable) -> bool:
        return self.loop.outer(v) is not None

    def can_be_merged(self, left: Variable, right: Variable) -> bool:
        return super().can_be_merged(left, right) and not self.is_fixed(left)

    def pays(self, left: Sequence[Variable]) -> bool:
        return True

    def together(self, right: Sequence[Variable], axis: int) -> Variable:
        whole = concat([self.loop.outer(v) for v in right], axis)
        inside = Input(whole.type)
        self.loop.fixed[inside] = whole
        return inside


def _side_by_side(where: _Outside) -> Rule:
    """One product for all that have the same left operand."""
    alike: dict[Variable, list[Apply]] = defaultdict(list)
    for apply in where.products(where.graph.applies()):
        alike[apply.inputs[0]].append(apply)
    readers = _readers(where.graph)
    groups: dict[Apply, list[Apply]] = {}
    for products in alike.values():
        if len(products) > 1:
            kinds = list(dict.fromkeys(readers(p.outputs[0]) for p in products))
            products.sort(key=lambda p: kinds.index(readers(p.outputs[0])))
            groups |= dict.fromkeys(products, products)
    pieces: dict[Apply, Variable] = {}

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        if apply not in groups:
            return None
        if apply not in pieces:
            group = groups[apply]
            with instead_of(apply):
                right = where.together([p.inputs[1] for p in group], 1)
                whole = apply.gate(inputs[0], right)
                parts = Split(tuple(p.inputs[1].shape[1] for p in group), whole.ndim - 1)(whole)
            pieces.update(zip(group, parts, strict=True))
        return [pieces[apply].named(apply.outputs[0].name)]

    return rule


def _readers(graph: Graph) -> Callable[[Variable], str]:
    """What reads a variable, behind sums: products that go into gates of one kind are put side by
    side, so that these gates are neighbours."""
    reader: dict[Variable, Apply] = {}
    for apply in graph.applies():
        reader |= dict.fromkeys(apply.inputs, apply)

    def kind(v: Variable) -> str:
        while v in reader and isinstance(reader[v].gate, Add):
            v = reader[v].outputs[0]
        return str(reader[v].gate) if v in reader else ""

    return kind


def _summed(where: _Outside) -> Rule:
    """One product for each sum of several."""
    chains = Chains(where.graph)
    new = {v: v for v in where.known}

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        new.update(zip(apply.inputs, inputs, strict=True))
        output = apply.outputs[0]
        if not isinstance(apply.gate, Add) or not chains.ends(output, Add):
            return None
        terms = chains.terms(output, Add)
        made = [v.owner for v in terms if v not in chains.known and chains.uses[v] == 1 and v.owner]
        products = [p for p in where.products(made) if p.outputs[0].type == output.type]
        if len(products) < 2 or not where.pays([p.inputs[0] for p in products]):
            return None
        mine = {p.outputs[0] for p in products}
        with instead_of(products[0]):
            right = where.together([p.inputs[1] for p in products], 0)
            total = products[0].gate(concat([new[p.inputs[0]] for p in products], -1), right)
        with instead_of(apply):
            for v in terms:
                if v not in mine:
                    total = new[v] + total
        return [total.named(output.name)]

    return rule
