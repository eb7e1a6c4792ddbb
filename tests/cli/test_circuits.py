"""minigrad draw circuit: an expression and its numbers in, a picture and a table out."""

import inspect
import os
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from tests.cli.calls import Call, Result, assert_refused

needs_page = pytest.mark.skipif(not hasattr(mg.Trace, "page"), reason="Trace.page is not built yet")
needs_themes = pytest.mark.skipif(
    "theme" not in inspect.signature(mg.draw).parameters, reason="there is one theme only"
)

# ---------------------------------------------------------------- what is drawn


def test_without_an_expression_it_is_the_lecture_s_circuit(call: Call) -> None:
    assert call("draw", "circuit") == call("draw") == Result(0, "wrote circuit.svg\n", "")
    svg = Path("circuit.svg").read_text("utf-8")
    assert all(text in svg.replace("&#45;", "-") for text in (">q = 3<", ">-12<", ">f<"))


def test_an_expression_with_numbers(call: Call) -> None:
    result = call(
        "draw", "circuit", "q = x + y; f = q * z", "x=-2", "y=5", "z=−4", "--out", "f.dot"
    )
    assert (result.status, result.err) == (0, "")
    assert [line.split() for line in result.out.splitlines()] == [
        ["wrote", "f.dot"],
        ["value", "gradient"],
        ["x", "-2", "-4"],
        ["y", "5", "-4"],
        ["z", "-4", "3"],
        ["q", "3", "-4"],
        ["f", "-12", "1"],
    ]
    dot = Path("f.dot").read_text("utf-8")
    assert all(text in dot for text in (">q = 3<", ">-12<", ">5<"))


def test_other_numbers_for_the_lecture_s_circuit(call: Call) -> None:
    assert "\nf  9 " in call("draw", "circuit", "x=1", "y=2", "z=3", "--format", "dot").out


def test_the_word_circuit_may_be_left_away(call: Call) -> None:
    named = call("draw", "circuit", "x * y", "x=2", "y=3", "--format", "dot")
    assert call("draw", "x * y", "x=2", "y=3", "--format", "dot") == named
    assert call("draw", "--format", "dot").out == "wrote circuit.dot\n"


def test_an_expression_may_begin_with_a_sign(call: Call) -> None:
    assert "\nf  -6 " in call("draw", "circuit", "-x*y", "x=2", "y=3", "--format", "dot").out
    assert "\nf  -6 " in call("draw", "-x*y", "x=2", "y=3", "--format", "dot").out


@pytest.mark.parametrize(
    ("numbers", "row"),
    [
        (["x=nan", "y=1"], "f nan 1"),
        (["x=inf", "y=-2"], "f -inf 1"),
        (["x=1e3", " y = 1_0 "], "f 1e4 1"),
    ],
)
def test_any_number(call: Call, numbers: list[str], row: str) -> None:
    out = call("draw", "x * y", *numbers, "--format", "dot").out
    assert " ".join(out.splitlines()[-1].split()) == row


def test_names_are_what_python_takes_for_the_same(call: Call) -> None:
    out = call("draw", "\u00b5 * 2", "\u03bc=3", "--format", "dot").out  # micro sign, mu
    assert "\nf  6 " in out


def test_no_numbers_no_numbers(call: Call) -> None:
    result = call("draw", "x * y", "--format", "dot")
    assert result == Result(
        0, "wrote circuit.dot\nwithout numbers: they are given as x=… y=…\n", ""
    )
    assert "<font" not in Path("circuit.dot").read_text("utf-8")
    assert "\nf  6 " in call("draw", "2 * 3", "--format", "dot").out  # which needs none


@needs_page
def test_a_page_to_step_through(call: Call) -> None:
    assert call("draw", "--format", "html").out == "wrote circuit.html\n"
    page = Path("circuit.html").read_text("utf-8")
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "-12" in page


@needs_themes
def test_a_theme(call: Call) -> None:
    pictures = []
    for theme in ("light", "dark", "grey"):
        call("draw", "--theme", theme, "--out", f"{theme}.dot")
        pictures.append(Path(f"{theme}.dot").read_text("utf-8"))
    assert len(set(pictures)) == 3


