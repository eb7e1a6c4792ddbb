"""Scoring: surprisals are those of the interpreter in one go, whatever the chunks."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.errors import ArgumentError, DataError
from minigrad.text import CharRNN, Settings, Training
from minigrad.text.model import CELLS
from minigrad.text.scoring import Scorer, Scores
from minigrad.text.vocabulary import LEVELS, Bytes, Vocabulary, Words
from tests.helpers import Array, assert_same

TEXT = "a cab, a bee\né, 汉: a cab\n" * 2


def network(size: int, cell: str = "lstm", scale: float = 1.0) -> CharRNN:
    net = CharRNN(size, cell, hidden=6, layers=2, seed=3)
    rng = np.random.default_rng(0)
    for p in net.parameters().values():
        p.set_value(rng.normal(0, scale, p.shape).astype("float32"))
    return net


def expected(net: CharRNN, numbers: Array) -> Array:
    """By the interpreter, all at once, from the definition."""
    logits = net(mg.constant(numbers[:, None]), net.zero_state(1))[0].eval()[:, 0].astype(float)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    first = np.log(net.size)
    return np.array([first, *-np.log(p[np.arange(len(numbers) - 1), numbers[1:]])])


@pytest.mark.parametrize("chunk", [1, 7, 49, 50, 1000])
@pytest.mark.parametrize("cell", CELLS)
def test_surprisals_do_not_depend_on_the_chunks(cell: str, chunk: int) -> None:
    v = Vocabulary.of(TEXT)
    assert len(TEXT) == 50
    net = network(len(v), cell)
    scores = Scorer(net, v, chunk).score(TEXT)
    assert_same(scores.nats, expected(net, v.encode(TEXT)), 1e-4)
    assert scores.text == TEXT


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str) -> None:
    v = Words.of(TEXT, most=3) if level == "word" else LEVELS[level].of(TEXT)
    net = network(len(v), scale=0.5)
    scores = Scorer(net, v, chunk=20).score(TEXT)
    assert_same(scores.nats, expected(net, v.encode(TEXT)), 1e-4)
    assert list(scores.pieces) == list(v.split(TEXT))
    bits = scores.nats.sum() / math.log(2)
    assert scores.bits == pytest.approx(bits / len(v.encode(TEXT)))
    assert scores.bits_per_byte == pytest.approx(bits / len(TEXT.encode()))


def test_a_network_that_knows_nothing_needs_8_bits_per_byte() -> None:
    scores = Scorer(network(256, scale=0.0), Bytes()).score(TEXT)
    assert_same(scores.nats, np.full(len(TEXT.encode()), np.log(256)), 1e-6)
    assert scores.bits == pytest.approx(8)
    assert scores.bits_per_byte == pytest.approx(8)
    assert scores.perplexity == pytest.approx(256, rel=1e-5)
    assert scores.mean == pytest.approx(math.log(256))


def test_a_byte_is_counted_in_utf8() -> None:
    scores = Scores("é汉", np.array([1.0, 4.0]) * math.log(2))
    assert (scores.bits, scores.bits_per_byte) == (2.5, 1.0)


def test_one_symbol_is_as_surprising_as_an_even_choice() -> None:
    assert_same(Scorer(network(4), Vocabulary("abcd")).score("c").nats, [math.log(4)])
    assert_same(Scorer(network(1), Vocabulary("a")).score("aaa").nats, np.zeros(3))


def test_a_scorer_begins_anew_each_time() -> None:
    scorer = Scorer(network(4), Vocabulary("abcd"))
    first, _, again = (scorer.score(text).nats for text in ("abcd", "dd", "abcd"))
    np.testing.assert_array_equal(first, again)


def test_dropout_is_off_and_the_mode_stays() -> None:
    net = CharRNN(4, hidden=6, dropout=0.5)
    scorer = Scorer(net, Vocabulary("abcd"))
    assert net.training
    np.testing.assert_array_equal(scorer.score("abcd").nats, scorer.score("abcd").nats)


# ---------------------------------------------------------------- lines


@given(st.lists(st.sampled_from(["\n", "a", "bc", ""])))
def test_lines_are_those_of_the_text(pieces: list[str]) -> None:
    nats = np.arange(len(pieces)) + 1.0
    lines = Scores(pieces, nats).lines()
    assert [piece for line in lines for piece in line.pieces] == pieces
    assert [n for line in lines for n in line.nats] == nats.tolist()
    for line in lines[:-1]:
        assert line.pieces[-1] == "\n"
    for line in lines:
        assert "\n" not in line.pieces[:-1]


def test_the_most_surprising_lines_come_first_and_of_equals_the_upper() -> None:
    text = "aa\n\nbb\ncc"
    scores = Scores(text, np.array([1, 3, 2, 2, 5, 5, 5, 0, 4]))
    found = [(n, line.text, line.mean) for n, line in scores.most_surprising()]
    assert found == [(3, "bb\n", 5), (1, "aa\n", 2), (2, "\n", 2), (4, "cc", 2)]
    assert [n for n, _ in scores.most_surprising(2)] == [3, 1]
    assert scores.most_surprising(0) == []


def test_a_network_that_has_learnt_a_log_finds_the_unusual_line() -> None:
    rng = np.random.default_rng(0)
    log = "".join(f"{rng.choice(['get', 'put'])} key{rng.integers(10)} ok\n" for _ in range(300))
    training = Training(
        log, Settings(cell="gru", hidden=32, layers=1, length=20, batch=8, steps=150, lr=0.01)
    )
    for _ in range(training.settings.steps):
        training.step()
    lines = log.splitlines(keepends=True)[:40]
    lines[17] = "get ok key2\n"
    scores = Scorer(training.network, training.vocabulary).score("".join(lines))
    [(number, line)] = scores.most_surprising(1)
    assert (number, line.text) == (18, "get ok key2\n")
    assert scores.bits < 1


# ---------------------------------------------------------------- what cannot be scored


def test_what_cannot_be_scored() -> None:
    letters = Vocabulary("abcd")
    scorer = Scorer(network(4), letters)
    with pytest.raises(DataError, match="the text is empty"):
        scorer.score("")
    with pytest.raises(DataError, match="'z', at place 1"):
        scorer.score("az")
    with pytest.raises(ArgumentError, match="chunk must be from 1 up, and is 0"):
        Scorer(network(4), letters, chunk=0)
    with pytest.raises(ArgumentError, match="is for 4 symbols, and the vocabulary has 256"):
        Scorer(network(4), Bytes())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_network_that_has_diverged(bad: Any) -> None:
    net = network(4)
    net.readout.bias.set_value(np.array([bad, 0, 0, 0], "float32"))
    with pytest.raises(DataError, match="diverged"):
        Scorer(net, Vocabulary("abcd")).score("abba")


def test_a_perplexity_beyond_all_numbers() -> None:
    assert Scores("ab", np.array([1e3, 1e4])).perplexity == math.inf
