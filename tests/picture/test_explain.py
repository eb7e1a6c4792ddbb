"""`explain`: the equations of known networks, and numbers that are those of a trace."""

import random
from typing import Any

import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, GradientError, PictureError, UnknownNameError
from minigrad.picture.words.explain import Explanation, explain
from minigrad.variables import Variable
from tests.picture.test_notation import PYTHON, as_python, grow, is_balanced, uses
from tests.random_graphs import Choices, with_gradients
from tests.random_graphs import grow as grow_graph
from tests.random_graphs import leaves as random_leaves


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def shown(explanation: Explanation) -> list[str]:
    return [" ".join(line.split()) for line in lines(explanation.text)]


def assert_reads(explanation: Explanation, expected: str) -> None:
    """The same text, the spaces between an equation and its words aside."""
    assert shown(explanation) == lines(expected)


# ---------------------------------------------------------------- known networks


def neuron_inputs() -> tuple[Variable, dict[Variable, float]]:
    w0, x0, w1, x1, w2 = mg.inputs("w0 x0 w1 x1 w2")
    score = (w0 * x0 + w1 * x1 + w2).named("score")
    return score, {w0: 2, x0: -1, w1: -3, x1: -2, w2: -3}


def test_the_circuit() -> None:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    e = explain(f, [x, y, z], {x: -2, y: 5, "z": -4})
    assert str(e) == e.text == repr(e)
    assert e.text == (
        "Forward\n"
        "  x = -2, y = 5, z = -4\n"
        "  q = x + y = -2 + 5 = 3\n"
        "  f = q · z = 3 · (-4) = -12\n"
        "\n"
        "Backward\n"
        "  ∂f/∂f = 1\n"
        "  ∂f/∂q = z = -4\n"
        "  ∂f/∂x = ∂f/∂q = -4\n"
        "  ∂f/∂y = ∂f/∂q = -4\n"
        "  ∂f/∂z = q = 3"
    )
    assert e._repr_latex_() == f"$${e.latex}$$"
    assert r"& \frac{\partial f}{\partial q} = z = -4" in e.latex
    assert e._repr_markdown_() == e.markdown
    assert e.markdown.startswith("**Forward**\n\n$$\n\\begin{aligned}\n& x = -2,")


def test_a_sum_of_branches() -> None:
    x, y, z = mg.inputs("x y z")
    f = ((x + y) * (x * z)).named("f")
    e = explain(f, x, {x: 1, y: 2, z: 3})
    assert_reads(
        e,
        """
        Forward
        x = 1, y = 2, z = 3
        f = (x + y) · x · z = (1 + 2) · 1 · 3 = 9

        Backward
        ∂f/∂f = 1
        ∂f/∂x = (x + y) · z + x · z = (1 + 2) · 3 + 1 · 3 = 12 x is used twice: its gradients add up
        """,
    )


def test_the_neuron_from_its_gates() -> None:
    score, at = neuron_inputs()
    neuron = (1 / (1 + mg.exp(-score))).named("neuron")
    e = explain(neuron, list(at)[:2], at, every_gate=True)
    assert_reads(
        e,
        """
        Forward
        w0 = 2, x0 = -1, w1 = -3, x1 = -2, w2 = -3
        a1 = w0 · x0 = 2 · (-1) = -2
        a2 = w1 · x1 = (-3) · (-2) = 6
        a3 = a1 + a2 = -2 + 6 = 4
        score = a3 + w2 = 4 + (-3) = 1
        a4 = -score = -1
        a5 = e^a4 = e^(-1) = 0.3679
        a6 = 1 + a5 = 1 + 0.3679 = 1.368
        neuron = 1 / a6 = 1 / 1.368 = 0.7311

        Backward
        ∂neuron/∂neuron = 1
        ∂neuron/∂a6 = -neuron / a6 = -0.7311 / 1.368 = -0.5344
        ∂neuron/∂a5 = ∂neuron/∂a6 = -0.5344
        ∂neuron/∂a4 = ∂neuron/∂a5 · a5 = (-0.5344) · 0.3679 = -0.1966
        ∂neuron/∂score = -∂neuron/∂a4 = -(-0.1966) = 0.1966
        ∂neuron/∂a3 = ∂neuron/∂score = 0.1966
        ∂neuron/∂a1 = ∂neuron/∂a3 = 0.1966
        ∂neuron/∂w0 = ∂neuron/∂a1 · x0 = 0.1966 · (-1) = -0.1966
        ∂neuron/∂x0 = ∂neuron/∂a1 · w0 = 0.1966 · 2 = 0.3932
        """,
    )


