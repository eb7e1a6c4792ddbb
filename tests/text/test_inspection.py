"""What is seen inside a network is what plain NumPy, or the reference interpreter, finds there."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, DataError
from minigrad.nn.losses import softmax_cross_entropy
from minigrad.picture.instruments import GradientFlow
from minigrad.picture.instruments import gradient_flow as flow_of_trace
from minigrad.text import Bytes, CharRNN, Vocabulary, Words, inspection
from minigrad.text.inspection import (
    Activations,
    activations,
    best_units,
    features,
    gradient_flow,
    saturation,
)

LETTERS = Vocabulary("abc")
TEXT = "abcabbcacba"
NUMBERS = LETTERS.encode(TEXT)
H = 4


def network(cell: str, layers: int = 2, **settings: Any) -> CharRNN:
    """With weights large enough for its gates to be saturated now and then."""
    net = CharRNN(len(LETTERS), cell, H, layers, seed=3, **settings)
    for parameter in net.parameters().values():
        parameter.set_value(parameter.get_value() * np.float32(3))
    return net


def weights(net: CharRNN, layer: int = 0) -> dict[str, Any]:
    cell = net.recurrent.layers[layer].cell
    return {name: p.get_value().astype(np.float64) for name, p in cell.parameters().items()}


def norms(flows: list[GradientFlow]) -> list[Any]:
    return [flow.norms for flow in flows]


# ---------------------------------------------------------------- gradient flow


def test_gradients_are_those_of_the_chain_rule() -> None:
    net = network("rnn", 1)
    w, V, c = weights(net), *(p.get_value() for p in net.readout.parameters().values())
    hs = [np.zeros(H)]
    for n in NUMBERS[:-1]:
        hs.append(np.tanh(w["weight_ih"][n] + w["bias"] + hs[-1] @ w["weight_hh"]))
    logits = hs[-1] @ V + c
    p = np.exp(logits) / np.exp(logits).sum()
    back, expected = (p - np.eye(3)[NUMBERS[-1]]) @ V.T, []
    for h in hs[:0:-1]:
        expected.append(np.linalg.norm(back))
        back = (back * (1 - h * h)) @ w["weight_hh"].T
    (flow,) = gradient_flow(net, LETTERS, TEXT)
    np.testing.assert_allclose(flow.norms, expected[::-1], rtol=1e-4)
    assert flow.weight == pytest.approx(np.linalg.svd(w["weight_hh"])[1][0])
    assert flow.name == "layer 0 h"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_gradients_are_those_of_a_trace(cell: str) -> None:
    """Of all parts of all states, c of an LSTM included, which h of the same step reads."""
    net = network(cell)
    logits, _ = net(mg.constant(NUMBERS[:-1, None]), net.zero_state(1))
    loss = mg.sum(softmax_cross_entropy(logits[-1], mg.constant(NUMBERS[-1:]), reduce="none"))
    expected = flow_of_trace(mg.trace(loss, {}))
    found = gradient_flow(net, LETTERS, TEXT)
    assert len(found) == len(expected) == (4 if cell == "lstm" else 2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.norms, other.norms, rtol=1e-3, err_msg=one.name)
        assert one.weight == pytest.approx(other.weight)


def test_gradients_of_a_linear_recurrence() -> None:
    """h' = a ⊙ h + b: on the way back the gradient is multiplied by a alone."""
    net = network("mingru", 1)
    (flow,) = gradient_flow(net, LETTERS, TEXT)
    W, b = weights(net).values()  # (3, 2H), (2H,)
    z = W[NUMBERS[:-1], :H] + b[:H]
    a = 1 - 1 / (1 + np.exp(-z))
    last = net.eval()(mg.constant(NUMBERS[:-1, None]), net.zero_state(1))[0][-1, 0].eval()
    p = np.exp(last) / np.exp(last).sum()
    V = net.readout.weight.get_value()
    back, expected = (p - np.eye(3)[NUMBERS[-1]]) @ V.T, []
    for row in a[::-1]:
        expected.append(np.linalg.norm(back))
        back = back * row
    np.testing.assert_allclose(flow.norms, expected[::-1], rtol=1e-3)
    assert (flow.weight, flow.label) == (None, "layer 0 h")


# ---------------------------------------------------------------- gates and units


def lstm_by_hand(w: dict[str, Any], xs: Any) -> dict[str, Any]:
    """Values of all gates of an LSTM at all steps, each (T, H)."""
    h, c, rows = np.zeros(H), np.zeros(H), []
    for x in xs:
        a = x @ w["weight_ih"] + h @ w["weight_hh"] + w["bias"]
        i, f, o = (1 / (1 + np.exp(-a[k * H : (k + 1) * H])) for k in (0, 1, 3))
        g = np.tanh(a[2 * H : 3 * H])
        c = f * c + i * g
        h = o * np.tanh(c)
        rows.append([f, g, i, o, np.tanh(c), h])
    names = ("f", "g", "i", "o", "tanh(c)", "h")
    return dict(zip(names, np.swapaxes(rows, 0, 1), strict=True))


def test_saturated_gates_are_those_that_are_counted() -> None:
    net = network("lstm")
    expected = {}
    xs = np.eye(3)[NUMBERS]
    for layer in (0, 1):
        gates = lstm_by_hand(weights(net, layer), xs)
        xs = gates.pop("h")
        for name, values in gates.items():
            low = -0.9 if "tanh" in name or name == "g" else 0.1
            shares = (values < low).mean(), (values > 0.9).mean()
            expected[f"layer {layer} {name}"] = pytest.approx(shares)
    found = {row.name: (row.low, row.high) for row in saturation(net, LETTERS, TEXT)}
    assert found == expected
    assert any(low > 0 for low, _ in found.values())


