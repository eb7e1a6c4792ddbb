"""Text coloured by numbers: nothing of it is lost, colours and letters are those of the values."""

import html
import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from minigrad.errors import ArgumentError
from minigrad.picture import plots
from minigrad.picture.coloured_text import coloured_html, coloured_text

TEXT = "a \"<b>&'\n$x$\t汉é\n"
VALUES = np.linspace(-1, 1, len(TEXT))


def spans(page: str) -> list[tuple[str, str, str]]:
    """Style, title and text of each symbol."""
    body = page.partition("<pre>")[2].partition("</pre>")[0]
    found = re.findall(r'<span style="([^"]*)" title="([^"]*)">(.*?)</span>', body, re.S)
    joined = "".join(f'<span style="{s}" title="{t}">{x}</span>' for s, t, x in found)
    assert joined.rstrip() == body.rstrip()  # there is nothing else in it
    return found


def test_the_page_has_all_of_the_text_and_none_of_its_tags() -> None:
    found = spans(coloured_html(TEXT, VALUES, "<title>"))
    assert html.unescape("".join(x for _, _, x in found)).replace("↵", "") == TEXT
    assert [float(t) for _, t, _ in found] == pytest.approx(VALUES, abs=0.005)
    page = coloured_html(TEXT, VALUES, "<title>")
    assert "<b>" not in page
    assert page.count("&lt;title&gt;") == 2


@pytest.mark.parametrize(
    ("value", "style"),
    [
        (0, "background:#ffffff"),
        (1, "background:#f58273"),
        (7, "background:#f58273"),
        (0.5, "background:#fac0b9"),
        (-1, "background:#285abe;color:#fff"),
        (-9, "background:#285abe;color:#fff"),
    ],
)
def test_colours_of_values(value: float, style: str) -> None:
    assert spans(coloured_html("x", [value]))[0][0] == style


def characters(ax: Any) -> dict[tuple[float, float], str]:
    return {t.get_position(): t.get_text() for t in ax.texts}


def test_the_figure_is_a_grid_of_the_text() -> None:
    ax = coloured_text(["ab", "\n", "c", " ", "$"], [0.5, -1, 0.25, 0, 3], title="unit", width=3)
    assert characters(ax) == {(0, 0): "a", (1, 0): "b", (0, 1): "c", (2, 1): "$"}
    grid = np.asarray(ax.images[0].get_array().filled(np.nan))
    np.testing.assert_array_equal(grid[:2, :4], [[0.5, 0.5, -1, np.nan], [0.25, 0, 3, np.nan]])
    assert np.isnan(grid[2:]).all()
    assert np.isnan(grid[:, 4:]).all()
    assert ax.images[0].get_clim() == (-1, 1)
    assert ax.get_title("left") == "unit"
    plots.as_svg(ax)


def test_lines_are_broken_at_the_width() -> None:
    ax = coloured_text("abcde\nf", np.zeros(7), width=2)
    rows = ["".join(c for (_, y), c in characters(ax).items() if y == row) for row in range(4)]
    assert rows == ["ab", "cd", "e", "f"]


def test_letters_are_read_on_their_colour() -> None:
    ax = coloured_text("ab", [-1, 1])
    assert [t.get_color() for t in ax.texts] == ["white", "black"]


def test_what_the_font_has_not_is_a_sign_and_no_warning() -> None:
    ax = coloured_text(["汉", "\x07", "é"], [0, 0, 0])
    assert "".join(characters(ax).values()) == "\ufffd\ufffdé"
    plots.as_svg(ax)


def test_an_empty_text_and_one_value_for_each_piece() -> None:
    assert spans(coloured_html("", [])) == []
    plots.as_svg(coloured_text("", []))
    for draw in (coloured_html, coloured_text):
        with pytest.raises(ArgumentError, match="2 symbols, and values of shape"):
            draw("ab", [1.0])
