"""What a table says of contestants, without running any."""

import pytest

from tests.benchmarks import cases
from tests.benchmarks.contest import Result
from tests.benchmarks.gpu_suite import contestants
from tests.benchmarks.speeds import speeds
from tests.benchmarks.suite import ours
from tests.benchmarks.worker import Entry, Ready

READY = Ready(seconds=0.1, losses=[2.0, 1.0], base=0, peak=0)


@pytest.fixture
def results():
    """Ours in C 1 ms a step, in NumPy 2 ms, a peer that we must be 2.5 times as fast as 3 ms."""
    peer = Entry("peer", "pytorch.loop", target=2.5)
    entries = [*ours("ours.layers", cases.LSTM_128), peer]
    times = [[1e-3], [2e-3, 2.2e-3, 2e-3], [3e-3]]
    return [Result(e, t, READY) for e, t in zip(entries, times, strict=True)]


def test_ratios_compare_ours_in_c(results):
    table = speeds("", results)
    assert table.rows == [
        ["minigrad", "1 ms", "1 ms", "", "", "100 ms"],
        ["minigrad, NumPy", "2 ms", "2 ms", "2.00", "", "100 ms"],
        ["peer", "3 ms", "3 ms", "3.00", "2.50", "100 ms"],
    ]
    assert table.notes == []


def test_without_a_c_compiler_they_compare_ours_in_numpy(results):
    results[0] = Result(results[0].entry, failure="there is no compiler")
    table = speeds("", results)
    assert [row[0] for row in table.rows] == ["minigrad, NumPy", "peer"]
    assert table.rows[1][3:5] == ["1.50", "2.50 ✗"]
    assert table.notes == [
        "minigrad left out: there is no compiler.",
        "So minigrad, NumPy is what the ratios compare.",
    ]


def test_where_ours_has_no_device_there_are_no_ratios(results):
    gone = [Result(r.entry, failure="no device") for r in results[:2]]
    table = speeds("", [*gone, results[2]])
    assert table.rows == [["peer", "3 ms", "3 ms", "", "", "100 ms"]]


def test_a_gpu_has_the_contestants_of_the_cpu():
    lstm = contestants(cases.LSTM_128, "ours.layers")
    assert [(e.builder, e.target, *e.settings.values()) for e in lstm] == [
        ("ours.layers", None, "cupy"),
        ("pytorch.layers", 0.5, "cuda"),
        ("pytorch.loop", 8.0, "cuda"),
        ("pytorch.loop", None, "cuda", "default"),
        ("pytorch.loop", None, "cuda", "reduce-overhead"),
        ("jax_scan.scan", 3.0, "cuda"),
    ]
    normalised = contestants(cases.NORMALISED_LSTM, "ours.layers")
    assert {e.builder for e in lstm} - {e.builder for e in normalised} == {"pytorch.layers"}
