"""Colours: every theme's own, and readable, in grey too."""

import re
from dataclasses import asdict, fields

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError
from minigrad.picture import draw
from minigrad.picture.themes import THEMES, Theme, theme_called

ON_BOXES = ["gate", "input", "parameter", "row", "delay"]


def colours(theme):
    """Each colour of a theme by what it is for; the grounds of frames one by one."""
    found = asdict(theme)
    even, odd = found.pop("fills")
    return found | {"even": even, "odd": odd}


def luminance(colour):
    """Of WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a, b):
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def is_grey(colour):
    return colour[1:3] == colour[3:5] == colour[5:7]


def everything(network):
    """Pictures that have all there is to colour between them."""
    run = network("lstm", 2)
    x = mg.input("x", (3,))
    with mg.group("G"):
        y = mg.tanh(x * mg.parameter([1.0, 2.0, 3.0], "w"))

    def pictures(theme):
        yield run.draw(theme=theme)
        yield run.draw(unroll=1, theme=theme)
        yield run.draw(fold=True, theme=theme)
        numbers = {"values": {x: [1, float("nan"), 2]}, "gradients": {x: [-3, 0, 1]}}
        yield draw(y + 1.0, fold=True, theme=theme, **numbers)

    return pictures


# ---------------------------------------------------------------- the table


def test_the_formula_of_contrast():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", THEMES)
def test_colours_are_written_in_full(name):
    for colour in colours(THEMES[name]).values():
        assert re.fullmatch("#[0-9a-f]{6}", colour)


def test_there_is_a_colour_for_each_word():
    assert set(THEMES) == {"light", "dark", "grey"}
    assert [f.name for f in fields(Theme)][:3] == ["page", "ink", "wire"]


def test_a_theme_that_there_is_not():
    with pytest.raises(ArgumentError, match="one of light, dark, grey, not 'blue'"):
        theme_called("blue")
    with pytest.raises(ArgumentError, match="'blue'"):
        draw(mg.input("x"), theme="blue")


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("ground", ON_BOXES)
def test_what_stands_in_boxes_can_be_read(name, ground):
    found = colours(THEMES[name])
    assert contrast(found["ink"], found[ground]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("ground", ["page", "even", "odd"])
def test_what_stands_on_wires_can_be_read(name, ground):
    found = colours(THEMES[name])
    for text in ("ink", "quiet", "value", "gradient"):
        assert contrast(found[text], found[ground]) >= 4.5, text
    assert contrast(found["wire"], found[ground]) >= 3  # a line


@pytest.mark.parametrize("name", THEMES)
def test_the_ends_of_a_strip_can_be_told_apart(name):
    found = colours(THEMES[name])
    for high in ("value", "gradient"):
        assert contrast(found[high], found["low"]) >= 3


@pytest.mark.parametrize("name", ["light", "dark"])
def test_inputs_and_parameters_have_colours_of_their_own(name):
    found = colours(THEMES[name])
    assert len({found[kind] for kind in ON_BOXES}) == 5


# ---------------------------------------------------------------- the pictures


@pytest.mark.parametrize("name", THEMES)
def test_every_colour_on_a_picture_is_the_theme_s(look, network, name):
    of_the_theme = set(colours(THEMES[name]).values())
    seen = set()
    for drawing in everything(network)(name):
        svg = look(drawing)
        strips = {
            c
            for wire in svg.nodes.values()
            if wire.kind == "wire"
            for c in wire.colours.keys() - {t.colour for t in wire.texts}
        }
        found = set(svg.colours)
        assert found - strips <= of_the_theme
        seen |= found
    assert of_the_theme <= seen


@pytest.mark.parametrize("name", THEMES)
def test_every_text_can_be_read_on_what_it_stands_on(look, network, name):
    for drawing in everything(network)(name):
        svg = look(drawing)
        fills = colours(THEMES[name])
        for node in svg.nodes.values():
            frame = svg.frames.get(svg.frame_of[node.name])
            boxed = node.kind in ("gate", "group", "input", "parameter", "row", "delay")
            grounds = node.colours if boxed else frame.colours if frame else [fills["page"]]
            ground = next((c for c in grounds if c in fills.values()), fills["page"])
            for text in node.texts:
                assert contrast(text.colour, ground) >= 4.5, (text.text, node.kind)


def test_in_grey_there_are_only_greys(look, network):
    for drawing in everything(network)("grey"):
        assert all(map(is_grey, look(drawing).colours))


@pytest.mark.parametrize("name", THEMES)
def test_the_theme_changes_colours_and_nothing_else(look, network, name):
    run = network("rnn", 2)
    light, other = look(run.draw()), look(run.draw(theme=name))
    assert [n.text for n in light.nodes.values()] == [n.text for n in other.nodes.values()]
    places = [[(n.area.x, n.area.y) for n in svg.nodes.values()] for svg in (light, other)]
    np.testing.assert_allclose(*places)


def test_values_stand_above_and_gradients_below_in_grey_too(look, circuit):
    f, values, gradients = circuit
    drawing = draw(f, values=values, gradients=gradients, theme="grey")
    svg = look(drawing)
    theme = THEMES["grey"]
    for v in values:
        part = svg.nodes[drawing.wires[v, ()]]
        (value,), (gradient,) = part.of(theme.value), part.of(theme.gradient)
        assert value.area.bottom < gradient.area.top
