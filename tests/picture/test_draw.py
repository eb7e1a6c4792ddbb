"""What a graph without loops looks like."""

import re
import time

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, PictureError
from minigrad.picture import draw


def test_gates_inputs_and_the_output_each_have_a_node(read, circuit):
    picture = read(draw(circuit[0]))
    assert picture.kinds() == {"gate": 2, "input": 3, "text": 1, "wire": 1}
    assert picture.texts("gate") == ["+", "×"]
    assert picture.texts("input") == ["x", "y", "z"]
    assert picture.after(picture.box("×")) == [picture.box("f")]
    assert set(picture.before(picture.box("+"))) == {picture.box("x"), picture.box("y")}


def test_values_stand_on_the_edges_in_blue_and_gradients_below_in_red(read, circuit):
    f, values, gradients = circuit
    drawing = draw(f, values=values, gradients=gradients)
    assert sorted(read(drawing).labels) == sorted(
        ["-2\n-4", "5\n-4", "q = 3\n-4", "-4\n3", "-12\n1"]
    )
    assert (
        '<font color="#0a58ca">q = 3</font></td></tr><hr/>'
        '<tr><td><i><font color="#c62828">-4</font></i>'
    ) in drawing.source


def test_values_alone_gradients_alone_and_names_alone(read, circuit):
    f, values, gradients = circuit
    assert "q = 3" in read(draw(f, values=values)).labels
    assert "q\n-4" in read(draw(f, gradients=gradients)).labels
    assert read(draw(f)).labels == ["q"]


def test_a_variable_with_several_readers_has_its_numbers_once_before_the_fork(read):
    x = mg.input("x")
    picture = read(draw(x * x + x, values={x: 3.0}))
    assert picture.labels == ["3"]
    assert sorted(b.text for b in picture.after(picture.box("x"))) == ["+", "×", "×"]


def test_leaves_show_name_and_shape(read):
    x = mg.input("x", ("T", "B", 81))
    late = mg.input("late", ("T - 1",))
    w = mg.parameter(np.zeros((81, 3)), "W")
    picture = read(draw([x @ w, late, mg.parameter(1.0), mg.parameter([1.0])]))
    assert picture.texts("input") == ["late\n(T - 1)", "x\nT×B×81"]
    assert picture.texts("parameter") == ["W\n81×3", "parameter", "parameter\n1"]


def test_constants_are_plain_text(read):
    x = mg.input("x", (2,))
    one, array, pi = 1.0, mg.constant([[1.0, 2.5]], "float32"), mg.constant(3.14159265, name="pi")
    picture = read(draw(x + one + array + pi))
    assert {"1", "1×2 in 1…2.5", "pi = 3.142"} < set(picture.texts("text"))


def test_outputs_are_named_by_their_variable_or_by_their_place(read):
    x = mg.input("x", ("B",))
    single = read(draw(mg.tanh(x)))
    assert single.texts("text") == ["out  B"]
    several = read(draw({"a": mg.tanh(x), "b": (x.sum().named("total"), x)}))
    assert several.texts("text") == ["a  B", "total", "x  B"]


def test_keys_of_outputs_are_shown_as_they_are(read):
    x = mg.input("x")
    keys = ["a'b", 'a"b', "a'\"b", "back\\slash", "∂f/∂x", " "]
    picture = read(draw({key: mg.tanh(x) for key in keys}))
    assert picture.texts("text") == sorted(key.strip() for key in keys)
    assert read(draw({1: mg.tanh(x)})).texts("text") == ["out[1]"]


def test_gradients_beside_their_graph_are_named_by_what_they_are_of(read):
    x, y = mg.inputs("x y")
    f = (mg.tanh(x) * y).named("f")
    assert {"f", "∂f/∂x", "∂f/∂y"} < set(read(draw(f, wrt=[x, y])).texts("text"))
    assert {"∂f/∂x", "∂f/∂y"} < set(read(draw(f, wrt={"a": x, "b": y})).texts("text"))


def test_gradients_by_variables_of_one_name_or_none_are_all_there(read):
    a, b, c = mg.input("w"), mg.input("w"), mg.parameter(2.0)
    shown = read(draw(a * b * c, wrt=[a, b, c])).texts("text")
    assert {"f", "∂f/∂w[0]", "∂f/∂w[1]", "∂f/∂wrt[2]"} <= set(shown)
    clashing = mg.input("w[0]")
    shown = read(draw(a * b * clashing, wrt=[a, b, clashing])).texts("text")
    assert {"∂f/∂w[0]", "∂f/∂w[1]", "∂f/∂w[0]′"} <= set(shown)


def test_variables_without_a_name_can_be_called_something(read):
    x = mg.input("x")
    a = x * 2
    assert read(draw(mg.exp(a))).labels == []
    assert read(draw(mg.exp(a), names={a: "a1"})).labels == ["a1"]
    assert read(draw(mg.exp(a.named("b")), names={a: "a1"})).labels == ["b"]