def test_the_neuron_as_one_gate() -> None:
    score, at = neuron_inputs()
    e = explain(mg.sigmoid(score).named("s"), next(iter(at)), at)
    assert "∂s/∂score = s · (1 - s) = 0.7311 · (1 - 0.7311) = 0.1966" in shown(e)
    assert shown(e)[-1] == "∂s/∂w0 = ∂s/∂score · x0 = 0.1966 · (-1) = -0.1966"


def test_one_recurrent_step() -> None:
    x, h = mg.input("x", ("B", 3)), mg.input("h", ("B", 4))
    W, U, b = mg.input("W", (3, 4)), mg.input("U", (4, 4)), mg.input("b", (4,))
    new = mg.tanh(x @ W + h @ U + b).named("h")
    e = explain(mg.sum(new).named("L"), {"W": W, "U": U, "b": b, "h": h})
    assert_reads(
        e,
        """
        Forward
        x: B×3, W: 3×4, h: B×4, U: 4×4, b: 4
        a = x @ W + h @ U + b B×4
        h′ = tanh(a) B×4
        L = Σ h′

        Backward
        ∂L/∂L = 1
        ∂L/∂h′ = 1 for every element
        ∂L/∂a = ∂L/∂h′ ⊙ (1 - h′²)
        ∂L/∂U = hᵀ @ ∂L/∂a
        ∂L/∂W = xᵀ @ ∂L/∂a
        ∂L/∂b = Σ_B ∂L/∂a
        ∂L/∂h = ∂L/∂a @ Uᵀ
        """,
    )
    assert r"\frac{\partial L}{\partial h} = \frac{\partial L}{\partial a} \, U^\top" in e.latex


def test_back_propagation_through_time_as_in_the_lecture() -> None:
    """The equations of examples/bptt_by_hand.py."""
    shapes: dict[str, Any] = {"W_hh": ("H", "H"), "W_xh": ("H", "F"), "b_h": ("H",)}
    shapes |= {"W_hy": ("K", "H"), "b_y": ("K",)}
    p: dict[str, Variable] = {name: mg.input(name, shape) for name, shape in shapes.items()}

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        h = mg.tanh(p["W_hh"] @ h + p["W_xh"] @ x + p["b_h"]).named("h")
        return h, (p["W_hy"] @ h + p["b_y"]).named("o")

    y = mg.input("y", ("T",), "int64")
    _, o = mg.scan(step, mg.input("h0", ("H",)), mg.input("x", ("T", "F")))
    loss = mg.nn.losses.softmax_cross_entropy(o, y, reduce="sum").named("L")
    assert_reads(
        explain(loss, list(p.values())),
        """
        Forward
        h0: H, x: T×F, W_hh: H×H, W_xh: H×F, b_h: H, W_hy: K×H, b_y: K, y: T
        h_0 = h0 H
        for t = 1, …, T:
        a_t = W_hh @ h_{t-1} + W_xh @ x_t + b_h H
        h_t = tanh(a_t) H
        o_t = W_hy @ h_t + b_y K
        L = -Σ log_softmax(o_{1:T})[y]

        Backward
        ∂L/∂L = 1
        ∂L/∂o_{1:T} = softmax(o_{1:T}) - onehot(y)
        for t = T, …, 1:
        ∂L/∂h_t = W_hyᵀ @ ∂L/∂o_t + W_hhᵀ @ ∂L/∂a_{t+1} """
        """the last part comes from step t+1; for t = T it is 0
        ∂L/∂a_t = ∂L/∂h_t ⊙ (1 - h_t²)
        ∂L/∂W_hh = Σ_t ∂L/∂a_t @ h_{t-1}ᵀ
        ∂L/∂W_xh = Σ_t ∂L/∂a_t @ x_tᵀ
        ∂L/∂b_h = Σ_t ∂L/∂a_t
        ∂L/∂W_hy = Σ_t ∂L/∂o_t @ h_tᵀ
        ∂L/∂b_y = Σ_t ∂L/∂o_t
        W_hh, W_xh, b_h, W_hy and b_y are used at every step: their gradients add up
        """,
    )


