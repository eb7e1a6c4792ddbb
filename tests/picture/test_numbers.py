"""How a number, an array and its heat strip stand on a picture."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.picture import draw
from minigrad.picture.numbers import NOTHING, Numbers, Reading, strip
from minigrad.picture.themes import THEMES

NAN, INF = float("nan"), float("inf")


# ---------------------------------------------------------------- strips


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ([0, 1, 4], ((0, 0.25, 1),)),
        ([[0.0, 1.0], [2.0, 4.0]], ((0, 0.25), (0.5, 1))),
        ([[[0, 1], [2, 4]], [[4, 4], [0, 0]]], ((0, 0.25), (0.5, 1), (1, 1), (0, 0))),
        ([False, True], ((0, 1),)),
        ([-8, -4, 0], ((-1, -0.5, 0),)),
        ([-1.0, 4.0], ((-0.25, 1),)),  # 0 stays in the middle
        ([5.0], ((1,),)),
        ([2.5, 2.5], ((1, 1),)),
        ([0.0, 0.0], ((0, 0),)),
        ([NAN, 1.0, 4.0], ((None, 0.25, 1),)),
        ([NAN, NAN], ((None, None),)),
        ([-INF, 0.0, 1.0, INF], ((-1, 0, 1, 1),)),  # as the largest finite
        ([INF, INF], ((1, 1),)),
        ([1e308, -1e308, 0], ((1, -1, 0),)),
        ([5e-324, 0, 1e-323], ((0.5, 0, 1),)),
    ],
)
def test_a_cell_is_its_number_by_the_largest_magnitude(array, expected):
    assert strip(np.array(array)) == expected


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
def test_of_nothing_there_is_no_strip(shape):
    assert strip(np.zeros(shape)) == ()


def test_at_most_eight_rows_of_sixteen_cells():
    assert len(strip(np.arange(16.0))[0]) == 16
    found = strip(np.random.default_rng(0).normal(size=(7, 5, 100)))
    assert (len(found), {len(row) for row in found}) == (8, {16})


def test_more_are_binned_each_cell_the_mean_of_neighbours():
    (row,) = strip(np.arange(32.0))
    assert row == pytest.approx([(2 * i + 0.5) / 31 for i in range(16)])  # 0.5, 2.5 … 30.5 of 31
    rows = strip(np.repeat([0.0, -2.0, 4.0, 6.0, 8.0, 9.0, 10.0, 14.0], 2)[:, None])
    assert [cell for (cell,) in rows] == pytest.approx(np.array([0, -2, 4, 6, 8, 9, 10, 14]) / 14)


def test_what_is_mixed_in_a_bin_is_pale():
    (row,) = strip(np.tile([3.0, -3.0], 16))
    assert row == 16 * (0,)


def test_bins_of_a_length_that_does_not_divide():
    (row,) = strip(np.arange(17.0))  # two in the first cell, one in each other
    means = np.array([0.5, *range(2, 17)])
    assert row == pytest.approx(means / 16)


def test_one_nan_in_a_bin_is_seen():
    array = np.arange(32.0)
    array[5] = NAN
    (row,) = strip(array)
    assert [i for i, cell in enumerate(row) if cell is None] == [2]


def test_the_largest_numbers_have_means_too():
    assert strip(np.full(32, 1.7e308)) == (16 * (1,),)


def test_opposite_infinities_in_one_bin_are_no_number():
    array = np.zeros(32)
    array[:2] = INF, -INF
    assert strip(array)[0][0] is None


# ---------------------------------------------------------------- readings


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-4.0, "-4"),
        (0.73106, "0.7311"),
        (3, "3"),
        (True, "True"),
        (NAN, "nan"),
        (-INF, "-inf"),
        (1e-20, "1e-20"),
        (123456.0, "1.235e5"),
    ],
)
def test_a_scalar_is_its_number_to_four_digits(value, text):
    x = mg.input("x")
    assert Numbers({x: value}, {}).value(x, ()) == Reading(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1.5, -0.25], "-0.25…1.5"),
        ([2.0, 2.0], "2"),
        ([1.23456, 9.87654], "1.23…9.88"),
        ([1.0, NAN], "1, 1 nan"),
        ([NAN, NAN], "nan"),
        ([-INF, 3.0], "-inf…3"),
        (np.array([1, 7]), "1…7"),
        (np.array([False, True]), "False…True"),
    ],
)
def test_an_array_is_its_range_to_three_digits_and_a_strip(value, text):
    x = mg.input("x", (2,))
    found = Numbers({}, {x: value}).gradient(x, ())
    assert found.text == text
    assert len(found.strip[0]) == 2


def test_an_empty_array_says_so():
    x = mg.input("x", ("T", 3))
    assert Numbers({x: np.zeros((0, 3))}, {}).value(x, ()) == Reading("empty")


def test_what_has_no_number_has_no_reading():
    x, y = mg.inputs("x y")
    numbers = Numbers({x: 1.0}, {})
    assert numbers.value(y, ()) == numbers.gradient(x, ()) == NOTHING


def test_in_a_loop_the_leading_axis_is_time():
    x = mg.input("x", (2,))
    numbers = Numbers({x: [[1.0, 2.0], [3.0, 5.0]]}, {})
    assert numbers.value(x, (1,)).text == "3…5"
    assert numbers.value(x, (None,)).text == "1…5"  # of all steps
    assert len(numbers.value(x, (None,)).strip) == 2
    assert numbers.value(x, ()) == NOTHING  # an axis too many


# ---------------------------------------------------------------- as they are drawn


def cells(look, theme="light", **numbers):
    """The strip of x on a picture, row by row: the colours of its cells, and how high they are."""
    x = mg.input("x", np.shape(next(iter(numbers.values()))), "float64")
    drawing = draw(mg.tanh(x), theme=theme, legend=False, **{k: {x: v} for k, v in numbers.items()})
    return look(drawing).nodes[drawing.wires[x, ()]]


def test_cells_run_from_pale_to_full_blue_and_stand_above_the_wire(look):
    part, theme = cells(look, values=[0.0, 0.5, 1.0]), THEMES["light"]
    between = (theme.low, "#7aa2dd", theme.value)  # 7a is between e9 and 0a, a2 between ec and 58
    assert [part.colours[colour] for colour in between] == [1, 1, 2]  # the text is one of these
    (text,) = part.of(theme.value)
    squares = [a for a in part.areas if a.right - a.left == pytest.approx(6)]
    assert len(squares) == 3
    assert all(a.top > text.area.bottom for a in squares)


def test_gradients_run_to_full_red(look):
    part, theme = cells(look, gradients=[0.0, 1.0]), THEMES["light"]
    assert part.colours[theme.low] == 1
    assert part.colours[theme.gradient] == 2  # the text is one of these


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_negative_numbers_have_colours_of_their_own(look, theme):
    colours = THEMES[theme]
    values = cells(look, theme, values=[-2.0, 0.0, 2.0]).colours
    assert (values[colours.value_below], values[colours.low], values[colours.value]) == (1, 1, 2)
    gradients = cells(look, theme, gradients=[-2.0, -2.0]).colours
    assert (gradients[colours.gradient_below], gradients[colours.gradient]) == (2, 1)


def test_in_grey_only_the_magnitude_is_seen(look):
    one, other = (cells(look, "grey", values=v).colours for v in ([-2.0, 1.0], [2.0, -1.0]))
    assert one == other


def test_the_legend_has_the_scale_where_there_are_strips(look):
    x = mg.input("x", (2,))
    theme = THEMES["light"]
    for what in ("value", "gradient"):
        numbers = {f"{what}s": {x: [0.0, 1.0]}}  # nothing negative but in the scale
        svg = look(draw(mg.tanh(x), **numbers))
        legend = [t.text.strip() for t in svg.legend]
        assert legend[-2:] == [what, "− 0 +"]
        below = {w: svg.colours[getattr(theme, f"{w}_below")] for w in ("value", "gradient")}
        assert below == {"value": 0, "gradient": 0} | {what: 1}
    without = look(draw(mg.tanh(x)))
    assert "− 0 +" not in [t.text.strip() for t in without.legend]


def test_what_is_no_number_stands_out(look):
    assert cells(look, values=[0.0, NAN, 1.0]).colours["#ff00ff"] == 1


@pytest.mark.parametrize("value", [np.zeros((0, 3)), np.zeros(0)])
def test_an_empty_array_has_no_cells(look, value):
    part = cells(look, values=value)
    assert not [a for a in part.areas if a.right - a.left == pytest.approx(6)]
