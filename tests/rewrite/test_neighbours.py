"""Equal work on neighbouring pieces: done once where it can be, and right where it cannot."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.dims import dim, evaluate
from minigrad.graph import Graph, leaves
from minigrad.loops import Scan
from minigrad.rewrite import PASSES
from tests.differential import assert_compiled_right

WAYS = {"all": True, "alone": {name: name == "neighbours" for name in PASSES}}
SIZES = {"B": 3, "T": 4, "N": 2}


def p(*shape: int) -> mg.Parameter:
    return mg.parameter(np.random.default_rng(sum(shape)).normal(size=shape))


def is_given(v: mg.Variable) -> bool:
    return not isinstance(v, mg.Constant | mg.Parameter)


def assert_right(outputs: Sequence[mg.Variable]) -> None:
    """The values are the interpreter's."""
    rng = np.random.default_rng(0)
    given = [v for v in leaves(outputs) if is_given(v)]
    at = {v: rng.normal(size=[evaluate(size, SIZES) for size in v.shape]) for v in given}
    assert_compiled_right(outputs, at, ways=WAYS)


def after(outputs: Sequence[mg.Variable]) -> Graph:
    inputs = [v for v in leaves(outputs) if not isinstance(v, mg.Constant)]
    return PASSES["neighbours"](PASSES["trim"](Graph(tuple(inputs), tuple(outputs))))


def work(graph: Graph) -> Counter[str]:
    """How many gates there are of each kind, but for views and what is put together."""
    names = (type(apply.gate).__name__ for apply in graph.applies())
    return Counter(name for name in names if name not in ("Split", "Index", "Concat"))


def assert_work(outputs: Sequence[mg.Variable], **counts: int) -> None:
    """What is left of it, and that it is right."""
    assert work(after(outputs)) == counts
    assert_right(outputs)


def body(outputs: Sequence[mg.Variable]) -> Graph:
    """The step of the one loop after the pass."""
    assert_right(outputs)
    (loop,) = (a.gate for a in after(outputs).applies() if isinstance(a.gate, Scan))
    return loop.body


z, w = mg.inputs("z w", ("B", 8), "float64")
x = mg.input("x", ("N", "B"), "float64")
a, b = mg.split(z, 2, axis=1)
c, d = mg.split(w, 2, axis=1)

# ---------------------------------------------------------------- what is joined


def test_a_function_of_pieces_is_one_of_the_whole() -> None:
    assert_work([mg.sigmoid(a), mg.sigmoid(b)], Sigmoid=1)
    assert_work([mg.sigmoid(v) for v in mg.split(z, [1, 4], axis=1)], Sigmoid=1)
    assert_work([mg.sigmoid(v) for v in (z[:, 1:3], z[:, 3:4], z[:, 4:7])], Sigmoid=1)
    assert_work([mg.sigmoid(v) for v in (b[:, 2:], a, b[:, :2])], Sigmoid=1)


def test_chains_of_work_are_joined() -> None:
    scale = mg.input("scale", ("B", 1), "float64")
    assert_work([mg.tanh(mg.exp(v) * scale) for v in (a, b)], Exp=1, Multiply=1, Tanh=1)


def test_pieces_of_two_arrays() -> None:
    assert_work([a * c, b * d], Multiply=1)
    assert_work([d - b, c - a], Subtract=1)


def test_sums_with_small_biases() -> None:
    u, v = p(4), p(4)
    assert_work([a + u, b + v], Add=1)
    assert_work([mg.sigmoid(a + u), mg.sigmoid(b + v)], Add=1, Sigmoid=1)
    assert_work([a + u, b + u], Add=1)
    rows = mg.input("rows", (6, 4, "B"), "float64")
    assert_work([rows[:, :2] + p(2, 1), rows[:, 2:] + p(2, 1)], Add=1)


def test_small_operands_of_other_lengths() -> None:
    assert_work([z[:, :3] + p(3), z[:, 3:] + p(5)], Add=1)
    assert_work([z[:, :1] * p(4), z[:, 1:2] * p(4)], Multiply=2)  # they repeat their piece
    q = mg.input("q", (3, 2, 4, 5), "float64")
    left, right = mg.split(q, 2, axis=2)
    assert_work([left + p(2, 2, 5), right + p(1, 2, 5)], Add=2)


def test_products_with_pieces() -> None:
    assert_work([x @ a, x @ b], Matmul=1)
    row = x[0]
    assert_work([row @ v for v in mg.split(z, [3, 5], axis=1)], Matmul=1)