def test_an_lstm_step() -> None:
    cell = mg.nn.LSTMCell(3, 4, rng=0)
    state = mg.input("h", ("B", 4)), mg.input("c", ("B", 4))
    out, _ = cell(mg.input("x", ("B", 3)), state)
    e = shown(explain(mg.sum(out).named("L"), cell.parameters()))
    for line in (
        "a = x @ weight_ih + bias + h @ weight_hh B×16",
        "f = σ(a[:, 4:8]) B×4",
        "c′ = f ⊙ c + i ⊙ g B×4",
        "h′ = o ⊙ tanh(c′) B×4",
        "∂L/∂c′ = ∂L/∂h′ ⊙ o ⊙ (1 - tanh(c′)²)",
        "∂L/∂f = ∂L/∂c′ ⊙ c",
        "∂L/∂a = [∂L/∂i ⊙ i ⊙ (1 - i), ∂L/∂f ⊙ f ⊙ (1 - f), ∂L/∂g ⊙ (1 - g²), ∂L/∂o ⊙ o ⊙ (1 - o)]",
        "∂L/∂weight_hh = hᵀ @ ∂L/∂a",
    ):
        assert line in e


def test_a_softmax_readout() -> None:
    h, V, b = mg.input("h", ("B", 4)), mg.input("V", (4, "K")), mg.input("b", ("K",))
    o = (h @ V + b).named("o")
    loss = mg.nn.losses.softmax_cross_entropy(o, mg.input("y", ("B",), "int64"))
    e = explain(loss, [V, b, h])
    assert_reads(
        e,
        """
        Forward
        h: B×4, V: 4×K, b: K, y: B
        o = h @ V + b B×K
        L = mean(-log_softmax(o)[y])

        Backward
        ∂L/∂L = 1
        ∂L/∂o = (softmax(o) - onehot(y)) / B
        ∂L/∂V = hᵀ @ ∂L/∂o
        ∂L/∂b = Σ_B ∂L/∂o
        ∂L/∂h = ∂L/∂o @ Vᵀ
        """,
    )


# ---------------------------------------------------------------- loops


def test_a_reversed_loop_and_its_last_carry() -> None:
    w, xs = mg.input("w"), mg.input("x", ("T",))
    last, _ = mg.scan(lambda h, x: (mg.tanh(w * h + x).named("h"), None), 0.0, xs, reverse=True)
    assert_reads(
        explain((last * last).named("L"), [w, xs], {w: 0.5, xs: [1, 2, 3]}),
        """
        Forward
        x = [1, 2, 3], w = 0.5
        h_{T+1} = 0
        for t = T, …, 1:
        a_t = w · h_{t+1} + x_t
        h_t = tanh(a_t)
        L = h_1² = 0.9039² = 0.8171

        Backward
        ∂L/∂L = 1
        ∂L/∂h_1 = h_1 + h_1 = 0.9039 + 0.9039 = 1.808 h_1 is used twice: its gradients add up
        for t = 1, …, T:
        ∂L/∂h_t = ∂L/∂a_{t-1} · w this comes from step t-1; for t = 1 it is ∂L/∂h_1 """
        """from after the loop
        ∂L/∂a_t = ∂L/∂h_t · (1 - h_t²)
        ∂L/∂x_t = ∂L/∂a_t
        ∂L/∂w = Σ_t ∂L/∂a_t · h_{t+1} = 0.3306
        ∂L/∂x = [∂L/∂x_t for t = 1, …, T] = [0.3307, 0.004418, 2.18e-5]
        w is used at every step: its gradients add up
        """,
    )


