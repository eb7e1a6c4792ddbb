"""Our cases build, and a step of each runs; peers that are installed train the same networks."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from minigrad.native import find_compiler
from tests.benchmarks import cases, ours, plain_numpy

TINY = {"hidden": 4, "length": 3, "size": 5}
LSTM = replace(cases.LSTM_128, batch=2, **TINY)
GRU = replace(cases.GRU_512, batch=2, **TINY)
RNN = replace(cases.MIN_CHAR_RNN, **TINY)
NORMALISED = replace(cases.NORMALISED_LSTM, batch=2, **TINY)


@pytest.fixture(params=["numpy", "c"])
def backend(request):
    if request.param == "c" and find_compiler() is None:
        pytest.skip("there is no C compiler")
    return request.param


def losses(step, count=5):
    return [step() for _ in range(count)]


@pytest.mark.parametrize("case", [LSTM, GRU, replace(LSTM, checkpoint="sqrt"), NORMALISED])
def test_a_training_step_runs(case, backend):
    step = ours.layers(case, backend)
    assert np.log(5) * 0.5 < step() < np.log(5) * 2
    assert np.isfinite(step())


def test_the_naive_cell_is_the_same_network(backend):
    naive, fused = ours.one_matrix_per_gate(LSTM, backend), ours.layers(LSTM, backend)
    np.testing.assert_allclose(losses(naive), losses(fused), 1e-4)


def test_min_char_rnn_is_the_hand_written_one(backend):
    symbolic, by_hand = ours.example(RNN, backend), plain_numpy.loop(RNN)
    np.testing.assert_allclose(losses(symbolic), losses(by_hand), 1e-3)


def test_the_other_measures_run(backend):
    for measure in (ours.compile_graph, ours.compile_only, ours.plan):
        assert np.isnan(measure(LSTM, backend)())
    assert ours.circuit(None, backend)() == -12


PEERS = {"torch": "pytorch.loop", "jax": "jax_scan.scan"}


@pytest.mark.parametrize("package", PEERS)
@pytest.mark.parametrize("case", [LSTM, GRU, NORMALISED])
def test_peers_train_the_same_network(package, case):
    pytest.importorskip(package)
    module, _, name = PEERS[package].partition(".")
    peer = getattr(import_module(f"tests.benchmarks.{module}"), name)(case)
    np.testing.assert_allclose(losses(peer), losses(ours.layers(case, "numpy")), 1e-4)
