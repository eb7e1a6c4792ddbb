"""The examples of FAU Deep Learning, run small."""

from typing import Any

import numpy as np
import pytest

from tests.examples.loading import load


@pytest.mark.parametrize("steps", [1, 6])
def test_bptt_by_hand(steps: int, capsys: Any) -> None:
    example = load("bptt_by_hand")
    hand, graph, worst = example.main(steps)
    assert worst < 1e-14
    assert {name: g.shape for name, g in hand.items()} == {n: g.shape for n, g in graph.items()}
    assert all(abs(g).max() > 0.01 for name, g in graph.items() if steps > 1 or name != "W_hh")
    out = capsys.readouterr().out
    assert f"numbers: {worst:.1e}" in out
    for numbers in (hand, graph):
        assert all(f"{g:.8f}" in out for g in numbers["h"][:, :2].flat)


def test_encoder_decoder_data() -> None:
    example = load("encoder_decoder")
    digits, lengths, answers = example.batch(4, 50, np.random.default_rng(0))
    for given, n, answer in zip(digits.T, lengths, answers.T, strict=True):
        assert answer.tolist() == [*given[:n][::-1], *[example.END] * (5 - n)]
    wrong = answers.copy()
    wrong[lengths[0], 0] = 3  # instead of END
    assert example.right(answers, answers, lengths) == 1
    assert example.right(wrong, answers, lengths) == 0.98


def test_encoder_decoder(capsys: Any) -> None:
    share, unchanged = load("encoder_decoder").main(longest=3, steps=300, hidden=64)
    assert share > 0.95
    # One digit alone is its own reverse, two and three are with chance 1 / 10.
    assert unchanged == pytest.approx((1 + 0.1 + 0.1) / 3, abs=0.05)
    assert f"right: {share:.1%}; giving the digits back unchanged: {unchanged:.1%}" in (
        capsys.readouterr().out
    )
