"""The numbers that a reader sees, parsed from the SVG, are those of the trace."""

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad.expressions import parse
from minigrad.picture import draw
from minigrad.picture.themes import THEMES

VALUE, GRADIENT = THEMES["light"].value, THEMES["light"].gradient


def rounded(number, digits):
    return float(f"{number:.{digits}g}")


def expected(array):
    """A scalar to four digits, an array as its least and its greatest number to three."""
    array = np.asarray(array)
    if array.ndim == 0:
        return [rounded(array.item(), 4)]
    return sorted({rounded(array.min(), 3), rounded(array.max(), 3)})


def shown(texts):
    """The numbers in the one text of a colour, with or without a name before them."""
    (text,) = texts
    return [float(n) for n in text.text.rpartition("= ")[2].split("…")]


def assert_numbers(svg, drawing, trace):
    """Each wire with numbers has those of its variable, at the steps it stands in."""
    checked = []
    for (v, at), wire in drawing.wires.items():
        if wire not in svg.nodes:
            continue
        here = tuple(slice(None) if step is None else step for step in at)
        part = svg.nodes[wire]
        assert shown(part.of(VALUE)) == expected(trace[v][here]), (v, at)
        assert shown(part.of(GRADIENT)) == expected(trace.grad(v)[here]), (v, at)
        checked.append((v, at))
    return checked


def assert_above_and_below(svg, down=False):
    """The value and its strip stand above the wire's line, the gradient and its strip below it; a
    line that runs down comes in above both."""
    for wire in (part for part in svg.nodes.values() if part.kind == "wire"):
        (value,), (gradient,) = wire.of(VALUE), wire.of(GRADIENT)
        assert value.area.bottom < gradient.area.top
        _, (_, line) = svg.edges[f"{wire.name}_0"].ends
        if down:
            assert line < value.area.top
            continue
        assert value.area.bottom < line < gradient.area.top
        cells = [a for a in wire.areas if a.right - a.left == pytest.approx(6)]
        above = [a for a in cells if a.bottom < line + 0.5]
        below = [a for a in cells if a.top > line - 0.5]
        assert len(above) == len(below) == len(cells) / 2


# ---------------------------------------------------------------- circuits


def test_the_circuit(look, circuit):
    f, values, _ = circuit
    trace = mg.trace(f, {v: values[v] for v in values if v.owner is None})
    drawing = trace.draw()
    svg = look(drawing)
    assert len(assert_numbers(svg, drawing, trace)) == 5
    assert_above_and_below(svg)
    blue = sorted(t.text for part in svg.nodes.values() for t in part.of(VALUE))
    red = sorted(t.text for part in svg.nodes.values() for t in part.of(GRADIENT))
    assert blue == sorted(["-2", "5", "q = 3", "-4", "-12"])
    assert red == sorted(["-4", "-4", "-4", "3", "1"])
    assert [t.text for t in svg.legend if t.colour in (VALUE, GRADIENT)] == ["value", "gradient"]


def test_the_sigmoid_neuron(look):
    at = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    trace = mg.trace(parse("f = 1 / (1 + exp(-(w0·x0 + w1·x1 + w2)))").output, at)
    drawing = trace.draw()
    svg = look(drawing)
    assert len(assert_numbers(svg, drawing, trace)) == 5 + 8
    assert_above_and_below(svg)
    seen = {t.text for part in svg.nodes.values() for t in part.of(VALUE)}
    assert {"0.7311", "1.368", "0.3679", "-1", "4", "6", "1"} <= seen  # as in the lecture
    red = [t.text for part in svg.nodes.values() for t in part.of(GRADIENT)]
    assert {"-0.1966", "0.3932", "-0.5898", "-0.5344"} < set(red)


@pytest.mark.parametrize("theme", THEMES)
def test_the_same_numbers_in_each_theme(look, circuit, theme):
    f, values, gradients = circuit
    svg = look(draw(f, values=values, gradients=gradients, theme=theme))
    found = {p.text for p in svg.nodes.values() if p.kind == "wire"}
    assert found == {"-2\n-4", "5\n-4", "-4\n3", "q = 3\n-4", "-12\n1"}


