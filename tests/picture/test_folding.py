"""Groups and loops drawn as one node each: which, what is said on it, and what leads to it."""

import re
import time
from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ArgumentError
from minigrad.picture import draw
from minigrad.picture.themes import THEMES


def chain(x, count):
    for _ in range(count):
        x = mg.tanh(x)
    return x


def neuron():
    """f = activation(w · x + b), an activation in a neuron, and a gate after it."""
    x, b = mg.input("x"), mg.input("b")
    w = mg.parameter(2.0, "w")
    with mg.group("neuron"):
        a = (w * x + b).named("a")
        with mg.group("activation"):
            h = mg.tanh(mg.exp(a)).named("h")
    return mg.abs(h).named("f")


# ---------------------------------------------------------------- by name


def test_left_alone_a_small_graph_is_open_and_a_group_is_a_frame(read):
    picture = read(draw(neuron()))
    assert picture.texts("group") == []
    assert list(picture.frames.values()) == ["neuron", "activation"]
    outer, inner = picture.frames
    assert inner.startswith(outer)
    titles = {box.text: picture.title(box) for box in picture.boxes.values() if box.kind == "gate"}
    assert titles == {
        "×": "neuron", "+": "neuron", "exp": "activation", "tanh": "activation", "|·|": ""
    }  # fmt: skip


def test_all_folded(read):
    drawing = draw(neuron(), fold=True)
    picture = read(drawing)
    assert drawing.gates == 2
    assert picture.texts("group") == ["neuron\n4 gates\n1 parameter"]
    assert picture.texts("gate") == ["|·|"]
    assert list(picture.frames.values()) == []
    box = picture.box("neuron\n4 gates\n1 parameter")
    assert sorted(b.text for b in picture.before(box)) == ["b", "x"]
    assert picture.after(box) == [picture.box("|·|")]
    assert picture.labels == ["h"]


@pytest.mark.parametrize("fold", ["activation", ["activation"], {"activation"}])
def test_some_by_their_names(read, fold):
    drawing = draw(neuron(), fold=fold)
    picture = read(drawing)
    assert drawing.gates == 4
    assert picture.texts("group") == ["activation\n2 gates"]
    assert picture.title(picture.box("activation\n2 gates")) == "neuron"
    assert [b.text for b in picture.before(picture.box("activation\n2 gates"))] == ["+"]


def test_the_outer_of_two_names_swallows_the_inner(read):
    assert read(draw(neuron(), fold=["activation", "neuron"])).texts("group") == [
        "neuron\n4 gates\n1 parameter"
    ]


def test_none_folded(read):
    picture = read(draw(chain(neuron(), 60), fold=False))
    assert picture.kinds()["gate"] == 65
    assert list(picture.frames.values()) == ["neuron", "activation"]


def test_two_groups_of_one_name_are_two_nodes(read):
    picture = read(draw(mg.exp(neuron() + neuron()), fold="neuron"))
    assert picture.texts("group") == 2 * ["neuron\n4 gates\n1 parameter"]


def test_unfold_keeps_a_group_and_all_around_it_open(read):
    picture = read(draw(neuron(), fold=True, unfold="activation"))
    assert list(picture.frames.values()) == ["neuron", "activation"]
    assert picture.texts("group") == []
    picture = read(draw(neuron(), fold=True, unfold="neuron"))
    assert picture.texts("group") == ["activation\n2 gates"]
    assert read(draw(neuron(), fold=True, unfold=True)).texts("group") == []


@pytest.mark.parametrize(
    ("argument", "what"), [("fold", "group"), ("unfold", "group or composite")]
)
def test_a_name_that_the_graph_does_not_have(argument, what):
    with pytest.raises(ArgumentError, match=rf"no {what}.* 'cell'; .*\['activation', 'neuron'\]"):
        draw(neuron(), **{argument: "cell"})
    with pytest.raises(ArgumentError, match="'a'"):
        draw(neuron(), **{argument: {"neuron", "b", "a"}})


# ---------------------------------------------------------------- by themselves


def nested(inner, outer, after):
    """So many gates in a group in a group, in the outer one, and after it."""
    x = mg.input("x")
    with mg.group("outer"):
        with mg.group("inner"):
            x = chain(x, inner)
        x = chain(x, outer)
    return chain(x, after)


@pytest.mark.parametrize(
    ("sizes", "drawn", "groups"),
    [
        ((20, 10, 10), 40, []),
        ((30, 10, 10), 21, ["inner\n30 gates"]),  # deep groups first
        ((30, 30, 10), 11, ["outer\n60 gates"]),
    ],
)
def test_as_many_as_a_readable_picture_needs(read, sizes, drawn, groups):
    drawing = draw(nested(*sizes))
    assert drawing.gates == drawn
    assert read(drawing).texts("group") == groups


