"""The step-through page as a file: what is in it, and that nothing in it can do harm."""

import base64
import hashlib
import html
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import PictureError
from minigrad.picture.text import show_number
from minigrad.picture.words.walk import walk
from tests.picture.traced import HOSTILE, TRACES, circuit, lstm, odd, rnn, scalar_loop


def data(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.html)
    return json.loads(text)


def variable(found, name):
    return next(v for v in found["variables"] if v["name"] == name)


@pytest.fixture(scope="module", params=TRACES, ids=lambda f: f.__name__)
def paged(request):
    """A trace, its page, and the page's data."""
    trace = request.param()
    page = trace.page()
    return trace, page, data(page)


# ---------------------------------------------------------------- numbers


def test_the_moments_are_those_of_the_walk(paged):
    trace, _, found = paged
    moments = walk(trace.cost, trace.values, trace.gradients)
    assert [m["say"] for m in found["moments"]] == [m.sentence for m in moments]
    assert [tuple(m["at"]) for m in found["moments"]] == [m.at for m in moments]
    assert found["forward"] == sum(not m.back for m in moments)


def test_every_number_is_the_traces_own(paged):
    trace, _, found = paged
    assert len(found["variables"]) == len(trace.values)
    for v, shown in zip(trace.values, found["variables"], strict=True):
        for word, arrays in (("value", trace.values), ("gradient", trace.gradients)):
            if v not in arrays:
                assert word not in shown
                continue
            steps = tuple(shown["steps"])
            assert len(shown[word]) == np.prod(steps, dtype=int)
            for at, entry in zip(np.ndindex(steps), shown[word], strict=True):
                assert entry["rows"] == in_full(arrays[v][at])


def in_full(array):
    """The numbers of an array as the page has them: 8 × 8 at most."""
    grid = np.asarray(array).reshape(-1, array.shape[-1] if array.ndim else 1)
    rows = [[*map(show_number, row[:8]), *["…"] * (len(row) > 8)] for row in grid[:8].tolist()]
    return [*rows, *[["…"] * len(rows[0])] * (len(grid) > 8)]


def test_an_array_of_many_numbers_is_cut():
    rows = variable(data(odd().page()), HOSTILE[0])["value"][0]["rows"]
    assert rows == [[*["nan"] * 8, "…"]] * 8 + [["…"] * 9]


def test_text_and_strip_of_an_inner_value_are_those_of_one_step():
    trace = rnn()
    shown = next(v for v in data(trace.page())["variables"] if v["made"] == "Tanh()")
    (hs,) = (a for v, a in trace.values.items() if str(getattr(v.owner, "gate", "")) == "tanh")
    for row, entry in zip(hs, shown["value"], strict=True):
        assert entry["text"] == f"{show_number(row.min(), 3)}…{show_number(row.max(), 3)}"
        np.testing.assert_allclose(entry["cells"], 100 * row / np.abs(row).max(), atol=0.5)
    assert any(row.min() < 0 < row.max() for row in hs)


# ---------------------------------------------------------------- when they are known


def test_values_of_the_circuit_come_one_by_one_and_gradients_back_again():
    found = data(circuit().page())
    known = {
        v["name"]: (v["value"][0]["from"], v["gradient"][0]["from"]) for v in found["variables"]
    }
    assert known == {"x": (0, 4), "y": (0, 4), "q": (1, 3), "z": (0, 3), "f": (2, 3)}


def test_what_a_gate_reads_is_known_before_its_moment_and_what_it_makes_from_there_on(paged):
    trace, _, found = paged
    shown = dict(zip(trace.values, found["variables"], strict=True))

    def known(word, v, at):
        steps = shown[v]["steps"]
        own = at[: len(steps)]
        return shown[v][word][np.ravel_multi_index(own, steps) if steps else 0]["from"]

    for position, m in enumerate(walk(trace.cost, trace.values, trace.gradients), 1):
        for v in m.apply.inputs:
            if v in shown:
                assert known("value", v, m.at) < position
        for v in m.shown:
            assert known("gradient" if m.back else "value", v, m.at) == position
        if m.back:
            for v in m.apply.outputs:
                if v in trace.gradients:
                    assert known("gradient", v, m.at) <= position


