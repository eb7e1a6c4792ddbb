"""The examples of M. Görner's talk learn, and their cells are the library's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from tests.examples.loading import load


def test_dense_softmax(capsys: Any) -> None:
    accuracy, commonest = load("dense_softmax").main(steps=300)
    assert accuracy > 0.75
    assert 0.09 < commonest < 0.13
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    losses = {row[0]: float(row[2]) for row in rows if row and row[0] in ("0", "30", "300")}
    assert losses["300"] < losses["30"] < losses["0"] < np.log(10)


def test_digits_light_their_segments() -> None:
    example = load("dense_softmax")
    images, targets = example.digits(500, np.random.default_rng(1), noise=0.0)
    lit = [images[targets[:, digit] == 1].sum(axis=1) for digit in range(10)]
    assert [float(counts.min()) for counts in lit] == [18, 7, 16, 16, 13, 16, 18, 10, 20, 18]
    assert all((counts == counts[0]).all() for counts in lit)


def test_python_writer(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "text.py"
    file.write_text("def f(x):\n    return x + 1\n\n\n" * 400, "utf-8")
    loss, accuracy, baseline = load("python_writer").main(
        [file], hidden=32, layers=2, steps=200, batch=10, every=100, rate=0.01
    )
    assert accuracy > 0.97
    assert baseline < 0.3
    assert loss < 0.2
    out = capsys.readouterr().out
    assert [line.split(",")[0] for line in out.splitlines() if line.startswith("step ")] == [
        "step 1",
        "step 100",
        "step 200",
    ]
    assert "def f(x):\n    return x + 1\n" in out.split("step 200")[1]


def test_python_writer_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    example = load("python_writer")
    (tmp_path / "text.py").write_text("x = 1\n" * 2000, "utf-8")

    def interrupted(*args: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(example, "write", interrupted)
    example.main([tmp_path / "text.py"], hidden=8, layers=1, batch=4)
    out = capsys.readouterr().out
    assert "stopped after 1 steps" in out
    assert "On text held out: loss" in out


def test_the_writer_carries_its_state_on() -> None:
    """Two batches with the state handed on are one of twice the length."""
    example = load("python_writer")
    network = example.Writer(5, 8, 2, np.random.default_rng(0))
    _, judge, _ = example.compiled(network, 1e-3)
    ids, targets = np.random.default_rng(1).integers(5, size=(2, 12, 3))
    state = zero = (np.zeros((3, 8), np.float32),) * 2
    losses = []
    for half in (slice(0, 6), slice(6, 12)):
        loss, _, state = judge(ids[half], targets[half], state)
        losses.append(float(loss))
    whole, _, last = judge(ids, targets, zero)
    assert np.mean(losses) == pytest.approx(float(whole), rel=1e-5)
    for part, expected in zip(state, last, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-6)


def test_concatenated_cell(capsys: Any) -> None:
    found = load("concatenated_cell").main(steps=150)
    for kind in ("ConcatenatedRNN", "ConcatenatedGRU"):
        accuracy, apart = found[kind]
        assert accuracy > 0.97
        assert 0 <= apart < 3e-6
    out = capsys.readouterr().out
    assert out.count("step 150") == out.count("and the cell with two matrices") == 2
    assert 0.55 < found["no memory"] < 0.7


def test_the_concatenated_gru_is_its_equations() -> None:
    example = load("concatenated_cell")
    cell = example.ConcatenatedGRU(2, 3, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    x, h = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    W = {name: np.float64(getattr(cell, name).weight.get_value()) for name in "zrn"}
    z, r = (1 / (1 + np.exp(-np.concatenate([x, h], axis=1) @ W[name])) for name in "zr")
    n = np.tanh(np.concatenate([x, r * h], axis=1) @ W["n"])
    _, new = cell(mg.constant(x, "float32"), mg.constant(h, "float32"))
    np.testing.assert_allclose(new.eval(), (1 - z) * h + z * n, rtol=1e-5)
    _, same = cell.with_two_matrices(2)(mg.constant(x, "float32"), mg.constant(h, "float32"))
    np.testing.assert_allclose(same.eval(), new.eval(), rtol=1e-5)