def test_the_initial_carry_and_carries_that_change_places() -> None:
    w, a0 = mg.input("w"), mg.input("a0")

    def swap(c: Any, x: Variable) -> Any:
        return (c[1], c[0] + x * w), None

    (a, _), _ = mg.scan(swap, (a0, mg.input("b0")), mg.input("x", (4,)))
    e = shown(explain(a.named("L"), [w, a0]))
    assert "a_t = b_{t-1}" in e
    assert "b_t = a_{t-1} + x_t · w" in e
    assert "∂L/∂w = Σ_t ∂L/∂b_t · x_t" in e
    assert "∂L/∂a0 = ∂L/∂b_1" in e
    assert any(line.startswith("∂L/∂a_t = ∂L/∂b_{t+1} this comes from step t+1") for line in e)


def test_a_loop_in_a_loop() -> None:
    w, X = mg.input("w"), mg.input("X", ("T", "S"))

    def row(carry: Variable, x: Variable) -> tuple[Variable, None]:
        return mg.scan(lambda a, z: (a * w + z, None), carry, x)[0], None

    last, _ = mg.scan(row, mg.input("s0"), X)
    e = shown(explain(last.named("L"), [w, X]))
    assert "s′_{t,s} = s′_{t,s-1} · w + X_{t,s}" in e
    assert "∂L/∂w = Σ_t Σ_s ∂L/∂s′_{t,s} · s′_{t,s-1}" in e


def test_equal_names_are_told_apart() -> None:
    h = x = mg.input("h")
    for _ in range(6):
        h = mg.sin(h).named("h")
    e = shown(explain(h, x))
    assert e[1:8] == [
        "h′ = sin(h)",
        "h′′ = sin(h′)",
        "h′′′ = sin(h′′)",
        "h(4) = sin(h′′′)",
        "h(5) = sin(h(4))",
        "h(6) = sin(h(5))",
        "",
    ]


def test_truncation_is_said() -> None:
    w = mg.input("w")
    last, _ = mg.scan(lambda h, x: (h * w + x, None), 0.0, mg.input("x", ("T",)), truncate=(2, 4))
    assert "for t = T, …, 1 (no further than truncate=(2, 4)):" in shown(explain(last, w))


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("every_gate", [False, True])
def test_python_computes_the_gradient_from_the_equations(seed: int, every_gate: bool) -> None:
    """Each line, read as Python and run in order, has the number that a trace finds."""
    rng = random.Random(seed)
    leaves = list(mg.inputs("x y z", dtype="float64"))
    cost = grow(rng, leaves, 9)
    wrt = [v for v in leaves if uses(cost, v)]
    try:
        trace = mg.trace(cost, {v: rng.uniform(-1.2, 1.2) for v in wrt})
        text = explain(cost, wrt, every_gate=every_gate).text
    except GradientError:  # it is a leaf that only a comparison reads
        return
    known = {str(v.name): float(trace[v]) for v in wrt}
    for line in text.splitlines():
        if " = " in line:
            name, _, formula = as_python(line.strip().partition("   ")[0]).partition(" = ")
            formula = formula.replace("[", "1.0 * (").replace("]", ")").replace(" = ", " == ")
            known[name.strip()] = eval(formula, PYTHON | known)
    for v in wrt:
        assert known[f"d_{v.name}"] == pytest.approx(float(trace.grad(v)), rel=1e-8, abs=1e-10)


