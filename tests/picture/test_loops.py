"""What a scan looks like: folded, nested, on the way back, and unrolled."""

from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, PictureError
from minigrad.picture import draw


def rnn(reverse=False, name=None, length="T"):
    """h_t = tanh(x_t W_xh + h_t-1 W_hh): the last h, and all of them."""
    xs, h0 = mg.input("xs", (length, "B", 3)), mg.input("h0", ("B", 4))
    w_xh = mg.parameter(np.zeros((3, 4), "float32"), "W_xh")
    w_hh = mg.parameter(np.zeros((4, 4), "float32"), "W_hh")

    def step(h, x):
        h = mg.tanh(x @ w_xh + h @ w_hh).named("h")
        return h, h

    last, hs = mg.scan(step, h0, xs, reverse=reverse, name=name)
    return last, hs.named("hs"), w_hh


def test_a_scan_is_a_frame_around_its_step(read):
    picture = read(draw(rnn()[1]))
    assert list(picture.frames.values()) == ["scan over T"]
    gates = [box for box in picture.boxes.values() if box.kind == "gate"]
    assert sorted(box.text for box in gates) == ["+", "@", "@", "tanh"]
    assert {picture.title(box) for box in gates} == {"scan over T"}


def test_the_carry_comes_back_through_a_delay(read):
    picture = read(draw(rnn()[1]))
    delay = picture.box("z⁻¹\nh")
    assert delay.kind == "delay"
    assert {box.text for box in picture.before(delay)} == {"h0\nB×4", "tanh"}
    assert [box.text for box in picture.after(delay)] == ["@"]


def test_the_edge_back_has_no_text_that_could_land_on_another_edge():
    (back,) = [line for line in draw(rnn()[1]).source.splitlines() if "dir=back" in line]
    assert "label" not in back


def test_the_carry_goes_back_from_its_gate_or_from_behind_its_numbers(read):
    last, _, values = traced()
    for drawing, kind in ((draw(last), "gate"), (draw(last, values=values), "wire")):
        picture = read(drawing)
        (back,) = [line for line in drawing.source.splitlines() if "dir=back" in line]
        tail = back.split("->")[1].split()[0].split(":")[0]
        assert picture.boxes[tail].kind == kind


def test_sequences_enter_row_by_row_and_results_are_stacked(read):
    picture = read(draw(rnn()[1]))
    assert [box.text for box in picture.after(picture.box("xs\nT×B×3"))] == ["xs_t"]
    assert [box.text for box in picture.after(picture.box("xs_t"))] == ["@"]
    assert [box.text for box in picture.before(picture.box("hs  T×B×4"))] == ["h_t"]
    assert [box.text for box in picture.before(picture.box("h_t"))] == ["tanh"]


def test_only_outputs_that_are_read_leave_the_frame(read):
    last, hs, _ = rnn()
    assert read(draw(last)).texts("row") == ["last h", "xs_t"]
    assert read(draw([last, hs])).texts("row") == ["h_t", "last h", "xs_t"]


def test_what_does_not_vary_over_time_is_drawn_once_and_beside_its_reader(read):
    picture = read(draw(rnn()[1]))
    assert picture.texts("parameter") == ["W_hh\n4×4", "W_xh\n3×4"]
    assert picture.title(picture.box("W_hh\n4×4")) == "scan over T"
    assert picture.title(picture.box("xs\nT×B×3")) == ""
    assert picture.title(picture.box("h0\nB×4")) == ""


def test_a_weight_that_is_read_outside_too_stands_outside(read):
    _, hs, w_hh = rnn()
    picture = read(draw([hs, w_hh.sum()]))
    assert picture.title(picture.box("W_hh\n4×4")) == ""


def test_the_title_tells_name_and_direction(read):
    picture = read(draw(rnn(reverse=True, name="the <loop>")[1]))
    assert list(picture.frames.values()) == ["the <loop>: scan over T, backwards"]


def test_the_stacked_ys_carry_their_shape_to_the_gate_that_reads_them(read):
    assert "hs (T×B×4)" in read(draw(mg.exp(rnn()[1]))).labels


