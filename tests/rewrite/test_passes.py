"""Rewrites keep what a graph means: values, gradients, types, names and lines."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import Apply, Graph, leaves
from minigrad.loops import Scan
from minigrad.rewrite import PASSES, optimise
from tests.differential import assert_compiled_right
from tests.helpers import weighted
from tests.loops.programs import PROGRAMS, Inputs, value

each_program = pytest.mark.parametrize("name", PROGRAMS)


class Doubles(Inputs):
    """Inputs in float64."""

    def __call__(self, name: str, *shape: Any, dtype: str = "float64") -> mg.Variable:
        return super().__call__(name, *shape, dtype=dtype)


def outputs_of(name: str, reverse: bool = False) -> list[mg.Variable]:
    """What a program gives, and its gradient."""
    real = Doubles()
    outputs = PROGRAMS[name](lambda *a, **k: mg.scan(*a, **{"reverse": reverse, **k}), "T", real)
    cost, _ = weighted(outputs)
    wrt = [v for v in real.values() if v.type.differentiable]
    return [*outputs, *mg.grad(cost, wrt, unused="zeros")]


def graph_of(outputs: list[mg.Variable]) -> Graph:
    found = [v for v in leaves(outputs) if not isinstance(v, mg.Constant)]
    return Graph(tuple(found), tuple(outputs))


def rewritten(graph: Graph) -> dict[str, Graph]:
    """The graph after each pass alone, and after all."""
    alone = {name: run(graph) for name, run in PASSES.items()}
    return {**alone, "all": optimise(graph, PASSES)}


def every_apply(graph: Graph) -> list[Apply]:
    """All applications, those in loops included."""
    found = list(graph.applies())
    for apply in graph.applies():
        if isinstance(apply.gate, Scan):
            found += every_apply(apply.gate.body)
    return found


# ---------------------------------------------------------------- what is kept


@each_program
@pytest.mark.parametrize(("T", "reverse"), [(4, False), (3, True), (1, False)])
def test_values_and_gradients(name: str, T: int, reverse: bool) -> None:
    outputs = outputs_of(name, reverse)
    given = [v for v in leaves(outputs) if not isinstance(v, mg.Constant | mg.Parameter)]
    values = {v: value(v, {"T": T}).astype(v.dtype) for v in given}
    for p in leaves(outputs):
        if isinstance(p, mg.Parameter):
            p.set_value(value(p, {"T": T}).astype(p.dtype))
    mixed = any(v.dtype == "float32" for v in leaves(outputs))
    assert_compiled_right(outputs, values, tolerance=1e-5 if mixed else 1e-10)


@each_program
def test_types(name: str) -> None:
    graph = graph_of(outputs_of(name))
    for done, after in rewritten(graph).items():
        assert after.inputs == graph.inputs, done
        assert [v.type for v in after.outputs] == [v.type for v in graph.outputs], done


@each_program
def test_lines(name: str) -> None:
    """Every gate that is left, in loops too, comes from a line that the user wrote."""
    graph = graph_of(outputs_of(name))
    lines = {apply.where for apply in every_apply(graph)}
    for done, after in rewritten(graph).items():
        assert {apply.where for apply in every_apply(after)} <= lines, done


@each_program
def test_groups(name: str) -> None:
    """Every gate that is left is in a group that was there, or in none."""
    with mg.group("program"):
        graph = graph_of(outputs_of(name))
    groups = {apply.group for apply in every_apply(graph)}
    for done, after in rewritten(graph).items():
        assert {apply.group for apply in every_apply(after)} <= groups | {None}, done


def test_names_of_what_a_step_computes_stay() -> None:
    xs, W = mg.input("xs", ("T", 3), "float64"), mg.parameter(np.eye(3), "W")

    def step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
        gate = mg.sigmoid((x @ W + h).named("before")).named("gate")
        h = (gate * mg.tanh(h)).named("h")
        return h, h

    _, hs = mg.scan(step, np.zeros(3), xs)
    cost = (hs * hs).sum().named("cost")
    graph = graph_of([cost, *mg.grad(cost, [W, xs])])
    for done, after in rewritten(graph).items():
        names = {v.name for apply in every_apply(after) for v in apply.outputs}
        assert {"gate", "h", "cost"} <= names, done


def test_the_graph_that_is_given_stays_as_it_was() -> None:
    x = mg.input("x", (3,), "float64")
    q = x + 2
    last, ys = mg.scan(lambda h, u: (h * u, h + u), q[0], q * 1)
    outputs = [(q * 1).named("one"), mg.negative(-(q * 2)).named("two"), last, (ys + ys).sum()]
    outputs.append(mg.grad(outputs[-1], x))
    graph = graph_of(outputs)

    def facts() -> list[Any]:
        return [
            (apply, apply.gate, apply.inputs, apply.outputs, [v.name for v in apply.outputs])
            for apply in every_apply(graph)
        ]

    before = facts()
    for _ in range(2):
        mg.function(x, outputs)
    after = facts()
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert old[0] is new[0]
        assert old[-1] == new[-1]


# ---------------------------------------------------------------- NaN and infinity

x0, xs0 = mg.input("x", (6,), "float64"), mg.input("xs", (2, 6), "float64")
ODD: dict[str, mg.Variable] = {
    "0·x": 0 * x0,
    "x·0": x0 * np.zeros(6),
    "0·x + 1": 0 * x0 + 1,
    "x - x": x0 - x0,
    "x / x": x0 / x0,
    "0 / x": 0 / x0,
    "x⁰": x0**0,
    "x¹": x0**1,
    "x²": x0**2,
    "x · 1 + 0": x0 * 1 + 0,
    "x chosen or not": mg.where(x0 > 0, x0, 0.0) * 0,
    "Σ 0·x": (0 * x0).sum(),
    "the largest": mg.maximum(x0, -np.inf).max(),
    "x clipped": x0.clip(-np.inf, np.inf),
    "zeros @ x": mg.zeros((2, 6), "float64") @ x0,
    "a loop": mg.scan(lambda h, x: (h * 0 + x * 0, h - h), x0, xs0)[0],
    "a loop's rows": mg.scan(lambda h, x: (h * 0, x * 0), x0, xs0)[1],
    "a loop's invariants": mg.scan(lambda h, _: (h + 0 * x0, None), np.zeros(6), xs0)[0],
    "a gradient": mg.grad((x0 * xs0).sum(), x0) * 0,
    "constants": mg.constant(np.inf) * 0 + x0,
}


@pytest.mark.parametrize("name", ODD)
def test_nothing_that_the_interpreter_makes_is_dropped(name: str) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0, -3.0])
    assert_compiled_right([ODD[name]], {x0: odd, xs0: np.stack([odd, odd[::-1]])})
