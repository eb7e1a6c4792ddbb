"""The adding problem: the sum of two marked numbers among 150, with an IRNN and with an LSTM.

Lesson: S. Hochreiter and J. Schmidhuber, "Long short-term memory" (1997), experiment 4; Q. V. Le,
N. Jaitly and G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear
units" (2015), figure 1. Each step has a number from U(0, 1) and a mark, which is 1 at two steps and
0 elsewhere; the answer after the last step is the sum of the two. To say 1 always has the mean
squared error 1/6 = 0.167, the variance of the sum: to do better is to have remembered a number
from up to 149 steps ago.

An IRNN is a plain network with relu for tanh, which starts with the unit matrix for W_hh and zeros
for b, and so by keeping its state for ever. The 2015 paper reports that it converges as well as an
LSTM of the same 100 units, at less work a step, with T = 400 being hard for both, and that plain
tanh networks do not get on at T = 150 ("rnn" tries one). Here a test error under 0.05 counts as
solved, and ends the run; the paper's figures are of longer runs of SGD, these of Adam. (Beyond
T = 150 the IRNN's rate must fall: a small change of W_hh is raised to the power T, and overflows.)

    python examples/adding_problem.py [irnn|lstm|rnn|both] [T] [SEED]
"""

import sys
import time
from functools import partial

import numpy as np

import minigrad as mg
from minigrad import nn, optim

SOLVED = 0.05
TESTS = 10**6  # the seed of the test sequences
CELLS = {
    "irnn": partial(
        nn.RNNCell,
        activation="relu",
        recurrent_init=nn.init.identity,
        input_init=partial(nn.init.normal, std=0.01),
    ),
    "lstm": partial(nn.LSTMCell, forget_bias=1.0),
    "rnn": nn.RNNCell,
}
RATES = {"irnn": 5e-4, "lstm": 1e-2, "rnn": 1e-3}


def batch(length, rows, rng):
    """xs (T, B, 2): a number and whether it is marked. Targets (B,): the sum of those marked."""
    numbers = rng.random((length, rows), dtype=np.float32)
    marks = np.zeros_like(numbers)
    first = rng.integers(length, size=rows)
    second = (first + rng.integers(1, length, size=rows)) % length  # another one
    marks[first, np.arange(rows)] = marks[second, np.arange(rows)] = 1
    return np.stack([numbers, marks], axis=-1), np.sum(numbers * marks, axis=0)


class Net(nn.Module):
    def __init__(self, cell, rng):
        self.layer = nn.Recurrent(cell)
        self.readout = nn.Linear(cell.hidden_size, 1, rng=rng)

    def __call__(self, xs):
        ys, _ = self.layer(xs)
        return self.readout(ys[-1])[:, 0]  # (B,)


def learn(name, length, seed, steps, hidden, rows=16, every=200):
    """Train until solved, or for so many steps: (error on 1000 new sequences, steps, seconds)."""
    rng = np.random.default_rng(seed)
    net = Net(CELLS[name](2, hidden, rng=rng), rng)
    xs, targets = mg.input("xs", ("T", "B", 2)), mg.input("targets", ("B",))
    loss = nn.losses.mean_squared_error(net(xs), targets)
    weights = net.parameters()
    grads = optim.clip_by_global_norm(mg.grad(loss, weights), 1.0)
    train = mg.function([xs, targets], loss, optim.Adam(RATES[name]).updates(grads, weights))
    test = mg.function([xs, targets], loss)
    tests = batch(length, 1000, np.random.default_rng(TESTS))
    start = time.perf_counter()
    for number in range(1, steps + 1):
        train(*batch(length, rows, rng))
        if number % every == 0 or number == steps:
            error, seconds = float(test(*tests)), time.perf_counter() - start
            print(f"{name:4}  step {number:5}  {seconds:5.1f} s  test error {error:.4f}")
            if error < SOLVED or not np.isfinite(error):
                break
    return error, number, seconds


def main(cell="both", length=150, seed=0, steps=8000, hidden=100):
    names = ["irnn", "lstm"] if cell == "both" else [cell]
    targets = batch(length, 1000, np.random.default_rng(TESTS))[1]
    always_one = float(np.mean((targets - 1) ** 2))
    print(f"T = {length}, {hidden} units; to say 1 always has the test error {always_one:.4f}")
    found = {name: learn(name, length, seed, steps, hidden) for name in names}
    print()
    for name, (error, number, seconds) in found.items():
        verdict = "solved" if error < SOLVED else "not solved" if np.isfinite(error) else "overflow"
        print(f"{name}: {verdict} after {number} steps, {seconds:.0f} s; test error {error:.4f}")
    return found, always_one


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:4]))
