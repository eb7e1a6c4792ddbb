"""A whole training, ours and PyTorch's nn.LSTM, one after the other, by time and validation loss.

    python -m tests.benchmarks.whole_run tinyshakespeare.txt [--threads 2] [--epochs 6]

Two layers of 128, one-hot characters, Adam 2e-3, 50 texts side by side, 50 characters a step, the
state carried, the gradient's norm clipped to 5; the last tenth of the text is kept for validation.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def ours(text: str, epochs: int) -> tuple[float, float]:
    """Seconds of training, and the validation loss in nats a character."""
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.whole_run")
    parser.add_argument("file", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", choices=["ours", "pytorch"])
    given = parser.parse_args()
    if given.only:
        run = {"ours": ours, "pytorch": pytorch}[given.only]
        print(*run(given.file.read_text("utf-8"), given.epochs))
        return
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(given.threads))}
    command = [sys.executable, "-m", "tests.benchmarks.whole_run", *sys.argv[1:], "--only"]
    times = {}
    for name in ("ours", "pytorch"):
        out = subprocess.check_output([*command, name], env=environment, text=True)
        times[name], loss = map(float, out.split())
        print(f"{name:8} {times[name]:6.1f} s, validation {loss:.3f} nats a character", flush=True)
    print(f"ours takes {times['ours'] / times['pytorch']:.2f} times as long")


if __name__ == "__main__":
    main()
