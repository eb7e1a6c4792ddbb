"""What BatchNorm remembers: when it moves, whose call counts, and what use makes of it."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from tests.helpers import assert_same, check_gradient

RNG = np.random.default_rng(0)
F = 3
BATCHES = RNG.normal(2.0, 3.0, size=(2, 4, 5, F))  # (T, B, F) each


def exact(found: Any, expected: Any) -> None:
    assert_same(found, expected, rtol=1e-12, atol=1e-13)


def statistics(norm: nn.BatchNorm) -> tuple[Any, Any]:
    return norm.running_mean.get_value(), norm.running_var.get_value()


def of_batches(*batches: Any, momentum: float = 0.1) -> tuple[Any, Any]:
    """The running statistics after so many batches."""
    mean, var = np.zeros(F), np.ones(F)
    for x in batches:
        flat = x.reshape(-1, F)
        mean = (1 - momentum) * mean + momentum * flat.mean(0)
        var = (1 - momentum) * var + momentum * flat.var(0, ddof=1)
    return mean, var


def made(**settings: Any) -> tuple[nn.BatchNorm, mg.Variable]:
    return nn.BatchNorm(F, dtype="float64", **settings), mg.input("x", ("T", "B", F), "float64")


def test_only_updates_move_the_statistics() -> None:
    norm, x = made(momentum=0.25)
    y = norm(x)
    look, train = mg.function([x], y), mg.function([x], y, norm.updates())
    first, second = BATCHES
    exact(look(first), train(first))
    exact(statistics(norm), of_batches(first, momentum=0.25))
    look(second)
    exact(statistics(norm), of_batches(first, momentum=0.25))
    train(second)
    exact(statistics(norm), of_batches(first, second, momentum=0.25))


def test_use_is_by_the_statistics_of_the_moment() -> None:
    norm, x = made()
    train, use = mg.function([x], norm(x), norm.updates()), mg.function([x], norm.eval()(x))
    for batch in BATCHES:
        train(batch)
        mean, var = statistics(norm)
        exact(use(BATCHES[0][:1]), (BATCHES[0][:1] - mean) / np.sqrt(var + 1e-5))


def test_nothing_moves_in_use_or_before_a_call() -> None:
    norm, x = made()
    assert norm.updates() == []
    mg.function([x], norm.eval()(x), norm.updates())(BATCHES[0])
    exact(statistics(norm), of_batches())
    assert norm.updates() == []


def test_the_latest_call_counts() -> None:
    norm, x = made()
    outputs = [norm(x), norm(2 * x)]
    updates = norm.updates()
    assert [p for p, _ in updates] == [norm.running_mean, norm.running_var]
    mg.function([x], outputs, updates)(BATCHES[0])
    exact(statistics(norm), of_batches(2 * BATCHES[0]))


def test_a_network_asks_for_the_updates_of_all_its_parts() -> None:
    norms = [made()[0] for _ in range(3)]
    net = nn.Sequential(norms[0], nn.Sequential(mg.tanh, norms[1]), norms[0])
    x = mg.input("x", ("T", "B", F), "float64")
    net(x)
    assert [p for p, _ in net.updates()] == [
        p for norm in norms[:2] for p in (norm.running_mean, norm.running_var)
    ]
    for p, new in net.updates():
        assert new.type == p.type


def test_statistics_are_state_and_no_parameters() -> None:
    norm, x = made()
    assert list(norm.parameters()) == ["weight", "bias"]
    assert list(norm.state()) == ["weight", "bias", "running_mean", "running_var"]
    assert isinstance(norm.running_mean, nn.Buffer)
    cost = mg.square(norm(x) - 1).mean()
    rule = optim.SGD(0.1).updates(cost, norm.parameters())
    mg.function([x], cost, [*rule, *norm.updates()])(BATCHES[0])
    exact(statistics(norm), of_batches(BATCHES[0]))
    assert (norm.bias.get_value() > 0).all()


@pytest.mark.parametrize("training", [True, False])
def test_gradients(training: bool) -> None:
    norm, _ = made()
    norm.weight.set_value(RNG.normal(size=F))
    x = mg.input("x", (3, 2, F), "float64")
    layer = norm.train() if training else norm.eval()
    at = {x: BATCHES[0][:3, :2], norm.weight: norm.weight.get_value(), norm.bias: np.ones(F)}
    check_gradient(mg.square(layer(x) - 0.3 * x).sum(), at, list(at))


def test_float32_stays() -> None:
    norm, x = nn.BatchNorm(F), mg.input("x", ("B", F))
    train = mg.function([x], norm(x), norm.updates())
    assert train(BATCHES[0][0].astype("float32")).dtype == np.float32
    assert {p.dtype for p in norm.state().values()} == {np.dtype("float32")}


def test_a_single_vector_has_no_variance() -> None:
    norm, x = made()
    train = mg.function([x], norm(x), norm.updates())
    exact(train(BATCHES[0][:1, :1]), np.zeros((1, 1, F)))
    exact(norm.running_mean.get_value(), 0.1 * BATCHES[0][0, 0])
    assert np.isnan(norm.running_var.get_value()).all()


def test_of_no_use_inside_a_loop() -> None:
    """The updates of a call inside a step belong to the step: they are refused outside."""
    norm, xs = made()
    _, ys = mg.scan(lambda carry, x: (carry, norm(x)), None, xs)
    expected = [np.asarray(norm(mg.constant(x)).eval()) for x in BATCHES[0]]
    exact(mg.function([xs], ys)(BATCHES[0]), np.stack(expected))
    mg.scan(lambda carry, x: (carry, norm(x)), None, xs)
    with pytest.raises(ArgumentError, match="is needed, and is no input of it"):
        mg.function([xs], ys, norm.updates())


def test_wrong_arguments() -> None:
    norm, _ = made()
    with pytest.raises(ShapeError, match=r"BatchNorm needs x \(…, 3\), and had \(B, 4\)"):
        norm(mg.input("x", ("B", 4)))
    with pytest.raises(DTypeError, match="BatchNorm needs x of floats"):
        norm(mg.input("x", ("B", 3), "int64"))
    for momentum in (0, 1.5, -0.1, "0.1", None):
        with pytest.raises(ArgumentError, match=f"0 < m ≤ 1, and not {momentum!r}"):
            nn.BatchNorm(3, momentum=momentum)
