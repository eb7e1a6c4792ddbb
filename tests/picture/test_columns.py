"""Where the parts of an unrolled picture stand: read from its SVG."""

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad.cli.networks import NETWORKS
from minigrad.graph import applies
from minigrad.loops import Scan
from minigrad.picture import draw

LOOPS = {"rnn": 1, "lstm": 1, "gru": 1, "stacked": 2, "bidirectional": 2, "encoder-decoder": 2}
BODY = {"rnn": 5, "lstm": 14, "gru": 17, "stacked": 5, "bidirectional": 5, "encoder-decoder": 5}
AFTER = {"bidirectional": 3}  # concat, h · h and its sum; without concat in the others


def steps_of(svg, drawing):
    """The middle of each gate in a loop: by application, and then by step."""
    places = {}
    for (apply, at), node in drawing.nodes.items():
        if at:
            area = svg.nodes[node].area
            places.setdefault(apply, {})[at] = (area.x, area.y)
    return places


def assert_aligned(places):
    """A gate stands on one line in all steps of a loop, and in equal distances to the right."""
    assert places
    for steps in places.values():
        points = [steps[at] for at in sorted(steps)]
        xs, ys = zip(*points, strict=True)
        assert np.ptp(ys) == pytest.approx(0, abs=0.1)
        distances = np.diff(xs)
        assert (distances > 0).all()
        assert np.ptp(distances) == pytest.approx(0, abs=0.1)


def columns(svg):
    """The frames of the steps, from left to right, by their titles."""
    found = [f for f in svg.frames.values() if f.text.startswith("t = ")]
    return {f.text: f.area for f in sorted(found, key=lambda f: f.area.left)}