def test_the_gates_of_a_line_are_folded_when_groups_and_loops_are_not_enough(read):
    drawing = draw(nested(30, 30, 50))
    group, line = read(drawing).texts("group")
    assert group == "outer\n60 gates"
    assert re.fullmatch(r"x = mg.tanh\(x\)\ntest_folding.py:\d+\n50 gates", line)
    assert drawing.gates == 2
    inside = read(draw(loop(50, length=4), unroll=2)).texts("group")
    assert [text.rpartition("\n")[2] for text in inside] == 2 * ["1 gate"] + 2 * ["49 gates"]


def test_what_is_unfolded_stays_open_when_others_are_folded_by_themselves(read):
    drawing = draw(nested(30, 20, 10), unfold="outer")
    assert read(drawing).texts("group") == ["inner\n30 gates"]
    assert drawing.gates == 31


def loop(gates, name=None, length="T"):
    def step(c, x):
        return chain(c + x, gates - 1).named("c"), None

    return mg.scan(step, 0.0, mg.input("xs", (length,)), name=name)[0]


def test_loops_are_folded_when_all_else_fails(read):
    drawing = draw(mg.exp(loop(50, "L")))
    picture = read(drawing)
    assert drawing.gates == 2
    assert picture.texts("group") == ["L: scan over T\n50 gates"]
    box = picture.box("L: scan over T\n50 gates")
    assert sorted(b.text for b in picture.before(box)) == ["xs\nT"]
    assert [b.text for b in picture.after(box)] == ["exp"]
    assert picture.kinds()["delay"] == 0


def test_loops_of_readable_size_stay_open_and_unrolled_ones_too(read):
    assert read(draw(loop(39))).texts("group") == []
    assert draw(loop(39, length=4), unroll=1).gates == 39
    assert draw(loop(50, length=4), unroll=2, fold=False).gates == 100
    assert draw(loop(50), fold=False).gates == 50


def test_nothing_draws_three_thousand_nodes_unasked():
    f = mg.tanh(mg.input("x"))
    for i in range(60):
        with mg.group(f"block {i}"):
            f = chain(f, 50)
    drawing = draw(f)
    assert drawing.gates == 61
    assert len(drawing.sketch.nodes) < 100


def training(layers=2):
    """The cost, and the new parameters, of a step of training of LSTMs."""
    net, readout = nn.LSTM(5, 8, num_layers=layers, rng=0), nn.Linear(8, 5, rng=1)
    xs, targets = mg.input("xs", ("T", "B", 5)), mg.input("targets", ("T", "B"), "int64")
    loss = nn.losses.softmax_cross_entropy(readout(net(xs)[0]), targets).named("loss")
    parameters = [*net.parameters().values(), *readout.parameters().values()]
    return [loss, *(new for _, new in optim.Adam(1e-3).updates(loss, parameters))]


def test_a_function_that_trains_lstms_is_drawn_in_two_seconds(read, look):
    outputs = training()
    start = time.perf_counter()
    drawing = draw(outputs)
    drawing.rendered("svg")
    assert time.perf_counter() - start < 2
    assert drawing.gates <= 60
    titles = {text.partition("\n")[0] for text in read(drawing).texts("group")}
    assert {"LSTM", "gradient", "Adam"} <= titles
    look(drawing).assert_tidy()


# ---------------------------------------------------------------- what is said and seen


def test_parameters_that_only_a_group_reads_are_counted_and_not_drawn(read):
    layer = nn.Linear(3, 4, rng=0)
    x = mg.input("x", ("B", 3))
    picture = read(draw(mg.tanh(layer(x)), fold="Linear"))
    assert picture.texts("group") == ["Linear\n2 gates\n2 parameters"]
    assert picture.texts("parameter") == []
    shared = read(draw([layer(x), mg.sum(layer.weight)], fold="Linear"))
    assert shared.texts("group") == ["Linear\n2 gates\n1 parameter"]
    assert [box.text for box in shared.after(shared.box("weight\n3×4"))] == [
        "Linear\n2 gates\n1 parameter", "Σ"
    ]  # fmt: skip


def test_constants_and_inputs_of_a_group(read):
    x, y = mg.inputs("x y")
    with mg.group("G"):
        f = (x + 1.0) * (y + 2.0) * x
    picture = read(draw(f, fold=True))
    assert picture.texts("group") == ["G\n4 gates"]
    assert picture.texts("text") == ["out"]  # the constants are inside
    assert [b.text for b in picture.before(picture.box("G\n4 gates"))] == ["x", "y"]  # each once


