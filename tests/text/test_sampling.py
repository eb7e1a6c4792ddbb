"""Sampling: the same seed the same text, the right distribution, and what cannot be sampled."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, DataError
from minigrad.text import CharRNN, Sampler, Vocabulary
from minigrad.text.model import CELLS
from minigrad.text.sampling import draw

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


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_distribution_is_the_softmax(temperature: float) -> None:
    logits = np.array([0.3, -1.0, 2.0, 500.0 - 498.5], "float32")
    p = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    rng = np.random.default_rng(0)
    n = 20_000
    counts = np.bincount([draw(logits, temperature, rng) for _ in range(n)], minlength=4)
    deviation = (counts - n * p) / np.sqrt(n * p * (1 - p))
    assert np.abs(deviation).max() < 4


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