def test_sums_over_other_axes() -> None:
    for keepdims in (False, True):
        assert_work([v.sum(axis=0, keepdims=keepdims) for v in (a, b)], Sum=1)
    assert_work([mg.exp(v.sum(axis=0)) for v in (a, b)], Sum=1, Exp=1)
    deep = mg.input("deep", (2, 6, 3), "float64")
    assert_work([v.sum(axis=(0, 2)) for v in mg.split(deep, 3, axis=1)], Sum=1)
    assert_work([v.sum(axis=0) for v in mg.split(deep, 3, axis=2)], Sum=1)


def test_pieces_of_named_sizes() -> None:
    T = dim("T")
    xs = mg.input("xs", (2 * T, 3), "float64")
    assert_work([mg.exp(xs[:T]), mg.exp(xs[T:])], Exp=1)


def test_empty_pieces_are_no_neighbours() -> None:
    assert_right([mg.exp(z[:, i:j]) for i, j in ((0, 0), (0, 3), (3, 3), (3, 8), (8, 8))])
    assert_right([mg.exp(z[:, 2:2]) + p(1), mg.exp(z[:, 2:2])])


# ---------------------------------------------------------------- what is left alone


@pytest.mark.parametrize(
    "outputs",
    [
        [mg.exp(z[:, :3]), mg.exp(z[:, 4:])],
        [mg.exp(z[:, :5]), mg.exp(z[:, 4:])],
        [mg.exp(z[:, 0:8:2]), mg.exp(z[:, 1:8:2])],
        [mg.exp(z[:2]), mg.exp(z[:, 2:])],
        [mg.exp(a), mg.exp(d)],
        [mg.exp(b), mg.sigmoid(a)],
        [a * c, b * c],
        [a * d, b * c],
        [a + p(4), b + p(1, 4)],
        [a + p(4), b + 1],
        [a.sum(axis=1), b.sum(axis=1)],
        [a @ p(4, 2), b @ p(4, 2)],
        [z[:2].T @ a[:2], z[2:].T @ a[2:]],
        [x[:, :2] @ z[:2], x[:, 2:] @ z[2:]],
        [x @ a, (2 * x) @ b],
    ],
    ids=str,
)
def test_other_work_stays_as_it_is(outputs: list[mg.Variable]) -> None:
    assert_right(outputs)
    assert work(after(outputs)) == work(Graph((), tuple(outputs)))


def test_work_that_waits_for_other_work() -> None:
    first = a * c
    assert_right([first, b * first, mg.exp(a), mg.exp(b * mg.exp(a))])
    assert_right([first, b * (first @ p(4, 4))])
    assert_right([x @ a, (x @ a).T @ (x @ b)])


# ---------------------------------------------------------------- loops

h0 = mg.input("h0", ("B", 4), "float64")
zs = mg.input("zs", ("T", "B", 8), "float64")


def test_work_in_a_step() -> None:
    def step(h: mg.Variable, row: mg.Variable) -> tuple[mg.Variable, None]:
        i, o = mg.split(row, 2, axis=1)
        return h * mg.sigmoid(i) + mg.sigmoid(o), None

    assert work(body(mg.scan(step, h0, zs)[:1])) == {"Sigmoid": 1, "Multiply": 1, "Add": 1}


def test_rows_that_are_pieces() -> None:
    def step(h: mg.Variable, rows: Any) -> tuple[mg.Variable, None]:
        return h * mg.sigmoid(rows[0]) + mg.sigmoid(rows[1]), None

    last, _ = mg.scan(step, h0, mg.split(zs, 2, axis=2))
    assert work(body([last]))["Sigmoid"] == 1
    last, _ = mg.scan(step, h0[0], (zs[:, 0, :4], zs[:, 1, :4]), reverse=True)
    assert_right([last])
    last, _ = mg.scan(step, h0, (zs[1:, :, :4], zs[:-1, :, 4:]))
    assert work(body([last]))["Sigmoid"] == 2


def test_results_that_are_pieces() -> None:
    def step(h: mg.Variable, row: mg.Variable) -> tuple[mg.Variable, Any]:
        i, o = mg.split(mg.sigmoid(row), 2, axis=1)
        new = h * i + o
        return new, (o, i, mg.concat([h, new], axis=1), h, new)

    last, (o, i, both, h, new) = mg.scan(step, h0, zs)
    assert len(body([last, o, i]).outputs) == 2
    assert len(body([last, i]).outputs) == 2
    assert len(body([last, both, new, h]).outputs) == 2
    outputs = [last, *(mg.exp(v) for v in (o, i, both, h, new)), mg.grad((i * o * h).sum(), zs)]
    assert_right(outputs)
    assert work(after([mg.exp(o), mg.exp(i)]))["Exp"] == 1
