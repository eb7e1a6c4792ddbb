"""Which groups and loops of a graph a picture shows as one node each."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ArgumentError
from ..graph import Apply
from ..groups import Group
from ..loops.gate import Scan, everywhere
from ..variables import Constant, Parameter, Variable
from .steps import Unrolling

__all__ = [
    "READABLE",
    "Folding",
    "Names",
    "Unit",
    "all_groups",
    "as_names",
    "choose",
    "groups_inside",
]

Names = bool | str | Collection[str] | None
"""True for all, or False, or some by their names; None leaves it to us."""

READABLE = 40  # gates

Unit = Group | Apply | str
"""What is drawn as one node: a group, the application of a loop, or the gates of a user's line."""


@dataclass(frozen=True)
class Folding:
    """Groups of these names, or from this depth on, are folded, maybe loops, and maybe all that
    comes from one line; but not `opened` groups."""

    names: Collection[str] = ()
    depth: int | None = None
    loops: bool = False
    opened: Collection[Group] = ()
    unrolled: bool = False
    lines: bool = False

    def unit(self, apply: Apply, within: Sequence[Group]) -> Unit | None:
        """The outermost folded part that an application is in, of those inside `within`."""
        for group in groups_inside(apply, within):
            deep = self.depth is not None and len(group.path) > self.depth
            if (deep or group.name in self.names) and group not in self.opened:
                return group
        if isinstance(apply.gate, Scan):
            return apply if self.loops else None
        return apply.where if self.lines else None

    def shown(
        self,
        order: Iterable[Apply],
        outputs: Iterable[Variable],
        within: Sequence[Group],
        in_loop: bool,
    ) -> set[Variable]:
        """The variables that anything visible reads.

        Parameters and constants that only folded parts read are not drawn; but where the steps of a
        loop are drawn one by one, those that they share are."""
        found = set(outputs)
        hidden = Constant if in_loop and self.unrolled else Parameter | Constant
        for apply in order:
            gate = apply.gate
            if self.unit(apply, within):
                found |= {v for v in apply.inputs if not isinstance(v, hidden)}
            elif isinstance(gate, Scan):
                around = (*within, *groups_inside(apply, within))
                inner = self.shown(gate.body.applies(), gate.body.outputs, around, True)
                varies = gate.carries + gate.sequences
                pairs = zip(apply.inputs, gate.body.inputs, strict=True)
                found |= {v for i, (v, b) in enumerate(pairs) if i < varies or b in inner}
            else:
                found.update(apply.inputs)
        return found

    def gates(self, order: Iterable[Apply], unrolling: Unrolling, within: Sequence[Group]) -> int:
        """How many gates, folded parts counted as one, are on the picture."""
        total, units = 0, set()
        for apply in order:
            unit = self.unit(apply, within)
            if unit is not None:
                units.add(unit)
            elif isinstance(apply.gate, Scan):
                steps = unrolling.steps(apply.gate)
                around = (*within, *groups_inside(apply, within))
                inner = self.gates(apply.gate.body.applies(), unrolling, around)
                total += inner * (steps.count if steps else 1)
            else:
                total += 1
        return total + len(units)


def choose(
    fold: Names, unfold: Collection[str], order: Sequence[Apply], unrolling: Unrolling
) -> Folding:
    """What `fold` means for a graph, where groups of the names in `unfold` stay open. Left alone,
    deep groups are folded first, then outer ones, then loops, until the picture can be read.

    Raises ArgumentError for a group that the graph does not have.
    """
    groups, unrolled = all_groups(order), bool(unrolling.unroll)
    opened = {outer for g in groups if g.name in unfold for outer in g.path}
    if unrolled:  # what is asked for must not be hidden
        opened |= around_loops(order)
    base = Folding(opened=opened, unrolled=unrolled)
    if fold is None:
        deepest = max((len(g.path) for g in groups), default=0)
        ways = [replace(base, depth=n) for n in range(deepest, -1, -1)]
        if not unrolled:
            ways.append(replace(base, depth=0, loops=True))
        ways.append(replace(ways[-1], lines=True))
        for way in ways:
            if way.gates(order, unrolling, ()) <= READABLE:
                return way
        return ways[-1]
    if isinstance(fold, bool):
        return replace(base, depth=0 if fold else None)
    names = as_names("fold", fold, {g.name for g in groups}, "group")
    return replace(base, names=names)


def around_loops(order: Iterable[Apply]) -> set[Group]:
    """The groups that loops are in."""
    return {g for a, _ in everywhere(order) if isinstance(a.gate, Scan) for g in _path(a)}


def all_groups(order: Iterable[Apply]) -> set[Group]:
    """The groups of a graph, inside loops too."""
    return {group for apply, _ in everywhere(order) for group in _path(apply)}


def as_names(what: str, names: Any, known: Collection[str], kind: str) -> set[str]:
    """Names as a set. Raises ArgumentError for anything else, and for one that is not known."""
    found = {names} if isinstance(names, str) else names
    if not isinstance(found, Collection) or any(not isinstance(name, str) for name in found):
        raise ArgumentError(f"{what} is True, False, or names, and not {names!r}")
    if unknown := sorted(set(found).difference(known)):
        there = sorted(known) if known else "none: `with mg.group(name):` makes a group"
        raise ArgumentError(f"this graph has no {kind} {unknown[0]!r}; it has {there}")
    return set(found)


def groups_inside(apply: Apply, within: Sequence[Group]) -> tuple[Group, ...]:
    """The groups that an application is in, outermost first, but for those in `within`: the groups
    around a loop, for its body."""
    around = set(within)
    return tuple(g for g in _path(apply) if g not in around)


def _path(apply: Apply) -> tuple[Group, ...]:
    return apply.group.path if apply.group else ()
