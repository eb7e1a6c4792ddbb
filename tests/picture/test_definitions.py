"""Composite gates drawn as what they are made of, with the numbers of a trace."""

from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from minigrad import gates
from minigrad.errors import ArgumentError
from minigrad.gates import Composite
from minigrad.graph import applies
from minigrad.picture import draw
from minigrad.picture.definitions import composites, written_out
from minigrad.picture.themes import THEMES

VALUE, GRADIENT = THEMES["light"].value, THEMES["light"].gradient


def neuron():
    x, w = mg.input("x", (), "float64"), mg.input("w", (), "float64")
    return mg.sigmoid((w * x).named("a")).named("f"), {x: -1.0, w: 2.0}


# ---------------------------------------------------------------- the sigmoid


def test_folded_a_sigmoid_is_one_gate_and_unfolded_the_four_of_its_definition(read):
    f, _ = neuron()
    assert read(draw(f)).texts("gate") == ["×", "σ"]
    picture = read(draw(f, unfold="sigmoid"))
    assert picture.texts("gate") == sorted(["×", "−", "exp", "+", "÷"])
    assert draw(f, unfold="sigmoid").gates == 5
    assert list(picture.frames.values()) == ["sigmoid"]
    inside = [box.text for box in picture.boxes.values() if picture.title(box) == "sigmoid"]
    assert {"−", "exp", "+", "÷"} < set(inside)
    assert picture.title(picture.box("×")) == ""
    order = ["×", "−", "exp", "+", "÷", "f"]
    for one, other in pairwise(order):
        assert picture.box(other) in picture.after(picture.box(one))


def test_its_gates_have_the_numbers_of_the_run(look):
    f, at = neuron()
    drawing = mg.trace(f, at).draw(unfold="sigmoid")
    svg = look(drawing)
    found = {t.text for p in svg.nodes.values() for t in p.of(VALUE)}
    # x, w, a, -a, exp, 1 + exp, f; and the two constants
    assert found == {"-1", "2", "a = -2", "7.389", "8.389", "0.1192"}
    e = np.exp(2)
    slopes = [1, -1 / (1 + e) ** 2, e / (1 + e) ** 2]  # of f, 1 + exp and exp, -a
    red = {t.text for p in svg.nodes.values() for t in p.of(GRADIENT)}
    assert {f"{g:.4g}" for g in slopes} <= red
    folded = look(mg.trace(f, at).draw())
    ends = [{p.text for p in s.nodes.values() if "0.1192" in p.text} for s in (svg, folded)]
    assert ends[0] == ends[1]  # what leaves it is the same


def test_names_are_kept(read):
    f, at = neuron()
    named = (f * 2).named("g")
    picture = read(draw(named, unfold="sigmoid", values={f: 0.1192}))
    assert "f = 0.1192" in picture.labels
    assert "a" in picture.labels
    assert picture.texts("text") == ["1", "1", "2", "g"]
    assert read(mg.trace(f, at).draw(unfold="sigmoid")).texts("text").count("f") == 1


def test_the_graph_itself_stays_as_it_was():
    f, _ = neuron()
    before = [a.gate for a in applies([f])]
    draw(f, unfold=True)
    assert [a.gate for a in applies([f])] == before


def test_each_use_is_a_group_of_its_own(read):
    x = mg.input("x")
    picture = read(draw(mg.sigmoid(mg.sigmoid(x)), unfold="sigmoid"))
    assert list(picture.frames.values()) == ["sigmoid", "sigmoid"]
    assert picture.kinds()["gate"] == 8


def test_one_of_several_kinds(read):
    x = mg.input("x", (3,))
    y = mg.softplus(mg.relu(mg.sigmoid(x)))
    assert read(draw(y, unfold="relu")).texts("gate") == ["max", "softplus", "σ"]
    assert read(draw(y, unfold=["relu", "sigmoid"])).kinds()["gate"] == 6
    assert read(draw(y, unfold=True)).kinds()["gate"] == 1 + 4 + 3


# ---------------------------------------------------------------- others


