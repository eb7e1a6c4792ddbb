"""The figure of a training: its lines are the log's numbers, its SVG is the same each time."""

import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from minigrad.errors import PictureError
from minigrad.picture import plots

ROWS: list[dict[str, Any]] = [
    {"step": 1, "train_loss": 4.0, "val_loss": None, "rate": 0.1},
    {"step": 5, "train_loss": 3.0, "val_loss": 3.5},
    {"step": 9, "train_loss": None, "val_loss": 2.5},
    {"step": 12, "train_loss": 0.0},
]


def lines(ax: Any) -> dict[str, list[tuple[float, float]]]:
    return {line.get_label(): [tuple(xy) for xy in line.get_xydata()] for line in ax.lines}


def test_lines_are_the_numbers_of_the_log() -> None:
    ax = plots.loss_curve(ROWS, unit="word")
    assert lines(ax) == {"training": [(1, 4), (5, 3), (12, 0)], "validation": [(5, 3.5), (9, 2.5)]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "nats a word")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["training", "validation"]
    assert not {to_hex(line.get_color()) for line in ax.lines} & {"#d62728", "#ff0000"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([{"step": 1}], []),
        ([{"step": 1, "train_loss": 2.0, "val_loss": None}], ["training"]),
        ([{"step": 1, "train_loss": None, "val_loss": 2.0}], ["validation"]),
    ],
)
def test_what_is_not_there_is_not_drawn(rows: list[dict[str, Any]], expected: list[str]) -> None:
    ax = plots.loss_curve(rows)
    assert list(lines(ax)) == expected
    assert (ax.get_legend() is not None) == bool(expected)
    ElementTree.fromstring(plots.as_svg(ax))


def test_axes_of_ones_own() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plots.loss_curve(ROWS, right) is right
    assert (len(left.lines), len(right.lines)) == (0, 2)


def test_the_svg_is_the_same_for_the_same_numbers() -> None:
    one, same = (plots.as_svg(plots.loss_curve(ROWS)) for _ in "ab")
    other = plots.as_svg(plots.loss_curve(ROWS[:3]))
    assert one == same != other
    assert ElementTree.fromstring(one).tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<dc:date>" not in one


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PictureError, match="needs matplotlib: python -m pip install matplotlib"):
        plots.loss_curve(ROWS)
