"""Recurrent dropout, zoneout and learned states: which units, at which steps, in which calls.

The cells are relu with unit matrices, h' = relu(x + h) of ones: a unit counts its steps, so that
its path shows at which of them it was dropped or held.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.interpret import evaluate
from minigrad.random import Generator
from minigrad.tree import flatten, unflatten
from tests.nn.compiled import F, H, assert_equal, make

T, B, N = 6, 5, 200
ONES = np.ones((T, B, N), "float32")


def counting(**settings: Any) -> nn.RNNCell:
    one = nn.init.identity
    return nn.RNNCell(N, N, "relu", input_init=one, recurrent_init=one, rng=0, **settings)


def path(cell: Any, **settings: Any) -> mg.Variable:
    return nn.Recurrent(cell, **settings)(ONES)[0]


# ---------------------------------------------------------------- recurrent dropout


def test_the_same_units_are_dropped_at_all_steps() -> None:
    ys = mg.function([], path(counting(recurrent_dropout=0.5)))()
    kept = ys[1] > 1
    assert 0.4 < kept.mean() < 0.6
    assert (kept != kept[:1]).any()  # each row has its own
    for t, y in enumerate(ys):  # 1, 1 + 2 · 1, 1 + 2 · 3 …, or 1 again and again
        np.testing.assert_array_equal(y, np.where(kept, 2.0 ** (t + 1) - 1, 1))


def test_other_units_in_the_next_call_and_none_in_use() -> None:
    cell = counting(recurrent_dropout=0.5)
    f = mg.function([], path(cell))
    assert (f() != f()).any()
    counted = np.broadcast_to(np.arange(1, T + 1)[:, None, None], ONES.shape)
    np.testing.assert_array_equal(mg.function([], path(cell.eval()))(), counted)


@pytest.mark.parametrize("regularised", [{"recurrent_dropout": 0.5}, {"zoneout": 0.3}])
@pytest.mark.parametrize("how", [{"unroll": True}, {"unroll": 4}, {"checkpoint": "sqrt"}])
def test_a_loop_draws_what_its_steps_written_out_draw(
    how: dict[str, Any], regularised: dict[str, Any]
) -> None:
    """Forward and on the way back, where a checkpointed loop runs again."""
    found = []
    for settings in ({}, how):
        cell = counting(**regularised)
        ys = path(cell, **settings)
        gradients = mg.grad(mg.square(ys).mean(), list(cell.parameters().values()))
        found.append(mg.function([], [ys, *gradients])())
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5)


def test_draws_for_all_steps_of_a_loop() -> None:
    """Two of them, and one for each step, do not hang together; another loop has others."""
    rng = Generator(1)

    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        draws = [rng.bernoulli(0.5, (4000,), each_step) for each_step in (False, True, False)]
        return carry, draws

    loops = [mg.scan(step, None, length=3)[1] for _ in range(2)]
    found = evaluate(flatten(loops)[0])
    for same in (found[i] for i in (0, 2, 3, 5)):
        assert (same == same[0]).all()
    rows = [v[0] for v in found] + [v[1] for v in (found[1], found[4])]
    apart = np.corrcoef(np.array(rows, float)) - np.eye(len(rows))
    assert np.abs(apart).max() < 4 / 4000**0.5


@pytest.mark.parametrize("how", [{}, {"unroll": True}, {"checkpoint": 2}])
def test_draws_for_all_steps_of_a_loop_in_a_loop(how: dict[str, Any]) -> None:
    """All steps of the inner loop have one draw, each step of the outer loop another."""
    rng = Generator(1)

    def inner(carry: Any, held: Any) -> tuple[Any, Any]:
        return carry, (held, rng.uniform((), 0.0, 1.0), rng.bernoulli(0.5, (64,), each_step=False))

    def outer(carry: Any, _: Any) -> tuple[Any, Any]:
        held = rng.bernoulli(0.5, (64,), each_step=False)
        return carry, mg.scan(inner, None, mg.broadcast_to(held, (3, 64)), **how)[1]

    held, each, own = mg.function([], mg.scan(outer, None, length=4)[1])()
    assert (held == held[0, 0]).all()
    assert len(np.unique(each)) == 12
    assert (own == own[:, :1]).all()
    assert len(np.unique(own[:, 0], axis=0)) == 4
    assert (own[0, 0] != held[0, 0]).any()


# ---------------------------------------------------------------- zoneout


def held(ys: Any) -> Any:
    """Which units kept their value in each step: they count up by one otherwise."""
    steps = np.diff(np.concatenate([np.zeros_like(ys[:1]), ys]), axis=0)
    assert set(np.unique(steps)) == {0, 1}
    return steps == 0


def test_zoneout_holds_a_share_of_units_other_ones_at_each_step() -> None:
    f = mg.function([], path(counting(zoneout=0.3)))
    first, second = held(f()), held(f())
    assert first.mean() == pytest.approx(0.3, abs=0.03)  # of 6000: 5 deviations
    assert len(np.unique(first.reshape(T * B, N), axis=0)) == T * B
    assert (first != second).any()


def test_zoneout_in_use_is_the_mean_of_what_it_does_in_training() -> None:
    """Of this cell: each step adds 1 - p."""
    trained, used = (
        mg.function([], path(c))() for c in (counting(zoneout=0.3), counting(zoneout=0.3).eval())
    )
    expected = 0.7 * np.arange(1, T + 1)
    np.testing.assert_allclose(used[:, 0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(trained.mean((1, 2)), expected, rtol=0.05)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("part", [0, 1])
def test_a_part_of_the_state_with_share_0_is_untouched(part: int, training: bool) -> None:
    """One step of an LSTM: the other part is as without zoneout, this one is not."""
    shares = tuple(0.5 if i == part else 0.0 for i in range(2))
    plain, cell = (nn.LSTMCell(F, 50, rng=0, zoneout=p) for p in (0.0, shares))
    cell.train() if training else cell.eval()
    x, state = np.ones((3, F), "float32"), (np.ones((3, 50), "float32"),) * 2
    expected, found = (evaluate(flatten(c(x, state)[1])[0]) for c in (plain, cell))
    np.testing.assert_array_equal(found[1 - part], expected[1 - part])
    changed = found[part] != expected[part]
    assert 0.3 < changed.mean() < 0.7 if training else changed.all()
    assert (found[part][changed] == 1).all() == training


def test_without_zoneout_nothing_is_drawn() -> None:
    assert list(nn.LSTMCell(F, H, zoneout=(0.0, 0.0)).state()) == ["weight_ih", "weight_hh", "bias"]
    cell = nn.LSTMCell(F, H, zoneout=0.1, recurrent_dropout=0.1)
    drawn = ["recurrent_dropout.rng.state", "zoneout_rng.state"]
    assert list(cell.state())[3:] == drawn
    assert list(cell.parameters()) == ["weight_ih", "weight_hh", "bias"]


def test_one_seed_gives_all_draws() -> None:
    def f() -> Any:
        return mg.function([], path(counting(recurrent_dropout=0.5, zoneout=0.3)))()

    np.testing.assert_array_equal(f(), f())


# ---------------------------------------------------------------- learned states

LAYERS: dict[str, Callable[[], Any]] = {
    "lstm": lambda: make("lstm", learned_state=True),
    "projected": lambda: make("lstm", learned_state=True, proj_size=2),
    "both ways": lambda: make("gru", learned_state=True, bidirectional=True, num_layers=2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_learned_state_is_where_a_sequence_starts_and_learns(name: str) -> None:
    layer = LAYERS[name]()
    xs = np.ones((2, 3, F))
    learned = {key: p for key, p in layer.parameters().items() if "initial" in key}
    rows = [np.broadcast_to(p.get_value(), (3, *p.shape)) for p in learned.values()]
    state = unflatten(flatten(layer.zero_state(3))[2], rows)
    ys, _ = layer(xs)
    same, _ = layer(xs, state)
    gradients = mg.grad(mg.square(ys).sum(), list(learned.values()))
    found, expected, *gradients = evaluate([ys, same, *gradients])
    assert_equal(found, expected)
    assert all(g.all() for g in gradients)
    zeros, _ = layer(xs, layer.zero_state(3))
    assert (zeros.eval() != found).any()


def test_stacked_cells_start_where_their_cells_do() -> None:
    cells = [nn.GRUCell(F, H, learned_state=True), nn.LSTMCell(H, H)]
    cells[0].initial[0].set_value(np.arange(H, dtype="float32"))
    h, (h1, c1) = nn.StackedCells(cells).initial_state("B")
    assert h.shape == h1.shape == c1.shape == ("B", H)
    found = mg.function([], nn.StackedCells(cells).initial_state(2))()
    np.testing.assert_array_equal(found[0], [[0, 1, 2]] * 2)
    assert not np.any(found[1])
