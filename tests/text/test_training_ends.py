"""How a training ends: all is done, patience is lost, or it has diverged; and what it notes."""

from typing import Any

import numpy as np
import pytest

from minigrad.errors import DataError, NotFiniteError
from minigrad.text import Settings, Training

TEXT = "to be or not to be, that is the question. " * 12
SMALL: dict[str, Any] = {"hidden": 8, "layers": 1, "length": 6, "batch": 4, "seed": 1}


def training(detect_nan: bool = False, **settings: Any) -> Training:
    return Training(TEXT, Settings(**{**SMALL, **settings}), detect_nan=detect_nan)


def steps(t: Training, count: int) -> list[float]:
    return [t.step() for _ in range(count)]


# ---------------------------------------------------------------- the best, and the end


def test_judge_takes_note(monkeypatch: pytest.MonkeyPatch) -> None:
    t = training(patience=2, steps=9)
    assert (t.judgements, t.best_step, t.waited) == ({}, None, 0)
    losses = [3.0, 2.0, 2.0, 1.0, 1.5, 1.25]
    left = iter(losses)
    monkeypatch.setattr(Training, "validate", lambda self, most=None: next(left))
    seen = []
    for _ in losses:
        t.step()
        t.judge()
        seen.append((t.best_step, t.waited, t.finished))
    assert seen == [
        (1, 0, False), (2, 0, False), (2, 1, False), (4, 0, False), (4, 1, False), (4, 2, True)
    ]  # fmt: skip
    assert t.judgements == dict(enumerate(losses, start=1))


def test_where_nothing_is_kept_nothing_is_best() -> None:
    t = training(validation=0.0)
    t.step()
    assert t.judge() is None
    assert (t.judgements, t.best_step, t.waited, t.finished) == ({1: None}, None, 0, False)


def test_figures_of_the_latest_steps_are_kept() -> None:
    t = training(lr=0.5, optimizer="sgd", warmup=30)
    assert t.latest.shape == (0, 3)
    losses = steps(t, 25)
    assert t.latest[:, 0].tolist() == losses[-20:]
    assert t.latest[:, 2] == pytest.approx([0.5 * (n + 1) / 30 for n in range(5, 25)])
    assert (t.latest[:, 1] > 0).all()


@pytest.mark.parametrize("patience", [0, 1])
def test_without_patience_it_goes_on(monkeypatch: pytest.MonkeyPatch, patience: int) -> None:
    t = training(patience=patience, steps=5)
    monkeypatch.setattr(Training, "validate", lambda self, most=None: 1.0)
    while not t.finished:
        t.step()
        t.judge()
    assert t.done == (5 if patience == 0 else 2)


# ---------------------------------------------------------------- divergence


def test_a_training_that_diverges_says_so() -> None:
    t = training(cell="rnn", lr=1e38, clip=0.0)
    t.step()
    message = r"the loss is (nan|inf) at step 2, and the norm .* (nan|inf): .*diverged.*smaller lr"
    with pytest.raises(DataError, match=message + r" \(it was 1e\+38\)"):
        t.step()


def test_a_loss_that_explodes() -> None:
    """It is finite, and the gradient too, and still far above that of a guess."""
    t = training(cell="rnn", lr=1e3, optimizer="sgd", schedule="exponential", warmup=1)
    with pytest.raises(DataError, match=r"the loss is [\d.]+ at step (\d+), and") as caught:
        steps(t, 20)
    assert f"at step {t.done}, " in caught.value.message
    assert f"(it was {1e3 * 0.97 ** ((t.done - 1) / 18):.4g})" in caught.value.message


@pytest.mark.parametrize("clip", [0.0, 5.0])
def test_a_gradient_without_end(clip: float) -> None:
    """Weights under which the loss is that of a guess, and its slope is beyond all numbers."""
    t = training(cell="rnn", clip=clip, optimizer="sgd", lr=0.5)
    for name, p in t.network.parameters().items():
        if name != "readout.weight":
            p.set_value(np.zeros(p.shape, p.dtype))
    hh = t.network.parameters()["recurrent.layers.0.cell.weight_hh"]
    hh.set_value(1e8 * np.eye(8, dtype=hh.dtype))
    message = r"the loss is 2\.708 at step 1, and the norm of the gradient (inf|nan): .*was 0\.5"
    with pytest.raises(DataError, match=message):
        t.step()


def test_a_nan_is_traced_to_its_gate() -> None:
    t = training(detect_nan=True, cell="rnn", lr=1e38, clip=0.0)
    with pytest.raises(NotFiniteError, match=r"train: \w+ made an infinity.*\n?.*\.py:\d+"):
        steps(t, 3)
    watched, plain = steps(training(detect_nan=True), 3), steps(training(), 3)
    np.testing.assert_allclose(watched, plain, rtol=1e-6)
