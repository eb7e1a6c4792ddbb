"""What a notebook shows of a value that ends a cell: pictures, tables, reports, never an error."""

import base64
import html
import re
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import minigrad as mg
from minigrad.markup import preformatted, table
from minigrad.picture import engine

HOSTILE = ["<script>alert(1)</script>", '" onload="x', "a & b", "</pre><b>", "$x$", "`"]


@pytest.fixture
def shown(capsys: Any) -> Callable[[Any], dict[str, Any]]:
    """The forms in which a notebook gets a value. A method that fails writes to stderr."""

    def show(value: Any) -> dict[str, Any]:
        data, _ = DisplayFormatter().format(value)
        assert capsys.readouterr().err == ""
        return dict(data)

    return show


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def circuit() -> tuple[mg.Variable, dict[mg.Variable, float]]:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    return (q * z).named("f"), {x: -2.0, y: 5.0, z: -4.0}


def chain(gates: int) -> mg.Variable:
    """So many gates, each on a line of its own: nothing there to fold."""
    program = {"mg": mg, "v": mg.input("x", dtype="float64")}
    exec("v = mg.tanh(v)\n" * gates, program)
    return program["v"]


def texts(svg: str) -> list[str]:
    """The words on a picture."""
    return [html.unescape(t) for t in re.findall("<text[^>]*>(.*?)</text>", svg)]


