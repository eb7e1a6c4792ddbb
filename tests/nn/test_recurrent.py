"""Recurrent layers against their cells, step by step and row by row."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, DTypeError, ScanError, ShapeError
from minigrad.interpret import evaluate
from minigrad.tree import flatten, tree_map
from tests.helpers import assert_same, check_gradient

T, B, F, H = 5, 3, 2, 4
exact = partial(assert_same, rtol=1e-12, atol=1e-13)

RNG = np.random.default_rng(0)
XS = RNG.normal(size=(T, B, F))
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]


def make(kind: Any, seed: int = 0) -> Any:
    """A float64 cell with all of its parameters random."""
    cell = kind(F, H, dtype="float64")
    rng = np.random.default_rng(seed)
    for p in cell.parameters().values():
        p.set_value(rng.normal(size=p.shape))
    return cell


def values(tree: Any) -> Any:
    """The structure with arrays for variables."""
    return tree_map(lambda v: v.eval(), tree)


def by_hand(cell: Any, xs: Any, state: Any = None, reverse: bool = False) -> tuple[Any, Any]:
    """The loop in Python, each step evaluated by itself."""
    state = values(cell.zero_state(xs.shape[1])) if state is None else state
    ys = []
    for x in xs[::-1] if reverse else xs:
        y, state = values(cell(x, state))
        ys.append(y)
    return np.stack(ys[::-1] if reverse else ys), state


def assert_equal(found: Any, expected: Any) -> None:
    for a, b in zip(flatten(values(found))[0], flatten(expected)[0], strict=True):
        exact(a, b)


@pytest.mark.parametrize("unroll", [False, True, 2])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_layer_is_the_loop_over_its_cell(kind: Any, reverse: bool, unroll: bool | int) -> None:
    cell = make(kind)
    layer = nn.Recurrent(cell, reverse, unroll)
    assert_equal(layer(XS), by_hand(cell, XS, reverse=reverse))
    state = tree_map(lambda v: RNG.normal(size=(B, H)), cell.zero_state(B))
    assert_equal(layer(XS, state), by_hand(cell, XS, state, reverse))


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_of_loop_and_unrolled_agree_and_are_right(kind: Any) -> None:
    cell = make(kind)
    xs = mg.input("xs", (T, B, F), "float64")
    lengths = mg.constant([5, 0, 3])

    def cost(unroll: bool) -> mg.Variable:
        ys, state = nn.Recurrent(cell, unroll=unroll)(xs, lengths=lengths)
        last = [mg.square(v).sum() for v in flatten(state)[0]]
        return sum(last, mg.square(ys - 0.1).sum())

    wrt = [xs, *cell.parameters().values()]
    at = {xs: XS, **{p: p.get_value() for p in wrt[1:]}}
    looped, unrolled = cost(False), cost(True)
    check_gradient(looped, at, wrt)
    a, b = (evaluate(mg.grad(c, wrt), {xs: XS}) for c in (looped, unrolled))
    for x, y in zip(a, b, strict=True):
        exact(x, y, rtol=1e-11)


def test_state_goes_on_where_the_last_call_ended() -> None:
    layer = nn.Recurrent(make(nn.LSTMCell))
    ys, state = layer(XS)
    first, between = layer(XS[:2])
    second, last = layer(XS[2:], between)
    assert_equal((mg.concat([first, second]), last), values((ys, state)))


def test_named_sizes() -> None:
    layer = nn.GRU(F, H, num_layers=2, rng=0)
    xs = mg.input("xs", ("T", "B", F))
    ys, (_, h) = layer(xs, lengths=mg.input("lengths", ("B",), "int64"))
    assert (ys.shape, h.shape) == (("T", "B", H), ("B", H))
    empty, start = evaluate([ys, h], {xs: np.zeros((0, B, F), "float32"), "lengths": [0] * B})
    assert empty.shape == (0, B, H)
    assert not start.any()


# ---------------------------------------------------------------- lengths


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_lengths_are_each_row_by_itself(kind: Any, reverse: bool, unroll: bool) -> None:
    """Rows of length 3, 0 and 5 against three runs of one row each, without padding."""
    cell = make(kind)
    start = tree_map(lambda v: RNG.normal(size=(B, H)), cell.zero_state(B))
    lengths = np.array([3, 0, 5])
    ys, state = values(nn.Recurrent(cell, reverse, unroll)(XS, start, lengths))
    for b, n in enumerate(lengths):
        one = tree_map(lambda part, b=b: part[b : b + 1], start)
        alone = by_hand(cell, XS[:n, b : b + 1], one, reverse) if n else (None, one)
        assert_equal(tree_map(lambda part, b=b: mg.constant(part[b : b + 1]), state), alone[1])
        if n:
            exact(ys[:n, b : b + 1], alone[0])
        assert (ys[n:, b] == 0).all()


def test_padding_changes_nothing() -> None:
    layer = nn.Recurrent(make(nn.GRUCell), reverse=True)
    padded = XS.copy()
    padded[3:, 0] = 99.0
    lengths = np.array([3, 5, 5])
    assert_equal(layer(padded, lengths=lengths), values(layer(XS, lengths=lengths)))


def test_lengths_beyond_the_end_are_the_end() -> None:
    layer = nn.Recurrent(make(nn.RNNCell))
    assert_equal(layer(XS, lengths=[9, 9, 9]), values(layer(XS)))


# ---------------------------------------------------------------- RNN, LSTM, GRU


@pytest.mark.parametrize(("kind", "cell"), [*zip([nn.RNN, nn.LSTM, nn.GRU], CELLS, strict=True)])
def test_layers_are_stacked_cells(kind: Any, cell: Any) -> None:
    layer = kind(F, H, num_layers=2, rng=0, dtype="float64")
    rng = np.random.default_rng(0)
    cells = [cell(F, H, rng=rng, dtype="float64"), cell(H, H, rng=rng, dtype="float64")]
    assert list(layer.parameters())[:2] == ["layers.0.cell.weight_ih", "layers.0.cell.weight_hh"]
    assert_equal(layer(XS), by_hand(nn.StackedCells(cells), XS))


def test_settings_reach_the_cells() -> None:
    layer = nn.RNN(F, H, 2, activation="relu", recurrent_init=nn.init.identity)
    for cell in (one.cell for one in layer.layers):
        assert cell.activation == "relu"
        np.testing.assert_array_equal(cell.weight_hh.get_value(), np.eye(H))


def test_dropout_between_layers_is_new_at_each_step_and_off_in_use() -> None:
    def held(x: Any, state: Any) -> tuple[Any, Any]:
        return x, state

    layer = nn.Recurrent(nn.StackedCells([held, held], dropout=0.5, rng=0))
    xs, nothing = np.ones((6, 1, 40)), (0.0, 0.0)
    assert len(np.unique(layer(xs, nothing)[0].eval(), axis=0)) == 6
    assert_same(layer.eval()(xs, nothing)[0].eval(), xs)


def test_a_function_is_a_cell() -> None:
    """A leaky sum: y = s = s/2 + x."""
    layer = nn.Recurrent(lambda x, s: (s / 2 + x, s / 2 + x))
    ys, last = layer(np.ones((3, 1, 1)), state=np.zeros((1, 1)))
    assert_same(ys.eval().ravel(), [1, 1.5, 1.75])
    assert_same(last.eval(), [[1.75]])
    with pytest.raises(ArgumentError, match="has no zero_state"):
        layer(np.ones((3, 1, 1)))


def test_compiled_is_interpreted() -> None:
    """Masks, dropout between layers and gradients, in one compiled function."""
    layer = nn.LSTM(F, H, num_layers=2, dropout=0.3, rng=0, dtype="float64", reverse=True)
    xs = mg.input("xs", ("T", "B", F), "float64")
    lengths = mg.input("lengths", ("B",), "int64")
    ys, state = layer(xs, lengths=lengths)
    outputs = [ys, *flatten(state)[0], *mg.grad(ys.sum(), list(layer.parameters().values()))]
    at = [XS, np.array([3, 0, 5])]
    expected = evaluate(outputs, dict(zip([xs, lengths], at, strict=True)))
    for found, value in zip(mg.function([xs, lengths], outputs)(*at), expected, strict=True):
        exact(found, value)


# ---------------------------------------------------------------- errors


def test_wrong_arguments() -> None:
    layer = nn.LSTM(F, H)
    xs = mg.input("xs", ("T", "B", F))
    with pytest.raises(ShapeError, match=r"xs \(time, batch, …\), and had \(T,\)"):
        layer(mg.input("xs", ("T",)))
    with pytest.raises(ShapeError, match=r"LSTMCell needs x \(…, 2\).*\(B, 7\)"):
        layer(mg.input("xs", ("T", "B", 7)))
    with pytest.raises(DTypeError, match="lengths are integers"):
        layer(xs, lengths=mg.input("lengths", ("B",)))
    with pytest.raises(ShapeError, match=r"one for each row, \(B,\), and these are \(T,\)"):
        layer(xs, lengths=mg.input("lengths", ("T",), "int64"))
    with pytest.raises(ArgumentError, match="num_layers is a number from 1 up"):
        nn.GRU(F, H, num_layers=0)
    with pytest.raises(ScanError, match="unroll=True needs a number of steps known now"):
        nn.LSTM(F, H, unroll=True)(xs)
    with pytest.raises(ArgumentError, match="leave reverse away"):
        nn.LSTM(F, H, bidirectional=True, reverse=True)
    with pytest.raises(ArgumentError, match="dropout is applied between layers"):
        nn.LSTM(F, H, dropout=0.5)


@pytest.mark.parametrize("make", [nn.Recurrent, lambda layer: nn.Bidirectional(layer, layer)])
def test_a_layer_is_no_cell(make: Any) -> None:
    with pytest.raises(ArgumentError, match="loops a cell, and was given a layer: Recurrent"):
        make(nn.Recurrent(nn.GRUCell(F, H)))


def test_a_step_that_returns_no_tuple() -> None:
    class Bare(nn.Cell):
        def step(self, x: mg.Variable, *state: mg.Variable) -> Any:
            return state[0] + x

    cell = Bare(F, F)
    with pytest.raises(ArgumentError, match=r"step of Bare must return a tuple \(h,\)"):
        cell(mg.input("x", ("B", F)), cell.zero_state("B"))
