"""Training: the loss falls, the state is carried, and what it reports is true."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import DataError
from minigrad.text import Settings, StatefulBatches, Training, Vocabulary
from minigrad.text.model import CELLS
from minigrad.text.settings import OPTIMIZERS
from tests.helpers import Array

TEXT = "to be or not to be, that is the question. " * 12
SMALL: dict[str, Any] = {"hidden": 8, "layers": 1, "length": 6, "batch": 4, "seed": 1}


def training(**settings: Any) -> Training:
    return Training(TEXT, Settings(**{**SMALL, **settings}))


def judged(t: Training, ids: Array, targets: Array) -> float:
    """The loss on a text (T, B), read by the interpreter from a state of zeros."""
    logits, _ = t.network.eval()(mg.constant(ids), t.network.zero_state(ids.shape[1]))
    t.network.train()
    return float(nn.losses.softmax_cross_entropy(logits, mg.constant(targets)).eval())


def in_one(batches: StatefulBatches) -> list[Array]:
    """Characters and targets of all batches, as one long one."""
    return [np.concatenate(part) for part in zip(*batches, strict=True)]


@pytest.mark.parametrize(
    ("cell", "optimizer"),
    sorted({(cell, "adam") for cell in CELLS} | {("lstm", optimizer) for optimizer in OPTIMIZERS}),
)
def test_the_loss_falls(cell: str, optimizer: str) -> None:
    rate = 1.0 if optimizer == "sgd" else 0.03
    t = training(cell=cell, optimizer=optimizer, lr=rate)
    losses = [t.step() for _ in range(60)]
    assert abs(losses[0] - np.log(len(t.vocabulary))) < 0.3
    assert np.mean(losses[-10:]) < 0.85 * losses[0]
    assert t.done == 60


@pytest.mark.parametrize("cell", CELLS)
def test_batches_with_carried_state_are_one_long_sequence(cell: str) -> None:
    """With a rate too small to change any weight, losses of steps average to that of it all."""
    layers = 1 if cell.startswith("min") else 2  # those take long to compile
    t = training(cell=cell, layers=layers, length=18, optimizer="sgd", lr=1e-30, validation=0.0)
    rng = np.random.default_rng(0)
    for p in t.network.parameters().values():  # large ones, to which the state matters
        p.set_value(rng.normal(0, 0.7, p.shape).astype("float32"))
    losses = [t.step() for _ in range(len(t.batches))]
    assert np.mean(losses) == pytest.approx(judged(t, *in_one(t.batches)), rel=1e-5)
    forgetful = np.mean([judged(t, *batch) for batch in t.batches])
    assert abs(np.mean(losses) - forgetful) > 0.01


def test_a_new_pass_over_the_text_starts_with_a_new_state() -> None:
    t = training(optimizer="sgd", lr=1e-30)
    losses = [t.step() for _ in range(2 * len(t.batches))]
    assert losses[: len(t.batches)] == losses[len(t.batches) :]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_validation_is_the_loss_on_the_text_kept_back(share: float) -> None:
    t = training(validation=share)
    for _ in range(10):
        t.step()
    kept = t.vocabulary.encode(TEXT[len(TEXT) - int(len(TEXT) * share) :])
    count = len(kept) - 1
    length = min(6, count)
    expected = judged(t, *in_one(StatefulBatches(kept, min(4, count // length), length)))
    assert t.validate() == pytest.approx(expected, rel=1e-5)
    assert t.validate() == t.validate()


def test_validation_may_be_cut_short() -> None:
    t = training(validation=0.3)
    kept = t.vocabulary.encode(TEXT[len(TEXT) - int(len(TEXT) * 0.3) :])
    ids, targets = in_one(StatefulBatches(kept, 4, 6))
    assert t.validate(2) == pytest.approx(judged(t, ids[:12], targets[:12]), rel=1e-5)
    assert t.validate(1000) == t.validate() != t.validate(2)


def test_validation_is_no_training() -> None:
    t, other = (training(layers=2, dropout=0.3) for _ in range(2))
    for _ in range(3):
        assert t.step() == other.step()
        t.validate()
    for p, q in zip(
        t.network.parameters().values(), other.network.parameters().values(), strict=True
    ):
        np.testing.assert_array_equal(p.get_value(), q.get_value())


@pytest.mark.parametrize("share", [0.0, 0.002])
def test_where_too_little_is_kept_there_is_no_validation(share: float) -> None:
    assert training(validation=share).validate() is None


def test_the_seed_decides_it_all() -> None:
    one, same, other = (training(seed=seed, layers=2, dropout=0.2) for seed in (1, 1, 2))
    first, again, different = ([t.step() for _ in range(5)] for t in (one, same, other))
    assert first == again
    assert first != different


def test_gradients_are_clipped_by_their_norm() -> None:
    """One step of plain descent is as long as the clip, and as the gradient where that is less."""
    lengths = []
    for clip in (1e-3, 0.0, 1e3):
        t = training(optimizer="sgd", lr=1.0, clip=clip)
        before = {name: p.get_value() for name, p in t.network.parameters().items()}
        t.step()
        moved = [p.get_value() - before[name] for name, p in t.network.parameters().items()]
        lengths.append(np.sqrt(sum((m.astype(np.float64) ** 2).sum() for m in moved)))
    assert lengths[0] == pytest.approx(1e-3, rel=0.01)
    assert lengths[1] == pytest.approx(lengths[2], rel=1e-4)
    assert lengths[1] > 0.01


def test_gradients_are_clipped_by_their_elements() -> None:
    """A step of plain descent moves no weight by more; the clip by norm comes after it."""
    found = {}
    for limits in ((0.0, 0.0), (1e-3, 0.0), (1e-3, 1e-3)):
        t = training(optimizer="sgd", lr=1.0, clip_value=limits[0], clip=limits[1])
        before = {name: p.get_value() for name, p in t.network.parameters().items()}
        t.step()
        moved = [p.get_value() - before[name] for name, p in t.network.parameters().items()]
        found[limits] = np.concatenate([m.reshape(-1) for m in moved]), t.latest[-1][1]
    (free, norm), (clipped, same_norm), (short, _) = found.values()
    np.testing.assert_allclose(clipped, np.clip(free, -1e-3, 1e-3), rtol=1e-3, atol=1e-7)
    assert (abs(free) > 2e-3).any()
    assert same_norm == norm == pytest.approx(np.linalg.norm(free), rel=1e-3)
    assert np.linalg.norm(short) == pytest.approx(1e-3, rel=1e-3)


# ---------------------------------------------------------------- parts of the text, and its length


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.2), (0.0, 0.3), (0.25, 0.0)])
def test_the_text_is_kept_apart_in_three(validation: float, test: float) -> None:
    """Training, validation, test, in this order."""
    t = training(validation=validation, test=test, optimizer="sgd")
    numbers = t.vocabulary.encode(TEXT)
    last = len(numbers) - int(len(numbers) * test)
    middle = last - int(len(numbers) * validation)
    np.testing.assert_array_equal(
        np.concatenate([x.T for x, _ in StatefulBatches(numbers[:middle], 4, 6)]),
        np.concatenate([x.T for x, _ in t.batches]),
    )
    for found, kept in ((t.validate(), numbers[middle:last]), (t.test(), numbers[last:])):
        if len(kept):
            assert found == pytest.approx(judged(t, *in_one(StatefulBatches(kept, 4, 6))), rel=1e-5)
        else:
            assert found is None


@pytest.mark.parametrize(("epochs", "steps"), [(2, 36), (0.5, 9), (1e-9, 1)])
def test_epochs_are_passes_over_the_text(epochs: float, steps: int) -> None:
    t = training(epochs=epochs, steps=3)
    assert (len(t.batches), t.steps) == (18, steps)
    while not t.finished:
        t.step()
    assert t.done == steps


@pytest.mark.parametrize(("level", "unit"), [("word", 263), ("byte", len(TEXT) + 1)])
def test_levels(level: str, unit: int) -> None:
    text = TEXT.replace(".", "é", 1)
    t = Training(text, Settings(level=level, words=5, **SMALL))
    assert t.length == unit
    assert t.step() == pytest.approx(np.log(len(t.vocabulary)), abs=0.5)
    assert len(t.vocabulary) == (6 if level == "word" else 256)
    if level == "byte":
        assert Training(text.encode(), Settings(level=level, **SMALL)).length == unit


def test_a_vocabulary_may_be_given() -> None:
    t = Training("abab" * 30, Settings(**SMALL), Vocabulary("abc"))
    assert len(t.vocabulary) == t.network.size == 3
    t.step()


# ---------------------------------------------------------------- the rate

# at each update t, with 18 batches in an epoch
RATES: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "constant": ({}, lambda t: 1),
    "as char-rnn": (
        {"schedule": "step", "decay_after": 2.0},
        lambda t: 0.97 ** max(0, t // 18 - 1),
    ),
    "exponential": ({"schedule": "exponential", "decay": 0.1}, lambda t: 0.1 ** (t / 18)),
    "cosine": ({"schedule": "cosine", "steps": 60}, lambda t: (1 + np.cos(np.pi * t / 60)) / 2),
    "warm-up": ({"warmup": 40}, lambda t: min(1, (t + 1) / 40)),
    "both": (
        {"warmup": 4, "schedule": "step", "decay": 0.5},
        lambda t: min(1, (t + 1) / 4) * 0.5 ** (t // 18),
    ),
}


@pytest.mark.parametrize("name", RATES)
def test_the_rate_is_that_of_the_formula(name: str) -> None:
    """What is told, and what the weights of the readout really move by."""
    settings, expected = RATES[name]
    t = training(optimizer="sgd", lr=1e-3, clip=1e-6, **settings)
    for count in range(60):
        before = np.concatenate([p.get_value().reshape(-1) for p in weights(t)])
        t.step()
        after = np.concatenate([p.get_value().reshape(-1) for p in weights(t)])
        assert t.latest[-1][2] == pytest.approx(1e-3 * expected(count)), count
        if count % 10 == 0:  # the gradient is 1e-6 long
            moved = np.linalg.norm(after.astype("f8") - before)
            assert moved == pytest.approx(1e-9 * expected(count), rel=0.5), count


def weights(t: Training) -> list[mg.Parameter]:
    return list(t.network.parameters().values())


def test_the_rate_falls_at_a_plateau(monkeypatch: pytest.MonkeyPatch) -> None:
    t = training(schedule="plateau", decay=0.1, decay_patience=2, lr=1.0, optimizer="sgd")
    losses = iter([3.0, 2.0, 2.5, 2.5, 1.0, 1.0, 1.0])
    monkeypatch.setattr(Training, "validate", lambda self, most=None: next(losses))
    rates = []
    for _ in range(7):
        t.judge()
        t.step()
        rates.append(t.latest[-1][2])
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01])


def test_a_text_of_one_character() -> None:
    t = Training("a" * 100, Settings(**SMALL))
    assert t.step() == t.validate() == 0


# ---------------------------------------------------------------- texts that do not do


def test_texts_that_do_not_do() -> None:
    with pytest.raises(DataError, match="the text is empty"):
        Training("", Settings())
    message = r"has 90 characters.*50 steps needs 2,501.*\(10 more are kept for validation and test"
    with pytest.raises(DataError, match=message):
        Training("hello" * 20, Settings())
    with pytest.raises(DataError, match=r"has 9 words, and one batch of 4 rows and 6 steps"):
        Training("hello you" * 4, Settings(**SMALL, level="word", validation=0.0))
    with pytest.raises(DataError, match="the character 'c', at place 2 of the text"):
        Training("abc" * 100, Settings(**SMALL), Vocabulary("ab"))