@pytest.mark.parametrize("number", [1e-9, 123456.789, -0.5, 1 / 3, 7e22, 0.0, -99999.5])
def test_numbers_of_any_size(look, number):
    x = mg.input("x", (), "float64")
    trace = mg.trace((x * 3).named("y"), {x: number})
    drawing = trace.draw()
    assert len(assert_numbers(look(drawing), drawing, trace)) == 2


# ---------------------------------------------------------------- loops


def test_a_recurrent_network_folded(look, network):
    trace = network("rnn")
    drawing = trace.draw()
    svg = look(drawing)
    checked = assert_numbers(svg, drawing, trace)
    assert_above_and_below(svg)
    (loop,) = {at for v, at in checked if at}
    assert loop == (None,)  # over all steps at once
    # x, h_0, three weights; x_t, h before and after, @ @ + +; all h, their squares, the sum.
    assert len(checked) == 5 + 7 + 3


def test_a_recurrent_network_unrolled_step_by_step(look, network):
    trace = network("rnn")
    drawing = trace.draw(unroll=True)
    svg = look(drawing)
    checked = assert_numbers(svg, drawing, trace)
    assert_above_and_below(svg, down=True)
    assert len(checked) == 5 + 4 * 6 + 3
    assert {at for _, at in checked if at} == {(0,), (1,), (2,), (3,)}
    h = next(v for v, at in drawing.wires if v.name == "h" and at)
    for t in range(4):
        wire = svg.nodes[drawing.wires[h, (t,)]]
        low, high = shown(wire.of(VALUE))
        assert (low, high) == (rounded(trace[h][t].min(), 3), rounded(trace[h][t].max(), 3))
        assert "h" in wire.text


def test_after_a_gap_the_numbers_are_those_of_the_last_step(look, network):
    trace = network("rnn")
    drawing = trace.draw(unroll=2)
    svg = look(drawing)
    checked = assert_numbers(svg, drawing, trace)
    assert {at for _, at in checked if at} == {(0,), (3,)}


@pytest.mark.parametrize("unroll", [None, True])
@pytest.mark.parametrize("name", ["lstm", "bidirectional", "encoder-decoder"])
def test_other_networks(look, network, name, unroll):
    trace = network(name, 3)
    drawing = trace.draw(unroll, fold=False)
    assert len(assert_numbers(look(drawing), drawing, trace)) > 20


def test_a_loop_in_a_loop(look):
    def outer(total, row):
        last, _ = mg.scan(lambda c, e: ((c * 0.5 + e).named("c"), None), 0.0, row)
        return (total + last).named("total"), None

    total, _ = mg.scan(outer, 0.0, mg.input("M", (2, 3)))
    trace = mg.trace(total, {"M": [[1, -2, 3], [0.25, 9, -5.5]]})
    for unroll, steps in ((None, {(None,), (None, None)}), (True, {(0,), (1,), (0, 0), (1, 2)})):
        drawing = trace.draw(unroll)
        checked = assert_numbers(look(drawing), drawing, trace)
        assert steps <= {at for _, at in checked}


def test_folded_groups_keep_the_numbers_of_what_enters_and_leaves(look, network):
    trace = network("lstm")
    drawing = trace.draw(unroll=True, fold="LSTMCell")
    svg = look(drawing)
    checked = assert_numbers(svg, drawing, trace)
    assert {(v.name, at) for v, at in checked if at} >= {("h", (3,)), ("c", (0,))}


# ---------------------------------------------------------------- the gradient's own graph


def test_beside_its_gradient_values_are_blue_there_and_red_on_the_way_back(look):
    x, y = mg.inputs("x y")
    f = (mg.tanh(x) * y).named("f")
    trace = mg.trace(f, {x: 0.5, y: 2.0})
    svg = look(trace.draw(wrt=[x, y]))
    outputs = {p.text for p in svg.nodes.values() if p.kind == "text"}
    assert {"f", "∂f/∂x", "∂f/∂y"} <= outputs
    red = {float(t.text) for p in svg.nodes.values() for t in p.of(GRADIENT)}
    assert rounded(trace.grad(x).item(), 4) in red
    assert rounded(trace.grad(y).item(), 4) in red
    blue = {re.sub(".*= ", "", t.text) for p in svg.nodes.values() for t in p.of(VALUE)}
    assert {"0.5", "2", f"{np.tanh(0.5):.4g}", f"{2 * np.tanh(0.5):.4g}"} <= blue


