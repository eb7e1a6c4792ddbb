"""One graph for all sizes, and one program for each set of them."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ShapeError
from tests.helpers import Array

module = importlib.import_module("minigrad.compile.function")
backends = importlib.import_module("minigrad.compile.backends")


def test_one_graph_and_a_program_for_each_set_of_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recurrent network with its gradient, called with 100 pairs of sizes."""
    counts = {"optimise": 0, "write": 0}

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            counts[name] += 1
            return function(*args)

        return call

    for name, where in (("optimise", module), ("write", backends)):
        monkeypatch.setattr(where, name, counted(name, getattr(where, name)))
    xs = mg.input("xs", ("T", "B", 2), "float64")
    W, U = mg.parameter(np.full((2, 3), 0.1)), mg.parameter(np.full((3, 3), 0.2))
    h0 = mg.zeros(("B", 3), "float64")
    _, hs = mg.scan(lambda h, x: ((h := mg.tanh(x @ W + h @ U)), h), h0, xs)
    cost = (hs * hs).sum()
    f = mg.function([xs], [cost, *mg.grad(cost, [W, U])], backend="numpy")
    assert counts == {"optimise": 1, "write": 0}

    def by_hand(x: Array) -> float:
        h, total = np.zeros((x.shape[1], 3)), 0.0
        for row in x:
            h = np.tanh(row @ W.get_value() + h @ U.get_value())
            total += float((h * h).sum())
        return total

    rng = np.random.default_rng(0)
    for _ in range(2):
        for T in range(10):
            for B in range(1, 11):
                x = rng.normal(size=(T, B, 2))
                cost_found, dW, dU = f(x)
                assert cost_found == pytest.approx(by_hand(x), rel=1e-12)
                assert (dW.shape, dU.shape) == ((2, 3), (3, 3))
    assert counts == {"optimise": 1, "write": 100}
    assert "programs: 100 planned, 100 kept (NumPy)" in f.report()
    assert "100 programs" in repr(f)


def test_sizes_contradict_what_was_built() -> None:
    x = mg.input("x", ("T",))
    pieces = x[:5], mg.zeros(("T - 5",))
    for v in pieces:
        f = mg.function([x], [v, x])
        assert f([1] * 6)[1].shape == (6,)
        with pytest.raises(ShapeError) as caught:
            f([1, 2, 3])
        assert caught.value.where == v.where
        assert __file__ in str(caught.value)


def test_long_expressions() -> None:
    x = mg.input("x", (), "float64")
    y = x
    for _ in range(1100):  # deeper than Python recurs
        y = mg.sin(y) + x
    found = mg.function([x], [y, mg.grad(y, x)])(0.5)
    expected = [v.eval({x: 0.5}) for v in (y, mg.grad(y, x))]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_programs_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    x = mg.input("x", ("T",), "float64")
    f = mg.function([x], x.sum())
    for T in (1, 2, 1, 3, 1, 2):  # 2 goes when 3 comes, and is planned again
        assert f(np.ones(T)) == T
    assert "programs: 4 planned, 2 kept (" in f.report()
    assert f.report().count("the one for T=") == 2
