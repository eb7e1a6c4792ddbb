"""Remember one letter over a long gap: an LSTM, a plain recurrent network, and the LSTM's gates.

Lesson: MIT 6.S094, "Recurrent neural networks" (Hochreiter and Schmidhuber, 1997). Letters go by;
one of them, early on, is marked. After the last letter the network must say which it was. The state
of a plain network is overwritten at each step; the cell of an LSTM is kept by its forget gate,
written by its input gate and read by its output gate, and they learn when to do it. Its forget
gate starts at σ(3) = 0.95, so that it remembers before it has learnt anything.

    python examples/lstm_memory.py [GAP] [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

LETTERS = "abcdefgh"


def batch(length, rows, rng):
    """xs (T, B, 9): a letter, and whether it is marked. Targets (B,): the marked letter."""
    ids = rng.integers(len(LETTERS), size=(length, rows))
    marked = rng.integers(5, size=rows)  # among the first five
    xs = np.zeros((length, rows, len(LETTERS) + 1), np.float32)
    xs[np.arange(length)[:, None], np.arange(rows), ids] = 1
    xs[marked, np.arange(rows), -1] = 1
    return xs, ids[marked, np.arange(rows)]


class Net(nn.Module):
    def __init__(self, cell, rng):
        self.layer = nn.Recurrent(cell)
        self.readout = nn.Linear(cell.hidden_size, len(LETTERS), rng=rng)

    def __call__(self, xs):
        ys, _ = self.layer(xs)
        return self.readout(ys[-1])  # (B, 8)


def learn(name, net, length, steps, rng, rate=0.005, rows=32):
    """Train, and return the share of right answers on new sequences."""
    xs, targets = mg.input("xs", ("T", "B", len(LETTERS) + 1)), mg.input("targets", ("B",), "int64")
    logits = net(xs)
    loss = nn.losses.softmax_cross_entropy(logits, targets)
    weights = net.parameters()
    grads = optim.clip_by_global_norm(mg.grad(loss, weights), 1.0)
    right = nn.losses.accuracy(logits, targets)
    train = mg.function([xs, targets], loss, optim.Adam(rate).updates(grads, weights))
    score = mg.function([xs, targets], right)
    tests = batch(length, 500, np.random.default_rng(1))
    for number in range(1, steps + 1):
        cost = train(*batch(length, rows, rng))
        if number % max(1, steps // 6) == 0:
            print(f"{name:5} step {number:5}  loss {cost:.3f}  right {score(*tests):6.1%}")
    return float(score(*tests))


def show_gates(net, length):
    """The gates along one sequence: how far each is open, the mean over all units."""
    xs, targets = batch(length, 1, np.random.default_rng(2))
    logits = net(mg.constant(xs))
    trace = mg.trace(nn.losses.softmax_cross_entropy(logits, targets), {})
    gates = {gate: trace[gate][:, 0] for gate in "ifo"}
    ids, marked = xs[:, 0, :-1].argmax(axis=1), int(xs[:, 0, -1].argmax())
    print("\nthe gates of the LSTM along one sequence, means over its units")
    print("  t  letter   input  forget  output")
    for t in [*range(8), *range(10, length - 2, 10), length - 2, length - 1]:
        means = "  ".join(f"{gates[gate][t].mean():6.2f}" for gate in "ifo")
        print(f"{t:3}  {LETTERS[ids[t]]} {'marked' if t == marked else '':6}  {means}")
    answer = LETTERS[int(trace[logits].argmax())]
    print(f"its answer: {answer}, the marked letter: {LETTERS[targets[0]]}")
    for gate, name in {"i": "input", "f": "forget", "o": "output"}.items():
        at, others = gates[gate][marked].mean(), np.delete(gates[gate], marked, axis=0).mean()
        print(f"{name} gate: {at:.2f} at the marked letter, {others:.2f} elsewhere")
    return gates, marked


def main(gap=50, steps=1500, hidden=32, seed=0):
    length = 5 + gap
    right = {}
    for name, kind in {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell}.items():
        rng = np.random.default_rng(seed)
        settings = {"forget_bias": 3.0} if name == "LSTM" else {}
        net = Net(kind(len(LETTERS) + 1, hidden, rng=rng, **settings), rng)
        right[name] = learn(name, net, length, steps, rng)
    gates, marked = show_gates(net, length)
    print(f"\nright on new sequences, the marked letter {gap} steps or more ago:")
    right["guessing"] = 1 / len(LETTERS)
    print(",  ".join(f"{name} {share:.1%}" for name, share in right.items()))
    return right, gates, marked


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