@pytest.mark.parametrize("unroll", [None, True])
def test_in_the_loop_on_the_way_back_gradients_are_red_where_they_enter_a_step_too(
    look, read, network, unroll
):
    trace = network("rnn", 3)
    w = next(v for v in trace.values if v.name == "weight_hh")
    drawing = trace.draw(unroll, wrt=w, fold=False)
    svg, picture = look(drawing), read(drawing)
    names = {"dh_t"} if unroll is None else {"dh_0", "dh_1", "dh_2"}
    entering = [box for box in picture.boxes.values() if box.kind == "row" and box.text in names]
    entering += [box for box in picture.boxes.values() if box.text == "z⁻¹\ndh"]
    assert len(entering) == (2 if unroll is None else 3)
    for box in entering:
        (wire,) = [head for tail, head in picture.edges if tail is box and head.kind == "wire"]
        assert svg.nodes[wire.name].of(VALUE) == []
        assert len(svg.nodes[wire.name].of(GRADIENT)) == 1
    forward = [b for b in picture.boxes.values() if b.text in ("h_t", "h_0") and b.kind == "row"]
    for box in forward:  # values of the way there that are read on the way back stay blue
        wires = [head for tail, head in picture.edges if tail is box and head.kind == "wire"]
        assert all(len(svg.nodes[wire.name].of(VALUE)) == 1 for wire in wires)


def numbers_of_gates(drawing):
    """How many gates have a value in blue, and how many only a gradient, in red."""
    wires = [wire for wire in drawing.sketch.wires if wire.tail.kind == "gate"]
    blue = sum(bool(wire.value.text) for wire in wires)
    return blue, sum(not wire.value.text and bool(wire.gradient.text) for wire in wires)


def output(drawing, name):
    """The wire that leads to an output."""
    (wire,) = (w for w in drawing.sketch.wires if (name,) in [node.lines for node, _ in w.ends])
    return wire


def test_a_gradient_that_the_cost_is_made_of_has_values():
    x = mg.input("x")
    y = mg.exp(x).named("y")
    g = mg.grad(y, x).named("g")
    trace = mg.trace((y + g * g).named("f"), {x: 0.5})
    drawing = trace.draw(wrt=x, fold=False)
    e = np.exp(0.5)
    cost, slope = output(drawing, "f"), output(drawing, "∂f/∂x")
    assert cost.value.text == f"{e + e * e:.4g}"
    assert {w.value.text for w in drawing.sketch.wires if w.name in ("y", "g")} == {f"{e:.4g}"}
    assert (slope.value.text, slope.gradient.text) == ("", f"{e + 2 * e * e:.4g}")


def test_groups_of_the_user_do_not_tell_what_is_a_gradient():
    def cost(name):
        x = mg.input("x")
        with mg.group(name):
            return mg.trace(mg.sin(mg.exp(x)).named("f"), {x: 0.5}), x

    (plain, x), (called, y) = cost("layer"), cost("gradient")
    expected = numbers_of_gates(plain.draw(wrt=x, fold=False))
    assert expected[0] == 2
    assert numbers_of_gates(called.draw(wrt=y, fold=False)) == expected
    with mg.group("here"):
        assert numbers_of_gates(plain.draw(wrt=x, fold=False)) == expected


def test_the_gradient_may_be_by_what_lies_behind_a_gate_that_is_written_out(read):
    x = mg.input("x")
    s = mg.sigmoid(x).named("s")
    drawing = mg.trace((s * s).named("f"), {x: 0.0}).draw(unfold="sigmoid", wrt=s, fold=False)
    assert output(drawing, "∂f/∂s").gradient.text == "1"
    assert "σ" not in read(drawing).texts("gate")
