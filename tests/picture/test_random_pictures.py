"""Pictures of random graphs, with groups opened and entered again at random, in loops too."""

from collections import Counter
from unittest.mock import patch

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.dims import Dim, evaluate
from minigrad.graph import applies
from minigrad.graph import leaves as graph_leaves
from minigrad.groups import current, entered
from minigrad.loops import Scan
from minigrad.picture import draw
from minigrad.picture.folding import all_groups
from tests import random_graphs
from tests.random_graphs import Choices, constants, leaves, with_gradients

numbers = st.randoms(use_true_random=False).map(lambda r: [r.randrange(1000) for _ in range(60)])
few = settings(phases=[Phase.generate], max_examples=12)
SIZES = {"T": 3, "B": 2}
NO_LIMIT = 10**6


class Sprinkler:
    """Grows graphs as `random_graphs` does, three gates at a time: in no group, a new one, one in
    another, or one that was left before."""

    def __init__(self):
        self.plain, self.groups = random_graphs.grow, []

    def grow(self, choose, pool, count, loops=0):
        for _ in range(count // 3):
            with self.place(choose):
                pool = self.plain(choose, pool, 3, loops)
        return pool

    def place(self, choose):
        how = choose.of(["none", "new", "new", "again"])
        here = current()
        if how == "new":
            with mg.group(choose.of("ABC")) as group:
                self.groups.append(group)
            return entered(group)
        inside = [g for g in self.groups if here is None or here in g.path]
        return entered(choose.of(inside) if how == "again" and inside else here)


def graph(numbers, with_gradient):
    """Some outputs of a random graph, and the values of its leaves."""
    values, sprinkler = leaves("float64", SIZES), Sprinkler()
    with patch.object(random_graphs, "grow", sprinkler.grow):
        pool = sprinkler.grow(Choices(numbers), [*values, *constants("float64")], 12, loops=2)
    outputs = pool[-3:]
    return with_gradients(outputs, list(values)[:2]) if with_gradient else outputs, values


def symbols(order, unroll, known):
    """The symbols of all gates, as often as they are on a picture without folded parts. Dimensions
    that are `known` have their sizes."""
    found = Counter()
    for apply in order:
        if isinstance(apply.gate, Scan):
            length = apply.gate.length
            told = not isinstance(length, Dim) or length.names() <= known
            steps = min(evaluate(length, SIZES), unroll) if told and unroll > 1 else unroll
            inner = symbols(apply.gate.body.applies(), unroll, known)
            found.update({symbol: count * steps for symbol, count in inner.items()})
        else:
            found[" ".join(apply.gate.symbol.split())] += 1
    return +found


def names_in(outputs):
    """The dimensions of the leaves of a graph."""
    sizes = (size for v in graph_leaves(outputs) for size in v.shape)
    return {name for size in sizes if isinstance(size, Dim) for name in size.names()}


@pytest.mark.parametrize("unroll", [None, 3])
@few
@given(numbers, st.booleans())
def test_each_gate_is_drawn_exactly_once_or_once_in_each_step(unroll, numbers, with_gradient):
    outputs, values = graph(numbers, with_gradient)
    drawing = draw(outputs, unroll, fold=False, values=values, max_nodes=NO_LIMIT)
    nodes = [node for node in drawing.sketch.nodes if node.kind == "gate"]
    assert Counter(" ".join(n.lines) for n in nodes) == symbols(
        applies(outputs), unroll or 1, names_in(outputs) if unroll else set()
    )
    assert drawing.gates == len(nodes)
    if not with_gradient:  # a loop and its twin, which emits residuals, have the same applications
        assert sorted(drawing.nodes.values()) == sorted(node.name for node in nodes)


@pytest.mark.parametrize("unroll", [None, 3])
@few
@given(numbers, st.booleans())
def test_folded_each_gate_is_drawn_or_in_one_folded_part(unroll, numbers, with_gradient):
    outputs, values = graph(numbers, with_gradient)
    names = sorted({g.name for g in all_groups(applies(outputs))})
    for fold in (None, True, names[:1], names[1:2]):
        drawing = draw(outputs, unroll, fold=fold, values=values, max_nodes=NO_LIMIT)
        nodes = [node.name for node in drawing.sketch.nodes if node.kind in ("gate", "group")]
        assert drawing.gates == len(nodes)
        if not with_gradient:
            assert set(drawing.nodes.values()) == set(nodes)


@pytest.mark.parametrize(("unroll", "fold"), [(None, False), (None, None), (3, False), (3, True)])
@few
@given(numbers)
def test_what_is_not_too_large_can_be_laid_out(look, unroll, fold, numbers):
    outputs, values = graph(numbers, with_gradient=False)
    drawing = draw(outputs, unroll, fold=fold, values=values, max_nodes=NO_LIMIT)
    if drawing.gates < 80:
        look(drawing).assert_tidy()
