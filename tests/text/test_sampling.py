"""Sampling: the same seed the same text, the right distribution, and what cannot be sampled."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.errors import ArgumentError, DataError
from minigrad.text import CharRNN, Sampler
from minigrad.text.model import CELLS
from minigrad.text.sampling import draw, probabilities
from minigrad.text.vocabulary import Bytes, Vocabulary, Words
from tests.helpers import Array

LETTERS = Vocabulary("abcd")


def network(cell: str = "lstm") -> CharRNN:
    """One whose weights are large enough to care for what it has read."""
    net = CharRNN(4, cell, hidden=6, layers=2, seed=3)
    rng = np.random.default_rng(0)
    for p in net.parameters().values():
        p.set_value(rng.normal(size=p.shape).astype("float32"))
    return net


def text(net: CharRNN, length: int = 40, **options: Any) -> str:
    return "".join(Sampler(net, LETTERS).stream(length, **options))


def test_the_same_seed_gives_the_same_text() -> None:
    net = network()
    assert text(net, seed=1) == text(net, seed=1)
    assert text(net, seed=1) != text(net, seed=2)
    assert len({text(net) for _ in range(6)}) > 1


def test_a_sampler_begins_anew_each_time() -> None:
    sampler = Sampler(network(), LETTERS)
    first, second = ("".join(sampler.stream(30, prime="ab", seed=0)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("cell", CELLS)
def test_at_temperature_0_it_writes_what_is_likeliest(cell: str) -> None:
    """Each character against the logits for all of the text so far, read at once."""
    net = network(cell)
    written = "dab"
    for character in text(net, 12, prime="dab", temperature=0):
        ids = mg.constant(LETTERS.encode(written)[:, None])
        logits = net(ids, net.zero_state(1))[0].eval()
        assert character == LETTERS.decode([logits[-1, 0].argmax()])
        written += character


def distribution(
    logits: Array, temperature: float, top_k: int | None = None, top_p: float | None = None
) -> Array:
    """As defined: a number may be drawn if fewer than k are likelier, and those make up less than
    p of what is left by k."""
    p = np.exp((logits - logits.max()).astype(float) / temperature)
    rank = sorted(range(len(p)), key=lambda i: (-logits[i], i))
    likelier = [rank[: rank.index(i)] for i in range(len(p))]
    if top_k is not None:
        p = np.array([p[i] if len(likelier[i]) < top_k else 0 for i in range(len(p))])
    if top_p is not None:
        together = np.array([p[likelier[i]].sum() for i in range(len(p))])
        p = np.where(together < top_p * p.sum(), p, 0)
    return p / p.sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("top_k", "top_p"), [(None, None), (3, None), (None, 0.7), (2, 0.9)])
def test_the_distribution_is_the_softmax_of_what_may_be_drawn(
    temperature: float, top_k: int | None, top_p: float | None
) -> None:
    logits = np.array([0.3, -1.0, 2.0, 500.0 - 498.5], "float32")
    p = distribution(logits, temperature, top_k, top_p)
    rng = np.random.default_rng(0)
    n = 5_000
    draws = [draw(logits, temperature, rng, top_k, top_p) for _ in range(n)]
    counts = np.bincount(draws, minlength=4)
    possible = p > 0
    assert (counts[~possible] == 0).all()
    deviation = (counts - n * p)[possible] / np.sqrt(n * p * (1 - p) + 1e-9)[possible]
    assert np.abs(deviation).max() < 4


@given(
    st.lists(st.sampled_from([-50.0, -1.0, 0.0, 0.5, 2.0]) | st.floats(-9, 9), min_size=1),
    st.floats(0.1, 10),
    st.none() | st.integers(1, 12),
    st.none() | st.floats(1e-6, 1),
)
def test_probabilities_are_those_of_the_definition(
    values: list[float], temperature: float, top_k: int | None, top_p: float | None
) -> None:
    logits = np.array(values, "float32")
    if top_p is not None:  # not where rounding decides
        around = [distribution(logits, temperature, top_k, top_p + d) > 0 for d in (-1e-9, 1e-9)]
        assume((around[0] == around[1]).all())
    p = probabilities(logits, temperature, top_k, top_p)
    np.testing.assert_allclose(p, distribution(logits, temperature, top_k, top_p), 1e-9)
    assert p.shape == logits.shape
    assert p.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "possible"),
    [
        ({"top_k": 1}, [0]),
        ({"top_k": 3}, [0, 1, 2]),
        ({"top_k": 4}, [0, 1, 2, 3]),
        ({"top_k": 99}, [0, 1, 2, 3]),
        ({"top_p": 1e-300}, [0]),
        ({"top_p": 0.25}, [0]),
        ({"top_p": 0.5}, [0, 1]),
        ({"top_p": 0.500001}, [0, 1, 2]),
        ({"top_p": 1}, [0, 1, 2, 3]),
        ({"top_k": 2, "top_p": 0.5}, [0]),
        ({"top_k": 2, "top_p": 0.6}, [0, 1]),
    ],
)
def test_of_equals_at_the_border_the_first_are_taken(options: Any, possible: list[int]) -> None:
    p = probabilities(np.zeros(4, "float32"), **options)
    assert np.flatnonzero(p).tolist() == possible
    np.testing.assert_array_equal(p[possible], 1 / len(possible))


def test_the_order_is_that_of_the_logits_where_their_probabilities_are_equal() -> None:
    assert probabilities(np.array([-9.0, 9.0]), np.inf, top_k=1).tolist() == [0, 1]


def test_a_nucleus_of_all_leaves_out_nothing() -> None:
    assert (probabilities(np.array([0.0, -60.0]), top_p=1) > 0).all()
    assert probabilities(np.array([0.0, -60.0]), top_p=1 - 1e-12).tolist() == [1, 0]


@pytest.mark.parametrize("options", [{}, {"top_k": 1}, {"top_k": 5}, {"top_p": 1e-9}, {"top_p": 1}])
def test_one_number_alone_is_drawn(options: Any) -> None:
    for temperature in (0, 1e-300, 1, np.inf):
        logits = np.array([-7.0], "float32")
        assert probabilities(logits, temperature, **options).tolist() == [1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", [{}, {"top_k": 1}, {"top_p": 0.5}])
def test_logits_that_are_not_finite(bad: float, options: Any) -> None:
    with pytest.raises(DataError, match="diverged"):
        draw(np.array([0.0, bad]), 1.0, np.random.default_rng(0), **options)


@pytest.mark.parametrize(("temperature", "likeliest"), [(0, 1), (1e-320, 1), (1e-3, 1)])
def test_a_temperature_next_to_0(temperature: float, likeliest: int) -> None:
    logits = np.array([-3e38, 3e38, 1.0], "float32")
    assert draw(logits, temperature, np.random.default_rng(0)) == likeliest


def test_an_infinite_temperature_is_even() -> None:
    rng = np.random.default_rng(0)
    drawn = {draw(np.array([-1e30, 1e30], "float32"), np.inf, rng) for _ in range(50)}
    assert drawn == {0, 1}


def test_without_a_prime_the_first_character_is_drawn_evenly() -> None:
    sampler = Sampler(network(), LETTERS)
    firsts = ["".join(sampler.stream(1, seed=seed)) for seed in range(400)]
    assert all(70 < firsts.count(letter) < 130 for letter in "abcd")


def test_length() -> None:
    assert text(network(), 0, prime="ab") == ""
    assert len(text(network(), 7, prime="ab")) == 7


def test_one_character_alone() -> None:
    """A vocabulary of one: there is nothing to choose."""
    pieces = Sampler(CharRNN(1, hidden=2), Vocabulary("a")).stream(3, seed=0)
    assert "".join(pieces) == "aaa"


def test_dropout_is_off_and_the_mode_stays() -> None:
    net = CharRNN(4, hidden=6, dropout=0.5)
    assert text(net, prime="a", temperature=0) == text(net, prime="a", temperature=0)
    assert net.training
    Sampler(net.eval(), LETTERS)
    assert not net.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": -1}, "length must be from 0 up, and is -1"),
        ({"temperature": -0.5}, "temperature must be from 0 up, and is -0.5"),
        ({"temperature": float("nan")}, "temperature must be from 0 up, and is nan"),
        ({"seed": -1}, "seed must be from 0 up, and is -1"),
        ({"top_k": 0}, "top_k must be a whole number from 1 up, and is 0"),
        ({"top_k": 1.5}, "top_k must be a whole number from 1 up, and is 1.5"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1, and is 0"),
        ({"top_p": 1.01}, "top_p must be above 0 and at most 1, and is 1.01"),
        ({"top_p": float("nan")}, "top_p must be above 0 and at most 1, and is nan"),
    ],
)
def test_options_out_of_range_are_refused_at_once(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Sampler(network(), LETTERS).stream(**{"length": 3, **options})


def test_a_prime_that_cannot_be_read_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="'z', at place 1"):
        Sampler(network(), LETTERS).stream(3, prime="az")


def test_a_network_that_has_diverged() -> None:
    net = network()
    net.readout.bias.set_value(np.full(4, np.nan, "float32"))
    with pytest.raises(DataError, match="diverged"):
        text(net, prime="a")


def test_a_network_for_another_vocabulary() -> None:
    with pytest.raises(ArgumentError, match="is for 4 symbols, and the vocabulary has 256"):
        Sampler(network(), Bytes())


def test_limits_that_limit_nothing_change_nothing() -> None:
    net = network()
    assert text(net, seed=1, top_k=4, top_p=1) == text(net, seed=1)
    assert text(net, seed=1, top_k=1) == text(net, seed=1, prime="", top_p=1e-9)
    assert text(net, prime="a", top_k=1) == text(net, prime="a", temperature=0)


# ---------------------------------------------------------------- words and bytes


class Successors(CharRNN):
    """After symbol i comes `following[i]`, or else `rare[i]`, e times less likely. The state is the
    number of symbols read, in a dict."""

    def __init__(self, size: int, following: dict[int, int], rare: dict[int, int]) -> None:
        super().__init__(size, "rnn", hidden=1, layers=1)
        table = np.full((size, size), -30, "float32")
        for logit, pairs in [(-1, rare), (0, following)]:
            for before, after in pairs.items():
                table[before, after] = logit
        self.table = mg.parameter(table)

    def zero_state(self, batch: Any) -> Any:
        return {"read": mg.zeros((batch,))}

    def __call__(self, characters: Any, state: Any) -> Any:
        ones = mg.sum(mg.one_hot(characters, self.size), axis=(0, 2))
        return mg.take(self.table, characters, axis=0), {"read": state["read"] + ones}


def circle(vocabulary: Vocabulary, text: str) -> Sampler:
    """It writes `text` over and over; all its symbols differ."""
    numbers = vocabulary.encode(text).tolist()
    following = dict(zip(numbers, numbers[1:] + numbers[:1], strict=True))
    rare = dict(zip(numbers, numbers[2:] + numbers[:2], strict=True))
    return Sampler(Successors(len(vocabulary), following, rare), vocabulary)


def test_words() -> None:
    sampler = circle(Words.of("cats eat,\n"), "cats eat,\n")
    pieces = list(sampler.stream(7, prime="cats", temperature=0))
    assert pieces == [" ", "eat", ",", "\n", "cats", " ", "eat"]
    assert list(sampler.stream(2, prime="eat", top_k=1)) == [",", "\n"]
    firsts = {next(sampler.stream(1, seed=seed)) for seed in range(60)}
    assert firsts == {"cats", " ", "eat", ",", "\n"}  # and not <unk>


def test_bytes_are_written_as_whole_characters() -> None:
    sampler = circle(Bytes(), "é汉!")
    assert list(sampler.stream(8, prime="é", temperature=0)) == ["汉", "!", "é", "\ufffd"]
    assert list(sampler.stream(9, prime="!é", top_p=0.5)) == ["汉", "!", "é", "汉"]
    assert all(next(sampler.stream(1, seed=seed)).isascii() for seed in range(60))
