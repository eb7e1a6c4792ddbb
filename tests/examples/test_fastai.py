"""The examples of fast.ai's lesson 6 learn, and compute what they say."""

import pydoc_data.topics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples.loading import load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(pydoc_data.topics.topics["compound"], "utf-8")
    return path


def test_three_characters(file: Path, capsys: Any) -> None:
    loss, accuracy, baseline = load("three_characters").main(file, epochs=4, hidden=64)
    assert accuracy > baseline + 0.1
    out = capsys.readouterr().out
    assert f"held out {loss:.3f}, {accuracy:.1%} right" in out.splitlines()[4]
    assert "after 'the' the likeliest is ' '" in out


def test_eight_characters(file: Path) -> None:
    found = load("eight_characters").main(file, epochs=6, hidden=64)
    for name in ("the ninth", "every step"):
        sparse, one_hot, _ = found[name]
        assert sparse == pytest.approx(one_hot, rel=1e-6)
    assert found["every step"][2] > found["the ninth"][2]
    assert found["every step"][2] > found["commonest"] + 0.05


def test_theano_rnn(file: Path, capsys: Any) -> None:
    error, accuracy, commonest = load("theano_rnn").main(file, epochs=2, hidden=64)
    assert accuracy > commonest + 0.1
    means = [float(line.split()[2][:-1]) for line in capsys.readouterr().out.splitlines()[1:9]]
    assert means[0] > 1.2 * means[-1]
    assert means[-1] == pytest.approx(error, abs=1e-3)


def test_theano_rnn_steps_against_the_gradient() -> None:
    """A small step lowers the error of its own sequence by rate · |gradient|², a step of 0 not."""
    train, _ = load("theano_rnn").build(7, 5, np.random.default_rng(0))
    ids, targets, h0 = np.array([1, 2, 3]), np.array([2, 3, 4]), np.zeros(5, np.float32)
    errors = [float(train(h0, ids, targets, rate)) for rate in (0.0, 1e-3, 1e-3, 0.0)]
    assert errors[0] == errors[1]
    assert errors[1] > errors[2] > errors[3]
    first, second = errors[1] - errors[2], errors[2] - errors[3]
    assert first == pytest.approx(second, rel=0.2)


def test_films(capsys: Any) -> None:
    rmse = load("films").main()
    assert rmse["3 factors and a bias"] < 0.65
    assert rmse["3 factors and a bias"] < rmse["4 factors"] < 0.7 * rmse["the mean"]
    out = capsys.readouterr().out
    assert f"3 factors and a bias {rmse['3 factors and a bias']:.3f}" in out


def test_ratings_are_of_different_pairs() -> None:
    user, film, rating = load("films").ratings(20, 10, 150, np.random.default_rng(0))
    assert len(set(zip(user.tolist(), film.tolist(), strict=True))) == 150
    assert rating.dtype == np.float32


@pytest.mark.parametrize("length", [1, 8, 13])
def test_cumulative_sum(length: int, capsys: Any) -> None:
    found = load("cumulative_sum").main(length)
    for name in ("scan", "cumulative_sum", "associative_scan"):
        np.testing.assert_array_equal(found[name], np.cumsum(found["xs"]))
    from_the_end = np.cumsum(found["weights"][::-1])[::-1]
    np.testing.assert_array_equal(found["gradient"], from_the_end)
    np.testing.assert_array_equal(found["from the other end"], from_the_end)
    assert f"{length} of {length} entries agree" in capsys.readouterr().out


def test_pseudo_labels(capsys: Any) -> None:
    found = load("pseudo_labels").main(seeds=3)
    alone, pseudo = np.mean(found, axis=0)
    assert 0.6 < alone < 0.85
    assert all(b > a + 0.01 for a, b in found)
    assert f"the mean changes by {100 * (pseudo - alone):+.1f} points" in capsys.readouterr().out


def test_mixed_batches_have_their_shares_and_use_every_row_alike() -> None:
    a, b = np.arange(5), np.arange(100, 107)
    mix = load("pseudo_labels").MixIterator([((a, -a), 2), ((b, -b), 3)], np.random.default_rng(0))
    batches = [next(mix) for _ in range(70)]
    for x, y in batches:
        np.testing.assert_array_equal(y, -x)
        assert (x[:2] < 5).all()
        assert (x[2:] >= 100).all()
    counts = np.bincount(np.concatenate([x for x, _ in batches]))
    np.testing.assert_array_equal(counts[:5], 28)  # 70 batches of 2 from 5 rows
    np.testing.assert_array_equal(counts[100:], 30)  # and of 3 from 7


def test_stateful_lstm(file: Path) -> None:
    loss, forgetful, accuracy, baseline = load("stateful_lstm").main(
        file, epochs=4, hidden=48, batch=8, rate=0.005, most=30_000
    )
    assert loss < forgetful - 0.1
    assert accuracy > baseline + 0.2


def test_the_batch_norm_of_the_lstm_moves_with_training_only() -> None:
    example = load("stateful_lstm")
    network = example.StatefulLSTM(7, 3, 4, np.random.default_rng(0))
    train, judge = example.compiled(network, 1e-3)
    ids, targets = np.random.default_rng(1).integers(7, size=(2, 8, 5))
    zero = ((np.zeros((5, 4), np.float32),) * 2,) * 2
    first, second = (judge(ids, targets, zero)[0] for _ in range(2))
    assert first == second  # nothing is dropped in use
    assert not network.norm.running_mean.get_value().any()
    rows = network.embedding.weight.get_value()[ids].reshape(-1, 3)
    train(ids, targets, zero)
    np.testing.assert_allclose(
        network.norm.running_mean.get_value(), 0.1 * rows.mean(axis=0), rtol=1e-5
    )
