"""The char-RNN against plain NumPy, and read in parts."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError
from minigrad.interpret import evaluate
from minigrad.nn import state_inputs
from minigrad.text import CharRNN
from minigrad.text.model import CELLS
from minigrad.tree import flatten, tree_map, unflatten
from tests.helpers import Array, assert_same

IDS = np.random.default_rng(0).integers(0, 5, (6, 3))  # (T, B)


def read(net: CharRNN, ids: Array, state: Any = None) -> tuple[Array, Any]:
    """Logits and the last state, as arrays."""
    state = net.zero_state(ids.shape[1]) if state is None else tree_map(mg.constant, state)
    logits, last = net(mg.constant(ids), state)
    parts, _, structure = flatten(last)
    values = evaluate([logits, *parts], {})
    return values[0], unflatten(structure, values[1:])


def test_logits_of_a_plain_network_are_those_of_the_equations() -> None:
    net = CharRNN(5, "rnn", hidden=4, layers=2, seed=1)
    w = {name: p.get_value() for name, p in net.parameters().items()}
    first, second = (
        [w[f"recurrent.layers.{i}.cell.{n}"] for n in ("weight_ih", "weight_hh", "bias")]
        for i in (0, 1)
    )
    h = k = np.zeros((3, 4), np.float32)
    expected = []
    for row in IDS:
        h = np.tanh(np.eye(5, dtype=np.float32)[row] @ first[0] + h @ first[1] + first[2])
        k = np.tanh(h @ second[0] + k @ second[1] + second[2])
        expected.append(k @ w["readout.weight"] + w["readout.bias"])
    logits, (last_h, last_k) = read(net, IDS)
    assert_same(logits, np.stack(expected), 1e-5)
    assert_same(last_h, h, 1e-5)
    assert_same(last_k, k, 1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_a_text_read_in_two_parts_is_read_as_in_one(cell: str, layers: int) -> None:
    net = CharRNN(5, cell, hidden=4, layers=layers)
    logits, last = read(net, IDS)
    before, state = read(net, IDS[:2])
    after, end = read(net, IDS[2:], state)
    assert_same(np.concatenate([before, after]), logits, 1e-5)
    for found, expected in zip(flatten(end)[0], flatten(last)[0], strict=True):
        assert_same(found, expected, 1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_may_be_of_arrays(cell: str) -> None:
    net = CharRNN(5, cell, hidden=4, layers=1)
    _, state = read(net, IDS[:2])
    expected, _ = read(net, IDS[2:], state)
    logits, _ = net(mg.constant(IDS[2:]), state)
    assert_same(logits.eval(), expected)


def test_rows_of_a_batch_do_not_see_each_other() -> None:
    net = CharRNN(5, hidden=4)
    logits, _ = read(net, IDS)
    for b in range(3):
        assert_same(read(net, IDS[:, b : b + 1])[0], logits[:, b : b + 1], 1e-5)


def test_the_seed_decides_the_weights() -> None:
    one, same, other = (CharRNN(5, hidden=4, seed=seed).parameters() for seed in (1, 1, 2))
    assert one.keys() == same.keys() == other.keys()
    for name, p in one.items():
        np.testing.assert_array_equal(p.get_value(), same[name].get_value())
        if "weight" in name:
            assert (p.get_value() != other[name].get_value()).all()


def test_dropout_is_between_layers_and_in_training_only() -> None:
    net, plain = CharRNN(5, hidden=4, dropout=0.5), CharRNN(5, hidden=4)
    for name, p in plain.parameters().items():
        p.set_value(net.state()[name].get_value())
    expected, _ = read(plain, IDS)
    assert (read(net, IDS)[0] != expected).any()
    net.eval()
    assert_same(read(net, IDS)[0], expected)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(
    "setting", [{"recurrent_dropout": 0.5}, {"zoneout": 0.5}, {"layer_norm": True}]
)
def test_settings_of_the_cell_count(cell: str, setting: dict[str, Any]) -> None:
    """Those that are random do so in training only."""
    net, plain = (CharRNN(5, cell, hidden=4, layers=1, **s) for s in (setting, {}))
    assert (read(net, IDS)[0] != read(plain, IDS)[0]).any()
    net.eval()
    for name, p in plain.parameters().items():
        p.set_value(net.state()[name].get_value())
    if "recurrent_dropout" in setting:
        assert_same(read(net, IDS)[0], read(plain, IDS)[0])
    else:  # zoneout then mixes old and new, and layers are normalised
        assert (read(net, IDS)[0] != read(plain, IDS)[0]).any()
    assert_same(read(net, IDS)[0], read(net, IDS)[0])


def test_state_inputs_are_those_of_the_state() -> None:
    net = CharRNN(5, "lstm", hidden=4, layers=2)
    found, expected = flatten(state_inputs(net))[0], flatten(net.zero_state("B"))[0]
    assert [(v.shape, v.dtype) for v in found] == [(v.shape, v.dtype) for v in expected]
    assert len({v.name for v in found}) == len(found) == 4


@pytest.mark.parametrize("name", ["bidirectional", "learned_state", "return_sequences"])
def test_what_would_not_carry_its_state_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"carries its state, has no {name}"):
        CharRNN(5, "gru", **{name: True})


def test_an_unknown_cell_is_named() -> None:
    with pytest.raises(ArgumentError, match="no cell 'elman': choose one of rnn, lstm, gru"):
        CharRNN(5, "elman")