def nested():
    """The sum of each row's decaying sum."""

    def outer(total, row):
        def inner(c, e):
            c = (c * 0.5 + e).named("c")
            return c, c

        last, ys = mg.scan(inner, 0.0, row, name="row")
        return (total + last).named("total"), ys

    return mg.scan(outer, 0.0, mg.input("M", ("T", "N")), name="rows")


def test_a_scan_in_a_scan_is_a_frame_in_a_frame(read):
    picture = read(draw(nested()[0]))
    assert list(picture.frames.values()) == ["rows: scan over T", "row: scan over N"]
    outer, inner = picture.frames
    assert inner.startswith(outer)
    assert picture.texts("delay") == ["z⁻¹\nc", "z⁻¹\ntotal"]
    assert picture.title(picture.box("z⁻¹\nc")) == "row: scan over N"
    assert picture.title(picture.box("z⁻¹\ntotal")) == "rows: scan over T"


def test_the_gradient_of_a_scan_is_a_scan_backwards(read):
    _, hs, w_hh = rnn()
    picture = read(draw(mg.grad((hs * hs).sum(), w_hh)))
    assert "gradient: scan over T, backwards" in picture.frames.values()
    assert "z⁻¹\ndh" in picture.texts("delay")
    # The carry as it entered a step is emitted on the way there, and read on the way back.
    assert picture.texts("row").count("h_t-1") == 2


def test_a_carry_that_passes_through_and_one_that_is_a_constant(read):
    def step(carry, _):
        return (carry[1], carry[0], 1.0, carry[3]), None

    carry, _ = mg.scan(step, (0.0, 1.0, 0.0, 2.0), length="T")
    picture = read(draw(carry))
    assert picture.kinds()["delay"] == 4
    assert picture.kinds()["gate"] == 0
    assert draw(carry).save  # and it can be laid out: see test_drawing


def test_values_in_a_loop_have_a_leading_axis_of_steps(read):
    last, hs, values = traced()
    labels = read(draw(last, values=values)).labels
    assert labels.count("-1…1") == 2  # x, and its rows
    assert "h\n1…2" in labels
    assert "h\n1…2" in read(draw(hs, values=values | {hs: [1, 2, 2]})).labels


def traced():
    """h_t = h_t-1 + x_t² for x = 1, -1, 0, with its values as a trace gives them."""
    xs, h0 = mg.input("x", ("T",)), mg.input("h0")

    def step(h, x):
        h = (h + x * x).named("h")
        return h, h

    last, hs = mg.scan(step, h0, xs)
    h, x = last.owner.gate.body.inputs
    new = last.owner.gate.body.outputs[0]
    values = {xs: [1, -1, 0], h0: 0.0, last: 2.0, x: [1, -1, 0], h: [0, 1, 2], new: [1, 2, 2]}
    return last, hs, values


def test_unrolled_the_steps_stand_side_by_side(read):
    last, hs, values = traced()
    picture = read(draw([last, hs], unroll=True, values=values))
    assert list(picture.frames.values()) == ["scan over T", "t = 0", "t = 1", "t = 2"]
    assert picture.kinds()["delay"] == 0
    assert picture.texts("gate") == ["+"] * 3 + ["×"] * 3
    assert picture.texts("row") == ["stack", "x_0", "x_1", "x_2"]
    sums = [box for box in picture.boxes.values() if box.text == "+"]
    for before, after in pairwise(sums):
        assert after in picture.after(before)
    assert picture.before(picture.box("stack")) == sums
    assert {"h = 1", "h = 2"} < set(picture.labels)


def test_unrolled_backwards_the_steps_stand_in_the_order_of_time(read):
    picture = read(draw(rnn(reverse=True, length=3)[0], unroll=True))
    assert list(picture.frames.values())[1:] == ["t = 0", "t = 1", "t = 2"]
    last = picture.before(picture.box("h  B×4"))
    assert [picture.title(gate) for gate in last] == ["t = 0"]


