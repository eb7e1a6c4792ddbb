"""`walk`: what each gate of a run does, in the order of the run and back, in words and numbers."""

import random
import re
import time
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import PictureError
from minigrad.graph import Gate, applies
from minigrad.loops import Scan
from minigrad.picture.text import show_number
from minigrad.picture.words.walk import Moment, names, walk
from minigrad.tracing import Trace
from minigrad.types import Type
from minigrad.variables import Variable
from tests.picture.test_explain import HOSTILE, neuron_inputs
from tests.picture.test_notation import grow
from tests.random_graphs import Choices, with_gradients
from tests.random_graphs import grow as grow_graph
from tests.random_graphs import leaves as random_leaves


def walked(t: Trace, **options: Any) -> list[Moment]:
    return walk(t.cost, t.values, t.gradients, **options)


def told(cost: Variable, values: Any) -> str:
    """The sentences, a line each; on the way back indented."""
    moments = walked(mg.trace(cost, values))
    return "\n".join("  " * m.back + m.sentence for m in moments)


def lines(text: str) -> str:
    found = text.strip("\n").splitlines()
    start = len(found[0]) - len(found[0].lstrip())
    return "\n".join(line[start:] for line in found).rstrip()


# ---------------------------------------------------------------- circuits


def circuit() -> tuple[Trace, dict[str, Variable]]:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    return mg.trace(f, {x: -2, y: 5, z: -4}), {"x": x, "y": y, "z": z, "q": q, "f": f}


def test_the_circuit() -> None:
    t, v = circuit()
    add, multiply = v["q"].owner, v["f"].owner
    assert add
    assert multiply
    assert walked(t) == [
        Moment(add, (), False, "+ adds: q = x + y = -2 + 5 = 3", (v["q"],)),
        Moment(multiply, (), False, "× multiplies: f = q · z = 3 · (-4) = -12", (v["f"],)),
        Moment(
            multiply,
            (),
            True,
            "∂f/∂f = 1. × swaps its inputs: ∂f/∂q = ∂f/∂f · z = 1 · (-4) = -4; "
            "∂f/∂z = ∂f/∂f · q = 1 · 3 = 3",
            (v["q"], v["z"]),
        ),
        Moment(
            add,
            (),
            True,
            "+ hands the gradient to both inputs: ∂f/∂x = ∂f/∂q = -4; ∂f/∂y = ∂f/∂q = -4",
            (v["x"], v["y"]),
        ),
    ]


def test_the_neuron_from_its_gates() -> None:
    score, at = neuron_inputs()
    assert told((1 / (1 + mg.exp(-score))).named("s"), at) == lines(
        """
        × multiplies: a1 = w0 · x0 = 2 · (-1) = -2
        × multiplies: a2 = w1 · x1 = (-3) · (-2) = 6
        + adds: a3 = a1 + a2 = -2 + 6 = 4
        + adds: score = a3 + w2 = 4 + (-3) = 1
        − turns the sign: a4 = -score = -1
        exp: a5 = e^a4 = e^(-1) = 0.3679
        + adds: a6 = 1 + a5 = 1 + 0.3679 = 1.368
        ÷ divides: s = 1 / a6 = 1 / 1.368 = 0.7311
          ∂s/∂s = 1. ÷ divides the gradient by the lower input, which gets minus that times """
        """the result: ∂s/∂a6 = -∂s/∂s · s / a6 = -1 · 0.7311 / 1.368 = -0.5344
          + hands the gradient to both inputs: ∂s/∂a5 = ∂s/∂a6 = -0.5344
          exp multiplies the gradient by its own output: """
        """∂s/∂a4 = ∂s/∂a5 · a5 = (-0.5344) · 0.3679 = -0.1966
          − turns the sign of the gradient: ∂s/∂score = -∂s/∂a4 = -(-0.1966) = 0.1966
          + hands the gradient to both inputs: """
        """∂s/∂a3 = ∂s/∂score = 0.1966; ∂s/∂w2 = ∂s/∂score = 0.1966
          + hands the gradient to both inputs: """
        """∂s/∂a1 = ∂s/∂a3 = 0.1966; ∂s/∂a2 = ∂s/∂a3 = 0.1966
          × swaps its inputs: ∂s/∂w1 = ∂s/∂a2 · x1 = 0.1966 · (-2) = -0.3932; """
        """∂s/∂x1 = ∂s/∂a2 · w1 = 0.1966 · (-3) = -0.5898
          × swaps its inputs: ∂s/∂w0 = ∂s/∂a1 · x0 = 0.1966 · (-1) = -0.1966; """
        """∂s/∂x0 = ∂s/∂a1 · w0 = 0.1966 · 2 = 0.3932
        """
    )


