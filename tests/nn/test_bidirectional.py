"""Two directions, functions in the place of cells, and sequences that come in several pieces."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, ShapeError
from tests.nn.compiled import KINDS, B, F, H, Runs, T, assert_equal, exact, make, start_of

XS = np.random.default_rng(0).normal(size=(T, B, F))
MERGES: dict[str, Any] = {
    "concat": lambda a, b: np.concatenate([a, b], -1),
    "sum": np.add,
    "multiply": np.multiply,
    "average": lambda a, b: (a + b) / 2,
}


def total(x: Any, state: Any) -> tuple[Any, Any]:
    """A cell that adds up."""
    return x + state, x + state


def total_and_count(x: Any, state: Any) -> tuple[Any, Any]:
    """One with a structure for its state, and another for its outputs."""
    s, n = state["s"] + x, state["n"] + 1
    return (s, {"mean": s / n}), {"s": s, "n": n}


@pytest.mark.parametrize("merge", MERGES)
def test_functions_from_both_ends(merge: str) -> None:
    layer = nn.Bidirectional(total, total, merge)
    ys, ends = Runs(layer)(XS, (np.zeros((B, F)), np.ones((B, F))))
    ahead, back = XS.cumsum(0), 1 + XS[::-1].cumsum(0)[::-1]
    exact(ys, MERGES[merge](ahead, back))
    assert_equal(ends, (ahead[-1], back[0]))


@pytest.mark.parametrize("brief", [False, True])
def test_outputs_of_any_structure_are_merged(brief: bool) -> None:
    layer = nn.Bidirectional(total_and_count, total_and_count, return_sequences=not brief)
    start = {"s": np.zeros((B, F)), "n": np.zeros((B, 1))}
    (s, rest), ends = Runs(layer)(XS, (start, start))
    sums = [XS.cumsum(0), XS[::-1].cumsum(0)[::-1]]
    steps = np.arange(1, T + 1).reshape(T, 1, 1)
    means = [sums[0] / steps, sums[1] / steps[::-1]]
    if brief:
        sums, means = ([both[0][-1], both[1][0]] for both in (sums, means))
    exact(s, np.concatenate(sums, -1))
    exact(rest["mean"], np.concatenate(means, -1))
    assert (ends[0]["n"] == T).all()


def test_directions_are_two_layers() -> None:
    cells = [make("lstm").layers[0].cell, make("gru").layers[0].cell]
    state = tuple(start_of(cell) for cell in cells)
    ys, ends = Runs(nn.Bidirectional(*cells))(XS, state)
    ahead = Runs(nn.Recurrent(cells[0]))(XS, state[0])
    back = Runs(nn.Recurrent(cells[1], reverse=True))(XS, state[1])
    assert_equal((ys, ends), (np.concatenate([ahead[0], back[0]], -1), (ahead[1], back[1])))


def test_settings_reach_both_loops() -> None:
    cells = [nn.RNNCell(F, H, rng=0), nn.RNNCell(F, H, rng=1)]
    layer = nn.Bidirectional(*cells, unroll=2, return_sequences=False, checkpoint=None)
    for loop, reverse in ((layer.forward, False), (layer.backward, True)):
        assert (loop.unroll, loop.return_sequences, loop.reverse) == (2, False, reverse)


def test_stacked_functions_and_cells() -> None:
    """A function below a cell: its state has no zeros of its own."""
    cell = make("rnn").layers[0].cell
    layer = nn.Recurrent(nn.StackedCells([total, cell]))
    ys, (s, h) = Runs(layer)(XS, (np.zeros((B, F)), np.zeros((B, H))))
    assert_equal((ys, h), Runs(nn.Recurrent(cell))(XS.cumsum(0)))
    exact(s, XS.sum(0))
    with pytest.raises(ArgumentError, match=r"<function total at .* has no zero_state\(batch\)"):
        layer(XS)


def test_sizes_that_cannot_be_added() -> None:
    cells = [nn.RNNCell(F, H), nn.RNNCell(F, H + 1)]
    assert nn.Bidirectional(*cells)(mg.input("xs", ("T", "B", F)))[0].shape[-1] == 2 * H + 1
    with pytest.raises(ShapeError, match=rf"\(T, B, {H}\) with \(T, B, {H + 1}\)"):
        nn.Bidirectional(*cells, "sum")(mg.input("xs", ("T", "B", F)))


# ---------------------------------------------------------------- one sequence in pieces


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_that_hand_on_their_state_are_one_sequence(kind: str) -> None:
    run = Runs(make(kind, num_layers=2))
    state = start_of(run.layer)
    whole = run(XS, state)
    pieces = []
    for piece in (XS[:1], XS[1:4], XS[4:]):
        ys, state = run(piece, state)
        pieces.append(ys)
    assert_equal((np.concatenate(pieces), state), whole)


def test_a_state_that_a_function_keeps_is_handed_on() -> None:
    """A parameter for the state, moved on by each call and by hand put back."""
    layer = make("gru")
    kept = mg.parameter(np.zeros((B, H)), "h")
    xs = mg.input("xs", ("T", B, F), "float64")
    ys, (h,) = layer(xs, (kept,))
    run = mg.function([xs], ys, [(kept, h)])
    whole, _ = Runs(layer)(XS)
    exact(np.concatenate([run(XS[:2]), run(XS[2:])]), whole)
    kept.set_value(np.zeros((B, H)))
    exact(run(XS), whole)
