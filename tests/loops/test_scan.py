"""scan equals the loop that it means: in values, gradients and Hessian-vector products."""

from functools import cache, partial
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, DTypeError, ScanError, ShapeError
from minigrad.graph import applies, leaves
from minigrad.interpret import evaluate
from minigrad.loops import Scan
from minigrad.tree import flatten, tree_map
from minigrad.variables import Variable
from tests.helpers import Array, assert_same, check_gradients, needs_function
from tests.loops.programs import PROGRAMS, Inputs, facts, measured, plain_loop, value

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "reverse": {"reverse": True},
    "unroll=2": {"unroll": 2},
    "unroll=3 reverse": {"unroll": 3, "reverse": True},
    "unroll=9": {"unroll": 9},
    "checkpoint=1": {"checkpoint": 1},
    "checkpoint=2": {"checkpoint": 2},
    "checkpoint=3 reverse": {"checkpoint": 3, "reverse": True},
    "checkpoint=sqrt": {"checkpoint": "sqrt"},
    "truncate=(9, 9)": {"truncate": (9, 9)},
    "truncate=(2, 6)": {"truncate": (2, 6)},
}
each_program = pytest.mark.parametrize("name", PROGRAMS)


@cache
def expected(name: str, T: int, reverse: bool, order: int) -> list[Array]:
    """The facts by the plain loop."""
    return measured(facts(name, partial(plain_loop, reverse=reverse), T, order), T)


def assert_equal(found: list[Array], right: list[Array]) -> None:
    for a, b in zip(found, right, strict=True):
        assert_same(a, b, rtol=1e-9, atol=1e-11)


@each_program
@pytest.mark.parametrize("option", OPTIONS)
def test_equals_the_loop_in_values_and_gradients(name: str, option: str) -> None:
    """Built once, for a number of steps that has a name, and run for several."""
    options = OPTIONS[option]
    variables = facts(name, partial(mg.scan, **options), "T", order=1)
    for T in (1, 5):
        right = expected(name, T, options.get("reverse", False), 1)
        assert_equal(measured(variables, T), right)


@each_program
@pytest.mark.parametrize("option", ["plain", "reverse", "unroll=2", "checkpoint=2"])
def test_equals_the_loop_in_second_derivatives(name: str, option: str) -> None:
    options = OPTIONS[option]
    variables = facts(name, partial(mg.scan, **options), "T", order=2)
    assert_equal(measured(variables, 3), expected(name, 3, options.get("reverse", False), 2))


@each_program
@pytest.mark.parametrize("reverse", [False, True])
def test_unrolled_equals_the_loop(name: str, reverse: bool) -> None:
    """unroll=True leaves no scan."""
    variables = facts(name, partial(mg.scan, unroll=True, reverse=reverse), 3, order=2)
    assert not any(isinstance(apply.gate, Scan) for apply in applies(variables))
    assert_equal(measured(variables, 3), expected(name, 3, reverse, 2))


@each_program
@pytest.mark.parametrize("option", OPTIONS)
def test_no_steps(name: str, option: str) -> None:
    """The sums over time are 0, what has a row for each step has none, the rest is there."""
    variables = facts(name, partial(mg.scan, **OPTIONS[option]), "T", order=1)
    for v, found in zip(variables, measured(variables, 0), strict=True):
        assert found.shape == tuple(0 if size == "T" else size for size in v.shape)
        assert np.isfinite(found).all()


