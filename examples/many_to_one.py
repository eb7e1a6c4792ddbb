"""Many to one: is it a sine, a square wave or a sawtooth? Sequences of different lengths.

Lesson: MIT 6.S094, "Recurrent neural networks" (many to one, as in the classification of whole
sequences). Waves of any frequency and phase, in noise, from 10 to 39 steps long, are padded to one
length and put side by side; `lengths` tells the layer where each ends, and it gives the output of
each one's own last step. A longer wave shows more of itself, and is recognised more often.

    python examples/many_to_one.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

NAMES = "sine", "square", "sawtooth"
SHORTEST, LONGEST = 10, 39


def batch(rows, rng):
    """(waves (T, B, 1), lengths (B,), classes (B,))."""
    classes, lengths = rng.integers(3, size=rows), rng.integers(SHORTEST, LONGEST + 1, size=rows)
    t = np.arange(LONGEST)[:, None] * rng.uniform(1 / 12, 1 / 6, rows) + rng.random(rows)
    sine, sawtooth = np.sin(2 * np.pi * t), 2 * (t % 1) - 1
    waves = np.choose(classes, [np.sqrt(2) * sine, np.sign(sine), np.sqrt(3) * sawtooth])
    waves += rng.normal(0, 0.4, waves.shape)  # all three have the variance 1 without it
    waves[np.arange(LONGEST)[:, None] >= lengths] = 0  # padding
    return waves[..., None].astype("float32"), lengths, classes


class Net(nn.Module):
    def __init__(self, hidden, rng):
        self.layer = nn.GRU(1, hidden, return_sequences=False, rng=rng)
        self.readout = nn.Linear(hidden, len(NAMES), rng=rng)

    def __call__(self, waves, lengths):
        last, _ = self.layer(waves, lengths=lengths)  # (B, H)
        return self.readout(last)


def main(steps=1500, hidden=32, seed=0):
    rng = np.random.default_rng(seed)
    net = Net(hidden, rng)
    waves = mg.input("waves", (LONGEST, "B", 1))
    lengths, classes = (mg.input(name, ("B",), "int64") for name in ("lengths", "classes"))
    logits = net(waves, lengths)
    loss = nn.losses.softmax_cross_entropy(logits, classes)
    weights = net.parameters()
    grads = optim.clip_by_global_norm(mg.grad(loss, weights), 1.0)
    updates = optim.Adam(lr=5e-3).updates(grads, weights)
    train = mg.function([waves, lengths, classes], loss, updates)
    classify = mg.function([waves, lengths], logits.argmax(axis=1))

    *tests, truth = batch(3000, np.random.default_rng(1))
    for number in range(1, steps + 1):
        cost = train(*batch(50, rng))
        if number % max(1, steps // 8) == 0:
            share = float(np.mean(classify(*tests) == truth))
            print(f"step {number:5}  loss {cost:.3f}  right {share:6.1%}")

    found = classify(*tests)
    print("\n" + " " * 10 + "".join(f"{name:>10}" for name in NAMES) + "   ← what it said")
    for kind, name in enumerate(NAMES):
        shares = [np.mean(found[truth == kind] == said) for said in range(len(NAMES))]
        print(f"{name:10}" + "".join(f"{share:10.1%}" for share in shares))
    by_length = {}
    for low in range(SHORTEST, LONGEST, 10):
        chosen = (low <= tests[1]) & (tests[1] < low + 10)
        by_length[low] = float(np.mean((found == truth)[chosen]))
        print(f"{low} to {low + 9} steps long: {by_length[low]:.1%} right")
    commonest = np.bincount(truth).max() / len(truth)
    print(f"of all: {share:.1%} right; saying the commonest: {commonest:.1%}")
    return share, by_length, commonest


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
