"""trace: values and gradients of every variable, in loops those of every step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, GradientError, UnknownNameError
from minigrad.interpret import evaluate
from minigrad.variables import Variable

Seen = dict[str, list[Variable]]


def circuit() -> tuple[Variable, dict[str, Variable], dict[str, float]]:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    return f, {"x": x, "y": y, "z": z, "q": q, "f": f}, {"x": -2.0, "y": 5.0, "z": -4.0}


def test_the_circuit() -> None:
    f, variables, at = circuit()
    t = mg.trace(f, at)
    expected = {"x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q": (3, -4), "f": (-12, 1)}
    for name, pair in expected.items():
        for key in (name, variables[name]):
            assert (t[key].item(), t.grad(key).item()) == pair
            assert t[key].dtype == t.grad(key).dtype == np.float32


# ---------------------------------------------------------------- loops, against the unrolled graph


X = mg.input("X", (4, 3), "float64")
W = mg.input("W", (3, 3), "float64")
RNG = np.random.default_rng(0)
AT = {X: RNG.normal(size=(4, 3)), W: RNG.normal(size=(3, 3)) / 2}


def note(seen: Seen, **found: Variable) -> None:
    for name, v in found.items():
        seen.setdefault(name, []).append(v)


def plain(seen: Seen, **options: Any) -> Variable:
    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        a = h @ W + x
        new = mg.tanh(a)
        square = new * new
        note(seen, a=a, new=new, square=square)
        return new, square

    last, squares = mg.scan(step, mg.zeros(3, "float64"), X, **options)
    return (last * squares).sum()


def used_again(seen: Seen, **options: Any) -> Variable:
    """The initial carry and the weights are inner values themselves, and used outside too."""
    start = mg.tanh(W[0])
    twice = W * 2

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        row = x.reshape((1, 3)) @ twice
        new = row.reshape((3,)) * mg.sigmoid(h)
        note(seen, row=row, new=new)
        return new, new.sum()

    last, sums = mg.scan(step, start, X, **options)
    return (last * start).sum() + mg.exp(sums).sum()


def counting(seen: Seen, **options: Any) -> Variable:
    """With a whole number for a carry, a choice, and a tuple."""

    def step(carry: Any, x: Variable) -> tuple[Any, Variable]:
        h, n = carry
        even = n % 2 == 0
        grown = h * x
        new = mg.where(even, grown, h + x)
        note(seen, even=even, grown=grown, new=new, n1=n + 1)
        return (new, seen["n1"][-1]), new.max()

    init = (mg.ones(3, "float64"), mg.constant(0, "int64"))
    (last, _), largest = mg.scan(step, init, X, **options)
    return (last * W[1]).sum() + largest.sum()


def nested(seen: Seen, **options: Any) -> Variable:
    def outer(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        scaled = x * h

        def inner(k: Variable, x_i: Variable) -> tuple[Variable, Variable]:
            deep = mg.sin(k * x_i + h)
            note(seen, deep=deep)
            return deep, deep * 2

        last, ys = mg.scan(inner, h, scaled, **options)
        new = last * 1.5
        note(seen, scaled=scaled, new=new)
        return new, (ys * W[2]).sum()

    last, sums = mg.scan(outer, mg.constant(0.5, "float64"), X, **options)
    return last * sums.sum()


def gradient_in_the_cost(seen: Seen, **options: Any) -> Variable:
    """The loop, its twin that emits residuals, and the loop back all hold the same variables."""
    cost = plain(seen, **options)
    return (mg.grad(cost, W) ** 2).sum() + cost


PROGRAMS = {
    "plain": plain,
    "used again": used_again,
    "counting": counting,
    "nested": nested,
    "gradient in the cost": gradient_in_the_cost,
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_each_step_of_a_loop_against_the_unrolled_graph(
    program: Callable[..., Variable], reverse: bool
) -> None:
    seen: Seen = {}
    t = mg.trace(program(seen, reverse=reverse), AT)
    steps: Seen = {}
    cost = program(steps, reverse=reverse, unroll=True)
    for v in (X, W):
        np.testing.assert_allclose(t.grad(v), mg.grad(cost, v).eval(AT), rtol=1e-9, atol=1e-12)
    for name, (v,) in seen.items():
        values = in_order(evaluate(steps[name], AT), reverse)
        np.testing.assert_allclose(t[v], values, rtol=1e-12, err_msg=name)
        if v.type.differentiable:
            gradients = evaluate(mg.grad(cost, steps[name], unused="zeros"), AT)
            expected = in_order(gradients, reverse)
            np.testing.assert_allclose(
                t.grad(v), expected, rtol=1e-9, atol=1e-12, err_msg=name, strict=True
            )


def in_order(found: Any, reverse: bool) -> Any:
    """Steps as they ran, with an axis for each loop, as they lie in X."""
    stacked = np.stack(found)
    if len(found) == 12:  # the inner loop of `nested` runs over 3 features
        stacked = stacked.reshape(4, 3, *stacked.shape[1:])
        return stacked[::-1, ::-1] if reverse else stacked
    return stacked[::-1] if reverse else stacked


@pytest.mark.parametrize("truncate", [(1, 2), (2, 3), (4, 4)])
def test_where_a_loop_is_truncated_so_are_its_gradients(truncate: tuple[int, int]) -> None:
    seen: Seen = {}
    cost = plain(seen, truncate=truncate)
    t = mg.trace(cost, AT)
    for v in (X, W):
        np.testing.assert_allclose(t.grad(v), mg.grad(cost, v).eval(AT), rtol=1e-9, atol=1e-12)
    full: Seen = {}
    whole = mg.trace(plain(full), AT)
    same = np.isclose(t.grad(seen["a"][0]), whole.grad(full["a"][0]), rtol=1e-9).all(axis=1)
    assert same.tolist() == [truncate == (4, 4)] * (4 - truncate[1]) + [True] * truncate[1]


def test_a_checkpointed_loop_has_an_axis_for_turns_and_one_for_steps() -> None:
    seen: Seen = {}
    t = mg.trace(plain(seen, checkpoint=2), AT)
    same: Seen = {}
    right = mg.trace(plain(same), AT)
    for name, (v,) in same.items():
        found = seen[name][0]
        np.testing.assert_allclose(t[found].reshape(4, 3), right[v], rtol=1e-12)
        np.testing.assert_allclose(t.grad(found).reshape(4, 3), right.grad(v), rtol=1e-9)


def test_carries_and_rows_are_traced_as_they_enter_the_step() -> None:
    h0, x = mg.input("h0", (), "float64"), mg.input("x", ("T",), "float64")
    inside: dict[str, Variable] = {}

    def step(h: Variable, x_t: Variable) -> tuple[Variable, None]:
        inside.update(h=h, x_t=x_t)
        return h * x_t, None

    last, _ = mg.scan(step, h0, x)
    t = mg.trace(last, {h0: 1.0, x: [2.0, 3.0, 5.0]})
    assert t[inside["h"]].tolist() == [1, 2, 6]
    assert t.grad(inside["h"]).tolist() == [30, 15, 5]
    assert t[inside["x_t"]].tolist() == t["x"].tolist() == [2, 3, 5]
    assert t.grad(inside["x_t"]).tolist() == t.grad("x").tolist() == [15, 10, 6]
    assert (t[last], t.grad(h0)) == (30, 30)


def test_a_loop_of_no_steps() -> None:
    seen: Seen = {}
    x = mg.input("x", ("T", 2))

    def step(h: Variable, x_t: Variable) -> tuple[Variable, None]:
        note(seen, new=h + x_t)
        return seen["new"][0], None

    last, _ = mg.scan(step, mg.ones(2), x)
    t = mg.trace(last.sum(), {x: np.zeros((0, 2), "float32")})
    assert t[seen["new"][0]].shape == t.grad(seen["new"][0]).shape == (0, 2)
    assert t[last].tolist() == t.grad(last).tolist() == [1, 1]


# ---------------------------------------------------------------- what has no gradient


def test_whole_numbers_have_values_only() -> None:
    ids = mg.input("ids", (3,), "int64")
    table = mg.input("table", (4,))
    rows = mg.take(table, ids * 2 - 1).named("rows")
    t = mg.trace((rows * rows).sum(), {ids: [1, 2, 1], table: [0, 1, 2, 3]})
    assert t["ids"].tolist() == [1, 2, 1]
    assert t.grad("table").tolist() == [0, 4, 0, 6]
    with pytest.raises(GradientError, match="ids is int64 and has no gradient"):
        t.grad("ids")
    assert [line.split() for line in t.table().splitlines()][1] == ["ids", "[1", "2", "1]"]


def test_what_the_cost_does_not_feel_has_gradient_0() -> None:
    x = mg.input("x", (2,))
    y = mg.stop_gradient(x * 3).named("y")
    t = mg.trace((x + y).sum(), {x: [1, 2]})
    assert t.grad("x").tolist() == [1, 1]
    assert t.grad("y").tolist() == [1, 1]
    rounded = mg.round(x).named("r")
    assert mg.trace(rounded.sum(), {x: [1, 2]}).grad("x").tolist() == [0, 0]


def test_a_leaf_alone() -> None:
    x = mg.input("x")
    t = mg.trace(x, {x: 3})
    assert (t[x], t.grad(x)) == (3, 1)


def test_parameters_have_the_value_they_hold() -> None:
    w = mg.parameter(3.0, "w")
    assert mg.trace(w * w, {}).grad("w") == 6
    assert mg.trace(w * w, {w: 5}).grad("w") == 10


# ---------------------------------------------------------------- lookups, table, picture


def test_lookups_that_fail_say_what_there_is() -> None:
    f, _, at = circuit()
    t = mg.trace(f, at)
    with pytest.raises(UnknownNameError, match=r"nothing in this trace is 'g'.*'f', 'q', 'x'"):
        t["g"]
    with pytest.raises(UnknownNameError, match="nothing in this trace is"):
        t.grad(mg.input("x"))
    a, b = mg.inputs("x x")
    with pytest.raises(UnknownNameError, match="several variables are 'x'"):
        mg.trace(a * b, {a: 1, b: 2})["x"]


def test_costs_that_cannot_be() -> None:
    x, n = mg.input("x", (2,)), mg.input("n", (), "int64")
    with pytest.raises(GradientError, match=r"must be a float scalar, and is float32 \(2,\)"):
        mg.trace(x * x, {x: [1, 2]})
    with pytest.raises(GradientError, match="must be a float scalar, and is int64"):
        mg.trace(n + 1, {n: 1})
    with pytest.raises(ArgumentError, match=r"x.* has no value"):
        mg.trace(x.sum(), {})


def test_the_table() -> None:
    f, _, at = circuit()
    t = mg.trace(f, at)
    assert [line.split() for line in t.table().splitlines()] == [
        ["value", "gradient"],
        ["x", "-2", "-4"],
        ["y", "5", "-4"],
        ["z", "-4", "3"],
        ["q", "3", "-4"],
        ["f", "-12", "1"],
    ]
    assert repr(t) == f"<trace of f: 5 variables>\n{t.table()}"


def test_large_arrays_are_not_written_out_in_the_table() -> None:
    x = mg.input("x", (3, 4))
    table = mg.trace((x * x).sum(), {x: np.ones((3, 4), "float32")}).table()
    assert table.splitlines()[1].split() == ["x", "3×4", "of", "1", "3×4", "of", "2"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.23456e-5, "1.235e-5"),
        (1e308, "1e308"),
        (2 / 3, "0.6667"),
        ([1e-9, 1e9], "[1e-9 1e9]"),
        ([1.0] * 8, "[1 1 1 1 1 1 1 1]"),
        ([0.5] * 8 + [2.0], "9 in 0.5…2"),
        ([[1.0, -2.0]], "1×2 in -2…1"),
        ([[3.0]], "[3]"),
        (np.zeros((0, 3)), "0×3"),
    ],
)
def test_numbers_of_every_size_in_the_table(value: Any, shown: str) -> None:
    x = mg.input("x", np.shape(value), "float64")
    row = mg.trace(x.sum(), {x: value}).table().splitlines()[1]
    assert row.split("  ")[1] == shown


def test_the_picture_has_the_numbers() -> None:
    f, _, at = circuit()
    t = mg.trace(f, at)
    drawing = t.draw()
    assert isinstance(drawing, mg.Drawing)
    assert all(number in drawing.source for number in ("-12", "-4", "3"))
    assert "data:image/svg+xml" in t._repr_html_()


def test_the_picture_of_a_loop_unrolls_to_the_steps_it_ran() -> None:
    x = mg.input("x", ("T",))
    last, _ = mg.scan(lambda h, x_t: (mg.tanh(h + x_t), None), 0.0, x)
    t = mg.trace(last, {x: [1, 2, 3]})
    assert t.draw(unroll=True).gates > t.draw().gates
