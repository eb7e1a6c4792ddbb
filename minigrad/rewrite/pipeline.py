"""The passes, their order, and their switches."""

from collections.abc import Callable, Collection, Iterator, Mapping

from ..errors import ArgumentError
from ..graph import Graph
from ..groups import entered
from ..where import located
from .algebra import algebra
from .fold import fold
from .hoist import hoist
from .lookup import lookup
from .merge import merge
from .merge_matmuls import merge_matmuls
from .neighbours import neighbours
from .outer_sums import outer_sums
from .push_out import push_after, push_before
from .reassociate import reassociate
from .share import share
from .split import split
from .stability import stability
from .trim import trim

__all__ = ["NAMES", "PASSES", "optimise", "stages", "switched_on"]

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "merge": merge,
    "trim": trim,
    "fold": fold,
    "algebra": algebra,
    "share": share,
    "stability": stability,
    "split": split,
    "hoist": hoist,
    "reassociate": reassociate,
    "push_before": push_before,
    "push_after": push_after,
    "merge_matmuls": merge_matmuls,
    "neighbours": neighbours,
    "outer_sums": outer_sums,
    "lookup": lookup,
}

# Scans are recognised as twins only until another pass has been there, so merge comes first. Split
# makes loops from whose steps more can leave; reassociation makes more that can.
_ORDER = """
    merge trim fold algebra share stability
    split hoist push_before reassociate hoist push_before push_after
    merge_matmuls neighbours hoist merge_matmuls outer_sums algebra share
    merge_matmuls neighbours hoist algebra fold lookup share trim
""".split()  # noqa: SIM905 - the order is read as a text


# After these a gate no longer runs in the step, or on the line, of the user's.
_OUT_OF_STEP = {
    "blocks",
    "stability",
    "push_before",
    "push_after",
    "reassociate",
    "merge_matmuls",
    "outer_sums",
    "neighbours",
    "flat",
}


# Rewrites that are no pass from graph to graph: of all that a function updates, and of a plan.
_OF_FUNCTIONS = ("flat", "blocks")
NAMES = (*PASSES, *_OF_FUNCTIONS)


def switched_on(switches: bool | Mapping[str, bool], in_steps: bool = False) -> set[str]:
    """The passes that are to run: all, none, or all but those that are switched off by name.

    With `in_steps` those are left out that move work to another time step or line. Raises
    ArgumentError for a name that no pass has.
    """
    names = set(NAMES)
    if not isinstance(switches, bool | Mapping):
        raise ArgumentError(
            f"optimize is True, False, or a dict such as {{'share': False}}, and not {switches!r}"
        )
    chosen = dict.fromkeys(names, switches) if isinstance(switches, bool) else dict(switches)
    if wrong := {name: on for name, on in chosen.items() if not isinstance(on, bool)}:
        raise ArgumentError(f"optimize: a pass is switched by True or False, not {wrong}")
    if unknown := chosen.keys() - names:
        raise ArgumentError(
            f"optimize: there is no pass {sorted(unknown)}; there are {sorted(names)}"
        )
    on = {name for name in names if chosen.get(name, True)}
    return on - _OUT_OF_STEP if in_steps else on


def stages(graph: Graph, on: Collection[str]) -> Iterator[tuple[str, Graph]]:
    """The graph after each of the passes in `on`, in order, with the pass's name."""
    where = next((v.where for v in graph.outputs if v.where), None)
    for name in _ORDER:
        if name in on:
            with located(where), entered(None):  # of gates for which a pass knows no better line
                graph = PASSES[name](graph)
            yield name, graph


def optimise(graph: Graph, on: Collection[str]) -> Graph:
    """The graph rewritten by the passes in `on`."""
    *_, (_, last) = ("", graph), *stages(graph, on)
    return last