def test_softmax(read):
    x = mg.input("x", ("B", 3))
    picture = read(draw(mg.softmax(x), unfold="softmax"))
    assert picture.texts("gate") == ["exp", "exp", "÷", "Σ"]
    trace = mg.trace(mg.sum(mg.softmax(x)[:, 0]), {x: [[1, 2, 3]]})
    labels = read(trace.draw(unfold="softmax")).labels
    assert any("2.72…20.1" in label for label in labels)
    assert any("0.09…0.665" in label for label in labels)
    assert any("30.2" in label for label in labels)


COMPOSITES = [mg.relu, mg.sigmoid, mg.softplus, mg.softmax, mg.log_softmax, mg.logsumexp]


@pytest.mark.parametrize("function", COMPOSITES, ids=lambda f: f.__name__)
def test_every_composite_gate_can_be_written_out(read, function):
    x = mg.input("x", (2, 3), "float64")
    y = function(x)
    (name,) = composites(applies([y]))
    picture = read(draw(y, unfold=name))
    assert list(picture.frames.values()) == [name]
    assert picture.kinds()["gate"] == len(applies([y.owner.gate.definition(x)])) > 0
    (new,) = written_out([y], {name}).values()
    at = {x: np.random.default_rng(0).normal(size=(2, 3))}
    np.testing.assert_allclose(new.eval(at), y.eval(at), rtol=1e-12)


def test_the_table_above_has_them_all():
    used = {type(f(mg.input("x", (2,))).owner.gate) for f in COMPOSITES}
    classes = [c for c in vars(gates).values() if isinstance(c, type)]
    assert used == {c for c in classes if issubclass(c, Composite)} - {Composite}


# ---------------------------------------------------------------- loops


def cell():
    xs, w = mg.input("xs", (3,), "float64"), mg.input("w", (), "float64")
    seen = {}

    def step(h, x):
        seen["h"] = mg.sigmoid(w * h + x).named("h")
        return seen["h"], None

    last, _ = mg.scan(step, mg.constant(0.0, "float64"), xs)
    return last, seen["h"], {xs: [1.0, -1.0, 0.5], w: 0.5}


def test_in_a_loop(read):
    last, _, at = cell()
    folded = read(draw(last, unfold="sigmoid"))
    assert folded.texts("gate") == sorted(["×", "+", "−", "exp", "+", "÷"])
    assert list(folded.frames.values()) == ["scan over 3", "sigmoid"]
    unrolled = mg.trace(last, at).draw(unroll=True, unfold="sigmoid")
    assert unrolled.gates == read(unrolled).kinds()["gate"] == 18
    assert list(read(unrolled).frames.values()).count("sigmoid") == 3


def test_in_a_loop_each_step_has_its_numbers(look):
    last, h, at = cell()
    trace = mg.trace(last, at)
    svg = look(trace.draw(unroll=True, unfold="sigmoid"))
    svg.assert_tidy()
    red = sorted(t.text for p in svg.nodes.values() for t in p.of(GRADIENT))
    blue = [t.text for p in svg.nodes.values() for t in p.of(VALUE)]
    for t in range(3):
        assert f"h = {trace[h][t]:.4g}" in blue
        assert f"{1 / trace[h][t]:.4g}" in blue  # 1 + exp(-a)
        assert f"{trace.grad(h)[t]:.4g}" in red


def test_in_a_loop_numbers_given_by_variable_are_kept(read):
    last, h, _ = cell()
    picture = read(draw(last, unroll=True, unfold="sigmoid", values={h: [0.1, 0.2, 0.3]}))
    assert {"h = 0.1", "h = 0.2", "h = 0.3"} <= set(picture.labels)


# ---------------------------------------------------------------- names


def test_a_name_that_the_graph_does_not_have():
    f, at = neuron()
    with mg.group("G"):
        f = mg.tanh(f)
    message = r"no group or composite gate 'softmax'; it has \['G', 'sigmoid'\]"
    with pytest.raises(ArgumentError, match=message):
        draw(f, unfold="softmax")
    with pytest.raises(ArgumentError, match=message):
        mg.trace(f, at).draw(unfold=["sigmoid", "softmax"])


@pytest.mark.parametrize("unfold", [False, None, (), [], True])
def test_without_composite_gates_there_is_nothing_to_write_out(circuit, unfold):
    f, values, gradients = circuit
    look = {"values": values, "gradients": gradients}
    assert draw(f, unfold=unfold, **look).source == draw(f, **look).source