def test_a_compiled_function_is_drawn_with_its_results_and_new_values(read):
    x, w = mg.input("x"), mg.parameter(2.0, "w")
    cost = (w * x).named("cost")
    f = mg.function([x], [cost, mg.tanh(cost)], [(w, w - mg.grad(cost, w))])
    picture = read(draw(f))
    assert set(picture.texts("text")) >= {"cost", "out[1]", "new w"}
    assert picture.texts("gate") == sorted(["×", "tanh", "−", "×"])


def test_a_basic_index_is_brackets_with_a_colon(read):
    x = mg.input("x", (3,))
    assert read(draw(x[1:])).texts("gate") == ["[:]"]


def test_the_outputs_of_one_gate_can_be_told_apart(read):
    left, right = mg.split(mg.input("x", (4,)), 2)
    assert sorted(read(draw(left * mg.tanh(right))).labels) == ["(2)", "[0] (2)", "[1] (2)"]


def test_a_long_symbol_grows_its_circle_and_a_short_one_does_not():
    x = mg.input("x", ("B", 3))
    lines = draw(mg.log_softmax(x) + 1.0).source.splitlines()
    (long,) = [line for line in lines if r'label="log\nsoftmax"' in line]
    (short,) = [line for line in lines if 'label="+"' in line]
    assert "shape=circle" in long
    assert "shape=circle" in short
    assert "fixedsize" not in long
    assert "fixedsize=true" in short


def test_a_composite_gate_is_one_gate(read):
    assert read(draw(mg.sigmoid(mg.input("x")))).texts("gate") == ["σ"]


def test_a_gradient_graph_is_drawn_like_any_other(read):
    x = mg.input("x")
    picture = read(draw(mg.grad(mg.tanh(x), x)))
    assert "tanh" in picture.texts("gate")
    assert picture.texts("text").count("out") == 1


def test_the_first_operand_enters_above_the_second():
    x, y = mg.inputs("x y")
    edges = [line for line in draw(x - y).source.splitlines() if "headport" in line]
    assert ["nw" in edges[0], "sw" in edges[1]] == [True, True]


def test_operands_stand_in_the_order_they_are_written(look):
    a, b, c, d = mg.inputs("a b c d")
    svg = look(draw(a * b + c * d))
    leaves = {p.text: p.area.y for p in svg.nodes.values() if p.kind == "input"}
    assert sorted(leaves, key=leaves.get) == ["a", "b", "c", "d"]


def test_the_same_graph_gives_the_same_source(circuit):
    f, values, gradients = circuit
    first, second = (draw(f, values=values, gradients=gradients).source for _ in range(2))
    assert first == second


def test_too_many_gates_are_refused_at_once_saying_how_many_and_what_to_do():
    v = mg.input("x")
    for _ in range(20_000):
        v = mg.tanh(v)
    start = time.perf_counter()
    with pytest.raises(PictureError, match=r"(?s)20000 gates.*400.*inner part.*max_nodes=20000"):
        draw(v, fold=False)
    assert time.perf_counter() - start < 2


def test_max_nodes_can_be_raised():
    v = mg.input("x")
    for _ in range(401):
        v = mg.tanh(v)
    assert draw(v, fold=False, max_nodes=401).gates == 401
    with pytest.raises(PictureError, match="401 gates"):
        draw(v, fold=False)


def test_a_large_picture_is_laid_out_in_haste():
    h = x = mg.input("x")
    for _ in range(100):
        h = mg.tanh(h * 0.9) + x
    assert "nslimit=2" in draw(h, fold=False).source  # or it takes minutes
    assert "nslimit" not in draw(mg.tanh(x)).source


def test_when_all_else_fails_the_gates_of_a_line_are_one_node(read):
    h, w = mg.input("h"), mg.parameter(0.5, "w")
    for _ in range(500):
        h = mg.tanh(w * h)
    drawing = draw(h * h)
    assert drawing.gates == 2
    first, second = read(drawing).texts("group")
    assert re.fullmatch(r"drawing = draw\(h \* h\)\ntest_draw.py:\d+\n1 gate", first)
    assert re.fullmatch(r"h = mg.tanh\(w \* h\)\ntest_draw.py:\d+\n1000 gates\n1 parameter", second)


@pytest.mark.parametrize("outputs", [3.0, ["x"], {"a": None, "b": np.ones(2)}])
def test_only_variables_can_be_drawn(outputs):
    with pytest.raises(ArgumentError, match="drawn of variables"):
        draw(outputs)


@pytest.mark.parametrize("outputs", [[], (), {}, None, mg.function([], None)])
def test_of_nothing_there_is_no_picture(outputs):
    with pytest.raises(ArgumentError, match="there is nothing to draw in"):
        draw(outputs)


def test_with_wrt_there_is_one_cost():
    x = mg.input("x")
    with pytest.raises(ArgumentError, match="with wrt one scalar cost is drawn, and there was"):
        draw([mg.sin(x), mg.cos(x)], wrt=x)


def test_values_are_keyed_by_variables():
    with pytest.raises(ArgumentError, match="'x'"):
        draw(mg.input("x"), values={"x": 1.0})
