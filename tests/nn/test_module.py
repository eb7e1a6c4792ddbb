"""What a module knows of its parts: names, order, sharing, training or not."""

from inspect import getsourcelines, signature

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, ShapeError
from minigrad.graph import applies
from minigrad.loops import Scan
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


# ---------------------------------------------------------------- the group of a call


def groups(*outputs: mg.Variable) -> list[str]:
    """The groups of what `outputs` are made of, in loops too, each once, the outermost first."""
    found: dict[str, None] = {}
    for apply in applies(outputs):
        found[" / ".join(g.name for g in apply.group.path) if apply.group else ""] = None
        if isinstance(apply.gate, Scan):
            found |= dict.fromkeys(groups(*apply.gate.body.outputs))
    return sorted(found)


class Reader(nn.Module):
    """A network of a user's."""

    def __init__(self) -> None:
        self.recurrent = nn.LSTM(2, 3, rng=0)
        self.heads = [nn.Linear(3, 2, rng=0), {"other": nn.Linear(3, 2, rng=0)}]
        self._hidden = nn.Linear(2, 2, rng=0)

    def __call__(self, xs: mg.Variable, scale: float = 1.0) -> mg.Variable:
        """From xs (T, B, 2)."""
        ys, _ = self.recurrent(xs)
        with mg.group("heads"):
            y = self.heads[0](ys) + self.heads[1]["other"](ys)
        return scale * self._hidden(y)


def test_a_call_is_a_group_with_the_name_of_class_and_attribute() -> None:
    xs = mg.input("xs", ("T", "B", 2))
    assert groups(nn.Linear(2, 3)(xs)) == ["Linear"]
    assert groups(Reader()(xs)) == [
        "Reader",
        "Reader / Linear",
        "Reader / heads",
        "Reader / heads / heads.0: Linear",
        "Reader / heads / heads.1.other: Linear",
        "Reader / recurrent: LSTM / layers.0: Recurrent",
        "Reader / recurrent: LSTM / layers.0: Recurrent / cell: LSTMCell",
    ]


def test_each_call_is_a_group_of_its_own() -> None:
    layer, x = nn.Linear(2, 2), mg.input("x", (2,))
    found = {apply.group for apply in applies([layer(layer(x))])}
    assert [group.name for group in found] == ["Linear", "Linear"]


def test_the_gradient_of_a_network_has_its_groups() -> None:
    net, xs = Reader(), mg.input("xs", ("T", "B", 2))
    found = groups(mg.grad(net(xs).sum(), net.recurrent.layers[0].cell.weight_hh))
    assert "gradient / Reader / heads / heads.0: Linear" in found
    assert "gradient / Reader / recurrent: LSTM / layers.0: Recurrent / cell: LSTMCell" in found


def test_a_cell_in_a_loop_of_a_users_and_in_one_without_a_loop() -> None:
    cell, xs = nn.GRUCell(2, 3, rng=0), mg.input("xs", ("T", "B", 2))
    _, ys = mg.scan(lambda h, x: cell(x, h)[::-1], cell.zero_state("B"), xs)
    assert groups(ys) == ["", "GRUCell"]
    ys, _ = nn.LinearRecurrent(nn.MinGRUCell(2, 3, rng=0))(xs)
    assert groups(ys) == ["LinearRecurrent", "LinearRecurrent / cell: MinGRUCell"]


def test_what_a_base_class_computes_is_part_of_the_call() -> None:
    class Twice(nn.Linear):
        def __call__(self, x: mg.Variable) -> mg.Variable:
            return super().__call__(x) * 2

    class Inherits(Twice):
        pass

    x = mg.input("x", (2,))
    assert groups(Twice(2, 3)(x)) == ["Twice"]
    assert groups(Inherits(2, 3)(x)) == ["Inherits"]


def test_a_call_in_a_call_of_the_same_module_is_a_group_inside() -> None:
    class Deep(nn.Module):
        def __call__(self, x: mg.Variable, depth: int) -> mg.Variable:
            return mg.sin(self(x, depth - 1) if depth else x)

    assert groups(Deep()(mg.input("x"), 2)) == ["Deep", "Deep / Deep", "Deep / Deep / Deep"]


def test_a_call_keeps_its_signature_and_the_lines_of_its_gates() -> None:
    assert list(signature(Reader.__call__).parameters) == ["self", "xs", "scale"]
    assert Reader.__call__.__doc__ == "From xs (T, B, 2)."
    y = Reader()(mg.input("xs", ("T", "B", 2)))
    first = getsourcelines(Reader.__call__)[1]
    assert y.where == f"{__file__}:{first + 5}"
    with pytest.raises(ShapeError, match=f"{__file__}:{first + 2}"):
        Reader()(mg.input("xs", ("T", 2)))
    with pytest.raises(TypeError, match=r"Reader.__call__\(\) missing 1 required .* 'xs'"):
        Reader()()  # type: ignore[call-arg]


def test_a_call_that_fails_leaves_no_group_open() -> None:
    with pytest.raises(ShapeError):
        Reader()(mg.input("xs", ("T", "B", 7)))
    x = mg.input("x", (3,))
    assert groups(mg.sin(x)) == [""]
    assert groups(Reader().heads[0](x)) == ["Linear"]
