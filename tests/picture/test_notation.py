"""How gates are written: each of them, and expressions that Python reads as the same."""

import math
import random
import re
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import Gate
from minigrad.notation import STRENGTHS, Notation, escape
from minigrad.picture.words.simplify import term_of
from minigrad.picture.words.terms import Name, latex_name, write
from minigrad.variables import Variable
from tests.gates.cases import CASES, Case

Values = dict[str, float]


def written(v: Variable, *leaves: Variable) -> Any:
    known = {x: Name(str(x.name), (), None, x.shape) for x in leaves}
    return write(term_of(v, known))


def is_balanced(latex: str) -> bool:
    """Whether braces and \\left \\right come in pairs, and no \\$ or # is bare."""
    bare = re.sub(r"\\[\\{}$%&#_]", "", latex)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    pairs = bare.count(r"\left") - bare.count(r"\leftarrow") == bare.count(r"\right")
    return depth == 0 and pairs and not re.search("[$#%]", bare)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_gate_is_written(case: Case) -> None:
    inputs = [mg.input(f"x{i}", t.shape, t.dtype) for i, t in enumerate(case.types())]
    outputs = case.gate(*inputs)
    for v in outputs if isinstance(outputs, tuple) else (outputs,):
        formula = written(v, *inputs)
        assert formula.binds in STRENGTHS
        assert is_balanced(formula.latex), formula.latex
        assert all(f"x{i}" in formula.text for i in range(len(inputs))), formula.text
        assert "{0" not in formula.text


x, y, z = mg.inputs("x y z")
A, W, b = mg.input("A", ("B", 4)), mg.input("W", (4, 3)), mg.input("b", (3,))


@pytest.mark.parametrize(
    ("expression", "text", "latex"),
    [
        ((x + y) * z, "(x + y) · z", r"\left(x + y\right) \cdot z"),
        (x - (y - z), "x - (y - z)", r"x - \left(y - z\right)"),
        (x + (y + z), "x + y + z", "x + y + z"),
        (x / (y / z), "x / (y / z)", r"\frac{x}{\frac{y}{z}}"),
        (x / y / z, "x / (y · z)", r"\frac{x}{y \cdot z}"),
        (-(x * y), "-x · y", r"- x \cdot y"),
        (x * -y, "-x · y", r"- x \cdot y"),
        (x + -y, "x - y", "x - y"),
        (x * x, "x²", "{x}^{2}"),
        ((x + y) ** z, "(x + y)^z", r"{\left(x + y\right)}^{z}"),
        (mg.exp(-x), "e^(-x)", "e^{- x}"),
        (mg.sqrt(x + y), "√(x + y)", r"\sqrt{x + y}"),
        (1 * x + 0, "x", "x"),
        (mg.abs(x), "|x|", r"\left|x\right|"),
        (mg.where(x > y, z, 0.0), "z · [x > y]", r"z \cdot \left[x > y\right]"),
        (mg.maximum(x, y), "max(x, y)", r"\max\left(x, y\right)"),
        (mg.sigmoid(x), "σ(x)", r"\sigma\left(x\right)"),
        (mg.tanh(A @ W + b), "tanh(A @ W + b)", r"\tanh\left(A \, W + b\right)"),
        (A.T @ A, "Aᵀ @ A", r"A^\top \, A"),
        ((A @ W).T, "(A @ W)ᵀ", r"\left(A \, W\right)^\top"),
        (A * A[0], "A ⊙ A[0]", r"A \odot A\left[0\right]"),
        (mg.sum(A, axis=0) * 2, "2 · (Σ_B A)", r"2 \cdot \left(\sum_{B} A\right)"),
        (mg.sum(A, axis=1) + x, "Σ_{axis 1} A + x", r"\sum_{axis\ 1} A + x"),
        (mg.softmax(A), "softmax(A)", r"\operatorname{softmax}\left(A\right)"),
        (A[1:, 0], "A[1:, 0]", r"A\left[1{:}, 0\right]"),
        (mg.log_softmax(A).exp(), "softmax(A)", r"\operatorname{softmax}\left(A\right)"),
        (mg.expand_dims(A, 0).squeeze(0).reshape(("B", 1, 4)), "A", "A"),
    ],
    ids=str,
)
def test_expressions(expression: Variable, text: str, latex: str) -> None:
    formula = written(expression, x, y, z, A, W, b)
    assert (formula.text, formula.latex) == (text, latex)


