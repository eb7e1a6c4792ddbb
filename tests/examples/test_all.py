"""Every example runs, and min-char-rnn computes what the well-known plain program computes."""

import pydoc_data.topics
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples.loading import EXAMPLES, load
from tests.helpers import Array

FILES = sorted(EXAMPLES.glob("*.py"))
TESTS = "".join(f.read_text("utf-8") for f in Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_is_tried(file: Path) -> None:
    assert f'load("{file.stem}")' in TESTS


def test_the_list_of_them_is_complete() -> None:
    listed = re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text("utf-8"))
    assert sorted(listed) == [f.name for f in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_names_its_lesson_and_how_to_run_it(file: Path) -> None:
    lesson = load(file.stem).__doc__ or ""
    assert "\nLesson: " in lesson
    assert f"\n    python examples/{file.name}" in lesson


def test_circuit(tmp_path: Path, capsys: Any) -> None:
    load("circuit").main(str(tmp_path / "circuit.svg"))
    out = capsys.readouterr().out
    assert "4 of 4 entries agree" in out
    assert ["q", "3", "-4"] in [line.split() for line in out.splitlines()]
    assert "-12" in (tmp_path / "circuit.svg").read_text("utf-8")


def test_sigmoid_neuron(capsys: Any) -> None:
    load("sigmoid_neuron").main()
    out = capsys.readouterr().out
    assert out.count("neuron = 0.73") == 2
    assert out.count("dw0 = -0.20  dx0 = 0.39  dw1 = -0.39  dx1 = -0.59  dw2 = 0.20") == 2
    assert "σ (1 - σ) = 0.20, and dscore = 0.20" in out


def test_hello(capsys: Any) -> None:
    assert load("hello").main() == "hello"
    assert "hell → ello" in capsys.readouterr().out


def test_min_char_rnn(tmp_path: Path, capsys: Any) -> None:
    example = load("min_char_rnn")
    (tmp_path / "text.txt").write_text("to be or not to be. " * 20)
    loss = example.main(tmp_path / "text.txt", steps=60, every=30)
    out = capsys.readouterr().out
    assert "400 characters, 8 distinct" in out
    assert [line.split(",")[0] for line in out.splitlines() if ", loss" in line] == [
        "---- 0",
        "---- 30",
        "---- 60",
    ]
    assert loss == pytest.approx(25 * np.log(8), rel=0.1)  # it is smoothed


@pytest.mark.parametrize("name", ["circuit", "sigmoid_neuron"])
def test_as_a_program(name: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", [f"examples/{name}.py"])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert capsys.readouterr().out


# ---------------------------------------------------------------- min-char-rnn by hand


def plain_loss(w: dict[str, Array], ids: Array, targets: Array, h0: Array) -> tuple[Any, ...]:
    """Loss, gradients and the last state: A. Karpathy's lossFun, columns and all."""
    xs, hs, ps = {}, {-1: h0[:, None]}, {}
    loss = 0.0
    for t in range(len(ids)):
        xs[t] = np.zeros((len(w["by"]), 1))
        xs[t][ids[t]] = 1
        hs[t] = np.tanh(w["Wxh"] @ xs[t] + w["Whh"] @ hs[t - 1] + w["bh"])
        y = w["Why"] @ hs[t] + w["by"]
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    d = {name: np.zeros_like(value) for name, value in w.items()}
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(ids))):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        d["Why"] += dy @ hs[t].T
        d["by"] += dy
        dh = w["Why"].T @ dy + dh_next
        dh_raw = (1 - hs[t] * hs[t]) * dh
        d["bh"] += dh_raw
        d["Wxh"] += dh_raw @ xs[t].T
        d["Whh"] += dh_raw @ hs[t - 1].T
        dh_next = w["Whh"].T @ dh_raw
    for gradient in d.values():
        np.clip(gradient, -5, 5, out=gradient)
    return loss, d, hs[len(ids) - 1][:, 0]


@pytest.mark.parametrize(
    ("hidden", "rate", "updates"), [(100, 0.01, 200), (20, 0.1, 200), (100, 0.1, 3)]
)
def test_min_char_rnn_equals_the_plain_program(hidden: int, rate: float, updates: int) -> None:
    """The same losses for the same weights and text, each going its own way from there.

    With 100 units and a rate of 0.1 that can only be seen in the beginning: the first updates move
    each weight by up to 0.1, which makes the network chaotic. The plain program, too, has another
    loss after 10 updates when its weights are changed in their last bit.
    """
    example = load("min_char_rnn")
    text = pydoc_data.topics.topics["compound"]
    characters = sorted(set(text))
    data = np.array([characters.index(c) for c in text])
    weights = example.initial_weights(len(characters), hidden, seed=0, dtype="float64")
    train, _ = example.build(weights, rate)
    plain = {name: np.array(value.T) for name, value in weights.items()}
    plain |= {name: plain[name][:, None] for name in ("bh", "by")}
    memory = {name: np.zeros_like(value) for name, value in plain.items()}
    h = plain_h = np.zeros(hidden)
    losses, clipped = [], 0
    for place in range(0, 25 * updates, 25):
        ids, targets = data[place : place + 25], data[place + 1 : place + 26]
        expected, gradients, plain_h = plain_loss(plain, ids, targets, plain_h)
        for name, g in gradients.items():
            clipped += int((np.abs(g) == 5).sum())
            memory[name] += g * g
            plain[name] += -rate * g / np.sqrt(memory[name] + 1e-8)
        loss, h = train(ids, targets, h)
        assert loss.dtype == h.dtype == np.float64
        assert abs(loss - expected) < 1e-9
        np.testing.assert_allclose(h, plain_h, rtol=0, atol=1e-9)
        losses.append(expected)
    assert clipped  # so that clipping was tried too
    assert updates < 200 or np.mean(losses[-20:]) < 0.7 * losses[0]
