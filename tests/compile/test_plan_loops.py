"""Plans of loops: where carries and results lie, and that a step allocates nothing."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.compile.plan import Array, Call, Empty, Loop, Part, Plan, Row, Turn
from minigrad.compile.planner import plan
from minigrad.graph import Binding, Graph
from minigrad.loops import Scan
from minigrad.variables import Variable
from tests.machine import SMALLEST, copies, every, right

Pair = tuple[Variable, Variable]

h0 = mg.input("h0", (2, 3), "float64")
W = mg.input("W", (3, 3), "float64")
both = pytest.mark.parametrize("reverse", [False, True])
lengths = pytest.mark.parametrize("T", [0, 1, 2, 5])


def sequence(T: int) -> Variable:
    return mg.input("xs", (T, 2, 3), "float64")


def loops(made: Plan) -> list[Loop]:
    return [step for step in every(made.steps) if isinstance(step, Loop)]


def places(made: Plan, kind: type) -> list[Array]:
    """What is written in steps to places of a kind."""
    steps = [s for loop in loops(made) for s in loop.steps if isinstance(s, Call) and s.placed]
    return [s.outputs[0] for s in steps if isinstance(s.outputs[0].place, kind)]


# ---------------------------------------------------------------- carries


@both
@lengths
def test_a_carry_that_is_put_out_has_one_history(T: int, reverse: bool) -> None:
    def step(h: Variable, x: Variable) -> tuple[Variable, Pair]:
        new = mg.tanh(h @ W + x)
        return new, (h, new)

    xs = sequence(T)
    last, (entering, leaving) = mg.scan(step, h0, xs, reverse=reverse)
    made = right([last, entering, leaving, mg.sum(entering * leaving)], h0, W, xs)
    _, before, after, _ = made.results
    assert isinstance(before.place, Part)
    assert isinstance(after.place, Part)
    assert before.place.of is after.place.of
    assert before.place.start - after.place.start == (1 if reverse else -1)
    assert not places(made, Turn)


@both
@lengths
def test_a_carry_that_is_not_put_out_lies_in_two_places_in_turn(T: int, reverse: bool) -> None:
    xs = sequence(T)
    last, _ = mg.scan(lambda h, x: (mg.tanh(h @ W + x * h), None), h0, xs, reverse=reverse)
    made = right([last], h0, W, xs)
    (loop,) = loops(made)
    (turn,) = loop.turns
    assert len(turn.blocks) == 2
    assert loop.nexts == places(made, Turn) == [turn]


@lengths
def test_two_carries_that_change_places(T: int) -> None:
    def step(carry: Pair, _: None) -> tuple[Pair, Variable]:
        return (carry[1], mg.tanh(carry[0] @ W)), carry[0]

    (a, b), ys = mg.scan(step, (h0, h0 + 1), length=T)
    right([a, b, ys], h0, W)
    (a, b), _ = mg.scan(lambda c, _: ((c[1], c[0]), None), (h0, h0 + 1), length=T)
    right([a, b], h0)


@lengths
def test_carries_that_the_body_does_not_compute(T: int) -> None:
    """One stays, one is a row, two are the same and one a view of them."""

    def step(carry: Any, x: Variable) -> tuple[Any, Variable]:
        a, _, c, d, _ = carry
        new = mg.sin(c + d)
        return (a, x, new, new.flip(axis=0), new), new

    xs = sequence(T)
    carries, ys = mg.scan(step, tuple(h0 + i for i in range(5)), xs)
    right([*carries, ys], h0, xs)


@both
@lengths
def test_scalars_are_carried_and_put_out(T: int, reverse: bool) -> None:
    def step(s: Variable, x: Variable) -> tuple[Variable, Pair]:
        new = mg.sin(s) + mg.sum(x)
        return new, (s, new)

    xs = sequence(T)
    s0 = mg.input("s0", (), "float64")
    last, ys = mg.scan(step, s0, xs, reverse=reverse)
    right([last, *ys], s0, xs)


# ---------------------------------------------------------------- results


def test_results_are_written_in_their_rows() -> None:
    xs = sequence(5)
    _, ys = mg.scan(lambda h, x: (h, mg.sin(x @ W)), h0, xs)
    made = right([mg.sum(ys)], h0, W, xs)
    assert len(places(made, Row)) == 1
    assert copies(made) == 0


def test_results_that_are_returned_are_written_into_new_memory() -> None:
    xs = sequence(5)
    _, (a, b) = mg.scan(lambda h, x: (h, (mg.sin(x), mg.cos(x))), h0, xs)
    made = right([a, mg.sum(b)], h0, xs)
    assert [s.array for s in made.steps if isinstance(s, Empty)] == [made.results[0]]
    assert made.results[0].blocks == frozenset()


def test_a_result_that_is_there_twice_and_one_that_is_a_row() -> None:
    def step(h: Variable, x: Variable) -> tuple[Variable, tuple[Variable, ...]]:
        new = mg.sin(h + x)
        return new, (new, new, x, x.flip(axis=0))

    xs = sequence(5)
    last, ys = mg.scan(step, h0, xs)
    right([last, *ys], h0, xs)


@both
def test_a_concat_in_a_step_is_computed_in_its_parts(reverse: bool) -> None:
    def step(h: Variable, x: Variable) -> Pair:
        new = mg.concat([mg.sin(h[1:]), mg.cos(h[:1] * x[0])])
        return new, mg.concat([new, x]) * 2

    xs = sequence(5)
    last, ys = mg.scan(step, h0, xs, reverse=reverse)
    made = right([last, ys], h0, xs)
    assert len(places(made, Part)) == 2
    assert copies(made) == 0


# ---------------------------------------------------------------- loops


@both
@lengths
def test_loops_in_loops(T: int, reverse: bool) -> None:
    def inner(h: Variable, row: Variable) -> Pair:
        h = mg.tanh(h + row)
        return h, h * 2

    def outer(h: Variable, x: Variable) -> tuple[Variable, Pair]:
        last, rows = mg.scan(inner, h[0], x, reverse=not reverse)
        return mg.sin(h @ W) + last, (rows, last)

    xs = sequence(T)
    last, ys = mg.scan(outer, h0, xs, reverse=reverse)
    right([last, *ys], h0, W, xs)
    right([last, mg.sum(ys[0]), mg.sum(ys[1])], h0, W, xs)


def gradients(T: int) -> tuple[list[Variable], list[Variable]]:
    """A recurrent network with gates, and its way back."""
    xs = sequence(T)

    def step(carry: Pair, x: Variable) -> tuple[Pair, Variable]:
        h, c = carry
        z, i = mg.split(mg.concat([x + h @ W, x * h], axis=1), [3], axis=1)
        c = mg.sigmoid(z) * c + mg.tanh(i)
        return (mg.tanh(c) * z, c), h

    (h, c), ys = mg.scan(step, (h0, h0 * 0), xs)
    cost = mg.sum(h * c) + mg.sum(ys**2)
    return [h0, W, xs], [cost, *mg.grad(cost, [h0, W, xs])]


@lengths
def test_the_way_back(T: int) -> None:
    inputs, outputs = gradients(T)
    right(outputs, *inputs)


@pytest.mark.parametrize("smallest", [SMALLEST, 48])
def test_a_step_allocates_nothing_that_is_large_enough(smallest: int) -> None:
    inputs, outputs = gradients(5)
    made = plan(Graph(tuple(inputs), tuple(outputs), Binding({})), smallest)
    calls = [s for loop in loops(made) for s in loop.steps if isinstance(s, Call)]
    large = [s for s in calls if not s.gate.view and s.outputs[0].type.shape == (2, 3)]
    assert len(large) > 10
    assert all(s.placed for s in large)
    assert not any(isinstance(s.gate, Scan) for s in calls)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_carry_that_is_one_element_of_memory_that_the_next_step_writes_to(optimize: bool) -> None:
    xs = mg.input("xs", (3, 40), "float64")

    def step(carry: tuple[Variable, Variable], x: Variable) -> tuple[Any, Variable]:
        h, old = carry
        b = mg.tanh(x + h)
        return (mg.squeeze(b[:1], axis=0), h), mg.sum(b * h) + old

    start = mg.constant(np.float64(0.3))
    outputs = mg.scan(step, (start, start), xs)
    flat = [*outputs[0], outputs[1]]
    value = np.random.default_rng(0).normal(size=(3, 40))
    for found, v in zip(mg.function([xs], flat, optimize=optimize)(value), flat, strict=True):
        np.testing.assert_allclose(found, v.eval({xs: value}), 1e-12)