def test_a_gate_of_the_users_is_a_call_or_what_it_says() -> None:
    class Cube(Gate):
        def infer(self, x: Any) -> Any:
            return x

    class Norm(Cube):
        notation = Notation("‖{0}‖", r"\left\Vert {0} \right\Vert")

    class Halves(Gate):
        def infer(self, x: Any) -> Any:
            return x, x

    assert written(Cube()(x + y), x, y).text == "cube(x + y)"
    assert written(Halves()(x)[1], x).text == "halves(x)[1]"
    assert written(Norm()(x + y), x, y).text == "‖x + y‖"


# ---------------------------------------------------------------- read back


def grow(rng: random.Random, leaves: list[Variable], count: int) -> Variable:
    """A random scalar expression, of gates that Python can read."""
    pool = list(leaves)
    for _ in range(count):
        a, b = rng.choice(pool), rng.choice(pool[-4:])
        options = [
            a + b, a - b, a * b, a / (1 + b * b), -a, a * rng.choice([-2.0, 0.5, 3.0]),
            mg.tanh(a), mg.exp(-a * a), mg.sigmoid(b), mg.sqrt(1 + a * a), (1 + a * a) ** b,
            mg.maximum(a, b), mg.where(a > b, a, b), a**2, a**3, mg.sin(b),
            mg.where(a < b, 0.0, b), mg.log(2 + mg.sin(a)), mg.relu(a), 1 - a, b - 0.0,
        ]  # fmt: skip
        pool.append(rng.choice(options))
    return pool[-1]


def as_python(text: str) -> str:
    """A formula as Python: its signs and exponents."""
    for old, new in {"·": "*", "^": "**", "²": "**2", "³": "**3", "σ(": "sigma("}.items():
        text = text.replace(old, new)
    text = re.sub(r"∂\w+/∂(\w+)", r"d_\1", text)
    text = re.sub(r"√(\w+)", r"sqrt(\1)", text.replace("√(", "sqrt("))
    return re.sub(r"(?<![\w])e\*\*", "E**", text)


PYTHON = {
    **vars(math),
    "E": math.e,
    "max": max,
    "abs": abs,
    "sigma": lambda v: 1 / (1 + math.exp(-v)),
    "relu": lambda v: max(v, 0.0),
    "where": lambda c, a, b: a if c else b,
    "sgn": lambda v: math.copysign(1, v),
}


@pytest.mark.parametrize("seed", range(60))
def test_python_reads_the_same_number(seed: int) -> None:
    rng = random.Random(seed)
    leaves = list(mg.inputs("x y z", dtype="float64"))
    expression = grow(rng, leaves, 8)
    values = {str(v.name): rng.uniform(-1.5, 1.5) for v in leaves}
    text = as_python(written(expression, *leaves).text.replace("[", "1.0 * (").replace("]", ")"))
    with np.errstate(all="ignore"):
        expected = expression.eval({v: values[str(v.name)] for v in leaves if uses(expression, v)})
    assert eval(text, PYTHON | values) == pytest.approx(float(expected), rel=1e-9), text


def uses(expression: Variable, leaf: Variable) -> bool:
    return any(leaf is v for v in mg.graph.leaves([expression]))


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("h", "h"),
        ("W_hh", "W_{hh}"),
        ("w0", "w_{0}"),
        ("score", r"\mathrm{score}"),
        ("alpha", r"\alpha"),
        ("σ", r"\sigma"),
        ("ŷ", r"\hat{y}"),
        ("h′", "h'"),
        ("a_b_c", r"\mathrm{a\_b\_c}"),
        ("<script>", r"\mathrm{{<}script>}"),
        ("$x$", r"\mathrm{\$x\$}"),
        ("\\evil{", r"\mathrm{\backslash evil\{}"),
        ("two\nlines", r"\mathrm{two\ lines}"),
        ("😀", r"\mathrm{\text{😀}}"),
    ],
)
def test_names_in_latex(name: str, latex: str) -> None:
    assert latex_name(name) == latex


def test_a_time_step_joins_an_index() -> None:
    assert latex_name("h", "t-1") == "h_{t-1}"
    assert latex_name("b_h", "t") == "b_{h,t}"


def test_escaped_text_is_balanced() -> None:
    every = "".join(map(chr, range(32, 127)))
    assert is_balanced(escape(every))