def cells(page: str) -> list[list[str]]:
    """The rows of its table."""
    rows = re.findall("<tr>(.*?)</tr>", page)
    return [[html.unescape(c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", r)] for r in rows]


def image(page: str) -> str:
    """The SVG of the image in it."""
    (coded,) = re.findall('src="data:image/svg\\+xml;base64,([^"]*)"', page)
    return base64.b64decode(coded).decode()


# ---------------------------------------------------------------- variables


def test_a_variable_shows_its_graph(shown: Any) -> None:
    f, _ = circuit()
    found = shown(f)
    assert found.keys() == {"image/svg+xml", "text/plain"}
    assert {"x", "y", "z", "q", "f"} <= set(texts(found["image/svg+xml"]))
    assert found["text/plain"] == "<f: float32 () = multiply>"


@pytest.mark.parametrize(
    "leaf", [mg.input("x", ("B", 3)), mg.parameter(np.ones(3), "w"), mg.constant(2.0)]
)
def test_a_leaf_shows_its_text(leaf: mg.Variable, shown: Any) -> None:
    assert shown(leaf) == {"text/plain": repr(leaf)}


def test_a_large_graph_is_folded(shown: Any) -> None:
    net = mg.nn.GRU(3, 4, num_layers=3)
    ys, _ = net(mg.input("xs", ("T", "B", 3)))
    assert "GRUCell" in "".join(texts(shown(ys)["image/svg+xml"]))


@pytest.mark.parametrize(("gates", "drawn"), [(40, True), (41, False)])
def test_a_graph_that_cannot_be_folded_shows_its_text(gates: int, drawn: bool, shown: Any) -> None:
    found = shown(chain(gates))
    assert ("image/svg+xml" in found) is drawn
    assert found["text/plain"] == "<variable: float64 () = tanh>"


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_there_is_text(shown: Any) -> None:
    f, at = circuit()
    assert shown(f) == {"text/plain": "<f: float32 () = multiply>"}
    traced = shown(mg.trace(f, at))["text/html"]
    assert "<img" not in traced
    assert ["f", "-12", "1"] in cells(traced)


def test_variables_in_lists_and_dicts_show_their_text(shown: Any) -> None:
    f, at = circuit()
    x, *_ = at
    assert shown([f]) == {"text/plain": "[<f: float32 () = multiply>]"}
    assert shown({x: f, f: 1})["text/plain"].startswith("{<x: float32 () (input)>: <f: ")


def test_a_terminal_lays_no_picture_out(monkeypatch: pytest.MonkeyPatch) -> None:
    f, at = circuit()
    monkeypatch.setattr(engine, "render", lambda *_: pytest.fail("a picture was laid out"))
    terminal = DisplayFormatter(active_types=["text/plain"])
    assert terminal.format(f)[0] == {"text/plain": repr(f)}
    assert terminal.format(mg.trace(f, at))[0].keys() == {"text/plain"}


def test_a_picture_is_loaded_when_the_first_one_is_shown() -> None:
    code = """
import sys, minigrad as mg
f = mg.tanh(mg.input("x"))
def loaded(): return [m for m in ("graphviz", "matplotlib", "minigrad.picture") if m in sys.modules]
before = loaded()
assert "<svg" in f._repr_svg_()
print(before, loaded())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['graphviz', 'minigrad.picture']"


# ---------------------------------------------------------------- traces and reports


def test_a_trace_shows_its_picture_and_a_table(shown: Any) -> None:
    f, at = circuit()
    t = mg.trace(f, at)
    found = shown(t)
    assert found.keys() == {"text/html", "text/plain"}
    assert cells(found["text/html"]) == [
        ["", "value", "gradient"],
        ["x", "-2", "-4"],
        ["y", "5", "-4"],
        ["z", "-4", "3"],
        ["q", "3", "-4"],
        ["f", "-12", "1"],
    ]
    assert {"q = 3", "-12"} <= set(texts(image(found["text/html"])))
    assert found["text/plain"] == repr(t)


def test_a_trace_of_a_large_graph_is_a_table(shown: Any) -> None:
    page = shown(mg.trace(chain(41).named("end"), {"x": 0.0}))["text/html"]
    assert "<img" not in page
    assert cells(page)[1:] == [["x", "0", "1"], ["end", "0", "1"]]


def test_a_report_of_gradients_shows_both_numbers_and_the_verdict(shown: Any) -> None:
    f, at = circuit()
    x, *_ = at
    report = mg.verify_grad(f, at, wrt=[x])
    found = shown(report)
    page = found["text/html"]
    assert cells(page) == [["", "minigrad", "numeric", ""], ["df/dx", "-4", "-4", "ok"]]
    assert ">q = 3\nf = -12</pre>" in page
    assert page.endswith(">1 of 1 entries agree</pre>")
    assert found["text/plain"] == str(report)


def test_a_report_says_which_gradient_is_wrong(shown: Any) -> None:
    x = mg.input("x")
    cost = x * mg.stop_gradient(x)  # whose derivative is 2x, were it not stopped
    page = shown(mg.verify_grad(cost, {x: 3.0}))["text/html"]
    assert cells(page)[1] == ["dcost/dx", "3", "6", "WRONG"]
    assert "0 of 1 entries agree" in page


def test_a_function_shows_its_report(shown: Any) -> None:
    x = mg.input("x")
    f = mg.function([x], mg.tanh(x) + mg.tanh(x))
    found = shown(f)
    assert found["text/html"] == preformatted(f.report())
    assert "share: " in found["text/html"]
    assert found["text/plain"] == "<function(x): 0 programs>"


def test_an_explanation_shows_its_equations(shown: Any) -> None:
    f, at = circuit()
    x, *_ = at
    found = shown(mg.explain(f, x, at))
    assert found.keys() == {"text/markdown", "text/latex", "text/plain"}
    assert r"\begin{aligned}" in found["text/markdown"]


def test_a_module_shows_its_text(shown: Any) -> None:
    layer = mg.nn.Linear(2, 3)
    assert shown(layer) == {"text/plain": repr(layer)}


# ---------------------------------------------------------------- lines


def test_a_line_of_a_cell_is_named_after_the_cell() -> None:
    """IPython compiles a cell under the name of a temporary file, and knows which cell that is."""
    file = "/tmp/ipykernel_1/2.py"
    shell = SimpleNamespace(compile=SimpleNamespace(_filename_map={file: 3}))
    cell: dict[str, Any] = {"get_ipython": lambda: shell, "mg": mg}
    exec(compile("\nx = mg.input('x')\ny = mg.tanh(x)", file, "exec"), cell)
    assert (cell["x"].where, cell["y"].where) == ("In[3]:2", "In[3]:3")
    with pytest.raises(mg.errors.ShapeError, match=r"at In\[3\]:1"):
        exec(compile("mg.add(mg.zeros((2,)), mg.zeros((3,)))", file, "exec"), cell)


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_without_a_shell_that_knows_it_is_the_file(shell: Any) -> None:
    cell: dict[str, Any] = {"get_ipython": lambda: shell, "mg": mg}
    exec(compile("x = mg.input('x')", "/tmp/ipykernel_1/2.py", "exec"), cell)
    assert cell["x"].where == "/tmp/ipykernel_1/2.py:1"


# ---------------------------------------------------------------- what a name may hold


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_shown_as_it_is(name: str, shown: Any) -> None:
    x = mg.input(name)
    cost = mg.tanh(x * 2.0).named(f"{name}2")
    traced = shown(mg.trace(cost, {x: 0.0}))["text/html"]
    report = shown(mg.verify_grad(cost, {x: 0.0}))["text/html"]
    report_of_function = shown(mg.function([x], cost, name=name))["text/html"]
    assert [name, "0", "2"] in cells(traced)
    assert cells(report)[1][0] == f"d{name}2/d{name}"
    assert html.unescape(report_of_function).count(name) >= 1
    for page in (traced, report, report_of_function):
        assert set(re.findall("<(/?[a-z]+)", page)) <= {
            *("div", "/div", "table", "/table", "thead", "/thead", "tbody", "/tbody"),
            *("tr", "/tr", "th", "/th", "td", "/td", "pre", "/pre", "img"),
        }
        assert " on" not in re.sub(">[^<]*<", "><", page)  # no attribute that would run


def test_a_table_is_escaped_and_its_columns_have_colours() -> None:
    page = table(["", "a<b"], [["<i>", "&"]], {"a<b": "#123456"})
    assert cells(page) == [["", "a<b"], ["<i>", "&"]]
    assert "<i>" not in page
    assert page.count("color:#123456") == 2
    assert re.findall("text-align:(left|right)", page) == ["left", "right"] * 2
