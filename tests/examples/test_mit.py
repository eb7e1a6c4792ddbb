"""The examples of MIT 6.S094, run small: what they print is what the lesson says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples.loading import load


def test_saddle(capsys: Any) -> None:
    left = load("saddle").main(steps=100, rate=0.05)
    # Steepest descent multiplies y by 1 + 2 · rate a step, Adam moves by about the rate.
    assert left["SGD"] == np.ceil(np.log(1e4) / np.log(1.1))
    assert left["Adam"] == pytest.approx(1 / 0.05, abs=2)
    assert left["RMSprop"] < left["Adam"] < left["Nesterov"] < left["momentum"] < left["SGD"]
    out = capsys.readouterr().out
    assert "in the order of leaving (|y| > 1): RMSprop, Adam" in out
    assert "still there" not in out


def test_saddle_says_who_stays(capsys: Any) -> None:
    left = load("saddle").main(steps=40)
    assert left["SGD"] is None
    assert "still there after 40 steps: SGD, Adagrad" in capsys.readouterr().out


def test_vanishing_gradients(capsys: Any) -> None:
    found = load("vanishing_gradients").main(steps=41, hidden=20)
    back = np.arange(41)
    for gain in (0.8, 1, 1.2):
        np.testing.assert_allclose(found[f"linear, gain {gain:g}"], gain**back)
    assert (found["tanh, gain 0.8"] <= 0.8**back + 1e-12).all()  # the slope of tanh is at most 1
    assert found["relu, gain 2"][-1] > 100
    assert found["LSTM, forget bias 0"][-1] < 1e-4
    assert 0.1 < found["LSTM, forget bias 3"][-1] < 100
    out = capsys.readouterr().out
    assert "40 steps back it is under 0.01: linear, gain 0.8; tanh, gain 0.8; " in out


def test_lstm_memory(capsys: Any) -> None:
    right, gates, marked = load("lstm_memory").main(gap=15, steps=300)
    assert right["LSTM"] > 0.9
    assert right["RNN"] < 0.4
    others = {gate: np.delete(values, marked, axis=0) for gate, values in gates.items()}
    assert gates["i"][marked].mean() > others["i"].mean(axis=1).max()  # what is marked is written
    assert gates["f"][marked].mean() < others["f"].mean(axis=1).min()
    assert others["f"].mean() > 0.9  # and then kept
    out = capsys.readouterr().out
    assert f"input gate: {gates['i'][marked].mean():.2f} at the marked letter" in out
    assert f"LSTM {right['LSTM']:.1%},  guessing 12.5%" in out


def test_steering(capsys: Any) -> None:
    errors = load("steering").main(steps=150)
    assert errors["mean angle"] == pytest.approx(10, abs=0.5)  # the angles' deviation
    assert errors["one picture"] < 0.65 * errors["mean angle"]
    assert errors["LSTM"] < 0.75 * errors["one picture"]
    assert "of all:  mean angle 1" in capsys.readouterr().out


def test_deep_rnn(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "text.txt").write_text("to be or not to be, that is the question. " * 30)
    found, commonness = load("deep_rnn").main(tmp_path / "text.txt", steps=60)
    assert list(found) == [1, 2, 3]
    assert all(loss < 0.5 * commonness for loss, _ in found.values())
    assert found[2][1] == (15 + 100 + 1) * 100 + (100 + 100 + 1) * 100 + (100 + 1) * 15
    out = capsys.readouterr().out
    assert "1,260 characters, 15 distinct" in out
    best = min(found, key=lambda layers: found[layers][0])
    assert f"best with {best} layer" in out


def test_bidirectional(capsys: Any) -> None:
    right = load("bidirectional").main(steps=250)
    assert right["commonest"] == pytest.approx(0.5, abs=0.01)
    assert right["one direction"] == pytest.approx(0.75, abs=0.01)  # the most that it can know
    assert right["bidirectional"] > 0.99
    out = capsys.readouterr().out
    assert out.count("where this bit is the last one: 100.0%, where they differ: ") == 2
    assert out.count("where they differ: 100.0%") == 1


def test_many_to_one(capsys: Any) -> None:
    share, by_length, commonest = load("many_to_one").main(steps=200, hidden=16)
    assert commonest < 0.36
    assert share > 0.8
    assert by_length[30] > by_length[20] > by_length[10]
    assert f"of all: {share:.1%} right; saying the commonest: {commonest:.1%}" in (
        capsys.readouterr().out
    )


def test_one_to_many(capsys: Any) -> None:
    example = load("one_to_many")
    names = [example.spelled(n) for n in (0, 12, 13, 15, 18, 40, 42, 88, 99)]
    expected = "zero twelve thirteen fifteen eighteen forty forty-two eighty-eight ninety-nine"
    assert names == expected.split()
    assert max(len(example.spelled(n)) for n in range(100)) < example.LENGTH
    found = example.main(steps=400)
    assert found["shown"] > 0.95
    assert found["never shown"] > 0.5
    out = capsys.readouterr().out
    assert f"right: {found['shown']:.1%} of those shown" in out
    assert out.count("wrong: ") == round(20 * (1 - found["never shown"]))
