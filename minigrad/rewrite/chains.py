"""Chains: sums of several terms, products of several factors."""

from ..graph import Graph
from ..variables import Variable

__all__ = ["Chains"]


class Chains:
    """The chains of a graph: nested applications of one gate whose inner results nobody else reads.

    a + (b + c) with b + c used nowhere else  →  the terms a, b, c
    """

    def __init__(self, graph: Graph) -> None:
        self.known = set(graph.inputs)
        self.uses: dict[Variable, int] = dict.fromkeys(graph.outputs, 2)  # needed as they are
        self.reader: dict[Variable, type] = {}
        for apply in graph.applies():
            for v in apply.inputs:
                self.uses[v] = self.uses.get(v, 0) + 1
                self.reader[v] = type(apply.gate)

    def ends(self, v: Variable, kind: type) -> bool:
        """Whether a chain of `kind` ends in v, and does not go on in its only reader."""
        if v.owner is None or type(v.owner.gate) is not kind:
            return False
        return not (self.uses[v] == 1 and self.reader[v] is kind)

    def terms(self, v: Variable, kind: type) -> list[Variable]:
        """What the chain of `kind` that ends in v is made of, all of one dtype; else [v] alone."""
        found, stack = [], [v]
        while stack:
            u = stack.pop()
            inside = u is v or (self.uses[u] == 1 and u.dtype == v.dtype)
            if (
                inside
                and u.owner is not None
                and type(u.owner.gate) is kind
                and u not in self.known
            ):
                stack.extend(reversed(u.owner.inputs))
            else:
                found.append(u)
        return found if all(u.dtype == v.dtype for u in found) else [v]
