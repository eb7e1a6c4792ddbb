"""The cases (a) to (j): who takes part, what ours must reach, and the table of each."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from math import log
from statistics import median
from tempfile import TemporaryDirectory

from . import cases
from .contest import Result, compete, disagreements
from .options import LIMITED, OPTIONS, OWN
from .report import Table, duration
from .worker import Effort, Entry

LENGTHS = (10, 100, 1_000, 10_000)
STEP = "forward, backward, update, loss read"


# ---------------------------------------------------------------- training steps


def peers(case: cases.Case, targets: dict[str, float]) -> list[Entry]:
    """Ours, and those that run any of the networks."""
    kind = f"PyTorch nn.{case.cell.upper()}"
    found = [
        ("minigrad", "ours.layers", "numpy"),
        (kind, "pytorch.layers", "torch"),
        ("PyTorch loop", "pytorch.loop", "torch"),
        ("JAX scan", "jax_scan.scan", "jax"),
    ]
    if case.hidden < 512:  # it takes minutes to compile, and has a BLAS where conda installed it
        found.append(("PyTensor", "pytensor_scan.scan", "pytensor"))
        found.append(("PyTensor, C", "pytensor_scan.scan_c", "pytensor"))
    return [Entry(label, at, case, needs, targets.get(label)) for label, at, needs in found]


def min_char_rnn(effort: Effort) -> Table:
    case = cases.MIN_CHAR_RNN
    best = ("PyTorch nn.RNN", "PyTorch loop", "JAX scan", "PyTensor", "PyTensor, C")
    entries = peers(case, dict.fromkeys(best, 2.2))
    entries[0] = replace(entries[0], builder="ours.example")
    entries.append(Entry("HIPS autograd", "hips_autograd.loop", case, "autograd"))
    entries.append(Entry("plain NumPy loop", "plain_numpy.loop", case))
    return training("(a) min-char-rnn: tanh RNN, H=100, T=25, B=1, Adagrad", entries, effort)


def lstm_128(effort: Effort) -> Table:
    targets = {"JAX scan": 1.5, "PyTorch loop": 1.4, "PyTorch nn.LSTM": 0.72}
    entries = peers(cases.LSTM_128, targets)
    return training("(b) LSTM 2×128, T=50, B=50, V=81, Adam", entries, effort)


def gru_512(effort: Effort) -> Table:
    entries = peers(cases.GRU_512, {"PyTorch nn.GRU": 1.1})
    return training("(c) GRU 3×512, T=30, B=100, V=98, Adam", entries, effort)


def lstm_512(effort: Effort) -> Table:
    entries = peers(cases.LSTM_512, {"JAX scan": 1.1, "PyTorch nn.LSTM": 0.85})
    return training("(d) LSTM 2×512, T=30, B=100, V=98, Adam", entries, effort)


def naive(effort: Effort) -> Table:
    case = cases.LSTM_128
    entries = [
        Entry("minigrad, a matrix per gate", "ours.one_matrix_per_gate", case),
        Entry("minigrad, layers as in (b)", "ours.layers", case, target=1 / 1.1),
        Entry("PyTorch loop, a matrix per gate", "pytorch.one_matrix_per_gate", case, "torch"),
        Entry("JAX scan, a matrix per gate", "jax_scan.one_matrix_per_gate", case, "jax"),
    ]
    title = "(e) the same LSTM, written naively: a matrix per gate, logits inside the step"
    return training(title, entries, effort)


def training(title: str, entries: list[Entry], effort: Effort) -> Table:
    """A table of whole training steps, with a check that all learn the same."""
    results = compete(entries, effort)
    table = speeds(title, results)
    case = entries[0].case
    chance = log(case.size) * (1 if case.optimizer == "adam" else case.length)
    known = [r.ready.losses[0] for r in results if r.ready]
    differ = disagreements(results)
    if any("nn." in text for text in differ):
        why = "PyTorch's layers have two biases that both learn, and its Adagrad adds ε elsewhere"
        differ.append(why)
    if known:
        table.notes.append(
            f"One step: {STEP}. First loss {known[0]:.4f} (chance {chance:.4f}); "
            + ("; ".join(differ) or "all agree on it, and on the fifth")
            + "."
        )
    return table


def speeds(title: str, results: list[Result]) -> Table:
    """Medians, and how many times as fast the first contestant is."""
    columns = ["", "median", "fastest round", "minigrad is … times as fast", "goal", "first step"]
    table = Table(title, columns)
    ours = results[0]
    for r in results:
        label = r.entry.label
        if r.failure or not r.ready:
            table.notes.append(f"{label} left out: {r.failure}.")
            continue
        ratio, goal = "", ""
        if r is not ours and not ours.failure:
            ratio = f"{r.median / ours.median:.2f}"
            if r.entry.target:
                goal = f"{r.entry.target:.2f}" + ("" if float(ratio) >= r.entry.target else " ✗")
        first = duration(r.ready.seconds)
        table.rows.append([label, duration(r.median), duration(min(r.rounds)), ratio, goal, first])
    return table


def circuit(effort: Effort) -> Table:
    found = [
        ("minigrad", "ours.circuit", "numpy", None),
        ("JAX jit", "jax_scan.circuit", "jax", 1.0),
        ("PyTensor", "pytensor_scan.circuit", "pytensor", 1.0),
        ("PyTensor, C", "pytensor_scan.circuit_c", "pytensor", 1.0),
        ("PyTorch eager", "pytorch.circuit", "torch", None),
        ("HIPS autograd", "hips_autograd.circuit", "autograd", None),
        ("micrograd", "micrograd_scalars.circuit", "micrograd", None),
    ]
    entries = [Entry(label, at, None, needs, target) for label, at, needs, target in found]
    results = compete(entries, effort, warm_up=100)
    table = speeds("(h) one call of (x + y) · z and its three gradients", results)
    table.notes.append("Python floats in, four Python floats out.")
    table.notes += disagreements(results)
    return table


# ---------------------------------------------------------------- what options cost


def options(effort: Effort) -> Table:
    """Each option against the plain layer, what it computes of its own taken away."""
    found = ["plain", *OPTIONS, *(f"{name}, its own" for name in OWN)]
    entries = [Entry(name, "options.step", name) for name in found]
    medians = {r.entry.label: r.median for r in compete(entries, effort, warm_up=3)}
    plain = medians["plain"]
    columns = ["", "median", "its own arithmetic", "times plain", "without its own", "goal"]
    table = Table("(j) options of nn.LSTM, 2×128, T=50, B=50, F=128, Adam", columns)
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
    entries = [Entry(f"{t} {case.length}", at, case) for case in sized for t, at in tasks.items()]
    found = compete(entries, effort, warm_up=1)
    columns = ["T", "build, differentiate, compile", "of it mg.function", "plan for a size"]
    table = Table("(f) compile time of (b)", columns)
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
        Entry("(b) minigrad", "ours.layers", b),
        Entry("(b) PyTorch nn.LSTM", "pytorch.layers", b, "torch"),
        Entry("(b) JAX scan", "jax_scan.scan", b, "jax"),
        Entry("T=2,000 minigrad", "ours.layers", long),
        Entry('T=2,000 minigrad, checkpoint="sqrt"', "ours.layers", saving),
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
}
