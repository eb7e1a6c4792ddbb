"""Cells against their equations in NumPy, step by step in float64, and against differences."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from minigrad.graph import applies
from minigrad.interpret import evaluate
from minigrad.tree import flatten
from tests.helpers import assert_same, check_gradient

B, F, H = 2, 3, 4
exact = partial(assert_same, rtol=1e-12, atol=1e-13)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, F))
H0, C0 = RNG.normal(size=(2, B, H))

Array = np.ndarray
State = Any


def sigma(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


# One step of each cell for one row, a gate's matrices at a time.


def gates(cell: nn.Cell, name: str) -> list[Array]:
    return np.split(getattr(cell, name).get_value(), cell.gates, axis=-1)


def rnn_step(f: Callable[[Array], Array]) -> Callable[..., State]:
    def step(cell: nn.Cell, x: Array, h: Array) -> State:
        return f(x @ cell.weight_ih._value + h @ cell.weight_hh._value + cell.bias._value)

    return step


def lstm_step(cell: nn.Cell, x: Array, state: State) -> State:
    h, c = state
    W, U, b = (gates(cell, name) for name in ("weight_ih", "weight_hh", "bias"))
    i = sigma(x @ W[0] + h @ U[0] + b[0])
    f = sigma(x @ W[1] + h @ U[1] + b[1])
    g = np.tanh(x @ W[2] + h @ U[2] + b[2])
    o = sigma(x @ W[3] + h @ U[3] + b[3])
    c = f * c + i * g
    return o * np.tanh(c), c


def peephole_step(cell: nn.LSTMCell, x: Array, state: State) -> State:
    h, c = state
    W, U, b = (gates(cell, name) for name in ("weight_ih", "weight_hh", "bias"))
    p_i, p_f, p_o = np.split(cell.peephole.get_value(), 3)
    i = sigma(x @ W[0] + h @ U[0] + p_i * c + b[0])
    f = sigma(x @ W[1] + h @ U[1] + p_f * c + b[1])
    c = f * c + i * np.tanh(x @ W[2] + h @ U[2] + b[2])
    o = sigma(x @ W[3] + h @ U[3] + p_o * c + b[3])
    return o * np.tanh(c), c


def gru_step(cell: nn.GRUCell, x: Array, h: Array) -> State:
    W, U, b = (gates(cell, name) for name in ("weight_ih", "weight_hh", "bias"))
    r = sigma(x @ W[0] + b[0] + h @ U[0])
    z = sigma(x @ W[1] + b[1] + h @ U[1])
    n = np.tanh(x @ W[2] + b[2] + r * (h @ U[2] + cell.bias_hn.get_value()))
    return (1 - z) * n + z * h


def reset_before_step(cell: nn.GRUCell, x: Array, h: Array) -> State:
    W, U, b = (gates(cell, name) for name in ("weight_ih", "weight_hh", "bias"))
    r = sigma(x @ W[0] + h @ U[0] + b[0])
    z = sigma(x @ W[1] + h @ U[1] + b[1])
    return (1 - z) * np.tanh(x @ W[2] + (r * h) @ U[2] + b[2]) + z * h


def min_gru_step(cell: nn.MinGRUCell, x: Array, h: Array) -> State:
    z, new = np.split(x @ cell.weight.get_value() + cell.bias.get_value(), 2, -1)
    return (1 - sigma(z)) * h + sigma(z) * new


def min_lstm_step(cell: nn.MinLSTMCell, x: Array, h: Array) -> State:
    f, i, new = np.split(x @ cell.weight.get_value() + cell.bias.get_value(), 3, -1)
    total = sigma(f) + sigma(i)
    return sigma(f) / total * h + sigma(i) / total * new


# name: (how to make the cell, its step in NumPy, a state)
CELLS: dict[str, tuple[Callable[..., nn.Cell], Callable[..., State], State]] = {
    "tanh": (nn.RNNCell, rnn_step(np.tanh), H0),
    "relu": (
        lambda *sizes, **settings: nn.RNNCell(*sizes, activation="relu", **settings),
        rnn_step(lambda a: np.maximum(a, 0)),
        H0,
    ),
    "lstm": (nn.LSTMCell, lstm_step, (H0, C0)),
    "gru": (nn.GRUCell, gru_step, H0),
    "lstm, peepholes": (partial(nn.LSTMCell, peepholes=True), peephole_step, (H0, C0)),
    "gru, reset before": (partial(nn.GRUCell, reset_after=False), reset_before_step, H0),
    "minGRU": (nn.MinGRUCell, min_gru_step, H0),
    "minLSTM": (nn.MinLSTMCell, min_lstm_step, H0),
}


def randomised(cell: nn.Module) -> Any:
    """The cell with all of its parameters drawn anew, the biases too."""
    rng = np.random.default_rng(1)
    for p in cell.parameters().values():
        p.set_value(rng.normal(size=p.shape).astype(p.dtype))
    return cell


@pytest.mark.parametrize("name", CELLS)
def test_one_step_is_the_equations(name: str) -> None:
    make, step, state = CELLS[name]
    cell = randomised(make(F, H, dtype="float64"))
    out, new = cell(X, state)
    expected = step(cell, X, state)
    for found, value in zip(flatten(new)[0], flatten(expected)[0], strict=True):
        exact(found.eval(), value)
    assert out is flatten(new)[0][0]


@pytest.mark.parametrize("name", CELLS)
def test_one_row_without_a_batch(name: str) -> None:
    make, step, state = CELLS[name]
    cell = randomised(make(F, H, dtype="float64"))
    row = tuple(part[0] for part in state) if isinstance(state, tuple) else state[0]
    out, _ = cell(X[0], row)
    exact(out.eval(), flatten(step(cell, X[0], row))[0][0])


@pytest.mark.parametrize("name", CELLS)
def test_gradients(name: str) -> None:
    make, _, state = CELLS[name]
    cell = randomised(make(F, H, dtype="float64"))
    x = mg.input("x", (B, F), "float64")
    parts = [mg.input("state", (B, H), "float64") for _ in flatten(state)[0]]
    _, new = cell(x, parts[0] if len(parts) == 1 else tuple(parts))
    cost = sum((mg.square(part - 0.3).sum() for part in flatten(new)[0]), mg.constant(0.0))
    at = {x: X, **dict(zip(parts, flatten(state)[0], strict=True))}
    at |= {p: p.get_value() for p in cell.parameters().values()}
    check_gradient(cost, at, list(at))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_names(name: str, dtype: str) -> None:
    cell = CELLS[name][0](F, H, dtype=dtype)
    out, state = cell(mg.input("x", ("B", F), dtype), cell.zero_state("B"))
    assert {v.dtype for v in flatten(state)[0]} == {np.dtype(dtype)}
    assert {p.dtype for p in cell.parameters().values()} == {np.dtype(dtype)}
    assert out.shape == ("B", H)
    named = [v.name for apply in applies([out]) for v in apply.outputs if v.name]
    kind = name.split(",")[0]
    names = {"lstm": "h c i f g o c h", "gru": "h r z n h", "minGRU": "h z h", "minLSTM": "h f h"}
    expected = names.get(kind, "h h")
    assert sorted(named) == sorted(expected.split())


def test_zero_state() -> None:
    h, c = nn.LSTMCell(F, H, dtype="float64").zero_state(B)
    for part, name in ((h, "h"), (c, "c")):
        assert part.name == name
        assert_same(part.eval(), np.zeros((B, H)))
    assert nn.GRUCell(F, H, dtype="float64").zero_state("B").dtype == np.float64


# ---------------------------------------------------------------- the start of the weights


def test_each_gate_starts_by_itself() -> None:
    """The limits of an initialiser are those of one gate, and each matrix is drawn alone."""
    start = {"input_init": nn.init.glorot_uniform, "recurrent_init": nn.init.orthogonal}
    cell = nn.LSTMCell(30, 40, rng=0, dtype="float64", **start)
    limit = np.sqrt(6 / 70)
    for W, U in zip(gates(cell, "weight_ih"), gates(cell, "weight_hh"), strict=True):
        assert 0.9 * limit < np.abs(W).max() <= limit
        np.testing.assert_allclose(U.T @ U, np.eye(40), atol=1e-12)


def test_weights_start_evenly_within_one_over_the_root_of_h() -> None:
    cell = nn.GRUCell(30, 40, rng=0)
    for matrix in (cell.weight_ih, cell.weight_hh):
        assert 0.9 / np.sqrt(40) < np.abs(matrix.get_value()).max() <= 1 / np.sqrt(40)


def test_biases_start_as_zeros_but_for_a_forget_gate_that_is_to_remember() -> None:
    assert not nn.LSTMCell(F, H).bias.get_value().any()
    i, f, g, o = gates(nn.LSTMCell(F, H, forget_bias=1.0), "bias")
    np.testing.assert_array_equal(f, np.ones(H))
    np.testing.assert_array_equal([i, g, o], np.zeros((3, H)))
    gru = nn.GRUCell(F, H)
    assert not gru.bias.get_value().any()
    assert not gru.bias_hn.get_value().any()


def test_identity_start_with_relu_remembers() -> None:
    cell = nn.RNNCell(F, H, activation="relu", recurrent_init=nn.init.identity, dtype="float64")
    assert_same(cell(np.zeros((B, F)), abs(H0))[0].eval(), abs(H0))


def test_seed_gives_the_weights() -> None:
    a, b, c = (nn.GRUCell(F, H, rng=seed).weight_hh.get_value() for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


# ---------------------------------------------------------------- stacked


def test_stacked_cells_are_one_after_the_other() -> None:
    low = randomised(nn.LSTMCell(F, H, dtype="float64"))
    high = randomised(nn.GRUCell(H, 5, dtype="float64"))
    h1 = RNG.normal(size=(B, 5))
    out, (low_state, high_state) = nn.StackedCells([low, high])(X, ((H0, C0), h1))
    h, c = lstm_step(low, X, (H0, C0))
    expected = gru_step(high, h, h1)
    for found, value in zip([*low_state, high_state, out], [h, c, expected, expected], strict=True):
        exact(found.eval(), value)


def test_stacked_dropout_is_between_the_cells_only() -> None:
    def first(x: Any, state: Any) -> tuple[Any, Any]:
        return x, state

    cell = nn.StackedCells([first, first, first], dropout=0.5, rng=0)
    x = np.ones((B, 1000), "float32")
    values = np.unique(cell(x, (0, 0, 0))[0].eval())
    np.testing.assert_array_equal(values, [0, 4])  # dropped twice: 1 / 0.5² or nothing
    exact(cell.eval()(mg.constant(x), (0, 0, 0))[0].eval(), x)
    assert list(cell.state()) == ["dropout.rng.state"]
    assert nn.StackedCells([first, first]).state() == {}


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("name", CELLS)
def test_wrong_sizes_are_named(name: str) -> None:
    cell = CELLS[name][0](F, H)
    kind = type(cell).__name__
    state = cell.zero_state("B")
    with pytest.raises(ShapeError, match=rf"{kind} needs x \(…, 3\), and had \(B, 5\)"):
        cell(mg.input("x", ("B", 5)), state)
    with pytest.raises(DTypeError, match=rf"{kind} needs x of floats.*one_hot"):
        cell(mg.input("x", ("B", F), "int64"), state)
    x = mg.input("x", ("B", F))
    with pytest.raises(ShapeError, match=r"needs a row of h for each row of x, and had .*\(C, 4\)"):
        cell(x, cell.zero_state("C"))
    wide = CELLS[name][0](F, 5).zero_state("B")
    with pytest.raises(ShapeError, match=rf"{kind} needs h \(…, 4\), and had \(B, 5\)"):
        cell(x, wide)


def test_a_state_of_another_form() -> None:
    x = mg.input("x", (2, F))
    h = mg.input("h", (2, H))  # two rows, which must not be taken for h and c
    with pytest.raises(ArgumentError, match=r"the state of LSTMCell is \(h, c\)"):
        nn.LSTMCell(F, H)(x, h)
    with pytest.raises(ArgumentError, match="the state of GRUCell is h"):
        nn.GRUCell(F, H)(x, (h,))
    cell = nn.StackedCells([nn.RNNCell(F, H), nn.RNNCell(H, H)])
    for state in ((h,), h):
        with pytest.raises(
            ArgumentError, match="the state is a tuple of 2, one for each of the stacked cells"
        ):
            cell(x, state)


@pytest.mark.parametrize("name", CELLS)
def test_float64_rows_for_float32_weights(name: str) -> None:
    cell = CELLS[name][0](F, H)
    with pytest.raises(DTypeError, match=r"float32 weights, and x is float64: use .astype.*dtype="):
        cell(np.ones((B, F)), cell.zero_state(B))


def test_settings_that_are_none() -> None:
    with pytest.raises(ArgumentError, match='"tanh" or "relu", and not \'sin\''):
        nn.RNNCell(F, H, activation="sin")
    with pytest.raises(ArgumentError, match="at least one cell"):
        nn.StackedCells([])
    with pytest.raises(ArgumentError, match="there is one: put an"):
        nn.StackedCells([nn.RNNCell(F, H)], dropout=0.5)


def test_a_step_of_zero_rows_runs() -> None:
    cell = nn.LSTMCell(F, H)
    x = mg.input("x", ("B", F))
    out, _ = cell(x, cell.zero_state("B"))
    assert evaluate([out], {x: np.zeros((0, F), "float32")})[0].shape == (0, H)
