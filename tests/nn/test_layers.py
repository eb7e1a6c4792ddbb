"""Layers against plain NumPy, and their gradients against differences."""

from functools import partial

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from minigrad.interpret import evaluate
from minigrad.random import Generator
from tests.helpers import assert_same, check_gradient

exact = partial(assert_same, rtol=1e-12, atol=1e-13)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4))  # (T, B, F)


def test_linear() -> None:
    layer = nn.Linear(4, 5, rng=0, dtype="float64")
    layer.bias.set_value(RNG.normal(size=5))
    W, b = layer.weight.get_value(), layer.bias.get_value()
    exact(layer(X).eval(), X @ W + b)
    exact(layer(X[0, 0]).eval(), X[0, 0] @ W + b)
    plain = nn.Linear(4, 5, bias=False, rng=0, dtype="float64")
    assert list(plain.parameters()) == ["weight"]
    exact(plain(X).eval(), X @ W)


def test_linear_start() -> None:
    layer = nn.Linear(4, 5, rng=0)
    assert [p.dtype for p in layer.parameters().values()] == [np.float32, np.float32]
    expected = nn.init.glorot_uniform((4, 5), np.random.default_rng(0))
    np.testing.assert_array_equal(layer.weight.get_value(), expected)
    np.testing.assert_array_equal(layer.bias.get_value(), np.zeros(5))
    assert (nn.Linear(4, 5, weight_init=nn.init.ones).weight.get_value() == 1).all()


def test_embedding_takes_rows_and_adds_up_their_gradients() -> None:
    layer = nn.Embedding(7, 4, rng=0, dtype="float64")
    table = layer.weight.get_value()
    ids = np.array([[1, 6, 1], [0, 1, 3]])
    exact(layer(ids).eval(), table[ids])
    expected = np.zeros((7, 4))
    for i in ids.ravel():
        expected[i] += 1
    exact(mg.grad(layer(ids).sum(), layer.weight).eval(), expected)
    assert abs(nn.Embedding(100, 100, rng=1).weight.get_value().std() - 1) < 0.02


def test_layer_norm() -> None:
    layer = nn.LayerNorm(4, epsilon=1e-3, dtype="float64")
    layer.weight.set_value(g := RNG.normal(size=4))
    layer.bias.set_value(b := RNG.normal(size=4))
    mean, var = X.mean(-1, keepdims=True), X.var(-1, keepdims=True)
    exact(layer(X).eval(), (X - mean) / np.sqrt(var + 1e-3) * g + b)
    x = mg.input("x", (2, 3, 4), "float64")
    check_gradient(
        mg.square(layer(x) - 1).sum(), {x: X, layer.weight: g, layer.bias: b}, [x, layer.weight]
    )


def test_layer_norm_of_a_constant_row_is_the_bias() -> None:
    assert_same(nn.LayerNorm(3)(np.full((2, 3), 7, "float32")).eval(), np.zeros((2, 3), "float32"))


def test_sequential() -> None:
    first, last = nn.Linear(4, 5, rng=0, dtype="float64"), nn.Linear(5, 2, rng=1, dtype="float64")
    net = nn.Sequential(first, mg.tanh, last)
    W, V = first.weight.get_value(), last.weight.get_value()
    exact(net(X).eval(), np.tanh(X @ W) @ V)
    assert nn.Sequential()(3) == 3


# ---------------------------------------------------------------- dropout


def test_dropout_drops_and_scales() -> None:
    x = np.full((100, 200), 3.0)
    y = nn.Dropout(0.2, rng=0)(x).eval()
    assert y.dtype == np.float64
    np.testing.assert_allclose(np.unique(y), [0, 3 / 0.8], rtol=1e-15)
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert y.mean() == pytest.approx(3, abs=0.03)


def test_dropout_is_x_itself_in_use_and_for_p_0() -> None:
    x = mg.input("x", (3,))
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0.0)(x) is x


def test_dropout_lets_the_gradient_through_where_it_kept() -> None:
    x = mg.input("x", (50,))
    y = nn.Dropout(0.5, rng=0)(x)
    value, gradient = evaluate([y, mg.grad(y.sum(), x)], {x: np.ones(50, "float32")})
    np.testing.assert_array_equal(value, gradient)


def test_masks_of_different_layers_and_calls_differ() -> None:
    ones = np.ones(64)
    shared = np.random.default_rng(0)
    a, b = nn.Dropout(0.5, shared), nn.Dropout(0.5, shared)
    first, second, third = evaluate([a(ones), a(ones), b(ones)], {})
    assert (first != second).any()
    assert (first != third).any()


def test_dropout_with_a_generator_of_the_users() -> None:
    rng = Generator(seed=1)
    layer = nn.Dropout(0.5, rng)
    assert layer.state() == {"rng.state": rng.state}
    assert layer.parameters() == {}


def test_a_mask_is_new_at_each_step_unless_it_is_built_outside_or_asked_not_to_be() -> None:
    layer, held = nn.Dropout(0.5, rng=0), nn.Dropout(0.5, rng=1, each_step=False)
    xs = mg.ones((6, 40))
    _, inside = mg.scan(lambda carry, x: (carry, layer(x)), None, xs)
    mask = layer(mg.ones(40))
    _, outside = mg.scan(lambda carry, x: (carry, x * mask), None, xs)
    _, variational = mg.scan(lambda carry, x: (carry, held(x)), None, xs)
    new, *same = evaluate([inside, outside, variational], {})
    assert len(np.unique(new, axis=0)) == 6
    for values in same:
        assert len(np.unique(values, axis=0)) == 1
        assert len(np.unique(values)) == 2
    unrolled = mg.scan(lambda carry, x: (carry, layer(x)), None, xs, unroll=True)[1].eval()
    assert len(np.unique(unrolled, axis=0)) == 6


def test_each_call_of_a_function_draws_anew_and_a_saved_state_repeats() -> None:
    layer = nn.Dropout(0.5, rng=0)
    f = mg.function([], layer(np.ones(64)))
    saved = layer.state()["rng.state"].get_value()
    first, second = f(), f()
    assert (first != second).any()
    layer.state()["rng.state"].set_value(saved)
    np.testing.assert_array_equal(f(), first)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("layer", [nn.Linear(4, 5), nn.LayerNorm(4)])
def test_wrong_sizes_are_named(layer: nn.Module) -> None:
    name = type(layer).__name__
    with pytest.raises(ShapeError, match=rf"{name} needs x \(…, 4\), and had .*\(T, 3\)"):
        layer(mg.input("x", ("T", 3)))
    with pytest.raises(ShapeError, match=rf"{name} needs x \(…, 4\)"):
        layer(mg.input("x"))
    with pytest.raises(DTypeError, match=rf"{name} needs x of floats.*one_hot"):
        layer(mg.input("x", ("T", 4), "int64"))


def test_an_error_says_where_x_came_from() -> None:
    x = mg.input("x", ("T", 3))
    with pytest.raises(ShapeError) as caught:
        nn.Linear(4, 5)(x)
    assert caught.value.where is not None
    assert "test_layers.py" in caught.value.where


def test_other_errors() -> None:
    with pytest.raises(DTypeError, match="indices must be integers"):
        nn.Embedding(3, 4)(mg.input("ids", ("T",)))
    with pytest.raises(DTypeError, match="Dropout needs x of floats"):
        nn.Dropout(0.5)(mg.input("ids", ("T",), "int64"))
    for p in (1.0, -0.1, "half"):
        with pytest.raises(ArgumentError, match="0 ≤ p < 1"):
            nn.Dropout(p)