def test_gradients_of_an_inner_loop_s_results_are_told_at_their_own_outer_step():
    def outer(c, row):
        last, _ = mg.scan(lambda k, u: (mg.tanh(k + u), None), c, row)
        return last.named("last"), None

    total, _ = mg.scan(outer, 0.0, mg.input("M", (2, 2)))
    found = data(mg.trace(mg.sin(total), {"M": np.ones((2, 2), "float32")}).page())
    assert (found["forward"], len(found["moments"])) == (9, 18)  # sin, and 2 × 2 × (tanh, +)
    last = next(v for v in found["variables"] if v["name"] == "last" and v["steps"])
    assert [entry["from"] for entry in last["gradient"]] == [14, 10]


def test_a_gradient_of_a_loop_in_the_cost_is_told_too():
    x, w = mg.input("x", (3,)), mg.input("w")
    last, _ = mg.scan(lambda h, u: (mg.tanh(w * h + u).named("h"), None), 0.0, x)
    trace = mg.trace((mg.grad(last, w) ** 2 + last).named("f"), {x: [1, 2, 3], w: 0.5})
    found = data(trace.page())
    assert len(found["variables"]) == len(trace.values)
    moments = walk(trace.cost, trace.values, trace.gradients)
    assert len(found["moments"]) == len(moments) > 50


def test_at_the_end_everything_is_known(paged):
    _, _, found = paged
    entries = [e for v in found["variables"] for e in [*v["value"], *v.get("gradient", ())]]
    assert max((e["from"] for e in entries), default=0) <= len(found["moments"])


# ---------------------------------------------------------------- pictures


def test_every_part_that_the_script_asks_for_is_in_its_picture(paged):
    _, page, found = paged
    for kind, parts in found["pictures"].items():
        ids = set(re.findall(rf'id="{kind}-([^"]*)"', page.html))
        assert set(parts["nodes"]) <= ids
        assert {line for node in parts["nodes"].values() for line in node.get("lines", ())} <= ids
        assert set(parts["columns"]) <= ids


def test_texts_and_strips_on_wires_are_those_of_their_variables(paged):
    _, page, found = paged
    for kind, parts in found["pictures"].items():
        root = picture(page, kind)
        groups = {g.get("id"): g for g in root.iter("g")}
        for key, (number, at) in parts["wires"].items():
            group = groups.get(f"{kind}-{key}")
            if group is None:
                continue  # what leads nowhere, or is bundled, has no text
            v = found["variables"][number]
            for word in ("value", "gradient"):
                texts = [t for t in group.iter("text") if word in t.get("class", "").split()]
                assert all(p.get("fill") != "none" for p in group.iter("polygon"))
                cells = sum(c.get("class") == f"cell {word}" for c in group.iter("polygon"))
                entries = v.get(word, [])
                assert len(texts) == bool(entries)
                assert {len(e.get("cells", ())) for e in entries} <= {cells}
                if at is not None and entries:
                    index = np.ravel_multi_index(at, v["steps"]) if at else 0
                    name = texts[0].get("data-name", "")
                    assert texts[0].text == name + entries[index]["text"]


def picture(page, kind):
    inside = page.html.split(f'<figure class="picture" id="{kind}"')[1].split("</figure>")[0]
    return ElementTree.fromstring(inside[inside.index("<svg") :])


def test_no_id_is_there_twice(paged):
    ids = re.findall(r'\bid="([^"]*)"', paged[1].html)
    assert len(set(ids)) == len(ids)


def test_every_moment_is_at_work_in_the_folded_picture(paged):
    parts = paged[2]["pictures"]["folded"]
    assert all(parts["nodes"][name]["kind"] in ("gate", "group") for name in parts["moments"])


def test_a_moment_of_the_circuit_lights_its_gate_and_the_lines_beside_it():
    parts = data(circuit().page())["pictures"]["folded"]
    plus = parts["nodes"][parts["moments"][0]]
    assert plus["label"] == "+"
    assert sorted(plus["lines"]) == [
        *("w0", "w0_0", "w0_1", "w1", "w1_0", "w1_3", "w2", "w2_0", "w2_5"),
    ]


