"""Expressions as text: what they mean, what they are refused for, and that nothing else happens."""

import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.errors import DataError, MinigradError
from minigrad.expressions import FUNCTIONS, parse
from minigrad.functions import elementwise
from minigrad.graph import applies

AT = {"x": -2.0, "y": 5.0, "z": -4.0}

# ---------------------------------------------------------------- what they mean


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(x + y) * z", -12),
        ("q = x + y; f = q * z", -12),
        ("x - y / z", -0.75),
        ("-x ** 2", -4),
        ("2 ** -1 + x * 0", 0.5),
        ("2 ** 3 ** 2", 512),
        ("+x - -y", 3),
        ("(x − y) · z ÷ 2 × 3", 42),
        ("max(x, y) + min(x, z)", 1),
        ("maximum(x, y) + minimum(x, z)", 1),
        ("sqrt(abs(z)) + square(y)", 27),
        ("exp(log(y)) * relu(x)", 0),
        ("σ(0 * x)", 0.5),
        ("tanh(softplus(0))", 0.6),
        ("where(less(x, 0), y, z)", 5),
        ("1e3 + 0x10 + 1_0", 1026),
        ("  x\n + y  ;", 3),
        ("x * 1e999", -math.inf),
        ("log(x)", math.nan),
        ("9 ** 9 ** 9", math.inf),
    ],
)
def test_the_value_of_an_expression(text: str, value: float) -> None:
    e = parse(text)
    found = e.output.eval({name: AT[name] for name in e.inputs})
    assert found.dtype == "float64"
    assert found == pytest.approx(value, nan_ok=True)


@st.composite
def texts(draw: Any) -> str:
    """Sums, differences, products and small powers in parentheses, which Python can compute."""
    leaf = st.sampled_from(["x", "y", "z", "2", "0.5"])
    both = st.sampled_from(["({} + {})", "({} - {})", "{} * {}", "(-{} - {})"])
    pair = lambda part: st.builds(str.format, both, part, part)  # noqa: E731
    return draw(st.recursive(leaf, lambda part: pair(part) | part.map("({})**2".format)))


@given(texts())
def test_it_means_what_python_means_by_it(text: str) -> None:
    output = parse(f"0 + {text}").output
    names = {v.name for v in mg.graph.leaves([output]) if v.name}
    assert output.eval({n: AT[n] for n in names}) == pytest.approx(eval(text, {}, AT), rel=1e-9)


def test_names_are_those_of_variables_and_all_others_are_inputs() -> None:
    e = parse("q = x + y; c = 2; c * q * z")
    assert list(e.inputs) == ["x", "y", "z"]  # in the order of the text
    assert list(parse("min(b, 2 * a) + where(less(b, 0), c, a)").inputs) == ["b", "a", "c"]
    named = [v.name for a in applies([e.output]) for v in (*a.inputs, *a.outputs) if v.name]
    assert set(named) == {"x", "y", "z", "q", "c", "f"}
    assert e.output.name == "f"
    assert parse("loss = x * y").output.name == "loss"
    assert parse("f * x").output.name == "out"


def test_a_name_used_twice_is_one_variable() -> None:
    e = parse("x * x + x")
    assert mg.grad(e.output, e.inputs["x"]).eval({"x": 3}) == 7


def test_all_elementwise_functions_can_be_called() -> None:
    assert FUNCTIONS.keys() == {*elementwise.__all__, "max", "min", "σ"}
    assert all(FUNCTIONS[name] is getattr(elementwise, name) for name in elementwise.__all__)


def test_a_number_with_a_sign_is_one_number() -> None:
    assert [a.gate.symbol for a in applies([parse("x * -2").output])] == ["×"]


