"""A cell written as in the textbook comes to the program that an expert would write."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.gates import Matmul
from minigrad.graph import Graph
from minigrad.loops import Scan
from minigrad.rewrite import PASSES, optimise
from minigrad.variables import Variable

V, H = 5, 4


def weight(*shape: int) -> mg.Parameter:
    rng = np.random.default_rng(sum(shape))
    return mg.parameter(rng.normal(size=shape) / 2)


def naive_lstm(size: int) -> tuple[list[mg.Parameter], object]:
    """Eight matrices and four biases, one product for each matrix."""
    W, U, b = ([weight(*s) for _ in range(4)] for s in ((size, H), (H, H), (H,)))

    def cell(x: Variable, state: tuple[Variable, Variable]) -> tuple[Variable, object]:
        h, c = state
        i, f, g, o = (x @ W[k] + h @ U[k] + b[k] for k in range(4))
        c = mg.sigmoid(f) * c + mg.sigmoid(i) * mg.tanh(g)
        h = mg.sigmoid(o) * mg.tanh(c)
        return h, (h, c)

    return [*W, *U, *b], cell


def training_step() -> tuple[list[Variable], Variable, list[mg.Parameter]]:
    """Two layers and the logits in one step function."""
    xs, start = mg.input("xs", ("T", "B", V), "float64"), mg.input("start", ("B", H), "float64")
    first, cell_1 = naive_lstm(V)
    second, cell_2 = naive_lstm(H)
    out = weight(H, V)

    def step(state: object, x: Variable) -> tuple[object, Variable]:
        h, low = cell_1(x, state[0])
        h, high = cell_2(h, state[1])
        return (low, high), h @ out

    _, logits = mg.scan(step, ((start, start), (start, start)), xs)
    return [xs, start], -mg.mean(mg.log_softmax(logits) * xs), [*first, *second, out]


def loops(graph: Graph) -> list[Scan]:
    return [a.gate for a in graph.applies() if isinstance(a.gate, Scan)]


def count(body: Graph, kind: type) -> int:
    return sum(isinstance(apply.gate, kind) for apply in body.applies())


def test_each_loop_has_one_product_and_nothing_that_could_be_outside() -> None:
    inputs, cost, weights = training_step()
    gradients = mg.grad(cost, weights)
    graph = optimise(Graph((*inputs, *weights), (cost, *gradients)), PASSES)
    found = loops(graph)
    assert [gate.reverse for gate in found] == [False, False, True, True]
    for gate in found:
        assert count(gate.body, Matmul) == 1
        work = [a for a in gate.body.applies() if not a.gate.view]
        # forward: a product, 2 sums, a sigmoid of three gates at once, 2 tanh, 3 products;
        # backward: a product, its operands end to end, 2 sums, 6 products
        assert len(work) == (10 if gate.reverse else 9)


def test_it_is_still_the_same() -> None:
    inputs, cost, weights = training_step()
    wanted = [cost, *mg.grad(cost, weights)]
    f = mg.function(inputs, wanted)
    rng = np.random.default_rng(0)
    for T, B in ((4, 3), (1, 1), (1, 2), (5, 1)):
        at = dict(zip(inputs, (rng.normal(size=(T, B, V)), rng.normal(size=(B, H))), strict=True))
        for found, v in zip(f(*at.values()), wanted, strict=True):
            np.testing.assert_allclose(found, v.eval(at), 1e-9, 1e-12)


@pytest.mark.parametrize("part", ["matrix product", "keeps", "split:", "push_before:"])
def test_the_report_says_so(part: str) -> None:
    inputs, cost, weights = training_step()
    f = mg.function(inputs, mg.grad(cost, weights))
    f(np.zeros((2, 3, V)), np.zeros((3, H)))
    assert part in f.report()
    assert f.report().count("in each step 1 matrix product and") == 4


def test_nothing_is_done_twice_for_the_norm_and_for_the_update() -> None:
    inputs, cost, weights = training_step()
    grads = mg.optim.clip_by_global_norm(mg.grad(cost, weights), 1.0)
    for way in (True, {"flat": False}):
        f = mg.function(inputs, cost, mg.optim.Adam().updates(grads, weights), optimize=way)
        assert f.report().count("in each step 1 matrix product") == 4