def test_numbers_are_those_of_a_trace() -> None:
    x = mg.input("x", (3,))
    s = mg.sum(mg.exp(x) * x).named("s")
    at = {x: [1.0, 0.0, 2.0]}
    e = explain(s, x, at)
    assert "v = " not in e.text
    assert shown(e)[-1] == (
        "∂s/∂x = e^x + x ⊙ e^x = [5.437, 1, 22.17] x is used twice: its gradients add up"
    )
    assert mg.trace(s, at).grad(x).tolist() == pytest.approx([5.4366, 1, 22.1672], abs=1e-4)


def test_large_arrays_have_formulas_only() -> None:
    x = mg.input("x", (5,))
    e = explain(mg.sum(x * 2).named("s"), x, {x: [1, 2, 3, 4, 5]})
    assert "x: 5" in e.text
    assert "s = 2 · (Σ x) = 30" in shown(e)


# ---------------------------------------------------------------- any graph


@pytest.mark.parametrize("seed", range(60))
def test_any_graph_can_be_explained(seed: int) -> None:
    rng = random.Random(seed)
    leaves = random_leaves("float64", {"T": 3, "B": 2})
    choose = Choices([rng.randrange(1000) for _ in range(97)])
    pool = grow_graph(choose, list(leaves), 12, loops=2)
    outputs = with_gradients(pool[-3:], [])
    costs = [v for v in outputs if v.shape == () and v.type.differentiable][-1:]
    for cost in costs:
        reached = mg.grad(cost, list(leaves), unused="zeros") if not cost.owner else None
        assert reached is None or reached
        wrt = [v for v in leaves if v.type.differentiable and is_reached(cost, v)]
        if wrt:
            e = explain(cost, wrt, max_gates=2000)
            assert is_balanced(e.latex)
            assert all(f"∂{v.name} " in e.text for v in wrt)


def is_reached(cost: Variable, v: Variable) -> bool:
    try:
        mg.grad(cost, v)
    except GradientError:
        return False
    return True


HOSTILE = [
    "quote\" 'x`", "<script>alert(1)</script>", "$a$ \\evil{", "a_b_c", "two\nlines", "😀 你",
    "n" * 300, "50% #1 & ~^|", "\\", "}", "{0}", "e^{x}", "∂", "",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_name_is_shown_and_no_more(name: str) -> None:
    x = mg.input(name)
    f = (mg.tanh(x) * x).named(name)
    e = explain(f, x, {x: 1e-9})
    assert is_balanced(e.latex)
    assert "<s" not in e.markdown
    assert len(max(e.text.splitlines(), key=len)) < 600
    assert e.text.count("\n") == 6


# ---------------------------------------------------------------- errors


def test_errors() -> None:
    x, y = mg.inputs("x y")
    with pytest.raises(ArgumentError, match="the cost must be a Variable"):
        explain(3.0, x)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="wrt needs at least one Variable"):
        explain(x * x, [])
    with pytest.raises(GradientError, match="no gradient reaches y"):
        explain(x * x, y)
    with pytest.raises(GradientError, match="float scalar"):
        explain(mg.input("v", (3,)) * 2, x)
    with pytest.raises(UnknownNameError, match="no leaf is named 'q'"):
        explain(x * x, x, {"q": 1.0})
    with pytest.raises(ArgumentError, match="has no value"):
        explain(x * y, x, {x: 1.0})


def test_a_large_graph_must_be_asked_for() -> None:
    x = mg.input("x")
    f = x
    for _ in range(300):
        f = mg.sin(f)
    with pytest.raises(PictureError, match=r"300 gates, and more than 200 .* pass max_gates=300"):
        explain(f, x)
    assert len(explain(f, x, max_gates=300).text.splitlines()) > 40
