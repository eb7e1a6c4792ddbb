"""PyTorch's names and layout; tests/reference holds what PyTorch itself computes with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad import nn
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from tests.nn.compiled import B, F, H, Runs, T, assert_equal, make, randomised

XS = np.random.default_rng(0).normal(size=(T, B, F))
KINDS = {"rnn": 1, "lstm": 4, "gru": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_shapes(kind: str) -> None:
    """Layer by layer, forward before backward, in the order of PyTorch."""
    rows = KINDS[kind] * H
    expected: dict[str, tuple[int, ...]] = {}
    for end, size in (("l0", F), ("l0_reverse", F), ("l1", 2 * H), ("l1_reverse", 2 * H)):
        expected |= {f"weight_ih_{end}": (rows, size), f"weight_hh_{end}": (rows, H)}
        expected |= {f"bias_ih_{end}": (rows,), f"bias_hh_{end}": (rows,)}
    layer = make(kind, num_layers=2, bidirectional=True)
    found = layer.torch_state_dict()
    assert {name: array.shape for name, array in found.items()} == expected
    assert list(found) == list(expected)
    other = nn.LSTM(F, H, proj_size=2).torch_state_dict()
    assert list(other)[-1] == "weight_hr_l0"
    assert other["weight_hr_l0"].shape == (2, H)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_out_goes_in_again(kind: str) -> None:
    one, other = make(kind, num_layers=2), make(kind, num_layers=2)
    randomised(other, 7)
    other.load_torch_state_dict(one.torch_state_dict())
    assert_equal(Runs(other)(XS), Runs(one)(XS))


def test_arrays_are_copies() -> None:
    layer = make("gru")
    before = layer.torch_state_dict()
    for array in layer.torch_state_dict().values():
        array[:] = 7
    assert_equal(layer.torch_state_dict(), before)
    layer.load_torch_state_dict(given := {name: v.copy() for name, v in before.items()})
    for array in given.values():
        array[:] = 7
    assert_equal(layer.torch_state_dict(), before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_without_biases_has_zeros(kind: str) -> None:
    layer = make(kind, num_layers=2)
    given = layer.torch_state_dict()
    layer.load_torch_state_dict({n: v for n, v in given.items() if not n.startswith("bias")})
    for name, value in layer.torch_state_dict().items():
        np.testing.assert_array_equal(value, 0 * value if "bias" in name else given[name])


def test_dtypes() -> None:
    """float32 goes into float64; the other way it is refused."""
    narrow, wide = nn.LSTM(F, H, rng=0), nn.LSTM(F, H, rng=1, dtype="float64")
    wide.load_torch_state_dict(narrow.torch_state_dict())
    found = wide.torch_state_dict()
    assert {v.dtype for v in found.values()} == {np.dtype("float64")}
    np.testing.assert_array_equal(found["weight_ih_l0"], narrow.torch_state_dict()["weight_ih_l0"])
    with pytest.raises(DTypeError, match="could lose digits"):
        narrow.load_torch_state_dict(found)


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "one lacks": (lambda v: v.pop("weight_hh_l1"), ArgumentError, "the values lack weight_hh_l1"),
    "one bias lacks": (lambda v: v.pop("bias_hh_l1"), ArgumentError, "the values lack bias_hh_l1"),
    "another layer": (
        lambda v: v.update(weight_ih_l2=v["weight_ih_l1"]),
        ArgumentError,
        "not wanted: weight_ih_l2",
    ),
    "our layout": (
        lambda v: v.update(weight_ih_l1=v["weight_ih_l1"].T),
        ShapeError,
        r"weight_ih_l1 has shape \(9, 3\), the value \(3, 9\)",
    ),
    "a long bias": (
        lambda v: v.update(bias_hh_l1=np.zeros(10)),
        ShapeError,
        r"bias_hh_l1 has shape \(9,\), the value \(10,\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_all_or_none(name: str) -> None:
    change, error, message = BAD[name]
    layer = make("gru", num_layers=2)
    before = layer.torch_state_dict()
    values = {key: np.zeros_like(v) for key, v in before.items()}
    change(values)
    with pytest.raises(error, match=message):
        layer.load_torch_state_dict(values)
    assert_equal(layer.torch_state_dict(), before)


UNKNOWN: dict[str, tuple[Callable[[], Any], str]] = {
    "layer norm": (
        lambda: nn.RNN(F, H, layer_norm=True),
        "PyTorch's layers have no layer normalisation, as this RNNCell has",
    ),
    "learned state": (
        lambda: nn.GRU(F, H, learned_state=True),
        "no learned initial state, as this GRUCell has",
    ),
    "peepholes": (lambda: nn.LSTM(F, H, peepholes=True), "no peepholes, as this LSTMCell has"),
    "zoneout": (lambda: nn.LSTM(F, H, zoneout=(0.0, 0.1)), "no zoneout, as this LSTMCell has"),
    "reset before": (
        lambda: nn.GRU(F, H, reset_after=False),
        "GRU resets after the product, and this one before it",
    ),
    "minGRU": (lambda: nn.MinGRU(F, H), "PyTorch has no layer of MinGRUCell"),
    "both ways": (
        lambda: nn.MinLSTM(F, H, bidirectional=True),
        "PyTorch has no layer of MinLSTMCell",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_pytorch_has_not(name: str) -> None:
    make_layer, message = UNKNOWN[name]
    layer = make_layer()
    with pytest.raises(ArgumentError, match=message):
        layer.torch_state_dict()
    with pytest.raises(ArgumentError, match=message):
        layer.load_torch_state_dict({})


def test_dropout_has_no_weights() -> None:
    layer = nn.LSTM(F, H, num_layers=2, recurrent_dropout=0.1, dropout=0.1)
    given = make("lstm", num_layers=2).torch_state_dict()
    given = {name: v.astype("float32") for name, v in given.items()}
    layer.load_torch_state_dict(given)
    for name, value in layer.torch_state_dict().items():
        if name.startswith("weight"):
            np.testing.assert_array_equal(value, given[name])