@needs_function
@each_program
@pytest.mark.parametrize("option", ["plain", "checkpoint=3 reverse"])
def test_compiled_equals_interpreted(name: str, option: str) -> None:
    variables = facts(name, partial(mg.scan, **OPTIONS[option]), "T", order=1)
    given = [v for v in leaves(variables) if not isinstance(v, mg.Constant)]
    function = mg.function(given, variables)
    for T in (0, 4):
        at = {v: value(v, {"T": T}).astype(v.dtype) for v in given}
        for found, right in zip(function(*at.values()), evaluate(variables, at), strict=True):
            assert_same(found, right, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- said in numbers


def test_the_documented_example() -> None:
    last, sums = mg.scan(lambda s, x: (s + x, s + x), 0.0, mg.input("xs", ("T",)))
    assert sums.eval({"xs": [1, 2, 3]}).tolist() == [1, 3, 6]
    assert float(last.eval({"xs": [1, 2, 3]})) == 6
    _, sums = mg.scan(lambda s, x: (s + x, s + x), 0.0, mg.input("xs", ("T",)), reverse=True)
    assert sums.eval({"xs": [1, 2, 3]}).tolist() == [6, 5, 3]


def test_no_steps_give_the_start_and_no_rows() -> None:
    for length in (0, "T"):
        h0, xs = mg.input("h0", (2,)), mg.input("xs", (length,))
        last, ys = mg.scan(lambda c, x: ((c[0] * x, c[1] + 1), (c[0], x)), (h0, 7), xs)
        at = {h0: [1, 2], xs: []}
        assert last[0].eval(at).tolist() == [1, 2]
        assert last[1].eval(at) == 7
        assert ys[0].eval(at).shape == (0, 2)
        assert mg.grad(last[0].sum(), h0).eval(at).tolist() == [1, 1]


def test_the_gradient_of_a_weight_used_at_every_step_is_added_up() -> None:
    """h_T = h_0 w^T, so d h_T / d w = T h_0 w^(T-1): assigned, not added, it would lack the T."""
    h0, w = mg.inputs("h0 w")
    last, _ = mg.scan(lambda h, _: (h * w, None), h0, length="T")
    at = {h0: 3.0, w: 2.0}
    T = mg.input("rows", ("T",))
    gradient = mg.grad(last, w) + 0 * T.sum()
    assert float(gradient.eval({**at, T: np.zeros(5, "float32")})) == 5 * 3 * 2**4


def test_differences_agree_inside_a_loop_too() -> None:
    inputs = Inputs()
    last, ys = PROGRAMS["recurrent network"](mg.scan, "T", inputs)
    cost = (last * last).sum() + (ys**3).mean()
    wrt = list(inputs.values())
    check_gradients(cost, {v: value(v, {"T": 4}) for v in wrt}, wrt)


def test_a_loop_of_many_steps() -> None:
    x = mg.input("x", ("T",))
    last, _ = mg.scan(lambda h, x: (h * 0.5 + x, None), 0.0, x)
    found = mg.grad(last, x).eval({x: np.ones(3000, "float32")})
    np.testing.assert_allclose(found[-3:], [0.25, 0.5, 1])


# ---------------------------------------------------------------- what the graph looks like


def loops(variables: list[Variable]) -> list[Scan]:
    return [a.gate for a in applies(variables) if isinstance(a.gate, Scan)]


def test_the_gradient_of_a_loop_is_made_of_loops() -> None:
    """The same few gates however many steps there are, for the second derivative too."""
    for order in (1, 2):
        counts = set()
        for T in (3, 300):
            variables = facts("recurrent network", mg.scan, T, order)
            assert len(loops(variables)) > 1
            counts.add(len(applies(variables)))
        assert len(counts) == 1


def test_the_step_is_called_once_and_only_what_varies_is_in_the_body() -> None:
    w, calls = mg.input("w", (3,)), []

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        calls.append((h.shape, x.shape))
        fixed = mg.tanh(w)
        return h * fixed, x * 2

    last, ys = mg.scan(step, mg.input("h0", (3,)), mg.input("x", ("T", 3)), name="product")
    assert calls == [((3,), (3,))]
    (gate,) = loops([last, ys])
    assert str(gate) == "scan product"
    assert [str(a.gate) for a in gate.body.applies()] == ["multiply", "multiply"]


def test_names_of_carries_and_outputs_come_from_the_step() -> None:
    names = []

    def step(carry: Any, x: Variable) -> Any:
        names.append((carry["h"].name, x.name))
        h = (carry["h"] + x).named("hidden")
        return {"h": h}, h * 2

    last, _ = mg.scan(step, {"h": mg.zeros((2,))}, mg.input("x", ("T", 2)))
    assert names == [("h", "x_t")]
    assert last["h"].name == "hidden"


def test_checkpoints_keep_fewer_rows() -> None:
    """The residuals of a plain loop are stacked T times, those of a checkpointed one √T times."""

    def stacked(**options: Any) -> set[Any]:
        last, _ = mg.scan(
            lambda h, x: (mg.tanh(mg.sin(h) * x), None),
            mg.input("h0"),
            mg.input("x", ("T",)),
            **options,
        )
        gradient = mg.grad(last, last.owner.inputs[0])
        return {y.shape[0] for a in applies([gradient]) for y in a.outputs[1:] if y.shape}

    assert "T" in stacked()
    kept = stacked(checkpoint=5)
    assert kept
    assert "T" not in kept


# ---------------------------------------------------------------- truncated back-propagation


def outputs(scan: Any, T: Any, real: Inputs) -> tuple[Any, Variable, Variable]:
    """Two carries, of which the outputs need one by way of the other; and weights for a cost."""
    W = real("W", 3, 3)

    def step(carry: Any, x: Variable) -> Any:
        h, c = carry
        c = mg.sin(c) + h * x
        h = mg.tanh(h @ W + c + x)
        return (h, c), h * x

    last, ys = scan(step, (real("h0", 3), real("c0", 3)), real("x", T, 3))
    return last, ys, real("weights", T, 3)


def gradients(cost: Variable, real: Inputs) -> list[Variable]:
    return mg.grad(cost, [real[name] for name in ("W", "h0", "c0", "x")], unused="zeros")


def truncated(T: int, k1: int, k2: int, reverse: bool) -> list[Variable]:
    """Its meaning: what each block of k1 steps puts out, the carry cut k2 steps before its end."""
    real, costs = Inputs(), []
    for block in range(-(-T // k1)):
        end = (block + 1) * k1

        def enter(i: int, carry: Any, begin: int = end - k2) -> Any:
            return tree_map(mg.stop_gradient, carry) if i == begin > 0 else carry

        last, ys, weights = outputs(partial(plain_loop, reverse=reverse, enter=enter), T, real)
        for i in range(block * k1, min(T, end)):
            t = T - 1 - i if reverse else i
            costs.append((ys[t] * weights[t]).sum())
        if end >= T:
            costs += [c.sum() for c in last]
    return gradients(sum(costs[1:], costs[0]), real)


@cache
def by_scan(k1: int, k2: int, reverse: bool) -> list[Variable]:
    """The same by scan, for any number of steps."""
    real = Inputs()
    loop = partial(mg.scan, truncate=(k1, k2), reverse=reverse)
    last, ys, weights = outputs(loop, "T", real)
    return gradients((ys * weights).sum() + last[0].sum() + last[1].sum(), real)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("T", [1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize(
    ("k1", "k2"),
    [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 2),
        (2, 3),
        (2, 4),
        (2, 5),
        (3, 3),
        (3, 4),
        (3, 7),
        (4, 6),
        (8, 8),
    ],
)
def test_truncation_stops_gradients_where_it_says(T: int, k1: int, k2: int, reverse: bool) -> None:
    found, right = by_scan(k1, k2, reverse), truncated(T, k1, k2, reverse)
    assert_equal(measured(found, T), measured(right, T))


def test_truncation_changes_no_value() -> None:
    plain, cut = (
        flatten(outputs(partial(mg.scan, truncate=k), "T", Inputs())[:2])[0] for k in (None, (1, 2))
    )
    assert_equal(measured(plain, 5), measured(cut, 5))


def test_truncation_in_numbers() -> None:
    """h_t = h_{t-1} + w: the gradient of h_4 counts the steps of its window."""
    for (k1, k2), steps in {
        (1, 1): 1,
        (1, 3): 3,
        (2, 2): 2,
        (2, 3): 3,
        (4, 4): 4,
        (9, 9): 4,
    }.items():
        w = mg.input("w")
        last, _ = mg.scan(lambda h, _, w=w: (h + w, None), 0.0, length=4, truncate=(k1, k2))
        assert float(mg.grad(last, w).eval({w: 1.0})) == steps


# ---------------------------------------------------------------- errors


def carrying(step: Any, init: Any = None, xs: Any = None, **options: Any) -> Any:
    return lambda: mg.scan(step, init, mg.input("xs", ("T", 2)) if xs is None else xs, **options)


def same(carry: Any, x: Any) -> Any:
    return carry, x


h0 = mg.input("h0", (2,))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            carrying(lambda c, x: ({"h": x[:1], "c": c["c"]}, x), {"h": h0, "c": h0}),
            ScanError,
            r"carry\['h'\] enters the step as float32 \(2,\) and leaves it as float32 \(1,\)",
        ),
        (
            carrying(lambda c, x: ((c[0], [c[1][0] > 0]), x), (h0, [h0])),
            ScanError,
            r"carry\[1\]\[0\] enters the step as float32 \(2,\) and leaves it as bool \(2,\)",
        ),
        (
            carrying(lambda c, x: (c + x, x), 0.0),
            ScanError,
            r"carry enters the step as float32 \(\) and leaves it as float32 \(2,\)",
        ),
        (
            carrying(lambda c, x: (c + x.sum(), x), 0),
            ScanError,
            r"carry enters the step as int64 \(\) and leaves it as float64 \(\)",
        ),
        (carrying(lambda c, x: ((c, c), x), h0), ScanError, "both must be nested alike"),
        (carrying(lambda c, x: ({"g": c["h"]}, x), {"h": h0}), ScanError, r"\['h'\].*\['g'\]"),
        (carrying(lambda c, x: c, h0), ScanError, r"must return a pair \(carry, y\)"),
        (carrying(lambda c, x: (c, x, x), h0), ScanError, r"must return a pair \(carry, y\)"),
        (carrying(lambda c, x: None, h0), ScanError, r"must return a pair .* returned None"),
        (carrying(same, h0, mg.input("x")), ScanError, "xs is a scalar"),
        (
            carrying(same, h0, {"a": mg.input("a", ("T",)), "b": mg.input("b", ("B",))}),
            ScanError,
            r"one number of steps, and had T from xs\['a'\], B from xs\['b'\]",
        ),
        (carrying(same, h0, length=5), ScanError, "one number of steps, and had 5 from length, T"),
        (lambda: mg.scan(same, h0), ScanError, "needs xs, or a length"),
        (carrying(same, h0, unroll=True), ScanError, "unroll=True needs a number .* it is T"),
        (carrying(same, h0, unroll=0.5), ArgumentError, "unroll is True or a number"),
        (carrying(same, h0, unroll=-1), ArgumentError, "unroll is True or a number"),
        (carrying(same, h0, checkpoint=0), ArgumentError, 'checkpoint is "sqrt" or a stride'),
        (carrying(same, h0, checkpoint="cbrt"), ArgumentError, 'checkpoint is "sqrt" or a stride'),
        (carrying(same, h0, truncate=(3, 2)), ArgumentError, "1 ≤ k1 ≤ k2"),
        (carrying(same, h0, truncate=5), ArgumentError, "truncate is two ints"),
        (carrying(same, h0, truncate=(1.0, 2)), ArgumentError, "truncate is two ints"),
        (carrying(same, h0, truncate=(1, 2), unroll=2), ArgumentError, "exclude each other"),
        (carrying(same, h0, checkpoint=2, unroll=2), ArgumentError, "exclude each other"),
        (
            carrying(lambda c, x: (c + mg.input("y", (3,)), x), h0),
            ShapeError,
            "add: cannot broadcast",
        ),
        (carrying(same, "start"), DTypeError, "not supported"),
    ],
)
def test_errors(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_a_python_number_takes_the_dtype_of_the_carry_it_becomes() -> None:
    last, _ = mg.scan(lambda c, x: (0, x), 1.5, mg.input("xs", ("T",)))
    assert last.dtype == np.float32
    assert float(last.eval({"xs": [1]})) == 0


def test_a_number_to_start_with_is_as_strong_in_an_unrolled_loop_as_in_a_loop() -> None:
    """0 is int64 from the start: int64 times float32 is float64, in the first step too."""

    def step(count: Variable, x: Variable) -> tuple[Variable, Variable]:
        return count + 1, count * x

    for unroll in (1, True):
        _, ys = mg.scan(step, 0, mg.input("xs", (1,)), unroll=unroll)
        assert ys.dtype == np.float64
