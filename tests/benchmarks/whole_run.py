"""A whole training by time and validation loss: ours in C, in NumPy, and PyTorch's nn.LSTM.

    python -m tests.benchmarks.whole_run tinyshakespeare.txt [--threads 2] [--epochs 6] [--twice]

Two layers of 128, one-hot characters, Adam 2e-3, 50 texts side by side, 50 characters a step, the
state carried, the gradient's norm clipped to 5; the last tenth of the text is kept for validation.
They run one after the other: with ``--twice`` there and back, since a machine's speed drifts.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import numpy as np

from .report import machine
from .worker import reason, refuse_fallback

Run = Callable[[str, int], tuple[float, float]]


def ours(text: str, epochs: int) -> tuple[float, float]:
    """Seconds of training, and the validation loss in nats a character. The backend is that of the
    environment's MINIGRAD_BACKEND."""
    from minigrad.text import Settings, Training

    training = Training(text, Settings(epochs=epochs))
    start = time.perf_counter()
    while not training.finished:
        training.step()
    seconds = time.perf_counter() - start
    loss = training.validate()
    assert loss is not None
    return seconds, loss


def pytorch(text: str, epochs: int) -> tuple[float, float]:
    """The same with PyTorch, whose layers start as it starts them."""
    import torch
    from torch import nn

    from minigrad.text import StatefulBatches, Vocabulary

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(text)
    numbers, size = vocabulary.encode(text), len(vocabulary)
    cut = len(numbers) - len(numbers) // 10
    lstm, readout = nn.LSTM(size, 128, 2), nn.Linear(128, size)
    parameters = [*lstm.parameters(), *readout.parameters()]
    adam = torch.optim.Adam(parameters, 2e-3)

    def loss_of(batch: tuple[np.ndarray, np.ndarray], state: object) -> tuple[object, object]:
        ids, targets = (torch.from_numpy(np.ascontiguousarray(part)) for part in batch)
        ys, state = lstm(nn.functional.one_hot(ids, size).float(), state)
        loss = nn.functional.cross_entropy(readout(ys).reshape(-1, size), targets.reshape(-1))
        return loss, tuple(part.detach() for part in state)

    start = time.perf_counter()
    for _ in range(epochs):
        state = None
        for batch in StatefulBatches(numbers[:cut], 50, 50):
            loss, state = loss_of(batch, state)
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 5.0)
            adam.step()
            loss.item()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        state, losses = None, []
        for batch in StatefulBatches(numbers[cut:], 50, 50):
            loss, state = loss_of(batch, state)
            losses.append(loss.item())
    return seconds, sum(losses) / len(losses)


CONTESTANTS: dict[str, tuple[Run, str]] = {
    "minigrad": (ours, "c"),
    "minigrad, NumPy": (ours, "numpy"),
    "PyTorch nn.LSTM": (pytorch, ""),
}
"""What trains, and minigrad's backend."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.whole_run")
    parser.add_argument("file", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--twice", action="store_true", help="and again, in the opposite order")
    parser.add_argument("--only", choices=CONTESTANTS, help="one of them, which prints numbers")
    given = parser.parse_args()
    if given.only:
        sys.exit(alone(given.only, given.file.read_text("utf-8"), given.epochs))
    order = [*CONTESTANTS, *reversed(CONTESTANTS)] if given.twice else [*CONTESTANTS]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTESTANTS}
    for name in order:
        try:
            found[name].append(apart(name, given.threads))
        except RuntimeError as error:
            print(f"{name} left out: {error}")
            continue
        seconds, loss = found[name][-1]
        print(f"{name}: {seconds:.1f} s, {loss:.3f} nats a character", flush=True)
    print(f"\n{machine()} Threads: {given.threads}; passes over the text: {given.epochs}.\n")
    print(table(found))


def alone(name: str, text: str, epochs: int) -> str | None:
    """Run a contestant in this process and print its numbers; an error in one line."""
    run, _ = CONTESTANTS[name]
    refuse_fallback()
    try:
        print(*run(text, epochs))
    except Exception as error:
        return reason(error)
    return None


def apart(name: str, threads: int) -> tuple[float, float]:
    """Run a contestant in a process of its own. RuntimeError, with what it said, if it failed."""
    libraries = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(libraries, str(threads))}
    if backend := CONTESTANTS[name][1]:
        environment["MINIGRAD_BACKEND"] = backend
    command = [sys.executable, "-m", "tests.benchmarks.whole_run", *sys.argv[1:], "--only", name]
    ended = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr.rstrip().rpartition("\n")[2])
    seconds, loss = map(float, ended.stdout.split())
    return seconds, loss


def table(found: dict[str, list[tuple[float, float]]]) -> str:
    """Markdown: mean seconds, those of each run where there are two, and the loss."""
    means = {name: mean(s for s, _ in runs) for name, runs in found.items() if runs}
    peer = means.get("PyTorch nn.LSTM")
    lines = [
        "| | seconds | times PyTorch's | validation loss, nats a character |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, seconds in means.items():
        each = ", ".join(f"{s:.1f}" for s, _ in found[name])
        shown = f"{seconds:.1f} ({each})" if len(found[name]) > 1 else each
        ratio = f"{seconds / peer:.2f}" if peer else ""
        lines.append(f"| {name} | {shown} | {ratio} | {found[name][0][1]:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