# ---------------------------------------------------------------- which file


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ([], "circuit.svg"),
        (["--format", "png"], "circuit.png"),
        (["--out", "f.pdf"], "f.pdf"),
        (["--out", "f", "--format", "dot"], "f.dot"),
        (["--out", "f.SVG", "--format", "svg"], "f.SVG"),
        (["f.dot"], "f.dot"),
        (["circuit", "f.png"], "f.png"),
    ],
)
def test_the_file_and_its_format(call: Call, options: list[str], file: str) -> None:
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF", ".dot": b"digraph"}
    assert call("draw", *options) == Result(0, f"wrote {file}\n", "")
    assert sorted(os.listdir()) == sorted([file, "text.txt"])
    assert Path(file).read_bytes().startswith(starts[Path(file).suffix.lower()])


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["circuit", "x^2", "x=1"], "column 2 of the expression: the sign '^' is not known: a"),
        (["circuit", "picture"], "no picture 'picture', and nothing to compute: the pictures are"),
        (["picture"], " activations, bidirectional, circuit, encoder-decoder, error-surface, "),
        (["circuit", "3"], "there is nothing to compute in '3'"),
        (["circuit", ""], "there is no expression"),
        (["circuit", "x", "+", "y"], "'+' is no NAME=NUMBER: the expression comes first"),
        (["circuit", "x * y", "x=1"], "numbers are missing: give y=… too"),
        (["circuit", "x * y", "x=1", "y=one"], "y is given 'one', which is not a number"),
        (["circuit", "x * y", "x=1", "y="], "y is given '', which is not a number"),
        (["circuit", "x * y", "x=1", "x=2"], "x is given twice"),
        (["circuit", "x * y", "2=1"], "'2=1' is no NAME=NUMBER"),
        (["circuit", "x * y", "w=1"], "w is no name that the expression reads; these are: x, y"),
        (["circuit", "q = x * 2; q * x", "x=1", "q=2"], "q is no name that the expression reads"),
        (["circuit", "less(x, y)", "x=1", "y=2"], "less(x, y) is true or false: what is drawn"),
        (["circuit", "x * y", "--colour"], "No such option: --colour (see minigrad draw circuit"),
        (["circuit", "-h"], "No such option: -h (see minigrad draw circuit --help)"),
        (["circuit", "f.svg", "--out", "g.svg"], "f.svg and --out g.svg are both files"),
        (["circuit", "--out", "f.svg", "--format", "png"], "f.svg and --format png contradict"),
        (["circuit", "f.svg", "--format", "png"], "f.svg and --format png contradict each other"),
        (["circuit", "--format", "gif"], "'gif' is not one of 'svg', 'png', 'pdf', 'dot', 'html'"),
        (["circuit", "--theme", "blue"], "'blue' is not one of 'light', 'dark', 'grey'"),
        (["circuit", "--out", "."], "saved as one of .svg, .png, .pdf, .dot, not as ''"),
        (["circuit", "x * y", "--format", "html"], "a page shows numbers: give x=… y=…"),
        (["circuit", "--format", "html", "--theme", "dark"], "--theme is for pictures"),
        (["circiut"], "there is no picture 'circiut': did you mean circuit?"),
        (["gradient-flwo", "run"], "did you mean gradient-flow? (see minigrad draw --help)"),
        (["+".join(["x"] * 500), "x=1"], "would have 499 gates, and more than 400"),
        (["(" * 300], "column 201 of the expression: too many nested parentheses"),
    ],
)  # fmt: skip
def test_one_line_says_what_is_wrong(call: Call, args: list[Any], message: str) -> None:
    assert_refused(call("draw", *args), message)
    assert os.listdir() == ["text.txt"]


def test_the_help_lists_what_can_be_called(call: Call) -> None:
    text = " ".join(call("draw", "circuit", "--help").out.split())
    assert "Usage: minigrad draw circuit [OPTIONS] [EXPRESSION] [NAME=NUMBER]..." in text
    assert 'minigrad draw circuit "(x + y) * z" x=-2 y=5 z=-4 ' in text
    assert "sigmoid, sign, sin, softplus" in text
