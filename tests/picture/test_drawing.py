"""Saving and showing a picture, and what a user's text may hold."""

import html
import re
import shutil
import sys

import graphviz
import pytest

import minigrad as mg
from minigrad.errors import PictureError
from minigrad.picture import draw, engine

STARTS = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF", ".dot": b"digraph"}


@pytest.mark.parametrize("suffix", STARTS)
def test_saved_as_its_suffix_says(tmp_path, circuit, suffix):
    path = draw(circuit[0]).save(tmp_path / f"circuit{suffix}")
    assert path.read_bytes().startswith(STARTS[suffix])
    assert list(tmp_path.iterdir()) == [path]  # nothing else is left lying about


def test_a_path_may_be_text_and_its_suffix_upper_case(tmp_path, circuit):
    path = draw(circuit[0]).save(str(tmp_path / "circuit.SVG"))
    assert path.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("name", ["f.jpeg", "f", "svg"])
def test_another_suffix_is_refused_naming_the_four(tmp_path, circuit, name):
    with pytest.raises(PictureError, match=r"\.svg, \.png, \.pdf, \.dot") as caught:
        draw(circuit[0]).save(tmp_path / name)
    assert f"{name!r} (a page to step through is made by the .page of a trace)" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_not_there(tmp_path, circuit):
    with pytest.raises(PictureError, match=r"cannot write .*nowhere.*No such file"):
        draw(circuit[0]).save(tmp_path / "nowhere" / "f.dot")