def test_the_neuron_as_one_gate() -> None:
    score, at = neuron_inputs()
    assert (
        "σ lets through σ · (1 - σ) of the gradient, a quarter at most: "
        "∂s/∂score = ∂s/∂s · s · (1 - s) = 1 · 0.7311 · (1 - 0.7311) = 0.1966"
    ) in told(mg.sigmoid(score).named("s"), at)


def test_contributions_add_up() -> None:
    x, y = mg.inputs("x y")
    q = (x + y).named("q")
    r = (x * x).named("r")
    moments = walked(mg.trace((q * r).named("f"), {x: -1, y: 3}))
    assert [(m.sentence, m.shown) for m in moments if m.back][1:] == [
        (
            "× swaps its inputs: it adds ∂f/∂r · x + ∂f/∂r · x = 2 · (-1) + 2 · (-1) = -4 "
            "to ∂f/∂x (1 more to come)",
            (),
        ),
        (
            "+ hands the gradient to both inputs: it adds ∂f/∂q = 1 to ∂f/∂x, "
            "which is now -4 + 1 = -3: x is used 3 times, its gradients add up; ∂f/∂y = ∂f/∂q = 1",
            (x, y),
        ),
    ]


def test_a_square() -> None:
    x = mg.input("x")
    assert told((x * x).named("f"), {x: 3}).endswith(
        "∂f/∂x = ∂f/∂f · x + ∂f/∂f · x = 1 · 3 + 1 · 3 = 6: x is used twice, its gradients add up"
    )


@pytest.mark.parametrize(
    ("y", "slopes"), [(2.0, (1, 0)), (4.0, (0, 1)), (3.0, (0.5, 0.5))], ids=["x", "y", "a tie"]
)
def test_max(y: float, slopes: tuple[float, float]) -> None:
    x, v = mg.inputs("x y")
    assert told(mg.maximum(x, v).named("m"), {x: 3, v: y}) == lines(
        f"""
        max keeps the larger: m = max(x, y) = max(3, {y:g}) = {max(3, y):g}
          ∂m/∂m = 1. max routes the gradient to the larger input, half to each of equal ones: """
        f"∂m/∂x = {slopes[0]}; ∂m/∂y = {slopes[1]}"
    )


def test_stop_gradient_is_where_the_way_back_ends() -> None:
    x, y = mg.inputs("x y")
    stopped = mg.stop_gradient(x * y)
    moments = walked(mg.trace((stopped * x).named("f"), {x: 3, y: 2}))
    assert [str(m.apply.gate) for m in moments if m.back] == ["multiply", "stop_gradient"]
    assert moments[-1].sentence == "stop lets no gradient through: nothing is added to ∂f/∂a1"
    assert moments[-1].shown == ()


def test_only_what_leads_from_float_inputs_to_the_cost_is_on_the_way_back() -> None:
    x, n = mg.input("x"), mg.input("n", (), "int64")
    cost = mg.where(n * 2 > 3, x * 2.0, mg.exp(mg.constant(1.0)))
    moments = walked(mg.trace(cost, {x: 1.5, n: 4}))
    forward = [str(m.apply.gate) for m in moments if not m.back]
    assert forward == ["multiply", "greater", "multiply", "exp", "where"]
    assert [str(m.apply.gate) for m in moments if m.back] == ["where", "multiply"]


def test_a_leaf_alone_has_no_story() -> None:
    assert walked(mg.trace(mg.input("x"), {"x": 1.0})) == []
    assert walked(mg.trace(mg.constant(1.0), {})) == []