def test_a_number_of_steps_draws_the_first_ones_and_after_dots_the_last(read):
    picture = read(draw(rnn()[0], unroll=3))
    assert list(picture.frames.values())[1:] == ["t = 0", "t = 1", "", "t = T - 1"]
    assert picture.title(picture.box("⋯")) == ""
    last = picture.before(picture.box("h  B×4"))
    assert [picture.title(gate) for gate in last] == ["t = T - 1"]
    whole = read(draw(rnn(length=2)[0], unroll=5))
    assert list(whole.frames.values())[1:] == ["t = 0", "t = 1"]
    assert "⋯" not in whole.texts("text")


def test_carries_over_the_gap_are_dashed():
    edges = [line for line in draw(rnn()[0], unroll=3).source.splitlines() if "dashed" in line]
    assert len(edges) == 1


def test_unrolled_weights_are_drawn_once_outside_of_the_loop(read):
    for steps in (1, 3):
        picture = read(draw(rnn()[0], unroll=steps))
        assert picture.title(picture.box("W_hh\n4×4")) == ""
        assert len(picture.after(picture.box("W_hh\n4×4"))) == steps


def test_unrolled_loops_in_loops(read):
    picture = read(draw(nested()[0], unroll=2))
    assert list(picture.frames.values()).count("row: scan over N") == 2
    assert list(picture.frames.values()).count("t = 0") == 3


def test_no_steps_at_all(read):
    picture = read(draw(rnn(length=0)[0], unroll=True))
    assert [box.text for box in picture.after(picture.box("h0\nB×4"))] == ["h  B×4"]


def test_all_steps_of_a_length_that_nothing_tells():
    with pytest.raises(PictureError, match=r"scan over T cannot be unrolled.*unroll=3"):
        draw(rnn()[0], unroll=True)


def test_the_first_step_has_the_name_of_the_start(read):
    taps = read(draw(rnn(length=3)[0], unroll=True)).texts("tap")
    assert [t for t in taps if t.startswith("h")] == ["h0", "h_0", "h_1"]
    backwards = read(draw(rnn(reverse=True, length=3)[0], unroll=True))
    taps = [b for b in backwards.boxes.values() if b.kind == "tap" and b.text.startswith("h")]
    assert [(backwards.title(tap), tap.text) for tap in taps] == [
        *(("t = 0", "h_1"), ("t = 1", "h_2"), ("t = 2", "h0")),
    ]
    nameless, _ = mg.scan(lambda h, u: ((h + u).named("h"), None), 0.0, mg.input("x", (2,)))
    assert read(draw(nameless, unroll=True)).texts("tap") == ["h_-1", "h_0"]


@pytest.mark.parametrize("unroll", [None, 2, True])
def test_nothing_is_drawn_towards_an_end_that_nothing_leads_on_from(look, unroll):
    def step(carry, x):
        h, c = carry
        return (mg.tanh(h + x).named("h"), (c * x).named("c")), None

    (h, c), _ = mg.scan(step, (0.0, mg.input("c0")), mg.input("xs", (3,)))
    for last, nowhere in ((h, {"c"}), (h + c, set())):
        drawing = draw(last, unroll)
        svg = look(drawing)
        drawn = svg.edges | svg.nodes
        hidden = [s for s in drawing.sketch.segments()[1] if s.name not in drawn]
        assert {s.how for s in hidden} <= {"nowhere"}
        assert not any(s.head.name in drawn for s in hidden)
        assert {s.wire.name for s in hidden} == (nowhere if unroll else set())


def test_more_than_forty_steps_are_refused():
    for length, unroll in ((41, True), (1000, True), ("T", 41), ("T", 10**9)):
        with pytest.raises(PictureError, match=r"steps of scan beside each other .* unroll=5"):
            draw(rnn(length=length)[0], unroll=unroll, fold=False)
    assert draw(rnn(length=40)[0], unroll=10**9, fold=False).gates == 160
    assert draw(rnn(length=1000)[0], unroll=40, fold=False).gates == 160


def test_unrolled_gates_count():
    with pytest.raises(PictureError, match="160 gates"):
        draw(rnn(length=1000)[0], unroll=40, fold=False, max_nodes=159)


@pytest.mark.parametrize("unroll", [-1, 2.0, "all"])
def test_unroll_is_a_flag_or_a_number(unroll):
    with pytest.raises(ArgumentError, match="unroll is"):
        draw(mg.input("x"), unroll=unroll)