def test_a_failure_leaves_the_old_file_as_it_was(tmp_path, circuit, monkeypatch):
    path = tmp_path / "f.dot"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(PictureError, match="No space left"):
        draw(circuit[0]).save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def no_engine(monkeypatch):
    monkeypatch.setattr(engine.shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_the_error_says_what_to_install(tmp_path, circuit):
    drawing = draw(circuit[0])
    with pytest.raises(PictureError, match=r"minigrad\[draw\]") as caught:
        drawing.save(tmp_path / "f.png")
    assert "dot" in str(caught.value)
    assert drawing.save(tmp_path / "f.dot").read_text() == drawing.source


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_a_notebook_shows_why(circuit):
    drawing = draw(circuit[0])
    assert drawing._repr_svg_() is None
    assert "minigrad[draw]" in drawing._repr_mimebundle_()["text/plain"]


def test_a_notebook_shows_svg(circuit):
    drawing = draw(circuit[0])
    assert "<svg" in drawing._repr_svg_()
    assert drawing._repr_mimebundle_()["text/plain"] == repr(drawing) == "<drawing of 2 gates>"


def test_dot_is_preferred_where_it_is_on_the_path(circuit, monkeypatch):
    monkeypatch.setattr(engine.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(graphviz, "pipe", lambda engine, **_: engine.encode())
    assert draw(circuit[0])._repr_svg_() == "dot"


def test_a_dot_that_fails_is_an_error_with_its_words(tmp_path, circuit, monkeypatch):
    def fail(*_, **__):
        raise graphviz.CalledProcessError(1, ["dot"], b"", b"no such format")

    monkeypatch.setattr(engine.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(graphviz, "pipe", fail)
    with pytest.raises(PictureError, match="no such format"):
        draw(circuit[0]).save(tmp_path / "f.png")


@pytest.mark.parametrize(
    ("label", "why"),
    [("<b>x</i>", "mismatched tag"), ("a &foo; b", "undefined entity"), ("<tr></tr>", "syntax")],
)
def test_a_label_that_graphviz_cannot_read_is_an_error_and_prints_nothing(label, why, capfd):
    with pytest.raises(PictureError, match=why) as caught:
        engine.render(f"digraph {{ a [label=<{label}>]; }}", "svg")
    assert "in label of node a" in str(caught.value)
    assert "rror" not in capfd.readouterr().err
    assert engine.render("digraph { a [shape=nonsense]; }", "svg").startswith(b"<?xml")  # a warning


def test_text_that_is_no_dot_is_an_error(capfd):
    with pytest.raises(PictureError, match="syntax error in line 1"):
        engine.render("digraph { a -> ", "svg")
    assert "rror" not in capfd.readouterr().err


def test_no_colour_is_what_svg_calls_none(circuit, network):
    f, values, gradients = circuit
    for drawing in (draw(f, values=values, gradients=gradients), network("rnn", 2).draw(unroll=1)):
        svg = drawing._repr_svg_()
        assert 'stroke="none"' in svg
        assert "transparent" not in svg


def test_the_colours_reach_the_svg(circuit):
    f, values, gradients = circuit
    svg = draw(f, values=values, gradients=gradients, legend=False)._repr_svg_()
    assert svg.count('fill="#0a58ca"') == svg.count('fill="#c62828"') == 5
    assert svg.count('fill="#fff7e0"') == 2
    assert svg.count('fill="#eef4ff"') == 3


def texts(svg: str) -> list[str]:
    return [
        html.unescape(t).replace("\xa0", " ") for t in re.findall("<text[^>]*>(.*?)</text>", svg)
    ]


HOSTILE = ['say "hi"', "<b>bold</b>", "<", ">", "a & b", "&lt;", "&#65;", "back\\slash", "end\\"]
HOSTILE += [
    "\\N \\G \\n \\l",
    "{a|b}",
    "node",
    "n0",
    "a:b:c",
    "🦊",
    "h̃ ∂f/∂x",
    "]; x -> y [",
    "'",
    "%s",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_shown_as_it_is(name):
    x, w = mg.input(name), mg.parameter(1.0, name)
    inner = (x * w).named(name)
    last, _ = mg.scan(lambda c, _: ((c + inner).named(name), None), x, length=2, name=name)
    drawing = draw([mg.tanh(inner), last.named(name)], values={inner: 2.0})
    shown = texts(drawing._repr_svg_())
    assert shown.count(name) == 5  # the input, the parameter, the delay, an edge and the output
    assert f"{name} = 2" in shown
    assert f"{name}: scan over 2" in shown
    assert f"last {name}" in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_of_a_group_and_in_an_unrolled_loop_too(name):
    w, h0 = mg.parameter(1.0, name), mg.input(f"{name}'")

    def step(h, x):
        with mg.group(name):
            h = mg.tanh(h * w + x).named(name)
        return h, h

    _, hs = mg.scan(step, h0, mg.input("xs", (2,)), name=name)
    run = mg.trace(mg.sum(hs).named(name), {h0: 0.0, "xs": [1.0, 2.0]})
    unrolled = texts(run.draw(unroll=True)._repr_svg_())
    assert f"{name}: scan over 2" in unrolled
    assert f"{name}_0" in unrolled  # a carry
    assert f"{name}_-1" not in unrolled
    assert unrolled.count(f"{name}'") == 2  # the start, and where it enters the first step
    assert unrolled.count(name) == 1 + 2 + 2 + 1 + 1  # weight, taps, groups, the stack, the sum
    folded = texts(run.draw(unroll=True, fold=name)._repr_svg_())
    assert folded.count("3 gates") == 2
    assert folded.count(name) == unrolled.count(name)
    assert f"∂{name}/∂{name}" in texts(run.draw(wrt=w)._repr_svg_())


def test_what_cannot_be_printed_becomes_a_space():
    shown = texts(draw(mg.input("a\nb\tc\x00d\ud800e\x1bf"), legend=False)._repr_svg_())
    assert shown == ["a b c d e f"] * 2


def test_long_names_are_cut():
    x = mg.input("x" * 300)
    shown = texts(draw(mg.tanh(x).named("y" * 300), legend=False)._repr_svg_())
    assert {t[-1] for t in shown if len(t) > 4} == {"…"}
    assert max(map(len, shown)) == 40


def test_node_names_are_generated():
    source = draw(mg.tanh(mg.input("digraph"))).source
    names = re.findall(r"^\t(\S+) \[", source, re.MULTILINE)
    assert set(names) <= {"graph", "node", "edge", "n0", "n1", "n2"}


def test_every_node_writes_its_label():
    x = mg.input("x")
    drawing = draw(x * x, values={x: 1.0})
    nodes = re.findall(r"^\t[nw]\d+ \[.*", drawing.source, re.MULTILINE)
    assert len(nodes) == 4
    assert all("label=" in node for node in nodes)


@pytest.mark.skipif(shutil.which("dot") is None, reason="no dot program here")
@pytest.mark.parametrize("unroll", [None, 3])
@pytest.mark.parametrize("name", ["rnn", "bidirectional"])
def test_the_program_and_the_library_show_the_same(look, network, monkeypatch, name, unroll):
    drawing = network(name).draw(unroll)
    by_dot = look(drawing)
    monkeypatch.setattr(engine.shutil, "which", lambda _: None)
    by_library = look(drawing)
    for kind in ("nodes", "frames", "edges"):
        one, other = (
            {n: p.text for n, p in getattr(s, kind).items()} for s in (by_dot, by_library)
        )
        assert one == other
    assert by_dot.colours == by_library.colours
    for svg in (by_dot, by_library):
        svg.assert_tidy()


def test_importing_minigrad_imports_no_graphviz():
    import subprocess

    code = "import sys, minigrad; print([m for m in sys.modules if 'graphviz' in m])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
