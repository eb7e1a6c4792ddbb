"""Training: the loss falls, the state is carried, and what it reports is true."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, DataError
from minigrad.text import Settings, StatefulBatches, Training
from minigrad.text.model import CELLS
from minigrad.text.training import OPTIMIZERS
from tests.helpers import Array

TEXT = "to be or not to be, that is the question. " * 12
SMALL: dict[str, Any] = {"hidden": 8, "layers": 2, "length": 6, "batch": 4, "seed": 1}


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


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_loss_falls(cell: str, optimizer: str) -> None:
    rate = 3.0 if optimizer == "sgd" else 0.03
    t = training(cell=cell, optimizer=optimizer, layers=1, lr=rate)
    losses = [t.step() for _ in range(60)]
    assert abs(losses[0] - np.log(len(t.vocabulary))) < 0.3
    assert np.mean(losses[-10:]) < 0.85 * losses[0]
    assert t.done == 60


@pytest.mark.parametrize("cell", CELLS)
def test_batches_with_carried_state_are_one_long_sequence(cell: str) -> None:
    """With a rate too small to change any weight, losses of steps average to that of it all."""
    t = training(cell=cell, optimizer="sgd", lr=1e-30, validation=0.0)
    rng = np.random.default_rng(0)
    for p in t.network.parameters().values():  # large ones, to which the state matters
        p.set_value(rng.normal(size=p.shape).astype("float32"))
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
    t, other = training(dropout=0.3), training(dropout=0.3)
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
    one, same, other = (training(seed=seed, dropout=0.2) for seed in (1, 1, 2))
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


def test_a_training_that_diverges_says_so() -> None:
    t = training(cell="rnn", lr=1e38, clip=0.0)
    t.step()
    with pytest.raises(DataError, match=r"the loss is (nan|inf) at step 2.*diverged.*smaller lr"):
        t.step()


def test_a_text_of_one_character() -> None:
    t = Training("a" * 100, Settings(**SMALL))
    assert t.step() == t.validate() == 0


# ---------------------------------------------------------------- errors


def test_texts_that_do_not_do() -> None:
    with pytest.raises(DataError, match="the text is empty"):
        Training("", Settings())
    message = r"has 90 characters.*50 steps needs 2,501.*\(10 more are kept for validation\)"
    with pytest.raises(DataError, match=message):
        Training("hello" * 20, Settings())


@pytest.mark.parametrize("name", ["hidden", "layers", "length", "batch", "steps"])
@pytest.mark.parametrize("value", [0, -3, 1.5, "8"])
def test_sizes_are_whole_numbers_from_1_up(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name} must be a whole number from 1 up, not"):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed must be a whole number from 0 up, not -1"),
        ({"cell": "elman"}, "no cell 'elman': choose one of rnn, lstm, gru"),
        ({"optimizer": "newton"}, "no optimizer 'newton': choose one of sgd, adagrad"),
        ({"lr": 0.0}, "lr must be above 0, and is 0.0"),
        ({"lr": float("nan")}, "lr must be above 0, and is nan"),
        ({"lr": float("inf")}, "lr must be above 0, and is inf"),
        ({"clip": -1.0}, "clip must be 0 .no limit. or above, and is -1.0"),
        ({"clip": float("nan")}, "clip must be"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, and is 1.0"),
        ({"dropout": float("nan")}, "dropout must be from 0 to below 1"),
        ({"validation": 1.0}, "validation must be from 0 to below 1, and is 1.0"),
        ({"validation": -0.1}, "validation must be from 0 to below 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Settings(**settings)
