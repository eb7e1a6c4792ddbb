"""Recurrent networks of one, two and three layers with about the same number of weights.

Lesson: MIT 6.S094, "Recurrent neural networks" (deep RNNs; Graves, Mohamed and Hinton, 2013). The
output of one layer is the input of the next, and so there is more than one nonlinearity between a
character and its prediction. Each network here predicts the next character of the same text; the
deeper ones have narrower layers, so that what differs is the shape and not the size.

    python examples/deep_rnn.py [FILE] [STEPS]
"""

import pydoc_data.topics
import sys
import time
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.text import Vocabulary

HIDDEN = {1: 150, 2: 100, 3: 80}  # units in each of so many layers


class Net(nn.Module):
    def __init__(self, size, hidden, layers, rng):
        self.size = size
        self.layers = nn.RNN(size, hidden, num_layers=layers, rng=rng)
        self.readout = nn.Linear(hidden, size, rng=rng)

    def __call__(self, ids):
        ys, _ = self.layers(mg.one_hot(ids, self.size))
        return self.readout(ys)  # (T, B, size)


def windows(data, rows, rng, length=40):
    """(ids, targets): pieces of the text from anywhere, each (T, B)."""
    starts = rng.integers(len(data) - length, size=rows)
    ids = np.stack([data[start : start + length + 1] for start in starts], axis=1)
    return ids[:-1], ids[1:]


def learn(layers, size, data, held_out, steps, seed):
    """The loss on text that was held out, in nats a character, and the number of weights."""
    rng = np.random.default_rng(seed)
    net = Net(size, HIDDEN[layers], layers, rng)
    ids, targets = (mg.input(name, ("T", "B"), "int64") for name in ("ids", "targets"))
    loss = nn.losses.softmax_cross_entropy(net(ids), targets)
    weights = net.parameters()
    grads = optim.clip_by_global_norm(mg.grad(loss, weights), 1.0)
    train = mg.function([ids, targets], loss, optim.Adam(lr=2e-3).updates(grads, weights))
    test = mg.function([ids, targets], loss)
    start, tests = time.perf_counter(), windows(held_out, 300, np.random.default_rng(1))
    for number in range(1, steps + 1):
        cost = train(*windows(data, 32, rng))
        if number % max(1, steps // 4) == 0:
            seconds = time.perf_counter() - start
            progress = f"{layers} layers  step {number:5}  {seconds:5.1f} s  loss {cost:.3f}"
            print(f"{progress}  held out {test(*tests):.3f}")
    return float(test(*tests)), sum(p.get_value().size for p in weights.values())


def main(file=None, steps=1500, seed=0):
    manual = "\n".join(page for _, page in sorted(pydoc_data.topics.topics.items()))
    text = Path(file).read_text("utf-8") if file else manual
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    data, held_out = np.split(ids, [int(0.95 * len(ids))])
    share = np.bincount(ids) / len(ids)
    commonness = float(-np.mean(np.log(share[held_out])))
    print(f"{len(ids):,} characters, {len(vocabulary)} distinct, nats a character in what follows")
    found = {n: learn(n, len(vocabulary), data, held_out, steps, seed) for n in HIDDEN}

    print(f"\n{'layers':>6}{'units':>7}{'weights':>9}{'held out':>10}")
    print(f"{'-':>6}{'-':>7}{'-':>9}{commonness:10.3f}   how often each character comes, no more")
    for layers, (loss, weights) in found.items():
        print(f"{layers:6}{HIDDEN[layers]:7}{weights:9,}{loss:10.3f}")
    best = min(found, key=lambda layers: found[layers][0])
    gain = found[1][0] - found[best][0]
    than = f"{gain:.3f} nats a character better than one layer" if gain else "depth does not help"
    print(f"best with {best} layer{'s' if best > 1 else ''}: {than}")
    return found, commonness


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, *map(int, sys.argv[2:3]))
