"""The cases (a) to (k): who takes part, what ours must reach, and the table of each."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from statistics import median
from tempfile import TemporaryDirectory

from . import cases
from .contest import compete, disagreements
from .options import LIMITED, OPTIONS, OWN
from .report import Table, duration
from .speeds import speeds, training
from .worker import Effort, Entry

LENGTHS = (10, 100, 1_000, 10_000)
IN_C, IN_NUMPY = {"backend": "c"}, {"backend": "numpy"}
PYTENSOR_C = {"mode": "CVM"}


# ---------------------------------------------------------------- training steps


def ours(
    builder: str, case: cases.Case | None, what: str = "", target: float | None = None
) -> list[Entry]:
    """In C, which the ratios compare where there is a compiler, and in NumPy alone."""
    return [
        Entry(f"minigrad{what}", builder, case, target=target, settings=IN_C),
        Entry(f"minigrad, NumPy{what}", builder, case, settings=IN_NUMPY),
    ]


def peers(case: cases.Case, targets: dict[str, float]) -> list[Entry]:
    """Those that run any of the networks."""
    found: list[tuple[str, str, str, dict[str, str]]] = [
        ("PyTorch loop", "pytorch.loop", "torch", {}),
        ("JAX scan", "jax_scan.scan", "jax", {}),
    ]
    if not case.layer_norm:
        found.insert(0, (f"PyTorch nn.{case.cell.upper()}", "pytorch.layers", "torch", {}))
    if case.hidden < 512 and not case.layer_norm:
        # of 512 it takes minutes to compile, and has a BLAS where conda installed it
        found.append(("PyTensor", "pytensor_scan.scan", "pytensor", {}))
        found.append(("PyTensor, C", "pytensor_scan.scan", "pytensor", PYTENSOR_C))
    return [
        Entry(label, at, case, needs, targets.get(label), settings)
        for label, at, needs, settings in found
    ]


def min_char_rnn(effort: Effort) -> Table:
    case = cases.MIN_CHAR_RNN
    best = ("PyTorch nn.RNN", "PyTorch loop", "JAX scan", "PyTensor", "PyTensor, C")
    entries = ours("ours.example", case) + peers(case, dict.fromkeys(best, 4.0))
    entries.append(Entry("HIPS autograd", "hips_autograd.loop", case, "autograd"))
    entries.append(Entry("plain NumPy loop", "plain_numpy.loop", case))
    return training("(a) min-char-rnn: tanh RNN, H=100, T=25, B=1, Adagrad", entries, effort)


def layers(title: str, case: cases.Case, targets: dict[str, float], effort: Effort) -> Table:
    """The layers of `mg.nn` against peers of the same equations."""
    return training(title, ours("ours.layers", case) + peers(case, targets), effort)


def lstm_128(effort: Effort) -> Table:
    targets = {"PyTorch nn.LSTM": 1.05, "JAX scan": 2.0, "PyTorch loop": 2.0}
    return layers("(b) LSTM 2×128, T=50, B=50, V=81, Adam", cases.LSTM_128, targets, effort)


def gru_512(effort: Effort) -> Table:
    targets = {"PyTorch nn.GRU": 1.3}
    return layers("(c) GRU 3×512, T=30, B=100, V=98, Adam", cases.GRU_512, targets, effort)


def lstm_512(effort: Effort) -> Table:
    targets = {"PyTorch nn.LSTM": 1.05, "JAX scan": 1.1}
    return layers("(d) LSTM 2×512, T=30, B=100, V=98, Adam", cases.LSTM_512, targets, effort)


def naive(effort: Effort) -> Table:
    case = cases.LSTM_128
    entries = [
        *ours("ours.one_matrix_per_gate", case, ", a matrix per gate"),
        *ours("ours.layers", case, ", layers as in (b)", target=0.95),
        Entry("PyTorch loop, a matrix per gate", "pytorch.one_matrix_per_gate", case, "torch"),
        Entry("JAX scan, a matrix per gate", "jax_scan.one_matrix_per_gate", case, "jax"),
    ]
    title = "(e) the same LSTM, written naively: a matrix per gate, logits inside the step"
    return training(title, entries, effort)


def normalised_lstm(effort: Effort) -> Table:
    case, targets = cases.NORMALISED_LSTM, {"PyTorch loop": 3.0, "JAX scan": 2.0}
    title = "(k) layer-normalised LSTM 2×128, T=50, B=50, V=81, Adam"
    table = layers(title, case, targets, effort)
    table.notes.append("x W_ih, h W_hh and c are normalised: no layer of PyTorch does that.")
    return table


def circuit(effort: Effort) -> Table:
    found = [
        ("JAX jit", "jax_scan.circuit", "jax", 1.0, {}),
        ("PyTensor", "pytensor_scan.circuit", "pytensor", 1.0, {}),
        ("PyTensor, C", "pytensor_scan.circuit", "pytensor", 1.0, PYTENSOR_C),
        ("PyTorch eager", "pytorch.circuit", "torch", None, {}),
        ("HIPS autograd", "hips_autograd.circuit", "autograd", None, {}),
        ("micrograd", "micrograd_scalars.circuit", "micrograd", None, {}),
    ]
    entries = ours("ours.circuit", None)
    entries += [Entry(label, at, None, needs, *rest) for label, at, needs, *rest in found]
    results = compete(entries, effort, warm_up=100)
    table = speeds("(h) one call of (x + y) · z and its three gradients", results)
    table.notes.append("Python floats in, four Python floats out.")
    table.notes += disagreements(results)
    return table


# ---------------------------------------------------------------- what options cost


def options(effort: Effort) -> Table:
    """Each option against the plain layer, what it computes of its own taken away."""
    found = ["plain", *OPTIONS, *(f"{name}, its own" for name in OWN)]
    entries = [Entry(name, "options.step", name, settings=IN_NUMPY) for name in found]
    medians = {r.entry.label: r.median for r in compete(entries, effort, warm_up=3)}
    plain = medians["plain"]
    columns = ["", "median", "its own arithmetic", "times plain", "without its own", "goal"]
    table = Table("(j) options of nn.LSTM, 2×128, T=50, B=50, F=128, Adam, NumPy", columns)
    table.rows.append(["plain", duration(plain), "", "", "", ""])
    for name in OPTIONS:
        own = medians.get(f"{name}, its own", 0.0)
        if name == "bidirectional":
            own = 2 * own - plain
        rest = (medians[name] - own) / plain
        goal = "" if name not in LIMITED else "1.30" + (" ✗" if rest > 1.3 else "")
        shown = [duration(own) if own else "", f"{medians[name] / plain:.2f}", f"{rest:.2f}", goal]
        table.rows.append([name, duration(medians[name]), *shown])
    table.notes.append(
        "A training step on random rows. Its own arithmetic: of layer normalisation the same "
        "normalisations and their gradients, outside of loops; of bidirectional layers what two "
        "plain stacks of the same sizes (the upper layer reads 2H) take beyond the plain one."
    )
    return table


# ---------------------------------------------------------------- compile time, memory, import


def compiling(effort: Effort) -> Table:
    sized = [replace(cases.LSTM_128, length=T) for T in LENGTHS]
    tasks = {"all": "ours.compile_graph", "graph": "ours.compile_only", "plan": "ours.plan"}
    entries = [
        Entry(f"{t} {case.length}", at, case, settings=IN_NUMPY)
        for case in sized
        for t, at in tasks.items()
    ]
    found = compete(entries, effort, warm_up=1)
    columns = ["T", "build, differentiate, compile", "of it mg.function", "plan for a size"]
    table = Table("(f) compile time of (b), NumPy", columns)
    for row in range(0, len(found), len(tasks)):
        cells = [r.failure or duration(r.median) for r in found[row : row + len(tasks)]]
        table.rows.append([f"{found[row].entry.case.length:,}", *cells])
    table.notes.append(
        "Goal: mg.function under 150 ms and the same for every T, planning under 0.1 s at T=1,000. "
        "T is a name in the graph, which is compiled once for all of them."
    )
    return table


def memory(effort: Effort) -> Table:
    b, long = cases.LSTM_128, replace(cases.LSTM_128, length=2_000)
    saving = replace(long, checkpoint="sqrt")
    entries = [
        Entry("(b) minigrad, NumPy", "ours.layers", b, settings=IN_NUMPY),
        Entry("(b) PyTorch nn.LSTM", "pytorch.layers", b, "torch"),
        Entry("(b) JAX scan", "jax_scan.scan", b, "jax"),
        Entry("T=2,000 minigrad, NumPy", "ours.layers", long, settings=IN_NUMPY),
        Entry(
            'T=2,000 minigrad, NumPy, checkpoint="sqrt"', "ours.layers", saving, settings=IN_NUMPY
        ),
        Entry("T=2,000 PyTorch nn.LSTM", "pytorch.layers", long, "torch"),
        Entry("T=2,000 JAX scan", "jax_scan.scan", long, "jax"),
    ]
    table = Table("(g) peak memory", ["", "after imports", "peak", "more", "loss of step 3"])
    for entry in entries:  # one after the other: several of the long ones may not fit at once
        (r,) = compete([entry], replace(effort, rounds=0), warm_up=3)
        if r.ready is None:
            table.notes.append(f"{entry.label} left out: {r.failure}.")
            continue
        sizes = (r.ready.base, r.ready.peak, r.ready.peak - r.ready.base)
        shown = [f"{size / 1e6:,.0f} MB" for size in sizes]
        table.rows.append([entry.label, *shown, f"{r.ready.losses[-1]:.5f}"])
    table.notes.append("Greatest resident size of a process that runs three steps.")
    return table


def importing(effort: Effort) -> Table:
    names = ("minigrad", "torch", "jax", "pytensor", "autograd")
    found: dict[str, list[float]] = {name: [] for name in names if find_spec(name)}
    program = "import time, numpy; t = time.perf_counter(); import {}; print(time.perf_counter()-t)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryDirectory() as bytecode:
        environment["PYTHONPYCACHEPREFIX"] = bytecode  # for all of them, from a first import each
        for name, times in found.items():
            command = [sys.executable, "-W", "ignore", "-c", program.format(name)]
            for _ in range(1 + max(3, effort.rounds)):
                out = subprocess.check_output(command, text=True, env=environment)
                times.append(float(out))
            del times[0]
    table = Table("(i) import time beyond NumPy", ["", "median", "fastest"])
    for name, times in found.items():
        table.rows.append([name, duration(median(times)), duration(min(times))])
    table.notes.append(
        "Goal: minigrad under 0.1 s. Each import in a new process, its bytecode cached."
    )
    return table


SUITE: dict[str, Callable[[Effort], Table]] = {
    "a": min_char_rnn,
    "b": lstm_128,
    "c": gru_512,
    "d": lstm_512,
    "e": naive,
    "f": compiling,
    "g": memory,
    "h": circuit,
    "i": importing,
    "j": options,
    "k": normalised_lstm,
}
