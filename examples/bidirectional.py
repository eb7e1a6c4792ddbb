"""A recurrent network from both ends, on a task that needs the future.

Lesson: MIT 6.S094, "Recurrent neural networks" (bidirectional RNNs; Schuster and Paliwal, 1997).
Bits go by, and at each step the network says which of the last bit, this one and the next are in
the majority. Whoever cannot see the next bit is sure only where the other two agree, which is half
of the time, and guesses elsewhere: at best 75 % right. One network runs from the left and one from
the right; together they know both neighbours.

    python examples/bidirectional.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

LENGTH = 20
INSIDE = slice(1, -1)  # at the ends a neighbour is not shown: nobody can know


def batch(rows, rng):
    """(bits (T, B, 1), majorities (T, B)), with a bit that is not shown before and after."""
    bits = rng.integers(2, size=(LENGTH + 2, rows))
    majorities = bits[:-2] + bits[1:-1] + bits[2:] >= 2
    return bits[1:-1, :, None].astype("float32"), majorities


class Net(nn.Module):
    def __init__(self, hidden, bidirectional, rng):
        self.layer = nn.RNN(1, hidden, bidirectional=bidirectional, rng=rng)
        self.readout = nn.Linear(hidden * (2 if bidirectional else 1), 1, rng=rng)

    def __call__(self, bits):
        ys, _ = self.layer(bits)  # (T, B, H), or (T, B, 2H): both directions side by side
        return self.readout(ys)[:, :, 0]


def learn(name, net, steps, rng):
    """Train, and return what it says of new bits, and the truth: each (T, B)."""
    bits = mg.input("bits", ("T", "B", 1))
    majorities = mg.input("majorities", ("T", "B"), "bool")
    logits = net(bits)
    loss = nn.losses.sigmoid_cross_entropy(logits, majorities)
    updates = optim.Adam(lr=5e-3).updates(loss, net.parameters())
    train = mg.function([bits, majorities], loss, updates)
    say = mg.function([bits], logits > 0)
    tests, truth = batch(1000, np.random.default_rng(1))
    for number in range(1, steps + 1):
        cost = train(*batch(32, rng))
        if number % max(1, steps // 6) == 0:
            share = np.mean((say(tests) == truth)[INSIDE])
            print(f"{name:14}  step {number:5}  loss {cost:.3f}  right {share:6.1%}")
    return tests[:, :, 0] > 0, say(tests), truth


def main(steps=600, seed=0):
    right = {}
    for name, hidden in {"one direction": 32, "bidirectional": 16}.items():
        rng = np.random.default_rng(seed)
        net = Net(hidden, name == "bidirectional", rng)
        bits, said, truth = learn(name, net, steps, rng)
        agree = (said == truth)[INSIDE]
        right[name] = float(agree.mean())
        same = (bits[1:] == bits[:-1])[:-1]  # this bit and the last, for each step inside
        print(f"{'':14}  where this bit is the last one: {agree[same].mean():.1%}", end="")
        print(f", where they differ: {agree[~same].mean():.1%}\n")
    for name, values in {"bits": bits, "said": said, "truth": truth}.items():
        print(f"{name:6}" + " ".join(".#"[int(value)] for value in values[:, 0]))
    right["commonest"] = float(max(truth[INSIDE].mean(), 1 - truth[INSIDE].mean()))
    print("right: " + ",  ".join(f"{name} {share:.1%}" for name, share in right.items()))
    return right


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