def test_numbers_of_what_leaves_a_folded_group(look):
    f = neuron()
    drawing = mg.trace(f, {"x": 0.1, "b": -0.2}).draw(fold=True)
    blue = {t.text for p in look(drawing).nodes.values() for t in p.of(THEMES["light"].value)}
    assert f"h = {np.tanh(np.exp(0.0)):.4g}" in blue
    assert len(blue) == 4  # x, b, h and f: nothing of the inside


def test_every_gate_has_a_node_and_those_in_a_group_the_same_one():
    drawing = draw(neuron(), fold="activation")
    by_node = {}
    for (apply, _), node in drawing.nodes.items():
        by_node.setdefault(node, []).append(apply.gate.symbol)
    assert sorted(map(sorted, by_node.values())) == [["+"], ["exp", "tanh"], ["|·|"], ["×"]]


def two_groups(wires):
    x = mg.input("x")
    with mg.group("A"):
        made = [mg.sin(x + i) for i in range(wires)]
    with mg.group("B"):
        return sum(made[1:], made[0])


def test_wires_between_two_folded_groups_are_one(read):
    for count, label in ((2, "2 values"), (12, "12 values")):
        picture = read(draw(two_groups(count), fold=True))
        assert picture.labels == [label]
        a, b = (picture.box(t) for t in picture.texts("group"))
        assert picture.after(a) == [b]
        assert picture.before(b) == [a]
    assert read(draw(two_groups(1) + 1, fold="A")).labels == []


def test_a_wire_that_something_else_reads_too_stays_by_itself(read):
    x = mg.input("x")
    with mg.group("A"):
        p, q, r = (mg.sin(x + i).named(f"v{i}") for i in range(3))
    with mg.group("B"):
        f = p * q * r
    picture = read(draw([f, mg.exp(r)], fold=True))
    assert sorted(picture.labels) == ["2 values", "v2"]


@pytest.mark.parametrize(("count", "ends"), [(6, 6), (7, 1), (25, 1)])
def test_many_outputs_of_a_group_are_gathered(read, count, ends):
    x = mg.input("x")
    with mg.group("G"):
        made = [mg.sin(x + i) for i in range(count)]
    picture = read(draw(made, fold=True))
    texts = picture.texts("text")
    assert len(texts) == ends
    assert (texts == [f"{count} outputs"]) == (count > 6)
    assert len(read(draw(made, fold=False)).texts("text")) == 2 * count  # and the constants


# ---------------------------------------------------------------- odd shapes


def test_a_group_that_is_left_and_entered_again(read, look):
    x = mg.input("x")
    group = mg.group("G")
    with group as same:
        a = mg.sin(x).named("a")
    b = mg.exp(a).named("b")
    with mg.groups.entered(same):
        c = mg.cos(b).named("c")
    drawing = draw(c, fold=True)
    picture = read(drawing)
    assert picture.texts("group") == ["G\n2 gates"]
    box, between = picture.box("G\n2 gates"), picture.box("exp")
    assert set(picture.after(box)) == {between, picture.box("c")}
    assert set(picture.before(box)) == {between, picture.box("x")}
    assert drawing.gates == 2
    for fold in (True, False):
        look(draw(c, fold=fold)).assert_tidy()
    opened = read(draw(c, fold=False))
    assert list(opened.frames.values()) == ["G"]
    assert opened.title(opened.box("exp")) == ""


def rnn_in_a_group():
    """A scan in a group, its cell in another, and a group in that."""
    xs, w = mg.input("xs", ("T", 3)), mg.parameter(np.eye(3, dtype="float32"), "W")

    def step(h, x):
        with mg.group("cell"):
            a = x + h @ w
            with mg.group("activation"):
                h = mg.tanh(mg.sin(a)).named("h")
        return h, h

    with mg.group("layer"):
        return mg.scan(step, mg.input("h0", (3,)), xs, name="RNN")[1].named("hs")


def test_a_group_around_a_loop(read):
    picture = read(draw(rnn_in_a_group(), fold="layer"))
    assert picture.texts("group") == ["layer\n4 gates\n1 parameter"]
    assert picture.kinds()["delay"] == 0
    opened = read(draw(rnn_in_a_group(), fold=False))
    assert list(opened.frames.values()) == ["layer", "RNN: scan over T", "cell", "activation"]
    names = list(opened.frames)
    assert all(b.startswith(a) for a, b in pairwise(names))


