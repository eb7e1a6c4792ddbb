"""What single passes make of graphs: before → after, counted in gates."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.compile.report import count_gates
from minigrad.graph import Gate, Graph, leaves, substitute
from minigrad.loops import Scan
from minigrad.rewrite import PASSES


def after(name: str, *outputs: mg.Variable) -> Graph:
    """The graph of some outputs after one pass."""
    inputs = [v for v in leaves(outputs) if not isinstance(v, mg.Constant)]
    return PASSES[name](Graph(tuple(inputs), outputs))


def counts(name: str, *outputs: mg.Variable) -> dict[str, tuple[int, int, int]]:
    """(gates outside loops, loops, gates inside loops) before and after a pass."""
    inputs = [v for v in leaves(outputs) if not isinstance(v, mg.Constant)]
    graph = Graph(tuple(inputs), outputs)
    return {"before": count_gates(graph), "after": count_gates(PASSES[name](graph))}


def loops(graph: Graph) -> list[Scan]:
    return [apply.gate for apply in graph.applies() if isinstance(apply.gate, Scan)]


x, y = mg.inputs("x y", (3,), "float64")
xs, us = mg.inputs("xs us", ("T", 3), "float64")
h0 = mg.input("h0", (3,), "float64")
W = mg.parameter(np.eye(3), "W")


def network(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
    """matmul, add, tanh"""
    h = mg.tanh(x + h @ W)
    return h, h


# ---------------------------------------------------------------- lookup


@pytest.mark.parametrize("count", [3, 40])  # fewer ids than rows, and more
def test_a_product_with_one_hot_rows_is_a_lookup_with_the_same_nans(count: int) -> None:
    ids, table = mg.input("ids", ("T",), "int64"), mg.input("table", (5, 4), "float64")
    product = mg.one_hot(ids, 5, "float64") @ table
    (lookup,) = after("lookup", product).applies()
    assert str(lookup.gate) == "lookup"
    rng = np.random.default_rng(0)
    at = {ids: rng.integers(-2, 8, count), table: rng.normal(size=(5, 4))}
    at[table][0, 0], at[table][3, 1], at[table][3, 2] = np.inf, np.nan, -np.inf
    found = mg.function([ids, table], product)(at[ids], at[table])
    np.testing.assert_array_equal(found, product.eval(at))
    assert np.isinf(found).any()
    assert np.isnan(found).any()


def test_a_product_with_transposed_one_hot_rows_is_a_sum_of_rows_with_the_same_nans() -> None:
    ids, x = mg.input("ids", ("T",), "int64"), mg.input("x", ("T", 4), "float64")
    product = mg.one_hot(ids, 5, "float64").mT @ x
    (sums,) = after("lookup", product).applies()
    assert str(sums.gate) == "segment_sum"
    rng = np.random.default_rng(0)
    at = {ids: rng.integers(-2, 8, 20), x: rng.normal(size=(20, 4))}
    at[x][0, 0], at[x][3, 1], at[x][3, 2], at[ids][3] = np.inf, np.nan, -np.inf, 2
    found = mg.function([ids, x], product)(at[ids], at[x])
    np.testing.assert_allclose(found, product.eval(at), 1e-12)
    assert np.isinf(found).any()
    assert np.isnan(found).any()


def test_small_integers_have_room_for_the_number_of_rows() -> None:
    ids, table = mg.input("ids", (300,), "int8"), mg.input("table", (128, 1), "float64")
    product = mg.one_hot(ids, 128, "float64") @ table
    at = {
        ids: np.resize(np.arange(-3, 128, dtype="int8"), 300),
        table: np.arange(1.0, 129)[:, None],
    }
    np.testing.assert_array_equal(
        mg.function([ids, table], product)(*at.values()), product.eval(at)
    )


# ---------------------------------------------------------------- algebra


def test_a_piece_of_nothing_may_take_any_shape() -> None:
    z = mg.input("z", ("T", 4), "float64")
    for shape in ((7, 0), (1, -1)):
        assert mg.function([z], z[:, 2:2].reshape(shape))(np.ones((2, 4))).shape in ((7, 0), (1, 0))


# ---------------------------------------------------------------- merge


def test_a_loop_and_its_residual_twin_become_one() -> None:
    last, ys = mg.scan(network, h0, xs)
    gradient = mg.grad((last * ys).sum(), W)
    found = counts("merge", last, ys, gradient)
    assert found["before"][1] == 3  # the loop, its twin, the way back
    assert found["after"][1] == 2
    assert found["after"][2] == found["before"][2] - 3
    forward, back = loops(after("merge", last, ys, gradient))
    assert (forward.reverse, back.reverse) == (False, True)


def test_twins_of_gradients_of_gradients_too() -> None:
    last, _ = mg.scan(network, h0, xs)
    (slope,) = mg.grad((last * last).sum(), [h0])
    found = counts("merge", last, slope, mg.grad((slope * slope).sum(), h0))
    assert found["after"][1] < found["before"][1]
    assert found["after"][2] < found["before"][2]


def test_twins_in_the_step_of_a_loop() -> None:
    def step(theta: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
        last, _ = mg.scan(lambda h, _: network(h, x), theta, length=2)
        return theta - mg.grad((last * last).sum(), theta), last

    theta, _ = mg.scan(step, h0, xs)
    found = counts("merge", theta)
    assert (found["before"][1], found["after"][1]) == (4, 3)


def test_what_looks_like_a_twin_and_is_none() -> None:
    """Other data, the other direction, or a loop that waits for the first one."""
    last, ys = mg.scan(network, h0, xs)
    for other in (
        mg.scan(network, h0, us),
        mg.scan(network, h0, xs, reverse=True),
        mg.scan(network, last, xs),
        mg.scan(network, h0, ys),
    ):
        found = counts("merge", ys, *other)
        assert found["before"][1] == found["after"][1] == 2


def test_one_step_that_is_run_in_two_ways() -> None:
    """On other data, or with another setting: these are two loops."""
    last, ys = mg.scan(network, h0, xs)
    loop = ys.owner
    assert loop is not None
    others = [substitute([ys], {xs: us}), substitute([last], {h0: x})]
    for setting in ({"reverse": True}, {"truncate": (1, 1)}, {"recompute": True}):
        others.append(list(loop.on(loop.inputs, replace(loop.gate, **setting))))
    for other in others:
        assert counts("merge", last, ys, *other)["after"][1] == 2
    assert counts("merge", ys, *loop.on(loop.inputs))["after"][1] == 1


def test_what_both_loops_put_out_is_put_out_once() -> None:
    last, ys = mg.scan(network, h0, xs)
    (forward, _) = loops(after("merge", ys, mg.grad(last.sum(), W)))
    rows = forward.body.outputs[forward.carries :]
    assert len(set(rows)) == len(rows)


# ---------------------------------------------------------------- trim


def wide(carry: Any, x: Any) -> Any:
    """Three carries: h stands alone, k needs h, nobody but itself needs the count."""
    h, k, count = carry
    a, b = x
    h, k = mg.tanh(h + a), mg.sin(k * h + b)
    return (h, k, count + 1), (h * 2, mg.exp(k))


def run_wide() -> tuple[Any, Any]:
    start = h0, h0 * 1, mg.constant(np.zeros(3))
    return mg.scan(wide, start, (xs, us))


def test_outputs_that_nobody_reads_are_not_computed() -> None:
    (h, k, count), (double, e) = run_wide()
    everything = counts("trim", h, k, count, double, e)
    assert everything["before"] == everything["after"]
    graph = after("trim", e.named("e"))
    assert graph.outputs[0].name == "e"
    (gate,) = loops(graph)
    assert (gate.carries, gate.sequences, len(gate.body.outputs)) == (2, 2, 3)
    assert count_gates(gate.body)[0] == 6
    (gate,) = loops(after("trim", double))
    assert (gate.carries, gate.sequences, len(gate.body.outputs)) == (1, 1, 2)
    (gate,) = loops(after("trim", count))
    assert (gate.carries, gate.sequences, count_gates(gate.body)[0]) == (1, 0, 1)


def test_what_only_a_dropped_output_needs_is_dropped_too() -> None:
    """Also in front of the loop, behind another loop, and in a loop of the step."""
    _, ys = mg.scan(network, h0, mg.exp(us))
    last, _ = mg.scan(lambda h, x: (h + x[0], x[1]), h0, (xs, ys))
    assert counts("trim", last)["after"] == (0, 1, 1)

    def step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, None]:
        (a, _), rows = mg.scan(lambda c, u: ((c[0] * u, c[1] + x), c[1]), (h, h), xs)
        return a, rows

    last, _ = mg.scan(step, h0, us)
    assert counts("trim", last) == {"before": (0, 2, 2), "after": (0, 2, 1)}
    (gate,) = loops(after("trim", last))
    assert gate.sequences == 0  # x is not read any more


def test_a_carry_that_only_carries_itself_on() -> None:
    (last, fixed), _ = mg.scan(lambda c, x: ((c[0] + x, c[1]), None), (h0, h0), xs)
    (gate,) = loops(after("trim", last))
    assert gate.carries == 1
    (gate,) = loops(after("trim", last, fixed))
    assert gate.carries == 2


# ---------------------------------------------------------------- fold


def test_what_is_made_of_constants_is_computed_once() -> None:
    two = (mg.constant(1.0) + 1).named("two")
    graph = after("fold", two * x, mg.arange(3) * 2, mg.zeros((2, 3)).sum(axis=0))
    assert count_gates(graph) == (1, 0, 0)
    product, places, zeros = graph.outputs
    assert product.owner is not None
    folded = product.owner.inputs[0]
    assert isinstance(folded, mg.Constant)
    assert (folded.name, folded.where, folded.dtype) == ("two", two.where, "float32")
    assert isinstance(places, mg.Constant)
    assert places.value.dtype == np.int64
    assert places.value.tolist() == [0, 2, 4]
    assert isinstance(zeros, mg.Constant)


def test_in_loops_too() -> None:
    def step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, None]:
        return h * mg.constant(np.zeros(3)).exp() + x, None

    last, _ = mg.scan(lambda h, x: mg.scan(step, h, xs), h0, us)
    gate = loops(after("fold", last))[0]
    assert gate.body.binding is None
    assert counts("fold", last)["after"] == (0, 2, 2)


@pytest.mark.parametrize(
    "v",
    [
        mg.arange(2000),
        mg.arange("T"),
        mg.log(mg.constant(-1.0)),
        mg.constant(1.0) / 0,
        mg.take(mg.constant([1.0]), mg.constant([5])),
        mg.constant([2]) ** mg.constant([-1]),
    ],
    ids=["large", "of a named size", "NaN", "infinite", "an index outside", "what NumPy refuses"],
)
def test_what_is_left_for_when_it_runs(v: mg.Variable) -> None:
    assert after("fold", v).outputs == (v,) or count_gates(after("fold", v)) == (1, 0, 0)


# ---------------------------------------------------------------- share


def test_equal_gates_on_equal_inputs_are_one() -> None:
    assert counts("share", mg.tanh(x) + mg.tanh(x)) == {"before": (3, 0, 0), "after": (2, 0, 0)}
    z = (x + 1) * (x + 1.0) - mg.sin(y) @ mg.sin(y)
    assert counts("share", z)["after"] == (5, 0, 0)
    a, b = after("share", mg.exp(x).named("a"), mg.exp(x).named("b")).outputs
    assert a is b
    assert a.name == "a"


def test_equal_gates_in_a_step() -> None:
    last, _ = mg.scan(lambda h, x: (mg.tanh(h) * mg.tanh(h) + mg.tanh(x), None), h0, xs)
    assert counts("share", last) == {"before": (0, 1, 5), "after": (0, 1, 4)}


def test_gates_that_differ_stay_apart() -> None:
    for a, b in (
        (x.sum(), x.sum(keepdims=True)[0]),
        (x + 1, x + 2),
        (x + np.float64(0.0), x + np.float64(-0.0)),
        (x - y, y - x),
        (x.astype("float32"), x.astype("int64")),
        (x[:2], x[1:]),
        (mg.maximum(x, y), mg.minimum(x, y)),
    ):
        assert len(set(after("share", a, b).outputs)) == 2, (a, b)


def test_one_draw_is_shared_and_two_are_not() -> None:
    rng = mg.random.Generator(seed=0)
    draw = rng.uniform((3,))
    again = rng.uniform((3,))
    assert len(set(after("share", draw, draw, again).outputs)) == 2


@dataclass(frozen=True)
class Scaled(Gate):
    """x times a setting."""

    factor: Any

    def infer(self, x: Any) -> Any:
        return mg.Type(x.shape, (np.ones(1, x.dtype) * self.factor).dtype)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x * self.factor


class Shifted(Gate):
    """x plus a setting, by a class that is no dataclass: its == looks at no setting."""

    def __init__(self, by: Any) -> None:
        self.by = by

    def infer(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x + xp.asarray(self.by, x.dtype)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Scaled(2), Scaled(3)),
        (Scaled(2), Scaled(2.0)),  # int64 and float64 from integers
        (Scaled(0.0), Scaled(-0.0)),
        (Scaled([2]), Scaled([3])),  # that cannot be hashed
        (Shifted(2), Shifted(3)),
        (Shifted([2]), Shifted([3])),
    ],
    ids=lambda gate: repr(vars(gate)),
)
def test_settings_of_a_users_gates_are_looked_at(first: Gate, second: Gate) -> None:
    n = mg.input("n", (1,), "int64")
    outputs = [first(n), second(n)]
    for optimize in (True, False):
        for v, found in zip(outputs, mg.function(n, outputs, optimize=optimize)([5]), strict=True):
            expected = v.eval({n: [5]})
            assert found.dtype == expected.dtype
            assert found == expected
            assert np.signbit(found) == np.signbit(expected)


def test_equal_settings_of_a_users_gates_are_shared() -> None:
    n = mg.input("n", (1,), "int64")
    for a, b in ((Scaled(2), Scaled(2)), (Shifted(2), Shifted(2))):
        assert len(set(after("share", a(n), b(n)).outputs)) == 1