# ---------------------------------------------------------------- what they are refused for


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x^2", "column 2 of the expression: the sign '^' is not known: a power is written **"),
        ("|x|", "column 1 of the expression: the sign '|' is not known: |x| is written abs(x)"),
        ("x + y[0]", "column 6 of the expression: the sign '[' is not known; an expression"),
        ("x == y", "column 1 of the expression: 'x == y' is not known; an expression is made of"),
        ("é + x.real", "column 5 of the expression: 'x.real' is not known"),
        ("  x @ y", "column 5 of the expression: the sign '@'"),
        ("  x // y", "column 3 of the expression: 'x // y' is not known"),
        ("__import__('os')", "the sign \"'\" is not known"),
        ("x.__class__", "column 1 of the expression: 'x.__class__' is not known"),
        ("lambda: x", "the sign ':' is not known"),
        ("x if y else z", "'x if y else z' is not known"),
        ("x and y", "'x and y' is not known"),
        ("True * x", "'True' is not known"),
        ("2j * x", "'2j' is not known"),
        ("import os", "'import os' is not known"),
        ("x += 1", "'x += 1' is not known"),
        ("x, y", "'x, y' is not known"),
        ("exp(*x)", "column 5 of the expression: '*x' is not known"),
        ("exp(x=2)", "'exp(x=2)' is not known"),
        ("x.exp()", "'x.exp()' is not known"),
        ("2 x", "column 3 of the expression: invalid syntax"),
        ("2x", "column 1 of the expression: invalid decimal literal"),
        ("2(x + y)", "this is no function; a product is written with *"),
        ("(x + y", "column 1 of the expression: '(' was never closed"),
        ("x * (y))", "column 8 of the expression: unmatched ')'"),
        ("tahn(x)", "there is no function tahn: did you mean tanh?"),
        ("x(y)", "there is no function x: there are abs, add, ceil"),
        ("max(x)", "column 1 of the expression: max takes 2 arguments, and had 1"),
        ("z + exp(x, y)", "column 5 of the expression: exp takes 1 argument, and had 2"),
        ("2 * exp", "column 5 of the expression: exp is a function, and is written exp(…)"),
        ("exp = x + 1", "exp is a function: choose another name"),
        ("", "there is no expression: an expression is made of"),
        ("x", "there is nothing to compute in 'x'"),
        ("-3", "there is nothing to compute in '-3'"),
        ("x + y; x * y", "all parts but the last need a name, as in q = x + y"),
        ("q = x + 1; q = x + 2", "column 12 of the expression: q is defined twice"),
        ("f = q * z; q = x + y", "column 12 of the expression: q is used before it is defined"),
        ("q = x; q * 2", "q is only another name of x"),
        ("q = x + y; f = x * y", "the expression defines q and never uses it"),
        ("a = b = x + 1", "one name stands before =, as in q = x + y"),
        ("x + y = z", "column 1 of the expression: cannot assign to expression here; an"),
        ("x * 1" + "0" * 400, "column 5 of the expression: this number is too large"),
        ("x * 1" + "0" * 5000, "Exceeds the limit"),
        ("-less(x, y)", "column 1 of the expression: negative: negative takes no bool"),
        ("where(x, y, z)", "column 1 of the expression: where: the condition must be bool"),
        ("x * \0", r"the sign '\x00' is not known"),
        ("x * \ud800", r"the sign '\ud800' is not known"),
    ],
)  # fmt: skip
def test_one_line_says_what_is_wrong_and_where(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(text)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 300 + "x" + ")" * 300,
        "(" * 100_000,
        "-" * 100_000 + "x",
        "x + " * 100_000 + "x",
        "exp(" * 5000 + "x" + ")" * 5000,
        "2**" * 50_000 + "x",
        "a" * 100_000 + "(x)",
    ],
    ids=lambda text: text[:5],
)
def test_what_is_long_or_deep_is_refused_in_no_time(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(DataError) as caught:
        parse(text)
    assert len(caught.value.message) < 500
    assert time.perf_counter() - start < 1


def test_a_long_sum_is_no_deep_one() -> None:
    assert parse(" + ".join(["x"] * 900)).output.eval({"x": 1}) == 900


TOKENS = [*"xyzqf0123.()+-*/=;, ^[]", "**", "//", "==", "q = ", "exp(", "less(", "where(", "1e9",
          "lambda ", " if ", " else ", " not ", "True", "é", "−", "²", "٣", "\n", "\t"]  # fmt: skip


@given(st.text() | st.lists(st.sampled_from(TOKENS)).map("".join))
def test_any_text_is_a_graph_or_an_error_of_ours(text: str) -> None:
    start = time.perf_counter()
    try:
        e = parse(text)
        found = e.output.eval(dict.fromkeys(e.inputs, 0.5))
        said, shape = "", found.shape
    except MinigradError as error:
        said, shape = error.message, ()
    assert time.perf_counter() - start < 1
    assert ("\n" in said, shape) == (False, ())