def test_groups_in_a_loop(read):
    picture = read(draw(rnn_in_a_group(), fold="cell"))
    assert picture.texts("group") == ["cell\n4 gates\n1 parameter"]
    box = picture.box("cell\n4 gates\n1 parameter")
    assert picture.title(box) == "RNN: scan over T"
    assert sorted(b.text for b in picture.before(box)) == ["xs_t", "z⁻¹\nh"]
    assert sorted(b.text for b in picture.after(box)) == ["h_t", "z⁻¹\nh"]
    picture = read(draw(rnn_in_a_group(), fold="activation"))
    assert picture.title(picture.box("activation\n2 gates")) == "cell"


def test_groups_in_an_unrolled_loop_are_one_node_in_each_step(read, look):
    drawing = draw(rnn_in_a_group(), unroll=3, fold="cell")
    picture = read(drawing)
    assert picture.texts("group") == 3 * ["cell\n4 gates"]
    assert drawing.gates == 3
    weight = picture.box("W\n3×3")  # the steps share it, which is what unrolling shows
    assert [box.text for box in picture.after(weight)] == 3 * ["cell\n4 gates"]
    steps = [picture.title(b) for b in picture.boxes.values() if b.kind == "group"]
    assert steps == ["t = 0", "t = 1", "t = T - 1"]
    look(drawing).assert_tidy()
    drawing = draw(rnn_in_a_group(), unroll=3, fold="activation")
    assert (drawing.gates, read(drawing).kinds()["gate"]) == (9, 6)
    look(drawing).assert_tidy()


def test_a_group_around_an_unrolled_loop(read, look):
    drawing = draw(rnn_in_a_group(), unroll=2, fold=False)
    look(drawing).assert_tidy()
    assert list(read(drawing).frames.values())[:2] == ["layer", "RNN: scan over T"]


@pytest.mark.parametrize("fold", ["layer", ["layer", "cell"], True, None])
def test_a_loop_that_is_to_be_unrolled_is_not_folded_away(read, fold):
    drawing = draw(rnn_in_a_group(), unroll=2, fold=fold)
    assert list(read(drawing).frames.values())[:3] == ["layer", "RNN: scan over T", "t = 0"]
    folded = fold is True or "cell" in (fold or ())
    assert len(read(drawing).texts("group")) == (2 if folded else 0)  # one in each step


def test_the_groups_around_a_loop_in_a_loop_are_opened_too(read):
    def outer(total, row):
        with mg.group("inside"):
            last, _ = mg.scan(lambda c, e: (mg.tanh(c + e), None), total, row, name="row")
        return last, None

    with mg.group("layer"):
        f, _ = mg.scan(outer, 0.0, mg.input("M", (2, 3)), name="rows")
    titles = list(read(draw(f, unroll=True, fold=True)).frames.values())
    assert titles.count("inside") == 2
    assert titles.count("t = 2") == 2
    assert read(draw(f, fold="layer")).texts("group") == ["layer\n2 gates"]


@pytest.mark.parametrize("wrong", [3, [3], 2.5])
@pytest.mark.parametrize("argument", ["fold", "unfold"])
def test_groups_are_told_by_names(argument, wrong):
    with pytest.raises(ArgumentError, match=f"^{argument} is True, False, or names, and not "):
        draw(neuron(), **{argument: wrong})


def test_the_gates_of_a_gradient_are_a_group(read):
    x, w = mg.inputs("x w")
    with mg.group("neuron"):
        f = mg.tanh(w * x)
    picture = read(draw([f, mg.grad(f, w)], fold=True))
    boxes = {text.partition("\n")[0]: picture.box(text) for text in picture.texts("group")}
    assert set(boxes) == {"neuron", "gradient"}
    assert boxes["gradient"] in picture.after(boxes["neuron"])
    opened = read(draw([f, mg.grad(f, w)], fold=False))
    assert list(opened.frames.values()) == ["neuron", "gradient", "neuron"]


def test_the_gradient_beside_the_graph_with_one_loop_each(read):
    hs = rnn_in_a_group()
    w = next(v for v in mg.graph.leaves([hs]) if v.name == "W")
    cost = mg.sum(hs * hs).named("f")
    picture = read(draw(cost, wrt=w, fold=False))
    titles = list(picture.frames.values())
    loops = [title for title in titles if "scan over T" in title]
    assert len(loops) == 2
    assert sum("backwards" in title for title in loops) == 1
    assert {"f", "∂f/∂W  3×3"} <= set(picture.texts("text"))