def test_without_a_loop_there_is_one_picture_and_no_clock():
    found = data(circuit().page())
    assert (list(found["pictures"]), found["clock"]) == (["folded"], [])


def test_each_step_is_a_column_of_the_unrolled_picture():
    found = data(rnn().page())
    assert found["clock"] == [4]
    assert list(found["pictures"]["unrolled"]["columns"].values()) == [[0], [1], [2], [3]]


def test_of_many_steps_the_first_ones_and_the_last_are_drawn():
    found = data(rnn(20).page())
    parts = found["pictures"]["unrolled"]
    assert list(parts["columns"].values()) == [[0], [1], [19]]
    drawn = zip(found["moments"], parts["moments"], strict=True)
    assert {t for moment, node in drawn if node for t in moment["at"]} == {0, 1, 19}


def test_groups_stay_folded_where_asked_and_their_gates_light_them_up():
    found = data(lstm().page(fold=True))
    parts = found["pictures"]["folded"]
    labels = [parts["nodes"][node]["label"] for node in parts["moments"]]
    assert "candidate 5 gates 3 parameters" in labels
    assert "σ" not in labels


def test_too_many_moments_are_refused_saying_what_to_do():
    with pytest.raises(PictureError, match="max_moments=84"):
        scalar_loop().page(max_moments=50)


def test_a_cost_without_gates_has_a_page_of_no_moments():
    x = mg.input("x")
    page = mg.trace(x, {x: 2}).page()
    found = data(page)
    assert found["moments"] == []
    assert page.title == "x, step by step"
    assert variable(found, "x")["value"][0] == {"from": 0, "text": "2", "rows": [["2"]]}


def test_composite_gates_are_walked_through_where_asked():
    x = mg.input("x")
    trace = mg.trace((mg.sigmoid(x) * x).named("f"), {x: 2})
    assert data(trace.page())["forward"] == 2
    opened = trace.page(unfold="sigmoid")
    assert data(opened)["forward"] > 2
    assert opened.title == "f, step by step"


@pytest.mark.parametrize(("make", "most"), [(circuit, 60_000), (lstm, 600_000)])
def test_a_page_is_small(make, most):
    assert len(make().page().html.encode()) < most


# ---------------------------------------------------------------- safety


def test_the_policy_allows_the_pages_own_script_and_nothing_else(paged):
    page = paged[1]
    (script,) = re.findall(r"<script>(.*?)</script>", page.html, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page.html)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; ")


def test_there_is_no_address_in_a_page(paged):
    assert not re.findall(r"https?:|\burl\(|@import|\bsrc=", paged[1].html.replace("src=x", ""))


def test_names_of_any_kind_are_text_and_no_markup():
    page = odd().page()
    assert len(re.findall("<script", page.html)) == 2
    assert "<img" not in page.html
    assert "<!--" not in page.html
    assert "\u2028" not in page.html
    assert variable(data(page), HOSTILE[1])["shape"] == "5×3"
    assert page.html.count("<title>") == 1


# ---------------------------------------------------------------- files and notebooks


def test_saved_where_the_path_says(tmp_path):
    path = tmp_path / "f.html"
    page = circuit().page(path)
    assert path.read_text(encoding="utf-8") == page.html
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_run_gives_the_same_page():
    assert circuit().page().html == circuit().page().html


@pytest.mark.parametrize("name", ["f.svg", "f", "html"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(PictureError, match=rf"\.html.*{name}"):
        circuit().page(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_not_there(tmp_path):
    with pytest.raises(PictureError, match=r"cannot write .*nowhere.*No such file"):
        circuit().page(tmp_path / "nowhere" / "f.html")


def test_a_failure_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "f.html"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(PictureError, match="No space left"):
        circuit().page(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_notebook_shows_it_in_a_frame():
    page = circuit().page()
    shown = page._repr_html_()
    (inside,) = re.findall(r'srcdoc="([^"]*)"', shown)
    assert html.unescape(inside) == page.html
    assert shown.startswith('<iframe title="f, step by step" sandbox="allow-scripts')
    assert repr(page) == "<page: f, step by step>"
