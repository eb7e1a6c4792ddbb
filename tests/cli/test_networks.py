"""minigrad draw rnn and its like: small networks, folded and unrolled, with numbers or without."""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli.networks import NETWORKS, Network
from tests.cli.calls import Call, Result, assert_refused
from tests.cli.test_circuits import needs_page

LAYERS = {
    "rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU,
    "stacked": partial(nn.RNN, num_layers=2),
    "bidirectional": partial(nn.RNN, bidirectional=True),
}  # fmt: skip


def dot(call: Call, *args: Any) -> str:
    """The picture that ``minigrad draw`` with these words writes."""
    result = call("draw", *args, "--out", "f.dot")
    assert result == Result(0, "wrote f.dot\n", "")
    return Path("f.dot").read_text("utf-8")


# ---------------------------------------------------------------- which network


@pytest.mark.parametrize("name", LAYERS)
def test_it_computes_what_the_layer_does(name: str) -> None:
    net = Network(features=2, hidden=3, length=4, seed=7)
    ys = NETWORKS[name][1](net)
    rng = np.random.default_rng(7)
    xs = rng.normal(size=(4, 2))
    layer = LAYERS[name](2, 3, rng=rng, dtype="float64")
    ys_of_one_row = layer(mg.constant(xs[:, None]))[0][:, 0]
    np.testing.assert_allclose(ys.eval(net.values), ys_of_one_row.eval(), rtol=1e-9)


def test_the_decoder_begins_with_the_state_that_the_encoder_ends_in() -> None:
    net = Network(features=2, hidden=3, length=4, seed=0)
    ys = NETWORKS["encoder-decoder"][1](net)
    x = next(v for v in net.values if v.name == "x")
    before = ys.eval(net.values)
    net.values[x] = net.values[x] + 1
    assert (ys.eval(net.values)[0] != before[0]).all()


# ---------------------------------------------------------------- what is drawn


@pytest.mark.parametrize("name", NETWORKS)
def test_each_is_drawn_with_its_numbers(call: Call, name: str) -> None:
    picture = dot(call, name)
    assert picture.count("scan over 4") == (1 if name in ("rnn", "lstm", "gru") else 2)
    assert "z⁻¹" in picture
    assert all(text in picture for text in ("x\\n4×2", "(4×3)", "h_0\\n3"))
    assert picture.count('color="#0a58ca">') > 5 < picture.count('color="#c62828">')
    assert "loss" in picture


def test_sizes_and_seed(call: Call) -> None:
    picture = dot(call, "gru", "--input", 5, "--hidden", 7, "--steps", 6)
    assert all(text in picture for text in ("scan over 6", "6×5", "6×7", "5×21"))
    assert dot(call, "rnn", "--seed", 1) == dot(call, "rnn", "--seed", 1) != dot(call, "rnn")


@pytest.mark.parametrize("name", NETWORKS)
def test_without_numbers(call: Call, name: str) -> None:
    numbers = re.compile(r"[\d.]+…-?[\d.]+</font>")  # the range of an array
    assert numbers.search(dot(call, name))
    plain = dot(call, name, "--plain")
    assert not numbers.search(plain)
    assert 'bgcolor="#0a58ca"' not in plain  # and no strips
    assert "(4×3)" in plain


def titles(picture: str) -> list[str]:
    """The steps that are drawn, and ⋯ for a gap."""
    return re.findall('label="?(t = .*?|⋯)"? ', picture)


def test_unrolled_the_first_steps_and_the_last(call: Call) -> None:
    picture = dot(call, "rnn", "--unroll", 2)
    assert sorted(titles(picture)) == ["t = 0", "t = 3", "⋯"]
    assert "z⁻¹" not in picture
    assert sorted(titles(dot(call, "rnn", "--unroll", 3))) == ["t = 0", "t = 1", "t = 3", "⋯"]
    assert titles(dot(call, "rnn", "--unroll", 1)).count("t = 3") == 1
    for more in (4, 9):
        assert titles(dot(call, "rnn", "--unroll", more)) == [f"t = {t}" for t in range(4)]


def test_folded_and_unrolled_are_two_files(call: Call) -> None:
    result = call("draw", "rnn", "--folded", "--unroll", 4, "--format", "dot")
    assert result.out == "wrote rnn-folded.dot\nwrote rnn-unrolled.dot\n"
    assert "z⁻¹" in Path("rnn-folded.dot").read_text("utf-8")
    assert "t = 3" in Path("rnn-unrolled.dot").read_text("utf-8")
    os.mkdir("sub")
    result = call("draw", "rnn", "--folded", "--unroll", 4, "--out", "sub/f.dot", "--plain")
    assert sorted(os.listdir("sub")) == ["f-folded.dot", "f-unrolled.dot"]


def test_the_name_of_the_network_is_that_of_the_file(call: Call) -> None:
    assert call("draw", "lstm", "--folded") == Result(0, "wrote lstm.svg\n", "")
    assert Path("lstm.svg").read_bytes().startswith(b"<?xml")


@needs_page
def test_a_page_to_step_through(call: Call) -> None:
    assert call("draw", "rnn", "--out", "f.html").out == "wrote f.html\n"
    assert "x_t" in Path("f.html").read_text("utf-8")


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rnn", "--unroll", 0], "Invalid value for '--unroll'"),
        (["rnn", "--hidden", 0], "Invalid value for '--hidden'"),
        (["rnn", "--steps", 10**9], "Invalid value for '--steps'"),
        (["rnn", "--seed", -1], "Invalid value for '--seed'"),
        (["rnn", "x=1"], "unexpected extra argument"),
        (["rnn", "--plain", "--format", "html"], "--plain and --unroll are for pictures"),
        (["rnn", "--unroll", 2, "--out", "f.html"], "--plain and --unroll are for pictures, and f"),
        (["lstm", "--out", "f.gif"], "saved as one of .svg, .png, .pdf, .dot, not as 'f.gif'"),
        (["lstm", "--folded", "--unroll", 2, "--out", "."], "not as '-folded'"),
        (["lstm", "--steps", 500, "--unroll", 500], "500 steps of scan LSTM beside each other"),
        (["stakced"], "there is no picture 'stakced': did you mean stacked?"),
    ],
)
def test_one_line_says_what_is_wrong(call: Call, args: list[Any], message: str) -> None:
    assert_refused(call("draw", *args), message)
    assert os.listdir() == ["text.txt"]


def test_the_help_of_the_group_lists_all(call: Call) -> None:
    text = call("draw", "--help").out
    assert all(f"\n  {name} " in text for name in NETWORKS)
    assert "..." not in text.partition("gradient-flow")[0].partition("Commands:")[2]


def test_too_many_gates_are_refused_without_a_word_of_python(call: Call) -> None:
    refused = call("draw", "circuit", "+".join(["x"] * 500), "x=1")
    assert refused.err == (
        "minigrad: the picture would have 499 gates, and more than 400 are hard to read and slow "
        "to lay out: draw an inner part of it, fold groups, or unroll fewer steps\n"
    )


def test_the_help_of_unroll_says_which_steps(call: Call) -> None:
    text = " ".join(call("draw", "rnn", "--help").out.split())
    assert "Draw N steps beside each other: the first ones and the last." in text
