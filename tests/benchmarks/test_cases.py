"""Our own cases build, and a step of each runs; the peers are left to the benchmarks."""

from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks import cases, ours, plain_numpy

TINY = {"hidden": 4, "length": 3, "size": 5}
LSTM = replace(cases.LSTM_128, batch=2, **TINY)
GRU = replace(cases.GRU_512, batch=2, **TINY)
RNN = replace(cases.MIN_CHAR_RNN, **TINY)


@pytest.mark.parametrize("case", [LSTM, GRU, replace(LSTM, checkpoint="sqrt")])
def test_a_training_step_runs(case):
    step = ours.layers(case)
    assert np.log(5) * 0.5 < step() < np.log(5) * 2
    assert np.isfinite(step())


def test_the_naive_cell_is_the_same_network():
    naive, fused = ours.one_matrix_per_gate(LSTM), ours.layers(LSTM)
    np.testing.assert_allclose([naive() for _ in range(3)], [fused() for _ in range(3)], 1e-4)


def test_min_char_rnn_is_the_hand_written_one():
    symbolic, by_hand = ours.example(RNN), plain_numpy.loop(RNN)
    losses = [(symbolic(), by_hand()) for _ in range(5)]
    np.testing.assert_allclose(*zip(*losses, strict=True), 1e-3)


def test_the_other_measures_run():
    assert np.isnan(
        [ours.compile_graph(LSTM)(), ours.compile_only(LSTM)(), ours.plan(LSTM)()]
    ).all()
    assert ours.circuit()() == -12
