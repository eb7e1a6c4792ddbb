"""Matrix products in loops are merged: few large ones are quicker than many small ones.

    same left operand:   h @ U, h @ V          →   the two halves of  h @ [U V]
    sum of products:     a @ U + b @ V         →   [a b] @ [U; V]

The right operands must not vary in the loop, so that they are put together once, before it. A cell
with a weight for each gate so comes to one product a step, and so does its way back.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeGuard

from ..functions.shape import concat, split
from ..gates import Add, Matmul
from ..graph import Apply, Graph
from ..variables import Input, Variable
from ..where import located
from .chains import Chains
from .loop import Loop, rewrite_loops

__all__ = ["merge_matmuls"]


def merge_matmuls(graph: Graph) -> Graph:
    """Merge the products with invariant right operands in all loops."""
    return rewrite_loops(rewrite_loops(graph, _summed), _side_by_side)


def _is_product(apply: Apply | None, loop: Loop) -> TypeGuard[Apply]:
    """Whether this is a product of what varies with a matrix that does not."""
    if apply is None or not isinstance(apply.gate, Matmul):
        return False
    left, right = apply.inputs
    fixed = loop.outer(right) is not None and loop.outer(left) is None
    return fixed and right.ndim == 2 and left.dtype == right.dtype


def _together(loop: Loop, products: Sequence[Apply], axis: int) -> Variable:
    """The right operands of products in one matrix, made outside the loop."""
    outer = [loop.outer(apply.inputs[1]) for apply in products]
    with located(products[0].where):
        whole = concat(outer, axis)
    inside = Input(whole.type)
    loop.fixed[inside] = whole
    return inside


def _side_by_side(loop: Loop) -> Sequence[Variable] | None:
    """One product for all that have the same left operand."""
    groups: dict[Variable, list[Apply]] = defaultdict(list)
    for apply in loop.applies():
        if _is_product(apply, loop):
            groups[apply.inputs[0]].append(apply)
    groups = {left: products for left, products in groups.items() if len(products) > 1}
    if not groups:
        return None
    weights = {left: _together(loop, products, 1) for left, products in groups.items()}
    pieces: dict[Variable, Variable] = {}

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        group = groups.get(apply.inputs[0]) if apply.inputs else None
        if group is None or not any(apply is product for product in group):
            return None
        if apply.outputs[0] not in pieces:
            with located(apply.where):
                whole = apply.gate(inputs[0], weights[apply.inputs[0]])
                widths = [product.inputs[1].shape[1] for product in group]
                cuts = [sum(widths[:i], start=0) for i in range(1, len(widths))]
                parts = split(whole, cuts, axis=-1)
            pieces.update((p.outputs[0], part) for p, part in zip(group, parts, strict=True))
        return [pieces[apply.outputs[0]].named(apply.outputs[0].name)]

    loop.rewrite_body(rule)
    return loop.close()


def _summed(loop: Loop) -> Sequence[Variable] | None:
    """One product for each sum of several."""
    chains = Chains(loop.body)
    new = {v: v for v in loop.known}
    found = False

    def rule(apply: Apply, inputs: Sequence[Variable]) -> Sequence[Variable] | None:
        nonlocal found
        new.update(zip(apply.inputs, inputs, strict=True))
        output = apply.outputs[0]
        if not isinstance(apply.gate, Add) or not chains.ends(output, Add):
            return None
        terms = chains.terms(output, Add)
        made = [v.owner for v in terms if v not in chains.known and chains.uses[v] == 1]
        products = [p for p in made if _is_product(p, loop) and p.outputs[0].type == output.type]
        if len(products) < 2:
            return None
        mine = {p.outputs[0] for p in products}
        weight = _together(loop, products, 0)
        with located(apply.where):
            total = products[0].gate(concat([new[p.inputs[0]] for p in products], -1), weight)
            for v in terms:
                if v not in mine:
                    total = new[v] + total
        found = True
        return [total.named(output.name)]

    loop.rewrite_body(rule)
    return loop.close() if found else None
