"""Layers that compute all steps at once, against the loop over the same cell."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ShapeError
from minigrad.interpret import evaluate
from tests.helpers import check_gradient
from tests.nn.compiled import B, F, H, Runs, assert_equal, randomised, start_of

CELLS = {"minGRU": nn.MinGRUCell, "minLSTM": nn.MinLSTMCell}
RNG = np.random.default_rng(0)
LONG = RNG.normal(size=(9, B, F))
MASK = RNG.random((9, B)) < [0.5, 0.0, 1.0, 0.7]


def cell_of(kind: str) -> Any:
    return randomised(CELLS[kind](F, H, dtype="float64"))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_all_steps_at_once_are_the_loop(kind: str, reverse: bool) -> None:
    """A time known only when it runs, from 1 to 9 steps, with and without gaps."""
    cell = cell_of(kind)
    at_once, loop = Runs(nn.LinearRecurrent(cell, reverse)), Runs(nn.Recurrent(cell, reverse))
    state = start_of(cell)
    for steps in (1, 2, 3, 8, 9):
        xs, mask = LONG[:steps], MASK[:steps]
        assert_equal(at_once(xs, state), loop(xs, state))
        assert_equal(at_once(xs, state, mask=mask), loop(xs, state, mask=mask))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_a_time_that_is_known(steps: int, reverse: bool) -> None:
    cell = cell_of("minGRU")
    state, xs = mg.constant(start_of(cell)), LONG[:steps]
    results = [kind(cell, reverse)(xs, state) for kind in (nn.LinearRecurrent, nn.Recurrent)]
    found, expected = mg.function([], results)()
    assert_equal(found, expected)
    if not steps:
        assert_equal(found, (np.zeros((0, B, H)), start_of(cell)))


def test_an_array_for_a_state() -> None:
    cell = cell_of("minGRU")
    results = [kind(cell)(LONG, start_of(cell)) for kind in (nn.LinearRecurrent, nn.Recurrent)]
    assert_equal(*mg.function([], results)())


@pytest.mark.parametrize("shape", [(H,), (1, H), ("B", 1)])
def test_a_state_without_a_row_for_each_row(shape: tuple[int | str, ...]) -> None:
    """An error that names them, as of the loop."""
    cell = cell_of("minGRU")
    xs, state = mg.input("xs", ("T", "B", F), "float64"), mg.input("h", shape, "float64")
    for kind in (nn.Recurrent, nn.LinearRecurrent):
        with pytest.raises(ShapeError, match=r"MinGRUCell needs (a row of )?h"):
            kind(cell)(xs, state)


@pytest.mark.parametrize("reverse", [False, True])
def test_no_steps_of_a_time_known_when_it_runs(reverse: bool) -> None:
    cell = cell_of("minGRU")
    state = start_of(cell)
    found = Runs(nn.LinearRecurrent(cell, reverse))(LONG[:0], state)
    assert_equal(found, (np.zeros((0, B, H)), state))


@pytest.mark.parametrize("kind", CELLS)
def test_gradients(kind: str) -> None:
    """Against differences, in x, the state and the weights, through a mask."""
    cell = cell_of(kind)
    xs, h = mg.input("xs", (4, B, F), "float64"), mg.input("h", (B, H), "float64")
    ys, last = nn.LinearRecurrent(cell)(xs, h, mask=mg.constant(MASK[:4]))
    cost = mg.square(ys - 0.3).sum() + mg.square(last).sum()
    at = {xs: LONG[:4], h: start_of(cell)}
    at |= {p: p.get_value() for p in cell.parameters().values()}
    check_gradient(cost, at, list(at))


def test_a_share_of_two_gates_that_are_both_shut() -> None:
    """f / (f + i) where σ gives 0 for both: the gates are alike, and each has its half."""
    cell = nn.MinLSTMCell(1, 1, dtype="float64")
    cell.weight.set_value([[-1.0, -1.0, 0.0]])
    cell.bias.set_value([0.0, 0.0, 4.0])
    for x in (700.0, 800.0):
        h, _ = evaluate([*cell([[x]], np.array([[2.0]]))])
        np.testing.assert_allclose(h, [[3.0]])