def carries(picture):
    """From which step to which a carry leads."""
    return [
        (picture.title(tail), picture.title(head))
        for tail, head in picture.edges
        if tail.kind == "end" and head.kind == "tap"
    ]


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("unroll", [None, True, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_all_lies_in_its_frame_and_nothing_on_anything_else(look, network, name, unroll):
    look(network(name).draw(unroll)).assert_tidy()


@pytest.mark.parametrize("fold", [False, None])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_gate_stands_at_the_same_place_of_each_column(look, network, name, fold):
    drawing = network(name).draw(unroll=True, fold=fold)
    places = steps_of(look(drawing), drawing)
    assert len(places) == BODY[name] * LOOPS[name]
    assert all(len(steps) == 4 for steps in places.values())
    assert_aligned(places)


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_a_gate_of_the_body_is_drawn_once_and_unrolled_once_for_each_step(
    read, network, name
):
    trace = network(name)
    after, body = AFTER.get(name, 2), BODY[name] * LOOPS[name]
    loops = [a.gate for a in applies([trace.cost]) if isinstance(a.gate, Scan)]
    assert sum(len(loop.body.applies()) for loop in loops) == body
    folded, unrolled = (trace.draw(unroll, fold=False) for unroll in (None, True))
    assert read(folded).kinds()["gate"] == folded.gates == body + after
    assert read(unrolled).kinds()["gate"] == unrolled.gates == 4 * body + after
    for kind in ("input", "parameter"):  # shared: once, however many steps read them
        assert read(unrolled).texts(kind) == read(folded).texts(kind)
    assert read(unrolled).kinds()["delay"] == 0
    assert read(folded).kinds()["delay"] == LOOPS[name] * (2 if name == "lstm" else 1)


def test_the_columns_of_a_loop_are_equal_boxes_in_the_order_of_time(look, network):
    for name in ("lstm", "bidirectional"):
        svg = look(network(name).draw(unroll=True))
        loops = {}
        for frame in svg.frames.values():
            if frame.text.startswith("t = "):
                loops.setdefault(frame.name.rpartition("_")[0], []).append(frame)
        assert len(loops) == LOOPS[name]
        for frames in loops.values():
            frames.sort(key=lambda frame: frame.area.left)
            assert [frame.text for frame in frames] == ["t = 0", "t = 1", "t = 2", "t = 3"]
            lefts = [frame.area.left for frame in frames]
            assert np.ptp(np.diff(lefts)) < 0.1 < np.diff(lefts).min()
            assert np.ptp([frame.area.right - frame.area.left for frame in frames]) < 0.1
            assert len({(frame.area.top, frame.area.bottom) for frame in frames}) == 1


def test_carries_lead_to_the_next_step_and_backwards_to_the_one_before(read, look, network):
    there = [("t = 0", "t = 1"), ("t = 1", "t = 2"), ("t = 2", "t = 3")]
    back = [(b, a) for a, b in there]
    assert carries(read(network("rnn").draw(unroll=True))) == there
    assert sorted(carries(read(network("lstm").draw(unroll=True)))) == sorted(2 * there)
    drawing = network("bidirectional").draw(unroll=True)
    assert sorted(carries(read(drawing))) == sorted(there + back)
    svg, picture = look(drawing), read(drawing)
    for tail, head in picture.edges:
        if tail.kind == "end" and head.kind == "tap":
            start, end = svg.nodes[tail.name].area, svg.nodes[head.name].area
            later = picture.title(head) > picture.title(tail)
            assert later == (end.x > start.x)  # time runs to the right
            assert start.y > end.y  # from the lower end of a step to the upper end of another


def test_shared_weights_stand_above_the_loop_with_a_line_down_to_each_step(look, read, network):
    drawing = network("rnn").draw(unroll=True)
    svg, picture = look(drawing), read(drawing)
    (loop,) = [frame for frame in svg.frames.values() if frame.text == "RNN: scan over 4"]
    weights = [box for box in picture.boxes.values() if box.kind == "parameter"]
    assert len(weights) == 3
    for box in weights:
        assert svg.nodes[box.name].area.bottom < loop.area.top
        assert [picture.title(gate) for gate in picture.after(box)] == ["RNNCell"] * 4
        frames = [gate.frame.split("_")[2] for gate in picture.after(box)]
        assert frames == ["0", "1", "2", "3"]


def test_layers_stand_below_each_other_step_below_step(look, network):
    svg = look(network("stacked").draw(unroll=True))
    first, second = (
        next(f.area for f in svg.frames.values() if f.text == f"layer {i}: scan over 4")
        for i in (1, 2)
    )
    assert first.bottom < second.top
    steps = [f.area for f in svg.frames.values() if f.text.startswith("t = ")]
    above = sorted(area.left for area in steps if first.holds(area))
    below = sorted(area.left for area in steps if second.holds(area))
    assert len(above) == len(below) == 4
    assert above == pytest.approx(below, abs=(above[1] - above[0]) / 2)


# ---------------------------------------------------------------- sizes


def decay(length, reverse=False):
    """c ← c · 0.5 + x: the last c and all, of `length` steps."""
    xs = mg.input("xs", (length,))

    def step(c, x):
        c = (c * 0.5 + x).named("c")
        return c, c

    return mg.scan(step, 0.0, xs, reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_one_step(look, read, reverse):
    drawing = draw(decay(1, reverse), unroll=True)
    look(drawing).assert_tidy()
    assert list(columns(look(drawing))) == ["t = 0"]
    assert read(drawing).texts("gate") == ["+", "×"]
    assert carries(read(drawing)) == []


def test_a_gap_of_one_step(look, read):
    drawing = draw(decay(3), unroll=2)
    look(drawing).assert_tidy()
    assert list(columns(look(drawing))) == ["t = 0", "t = 2"]
    assert drawing.gates == 4
    svg, picture = look(drawing), read(drawing)
    first, last = columns(svg).values()
    dots = svg.nodes[picture.box("⋯").name].area
    assert first.right < dots.left < dots.right < last.left
    assert carries(picture) == [("t = 0", "t = 2")]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_last_of_two_steps_after_a_gap(look, read, reverse):
    drawing = draw(decay(2, reverse), unroll=1)
    svg = look(drawing)
    svg.assert_tidy()
    assert list(columns(svg)) == ["t = 1"]
    assert drawing.gates == 2
    (dashed,) = [line for line in drawing.source.splitlines() if "dashed" in line]
    picture = read(drawing)  # there is t = 0 before the step that is drawn, or after it
    ends = [picture.boxes[name] for name in re.findall(r"n\d+", dashed)[:2]]
    assert [box.kind for box in ends] == (["end", "text"] if reverse else ["text", "tap"])


def test_steps_of_a_named_length(look):
    drawing = draw(decay("T"), unroll=3)
    svg = look(drawing)
    svg.assert_tidy()
    assert list(columns(svg)) == ["t = 0", "t = 1", "t = T - 1"]
    places = steps_of(svg, drawing)
    assert all(sorted(steps) == [(-1,), (0,), (1,)] for steps in places.values())


def test_no_steps(look, read):
    drawing = draw(decay(0), unroll=True)
    look(drawing).assert_tidy()
    assert drawing.gates == 0
    assert read(drawing).kinds()["gate"] == 0


def test_a_loop_in_a_loop(look):
    def outer(total, row):
        last, _ = mg.scan(lambda c, e: ((c * 0.5 + e).named("c"), None), 0.0, row)
        return total + last, None

    total, _ = mg.scan(outer, 0.0, mg.input("M", (2, 3)))
    drawing = mg.trace(total, {"M": [[1, -123.4, 1e-3], [0.25, 9, 1e9]]}).draw(unroll=True)
    svg = look(drawing)
    svg.assert_tidy()
    places = steps_of(svg, drawing)
    inner = [steps for steps in places.values() if (1, 2) in steps]
    assert len(inner) == 2
    assert drawing.gates == 2 * (3 * 2 + 1)
    for steps in inner:
        x = {at: point[0] for at, point in steps.items()}
        assert len({round(y, 1) for _, y in steps.values()}) == 1
        inside = [x[i, j + 1] - x[i, j] for i in range(2) for j in range(2)]
        assert np.ptp(inside) == pytest.approx(0, abs=0.1)
        across = [x[1, j] - x[0, j] for j in range(3)]
        assert np.ptp(across) == pytest.approx(0, abs=0.1)
        assert min(across) > 3 * max(inside)


def test_numbers_of_any_length_leave_the_columns_alike(look):
    c, _ = decay(4)
    drawing = mg.trace(c, {"xs": [1, 123.456, -1e-9, 98765.4]}).draw(unroll=True)
    look(drawing).assert_tidy()
    assert_aligned(steps_of(look(drawing), drawing))


def test_a_carry_that_nobody_reads_leaves_the_last_step_too(look, read):
    def step(carry, x):
        a, b = carry
        return ((a + x).named("a"), (b * x).named("b")), None

    (a, _), _ = mg.scan(step, (0.0, 1.0), mg.input("xs", (3,)))
    drawing = draw(a, unroll=True)
    look(drawing).assert_tidy()
    assert_aligned(steps_of(look(drawing), drawing))
    assert read(drawing).kinds()["end"] == 6
    assert read(drawing).labels.count("b") == 3


def test_carries_that_change_places_and_one_that_is_handed_out_as_it_came(look):
    def step(carry, x):
        a, b, n = carry
        return (b, a * x, n), (a, n)

    last, rows = mg.scan(step, (0.0, 1.0, mg.input("n")), mg.input("xs", (3,)))
    drawing = draw([last, rows], unroll=True)
    look(drawing).assert_tidy()
    assert_aligned(steps_of(look(drawing), drawing))


# ---------------------------------------------------------------- one loop reads another


def test_row_t_of_a_loop_leads_to_step_t_of_the_next(read):
    xs = mg.input("xs", (3,))
    _, hs = mg.scan(lambda h, x: (mg.sin(h + x), mg.exp(h)), 0.0, xs)
    last, _ = mg.scan(lambda c, h: (c * h, None), 1.0, hs)
    picture = read(draw(last, unroll=True))
    assert "stack" not in picture.texts("row")
    for exp in (box for box in picture.boxes.values() if box.text == "exp"):
        (row,) = [box for box in picture.after(exp) if box.kind == "row"]
        assert picture.title(row) == picture.title(exp)


def test_a_loop_that_reads_all_steps_of_another_at_each_of_its_own(read, look):
    xs = mg.input("xs", (3,))
    _, hs = mg.scan(lambda h, x: (mg.sin(h + x), mg.exp(h)), 0.0, xs)
    last, _ = mg.scan(lambda c, x: (c + mg.sum(hs * x), None), 0.0, xs)  # attention, say
    drawing = draw(last, unroll=True)
    picture = read(drawing)
    assert picture.texts("input") == ["xs\n3"]
    (stack,) = [box for box in picture.boxes.values() if box.text == "stack"]
    assert sorted(box.text for box in picture.before(stack)) == ["exp"] * 3
    assert [box.text for box in picture.after(stack)] == ["×"] * 3
    look(drawing).assert_tidy()


def test_a_loop_that_starts_from_all_steps_of_another(read, look):
    xs = mg.input("xs", (3,))
    _, hs = mg.scan(lambda h, x: (mg.sin(h + x), mg.exp(h)), 0.0, xs)
    last, _ = mg.scan(lambda c, x: (mg.cos(c) * x, None), hs, xs)
    drawing = draw(last, unroll=True)
    picture = read(drawing)
    (stack,) = [box for box in picture.boxes.values() if box.text == "stack"]
    assert [box.text for box in picture.after(stack)] == ["cos"]
    look(drawing).assert_tidy()


def test_a_wire_enters_a_loop_in_a_loop_once_through_each_border(read, look):
    w = mg.input("w")

    def outer(total, row):
        last, _ = mg.scan(lambda c, e: (c * w + e, None), total * w, row)
        return last, None

    total, _ = mg.scan(outer, 0.0, mg.input("M", (2, 2)))
    drawing = draw(total, unroll=True)
    look(drawing).assert_tidy()
    picture = read(drawing)
    (box,) = [box for box in picture.boxes.values() if box.kind == "input" and box.text == "w"]
    assert [gate.text for gate in picture.after(box)] == ["×"] * 6
    assert picture.texts("tap").count("w") == 2 + 4


def test_the_title_of_a_loop_stands_beside_the_wires_that_leave_it(look):
    x = mg.input("x", (3,))
    last, _ = mg.scan(lambda h, x: (h * x, None), 0.0, x, name="a long name")
    svg = look(draw(last, unroll=True))
    (loop,) = (f for f in svg.frames.values() if "scan over" in f.text)
    (title,) = (text.area for text in loop.texts)
    (left,) = (
        x
        for (x, y), (_, end) in (line.ends for line in svg.edges.values())
        if y < loop.area.bottom < end
    )
    assert loop.area.left < title.left
    assert title.right < left


def test_the_stack_of_a_loop_in_a_group_is_in_the_group(read, look):
    with mg.group("G"):
        _, ys = mg.scan(lambda c, x: (c + x, c * x), 0.0, mg.input("xs", (3,)))
        f = mg.sum(ys)
    drawing = draw(f, unroll=True)
    picture, svg = read(drawing), look(drawing)
    assert picture.title(picture.box("stack")) == "G"
    svg.assert_tidy()
    (loop,) = [frame.area for frame in svg.frames.values() if frame.text == "scan over 3"]
    below = [svg.nodes[picture.box(text).name].area.top for text in ("stack", "Σ", "out")]
    assert loop.bottom < below[0] < below[1] < below[2]
