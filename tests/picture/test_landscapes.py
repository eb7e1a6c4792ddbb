"""The cliff and the saddle: surfaces and paths against loops in Python, figures against them."""

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from minigrad import optim
from minigrad.picture import plots
from minigrad.picture.landscapes import (
    descent,
    draw_error_surface,
    draw_saddle_race,
    error_surface,
    saddle_race,
)


def error(w: float, b: float, steps: int = 50, start: float = 0.5, target: float = 0.7) -> float:
    h = start
    for _ in range(steps):
        h = 1 / (1 + math.exp(-(w * h + b)))
    return (h - target) ** 2


def slope(w: float, b: float, step: float = 1e-6) -> Any:
    return np.array(
        [
            (error(w + step, b) - error(w - step, b)) / (2 * step),
            (error(w, b + step) - error(w, b - step)) / (2 * step),
        ]
    )


def test_the_surface_is_that_of_a_loop() -> None:
    surface = error_surface((3.9, 6.7), (-3.3, -1.9), points=9)
    assert surface.error.shape == (9, 9)
    expected = [[error(w, b) for w in surface.w] for b in surface.b]
    np.testing.assert_allclose(surface.error, expected, rtol=1e-10)
    other = error_surface(points=4, steps=3, start=0.2, target=0.6)
    expected = [[error(w, b, 3, 0.2, 0.6) for w in other.w] for b in other.b]
    np.testing.assert_allclose(other.error, expected, rtol=1e-10)


def test_there_is_a_cliff() -> None:
    assert error(5, -2.51) - error(5, -2.49) > 0.25


@pytest.mark.parametrize("max_norm", [None, 0.1])
def test_a_path_of_descent(max_norm: float | None) -> None:
    path = descent((4.8, -2.1), 1.5, 2, max_norm)
    place = np.array([4.8, -2.1])
    for w, b, found in path:
        np.testing.assert_allclose([w, b], place, rtol=1e-5)
        assert found == pytest.approx(error(w, b), rel=1e-9)
        gradient = slope(w, b)
        if max_norm is not None:
            gradient *= min(1, max_norm / np.linalg.norm(gradient))
        place = np.array([w, b]) - 1.5 * gradient


def test_without_clipping_descent_is_thrown_off() -> None:
    free, clipped = descent(), descent(max_norm=0.1)
    lengths = [np.linalg.norm(np.diff(p[:, :2], axis=0), axis=1).max() for p in (free, clipped)]
    assert lengths[0] > 3
    assert lengths[1] <= 0.15 + 1e-9
    assert clipped[-1, 2] < 0.002 < 0.08 < free[-1, 2]


def test_picture_of_the_surface() -> None:
    surface, path = error_surface(points=5), descent(updates=3)
    ax = draw_error_surface(surface, {"free": path, "clipped": path[:2]})
    np.testing.assert_allclose(ax.collections[0].get_array(), surface.error)
    assert [line.get_xydata().tolist() for line in ax.lines] == [
        path[:, :2].tolist(),
        path[:2, :2].tolist(),
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w", "b")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["free", "clipped"]
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert ax.get_xlim() == (surface.w[0], surface.w[-1])
    assert draw_error_surface(surface).get_legend() is None
    assert len(draw_error_surface(surface, dict.fromkeys("abcde", path)).lines) == 5


def test_the_surface_in_three_dimensions() -> None:
    ax = Figure().add_subplot(projection="3d")
    surface, path = error_surface(points=9), descent(updates=2)
    assert draw_error_surface(surface, {"free": path}, ax) is ax
    x, y, z = ax.lines[0].get_data_3d()
    np.testing.assert_array_equal(np.stack([x, y, z], axis=1), path)
    assert ax.get_zlabel() == "error"
    assert np.isnan(descent_beyond(surface)).any()
    plots.as_svg(ax)


def descent_beyond(surface: Any) -> Any:
    ax = Figure().add_subplot(projection="3d")
    beyond = np.array([[4.5, -2.0, 0.1], [9.0, -2.0, 0.1]])
    draw_error_surface(surface, {"far": beyond}, ax)
    return ax.lines[0].get_data_3d()


def test_the_race_is_that_of_plain_numpy() -> None:
    start = (1.0, 0.01)
    paths = saddle_race(
        {"SGD": optim.SGD(0.1), "momentum": optim.SGD(0.1, momentum=0.9), "Adam": optim.Adam(0.1)},
        updates=6,
        begin=start,
    )
    place, velocity = np.array(start), np.zeros(2)
    plain, heavy = [place], [place]
    for _ in range(6):
        plain.append(plain[-1] - 0.1 * plain[-1] * [2, -2])
        velocity = 0.9 * velocity + heavy[-1] * [2, -2]
        heavy.append(heavy[-1] - 0.1 * velocity)
    np.testing.assert_allclose(paths["SGD"], plain, rtol=1e-12)
    np.testing.assert_allclose(paths["momentum"], heavy, rtol=1e-12)
    np.testing.assert_allclose(paths["Adam"][1] - place, [-0.1, 0.1], rtol=1e-5)


def test_picture_of_the_race() -> None:
    paths = saddle_race(updates=8)
    ax = draw_saddle_race(paths)
    assert {line.get_label(): line.get_xydata().tolist() for line in ax.lines} == {
        name: path.tolist() for name, path in paths.items()
    }
    looks = {(line.get_linestyle(), line.get_marker()) for line in ax.lines}
    assert len(looks) == len(paths) == 6
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(paths)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    plots.as_svg(ax)
    assert len(draw_saddle_race(dict.fromkeys("abcdefgh", np.ones((1, 2)))).lines) == 8
    plots.as_svg(draw_saddle_race({}))
