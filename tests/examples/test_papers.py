"""The experiments of papers, run small."""

from typing import Any

import numpy as np
import pytest

from tests.examples.loading import load


def test_adding_problem_data() -> None:
    xs, targets = load("adding_problem").batch(7, 500, np.random.default_rng(0))
    assert xs.shape == (7, 500, 2)
    assert (xs[..., 1].sum(axis=0) == 2).all()  # never the same step twice
    np.testing.assert_allclose((xs[..., 0] * xs[..., 1]).sum(axis=0), targets)
    assert (xs[..., 1].mean(axis=1) > 0.2).all()  # and any step


@pytest.mark.parametrize("cell", ["irnn", "lstm"])
def test_adding_problem(cell: str, capsys: Any) -> None:
    found, always_one = load("adding_problem").main(cell, length=20, steps=2000, hidden=32)
    assert always_one == pytest.approx(1 / 6, rel=0.03)
    error, steps, _ = found[cell]
    assert error < 0.05
    out = capsys.readouterr().out
    assert f"{cell}: solved after {steps} steps" in out
    assert f"test error {error:.4f}" in out
