"""What a module knows of its parts: names, order, sharing, training or not."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError
from minigrad.random import Generator


def weight(*shape: int) -> mg.Parameter:
    return mg.parameter(np.zeros(shape, "float32"), "weight")


class Net(nn.Module):
    """Parameters, modules and generators in every kind of container."""

    def __init__(self) -> None:
        self.first = nn.Linear(2, 3, rng=0)
        self.scale = weight(3)
        self.blocks = [nn.Linear(3, 4, rng=0, bias=False), (weight(4), {"deep": weight(5)})]
        self.count = mg.parameter(0, "count")
        self.again = self.blocks[0]
        self.tied = self.first.weight
        self.noise = Generator(seed=3)
        self.rate = 0.5


def test_parameters_have_dotted_names_in_order_of_definition_and_come_once() -> None:
    net = Net()
    assert list(net.parameters()) == [
        "first.weight",
        "first.bias",
        "scale",
        "blocks.0.weight",
        "blocks.1.0",
        "blocks.1.1.deep",
    ]
    assert net.parameters()["first.weight"] is net.first.weight


def test_state_also_holds_integers_and_random_states() -> None:
    net = Net()
    assert list(net.state()) == [*net.parameters(), "count", "noise.state"]
    assert net.state()["noise.state"] is net.noise.state


def test_a_module_in_two_places_and_a_cycle_are_walked_once() -> None:
    net = nn.Sequential(layer := nn.Linear(2, 2, rng=0), layer)
    layer.parent = net
    assert list(net.parameters()) == ["layers.0.weight", "layers.0.bias"]
    assert net.eval() is net
    assert not layer.training


def test_train_and_eval_reach_every_part() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5)))
    inner = net.layers[1].layers[0]
    assert inner.training
    assert not net.eval().training
    assert not inner.training
    assert net.train().training
    assert inner.training


def test_two_parameters_of_one_name_are_an_error() -> None:
    net = nn.Module()
    net.parts = {"a.b": weight(1), "a": {"b": weight(2)}}
    with pytest.raises(ArgumentError, match=r"two parameters of Module are called 'parts.a.b'"):
        net.state()


def test_repr_shows_settings_parameters_and_parts() -> None:
    layer = nn.LSTM(2, 3, num_layers=2, dropout=0.5, reverse=True)
    assert repr(nn.Sequential(layer, mg.tanh).eval()) == (
        "Sequential()\n"
        "  layers.0: LSTM(output_size=3)\n"
        "    layers.0: Recurrent(reverse=True)\n"
        "      cell: LSTMCell(input_size=2, hidden_size=3, weight_ih (2, 12), "
        "weight_hh (3, 12), bias (12,))\n"
        "    layers.1: Recurrent(reverse=True)\n"
        "      cell: LSTMCell(input_size=3, hidden_size=3, weight_ih (3, 12), "
        "weight_hh (3, 12), bias (12,))\n"
        "    dropout: Dropout()\n"
        "  layers.1: tanh"
    )


def test_evaluating_leaves_each_part_as_it_was() -> None:
    net = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5).eval())
    with net.evaluating():
        assert [layer.training for layer in (net, *net.layers)] == [False] * 3
    with pytest.raises(KeyError), net.evaluating():
        raise KeyError
    assert [layer.training for layer in (net, *net.layers)] == [True, True, False]