@pytest.mark.parametrize(
    ("cell", "names"),
    [("rnn", ["h"]), ("gru", ["n", "r", "z"]), ("mingru", ["z"]), ("minlstm", ["f"])],
)
def test_gates_of_each_cell(cell: str, names: list[str]) -> None:
    found = [row.name for row in saturation(network(cell), LETTERS, TEXT)]
    assert found == [f"layer {layer} {name}" for layer in (0, 1) for name in names]


@pytest.mark.parametrize("chunk", [1000, 4, 1])
def test_units_of_an_lstm_are_tanh_c(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_CHUNK", chunk)
    net = network("lstm")
    found = activations(net, LETTERS, TEXT)
    below = lstm_by_hand(weights(net, 0), np.eye(3)[NUMBERS])
    above = lstm_by_hand(weights(net, 1), below["h"])
    for layer, gates in enumerate((below, above)):
        np.testing.assert_allclose(found.layers[layer], gates["tanh(c)"], atol=1e-5)
    assert "".join(found.pieces) == TEXT
    np.testing.assert_array_equal(found.unit(1, 2), found.layers[1][:, 2])


@pytest.mark.parametrize("cell", ["rnn", "gru", "mingru"])
def test_units_of_others_are_h(cell: str) -> None:
    net = network(cell)
    xs = mg.one_hot(mg.constant(NUMBERS[:, None]), 3)
    ys, _ = net.recurrent(xs, net.zero_state(1))
    found = activations(net, LETTERS, TEXT)
    np.testing.assert_allclose(found.layers[1], ys.eval()[:, 0], atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_at_work_and_left_as_it_was(training: bool) -> None:
    net = network("lstm", dropout=0.5, zoneout=0.3)
    net.train() if training else net.eval()
    one, other = (activations(net, LETTERS, TEXT) for _ in "ab")
    np.testing.assert_array_equal(one.layers[1], other.layers[1])
    assert net.training is training
    assert net.recurrent.layers[0].cell.training is training


def test_levels() -> None:
    words = Words.of("the cat, the rat")
    found = activations(CharRNN(len(words), "gru", 2, 1), words, "the dog\n")
    assert (found.pieces, found.layers[0].shape) == (["the", " ", "dog", "\n"], (4, 2))
    found = activations(CharRNN(256, "gru", 2, 1), Bytes(), "é!".encode())
    assert (found.pieces, found.layers[0].shape) == (["", "é", "!"], (3, 2))


# ---------------------------------------------------------------- which unit follows what


def test_features() -> None:
    found = {name: values.tolist() for name, values in features('x("A)"\n[b]').items()}
    assert found == {
        "inside quotes": [0, 0, 1, 1, 1, 0, 0, 0, 0, 0],
        "inside brackets": [0, 1, 1, 1, 0, 0, 0, 1, 1, 0],
        "line position": [1, 2, 3, 4, 5, 6, 0, 1, 2, 3],
        "upper case": [0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    }
    assert features(["ab(", "", "C"])["line position"].tolist() == [3, 3, 4]
    assert features("")["upper case"].shape == (0,)


def test_the_best_units_are_those_that_were_put_there() -> None:
    text = 'a "quoted" word (and a bracket)\nmore (of) "it"\n'
    rng = np.random.default_rng(0)
    layers = tuple(rng.standard_normal((len(text), 5)) for _ in range(2))
    wanted = features(text)
    layers[0][:, 3] = 0.5 - wanted["inside quotes"]
    layers[1][:, 1] = 0.1 * wanted["line position"] + 0.1 * layers[1][:, 1]
    layers[1][:, 0] = 7.0  # never changes
    best = best_units(Activations(text, layers))
    found = {row.feature: (row.layer, row.unit) for row in best}
    assert (found["inside quotes"], found["line position"]) == ((0, 3), (1, 1))
    assert str(best[0]) == "inside quotes: unit 0:3, r = -1.00"
    assert "upper case" not in found  # there is none in this text
    for row in best_units(Activations(text, layers), count=10):
        if (row.layer, row.unit) != (1, 0):
            values = layers[row.layer][:, row.unit]
            expected = np.corrcoef(values, wanted[row.feature])[0, 1]
            assert row.correlation == pytest.approx(expected)
        else:
            assert row.correlation == 0


def test_features_of_ones_own() -> None:
    values = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0]])
    (row,) = best_units(Activations("abc", (values,)), {"is b": np.array([0.0, 1.0, 0.0])})
    assert (row.feature, row.unit, row.correlation) == ("is b", 0, pytest.approx(1))


# ---------------------------------------------------------------- what cannot be


def test_refused() -> None:
    net = network("gru", 1)
    with pytest.raises(DataError, match="has 1 characters, and at least 2 are needed"):
        gradient_flow(net, LETTERS, "a")
    for look in (saturation, activations):
        with pytest.raises(DataError, match="has 0 characters, and at least 1"):
            look(net, LETTERS, "")
        with pytest.raises(DataError, match="the character 'x'"):
            look(net, LETTERS, "abx")
        with pytest.raises(ArgumentError, match="for 3 symbols, and the vocabulary has 2"):
            look(net, Vocabulary("ab"), "ab")
    found = activations(net, LETTERS, "ab")
    for layer, index in ((1, 0), (0, 4), (-1, 0), (0, -1)):
        with pytest.raises(ArgumentError, match="there is no"):
            found.unit(layer, index)
    net.readout.bias.set_value(np.full(3, np.nan, np.float32))
    with pytest.raises(DataError, match="has diverged"):
        gradient_flow(net, LETTERS, TEXT)
    net.recurrent.layers[0].cell.bias.set_value(np.full(3 * H, np.nan, np.float32))
    with pytest.raises(DataError, match="has diverged"):
        saturation(net, LETTERS, TEXT)