class Cube(Gate):
    symbol = "x³"

    def infer(self, x: Type) -> Type:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.multiply(x * x, x, out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent * 3 * x * x


def test_a_gate_of_ones_own() -> None:
    x = mg.input("x")
    assert told(Cube()(x).named("f"), {x: 2}) == lines(
        """
        x³: f = cube(x) = cube(2) = 8
          ∂f/∂f = 1. x³: ∂f/∂x = 3 · ∂f/∂f · x² = 3 · 1 · 2² = 12
        """
    )


# ---------------------------------------------------------------- arrays


def test_one_recurrent_step() -> None:
    x, h = mg.input("x", ("B", 3)), mg.input("h", ("B", 4))
    W, U, b = mg.input("W", (3, 4)), mg.input("U", (4, 4)), mg.input("b", (4,))
    new = mg.tanh(x @ W + h @ U + b).named("h")
    at = {v: np.full([5 if n == "B" else n for n in v.shape], 0.5, "f4") for v in (x, h, W, U, b)}
    assert told(mg.sum(new).named("L"), at) == lines(
        """
        @ multiplies matrices: a1 = x @ W, 5×4 of 0.75
        @ multiplies matrices: a2 = h @ U, 5×4 of 1
        + adds: a3 = a1 + a2, 5×4 of 1.75
        + adds: a4 = a3 + b, 5×4 of 2.25
        tanh: h′ = tanh(a4), 5×4 of 0.978
        Σ adds up: L = Σ h′ = 19.56
          ∂L/∂L = 1. Σ spreads the gradient to every element: ∂L/∂h′ = ∂L/∂L, 5×4 of 1
          tanh lets through 1 - tanh² of the gradient, little where it is saturated: """
        """∂L/∂a4 = ∂L/∂h′ ⊙ (1 - h′²), 5×4 of 0.0435
          + hands the gradient to both inputs: ∂L/∂a3 = ∂L/∂a4, 5×4 of 0.0435; """
        """∂L/∂b = Σ_B ∂L/∂a4 = [0.2173, 0.2173, 0.2173, 0.2173]
          + hands the gradient to both inputs: """
        """∂L/∂a1 = ∂L/∂a3, 5×4 of 0.0435; ∂L/∂a2 = ∂L/∂a3, 5×4 of 0.0435
          @ multiplies the gradient by the other matrix, transposed: """
        """∂L/∂h = ∂L/∂a2 @ Uᵀ, 5×4 of 0.0869; ∂L/∂U = hᵀ @ ∂L/∂a2, 4×4 of 0.109
          @ multiplies the gradient by the other matrix, transposed: """
        """∂L/∂x = ∂L/∂a1 @ Wᵀ, 5×3 of 0.0869; ∂L/∂W = xᵀ @ ∂L/∂a1, 3×4 of 0.109
        """
    )


def test_what_only_fits_shapes_is_called_after_what_it_fits() -> None:
    x = mg.input("x", (2,))
    assert told(mg.sum(mg.broadcast_to(x, (3, 2)) * 2).named("L"), {x: [1, 2]}) == lines(
        """
        bcast repeats: broadcast_to(x), 3×2 in 1…2
        × multiplies: a = broadcast_to(x) · 2, 3×2 in 2…4
        Σ adds up: L = Σ a = 18
          ∂L/∂L = 1. Σ spreads the gradient to every element: ∂L/∂a = ∂L/∂L, 3×2 of 1
          × swaps its inputs: ∂L/∂broadcast_to(x) = 2 · ∂L/∂a, 3×2 of 2
          bcast adds the gradient up over what was repeated: """
        """∂L/∂x = Σ_{axis 0} ∂L/∂broadcast_to(x) = [6, 6]
        """
    )


def test_rows_are_taken_by_integers() -> None:
    table, ids = mg.input("E", (5, 2)), mg.input("ids", (3,), "int64")
    cost = mg.sum(mg.take(table, ids, axis=0)).named("L")
    moments = walked(mg.trace(cost, {table: np.ones((5, 2), "f4"), ids: [1, 1, 4]}))
    assert [m.sentence for m in moments if "take" in m.sentence] == [
        "take picks: a = E[ids], 3×2 of 1",
        "take puts the gradient back where it was taken from, adding up what was taken twice: "
        "∂L/∂E = scatter_add(∂L/∂a, ids), 5×2 in 0…2",
    ]
    assert moments[-1].shown == (table,)


# ---------------------------------------------------------------- loops


def scalars(**options: Any) -> tuple[Trace, Variable, Variable]:
    w, x = mg.input("w"), mg.input("x", (3,))
    last, _ = mg.scan(lambda h, x: (mg.tanh(w * h + x).named("h"), None), 1.0, x, **options)
    return mg.trace((last * 2).named("L"), {w: 0.5, x: [0, 0.5, -1]}), w, x


TANH = "tanh lets through 1 - tanh² of the gradient, little where it is saturated"


def test_a_scan_step_by_step() -> None:
    t, *_ = scalars()
    moments = walked(t)
    assert [m.at for m in moments] == [
        *[(0,)] * 3, *[(1,)] * 3, *[(2,)] * 3, (), (), *[(2,)] * 3, *[(1,)] * 3, *[(0,)] * 3
    ]  # fmt: skip
    assert not any(isinstance(m.apply.gate, Scan) for m in moments)
    sentences = [m.sentence for m in moments]
    assert sentences[:6] == [
        "× multiplies: a1_0 = w · 1 = 0.5 · 1 = 0.5",
        "+ adds: a2_0 = a1_0 + x_0 = 0.5 + 0 = 0.5",
        "tanh: h_0 = tanh(a2_0) = tanh(0.5) = 0.4621",
        "× multiplies: a1_1 = w · h_0 = 0.5 · 0.4621 = 0.2311",
        "+ adds: a2_1 = a1_1 + x_1 = 0.2311 + 0.5 = 0.7311",
        "tanh: h_1 = tanh(a2_1) = tanh(0.7311) = 0.6237",
    ]
    assert sentences[9] == "× multiplies: L = h_2 · 2 = (-0.5968) · 2 = -1.194"
    assert sentences[10:14] == [
        "∂L/∂L = 1. × swaps its inputs: ∂L/∂h_2 = 2 · ∂L/∂L = 2 · 1 = 2",
        f"{TANH}: ∂L/∂a2_2 = ∂L/∂h_2 · (1 - h_2²) = 2 · (1 - (-0.5968)²) = 1.288",
        "+ hands the gradient to both inputs: "
        "∂L/∂a1_2 = ∂L/∂a2_2 = 1.288; ∂L/∂x_2 = ∂L/∂a2_2 = 1.288",
        "× swaps its inputs: it adds ∂L/∂a1_2 · h_1 = 1.288 · 0.6237 = 0.8031 "
        "to ∂L/∂w (2 more to come); ∂L/∂h_1 = ∂L/∂a1_2 · w = 1.288 · 0.5 = 0.6438",
    ]
    assert sentences[16].startswith(
        "× swaps its inputs: it adds ∂L/∂a1_1 · h_0 = 0.3934 · 0.4621 = 0.1818 "
        "to ∂L/∂w, which is now 0.8031 + 0.1818 = 0.9849 (1 more to come); ∂L/∂h_0 ="
    )
    assert sentences[19].endswith(
        "to ∂L/∂w, which is now 0.9849 + 0.1547 = 1.14: "
        "w is used at every step, its gradients add up"
    )


def test_in_a_loop_what_is_shown_are_variables_of_its_step() -> None:
    t, w, _ = scalars()
    moments = walked(t)
    product, total, tanh = (m.apply for m in moments[:3])
    carry, row = product.inputs[1], total.inputs[1]
    assert [m.shown for m in moments[3:6]] == [product.outputs, total.outputs, tanh.outputs]
    assert [m.shown for m in moments[-6:-3]] == [tanh.inputs, total.inputs, (carry,)]
    assert moments[-1].shown == (w,)
    assert row in total.inputs[1:]


def test_a_reverse_scan_begins_at_the_last_step() -> None:
    w, x, s = mg.input("w"), mg.input("x", (2,)), mg.input("s")
    step = lambda h, x: (mg.tanh(w * h + x).named("h"), None)  # noqa: E731
    last, _ = mg.scan(step, s * 2, x, reverse=True)
    text = told(last.named("L"), {w: 0.5, x: [0, 1], s: 0.25})
    assert text.splitlines()[:4] == [
        "× multiplies: h_2 = s · 2 = 0.25 · 2 = 0.5",
        "× multiplies: a1_1 = w · h_2 = 0.5 · 0.5 = 0.25",
        "+ adds: a2_1 = a1_1 + x_1 = 0.25 + 1 = 1.25",
        "tanh: h_1 = tanh(a2_1) = tanh(1.25) = 0.8483",
    ]
    assert text.splitlines()[7].startswith(f"  L is h_0, so ∂L/∂h_0 = 1. {TANH}: ∂L/∂a2_0 =")
    assert text.endswith("∂L/∂s = 2 · ∂L/∂h_2 = 2 · 0.05886 = 0.1177")


def test_the_initial_carry_by_its_own_name() -> None:
    w, s = mg.input("w"), mg.input("s")
    last, _ = mg.scan(lambda h, _: ((w * h).named("h"), None), (s * 2).named("start"), length=2)
    text = told((last * 1).named("L"), {w: 0.5, s: 3})
    assert text.startswith(
        "× multiplies: start = s · 2 = 3 · 2 = 6\n"
        "× multiplies: h_0 = w · start = 0.5 · 6 = 3\n"
        "× multiplies: h_1 = w · h_0 = 0.5 · 3 = 1.5\n"
    )
    assert "∂L/∂start = ∂L/∂h_0 · w = 0.5 · 0.5 = 0.25" in text


def test_nested_loops() -> None:
    w, s, x = mg.input("w"), mg.input("s"), mg.input("X", ("T", "S"))

    def row(carry: Variable, r: Variable) -> tuple[Variable, None]:
        return mg.scan(lambda a, z: ((a * w + z).named("a"), None), carry, r)[0], None

    last, _ = mg.scan(row, s, x)
    moments = walked(mg.trace((last * 1).named("L"), {w: 0.5, s: 2, x: [[1, 2], [3, 4]]}))
    assert [m.at for m in moments[:8:2]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert moments[7].sentence == "+ adds: a′_{1,1} = a1_{1,1} + X_{1,1} = 2.25 + 4 = 6.25"
    assert moments[4].sentence == "× multiplies: a1_{1,0} = a′_{0,1} · w = 3 · 0.5 = 1.5"
    assert moments[-1].sentence == (
        "× swaps its inputs: ∂L/∂s = ∂L/∂a1_{0,0} · w = 0.125 · 0.5 = 0.0625; "
        "it adds ∂L/∂a1_{0,0} · s = 0.125 · 2 = 0.25 to ∂L/∂w, which is now 6.5 + 0.25 = 6.75: "
        "w is used at every step, its gradients add up"
    )


def test_what_every_step_puts_out_gets_its_gradient_from_two_sides() -> None:
    w, x = mg.input("w"), mg.input("x", (2,))

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        h = (w * h + x).named("h")
        return h, h

    _, hs = mg.scan(step, 0.0, x)
    text = told(mg.sum(hs).named("L"), {w: 0.5, x: [1, 2]}).splitlines()
    assert "Σ adds up: L = Σ h_{0…1} = 3.5" in text
    assert (
        "  × swaps its inputs: it adds ∂L/∂a_1 · h_0 = 1 · 1 = 1 to ∂L/∂w (1 more to come); "
        "it adds ∂L/∂a_1 · w = 1 · 0.5 = 0.5 to ∂L/∂h_0, which is now 1 + 0.5 = 1.5: "
        "h_0 is used twice, its gradients add up"
    ) in text


def test_a_sequence_that_is_used_outside_too() -> None:
    x = mg.input("x", (2,))
    last, _ = mg.scan(lambda h, x: ((h + x * x).named("h"), None), 0.0, x)
    text = told((last + mg.sum(x)).named("L"), {x: [1, 2]})
    assert text.endswith(
        "All steps of the loop add [2, 4] to ∂L/∂x, which is now [3, 5]: "
        "x is used twice, its gradients add up"
    )


def test_truncation_cuts_the_way_back() -> None:
    t, *_ = scalars(truncate=(2, 2))
    back = [m.at for m in walked(t) if m.back]
    assert back == [(), *[(2,)] * 3]
    t, *_ = scalars(truncate=(1, 2))
    with pytest.raises(PictureError, match=r"truncate=\(1, 2\) the windows of scan overlap"):
        walked(t)


# ---------------------------------------------------------------- numbers


def stated(sentence: str, derivative: str) -> list[str]:
    """The last number of each equation about a derivative, once it is complete."""
    found = []
    for part in re.sub(r"^.*?: (?=∂|it adds)", "", sentence).split("; "):
        equation = re.match(rf"(?:.* to )?{derivative}(?: = |, which is now )([^:]*)", part)
        if equation and "more to come" not in part:
            found.append(equation[1].split(" = ")[-1])
    return found


@pytest.mark.parametrize("seed", range(40))
def test_numbers_are_those_of_the_trace(seed: int) -> None:
    rng = random.Random(seed)
    leaves = list(mg.inputs("x y z", dtype="float64"))
    cost = grow(rng, leaves, 9)
    for i, apply in enumerate(applies([cost])):
        for v in apply.outputs:
            v.named(f"v{i}")
    cost.named("f")
    t = mg.trace(cost, {v: rng.uniform(-1.2, 1.2) for v in leaves if v in mg_leaves(cost)})
    for moment in walked(t):
        for v in moment.shown:
            if moment.back:
                expected = show_number(t.grad(v).item())
                assert stated(moment.sentence, f"∂f/∂{v.name}") == [expected], moment.sentence
            else:
                assert moment.sentence.endswith(f" = {show_number(t[v].item())}")
                assert f": {v.name} = " in moment.sentence


def mg_leaves(cost: Variable) -> set[Variable]:
    return {v for apply in applies([cost]) for v in apply.inputs if v.owner is None}


@pytest.mark.parametrize("reverse", [False, True])
def test_numbers_in_loops_are_those_of_the_trace(reverse: bool) -> None:
    t, *_ = scalars(reverse=reverse)
    loop = next(a for a in applies([t.cost]) if isinstance(a.gate, Scan))
    assert isinstance(loop.gate, Scan)
    named = {"h": loop.gate.body.outputs[0], "x": loop.gate.body.inputs[1]}
    sentences = [m.sentence for m in walked(t)]
    for name, v in named.items():
        for step in range(3):
            found = [n for s in sentences for n in stated(s, rf"∂L/∂{name}_{step}")]
            assert found == [show_number(t.grad(v)[step].item())]


@pytest.mark.parametrize("seed", range(40))
def test_any_graph_can_be_walked(seed: int) -> None:
    """Every gate once for each of its steps, and in the end a gradient for every float input."""
    rng = random.Random(seed)
    values = random_leaves("float64", {"T": 3, "B": 2})
    choose = Choices([rng.randrange(1000) for _ in range(97)])
    pool = grow_graph(choose, list(values), 12, loops=2)
    outputs = with_gradients(pool[-3:], [])
    for cost in [v for v in outputs if v.shape == () and v.type.differentiable][-1:]:
        t = mg.trace(cost, values)
        moments = walked(t, max_moments=100_000)
        outer = [m.apply for m in moments if not m.at and not m.back]
        assert outer == [a for a in applies([cost]) if not isinstance(a.gate, Scan)]
        back = [m.apply for m in moments if not m.at and m.back]
        order = [a for a in reversed(outer) if a in set(back)]
        assert back == order
        assert all(m.sentence.isprintable() and len(m.sentence) < 800 for m in moments)


def test_a_loop_and_the_one_that_goes_back_through_it_have_gradients_of_their_own() -> None:
    w, x = mg.input("w"), mg.input("x", (2,))
    last, _ = mg.scan(lambda h, x: ((w * h + x).named("h"), None), 0.0, x)
    cost = (mg.grad(last * last, w) * 1).named("L")  # 2 (w x_0 + x_1) x_0
    t = mg.trace(cost, {w: 0.5, x: [1, 2]})
    assert t.grad(w) == 2
    assert any(stated(m.sentence, "∂L/∂w") == ["2"] for m in walked(t))


# ---------------------------------------------------------------- names, limits


def test_names_of_wires() -> None:
    t, v = circuit()
    assert names(t.cost) == {v[name]: name for name in "xyzqf"}
    t, *_ = scalars()
    found = {v.name: name for v, name in names(t.cost).items()}
    assert found == {"w": "w", "x": "x", "x_t": "x", "carry": "h", "h": "h", "L": "L", None: "a2"}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_name_is_one_line_of_plain_text(name: str) -> None:
    x = mg.input(name)
    v = mg.expand_dims(x, 0)
    for moment in walked(mg.trace((mg.tanh(x) * x * v.sum()).named(name), {x: 0.5})):
        assert moment.sentence.isprintable()
        assert len(moment.sentence) < 800


def test_many_moments_must_be_asked_for() -> None:
    x = mg.input("x")
    f = x
    for _ in range(30):
        f = mg.sin(f)
    t = mg.trace(f, {x: 1})
    assert len(walked(t)) == 60
    with pytest.raises(PictureError, match=r"60 moments, and more than 50 ") as caught:
        walked(t, max_moments=50)
    assert caught.value.__notes__ == ["max_moments=60 tells it all the same"]
    assert len(walked(t, max_moments=60)) == 60


def test_a_long_chain_is_no_deep_recursion() -> None:
    x = mg.input("x")
    f = x
    for _ in range(3000):
        f = f + x
    assert len(walked(mg.trace(f, {x: 1}), max_moments=6000)) == 6000


def test_an_lstm_is_walked_quickly() -> None:
    x = mg.input("x", (4, 2, 3))
    ys, _ = mg.nn.Recurrent(mg.nn.LSTMCell(3, 4, rng=0))(x)
    t = mg.trace(mg.sum(ys * ys), {x: np.ones((4, 2, 3), "f4")})
    start = time.perf_counter()
    assert len(walked(t)) > 100
    assert time.perf_counter() - start < 1.5
