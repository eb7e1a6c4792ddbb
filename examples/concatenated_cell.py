"""A recurrent cell whose input and state are one vector X = [x | h], as some slides draw it.

Lesson: M. Görner, "TensorFlow and deep learning without a PhD", part 2: h' = tanh(X W + b), and the
GRU with two gates on X and the new state on X' = [x | r ⊙ h]. One tall matrix on both ends, or a
matrix for x and one for h: the same numbers, and the same cell. The task needs memory: say which
of two commands came last, while most of the time none comes.

    python examples/concatenated_cell.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim


class ConcatenatedRNN(nn.Module):
    """h' = tanh([x | h] W + b), with W (F + H, H)."""

    def __init__(self, inputs, hidden, rng):
        self.dense = nn.Linear(inputs + hidden, hidden, rng=rng)

    def __call__(self, x, h):
        h = mg.tanh(self.dense(mg.concat([x, h], axis=-1)))
        return h, h

    def with_two_matrices(self, inputs):
        """The library's cell with the same numbers."""
        W, b = (p.get_value() for p in (self.dense.weight, self.dense.bias))
        return filled(nn.RNNCell(inputs, len(b)), W, b)


class ConcatenatedGRU(nn.Module):
    """z, r = σ(X W_z + b_z), σ(X W_r + b_r) on X = [x | h]; n = tanh([x | r ⊙ h] W_n + b_n);
    h' = (1 - z) ⊙ h + z ⊙ n."""

    def __init__(self, inputs, hidden, rng):
        self.z, self.r, self.n = (nn.Linear(inputs + hidden, hidden, rng=rng) for _ in "zrn")

    def __call__(self, x, h):
        X = mg.concat([x, h], axis=-1)
        z, r = mg.sigmoid(self.z(X)), mg.sigmoid(self.r(X))
        n = mg.tanh(self.n(mg.concat([x, r * h], axis=-1)))
        h = (1 - z) * h + z * n
        return h, h

    def with_two_matrices(self, inputs):
        """The library's cell with the same numbers. Its z keeps h where this one's z replaces it,
        and 1 - σ(a) = σ(-a): the numbers of z change their sign."""
        gates = [(1, self.r), (-1, self.z), (1, self.n)]  # in the library's order
        W = np.concatenate([sign * gate.weight.get_value() for sign, gate in gates], axis=1)
        b = np.concatenate([sign * gate.bias.get_value() for sign, gate in gates])
        return filled(nn.GRUCell(inputs, len(b) // 3, reset_after=False), W, b)


def filled(cell, W, b):
    """The cell with its two matrices cut from W: the upper rows meet x, the lower h."""
    cell.weight_ih.set_value(W[: cell.input_size])
    cell.weight_hh.set_value(W[cell.input_size :])
    cell.bias.set_value(b)
    return cell


def commands(length, batch, rng):
    """xs (T, B, 2), one-hot or mostly zeros, and which command came last (T, B): 0 or 1."""
    which = rng.choice([0, 1, 2], (length, batch), p=[0.1, 0.1, 0.8])  # 2: none
    which[0] = rng.integers(2, size=batch)
    last = which.copy()
    for t in range(1, length):
        last[t] = np.where(which[t] == 2, last[t - 1], which[t])
    return np.eye(3, 2, dtype=np.float32)[which], last


def main(steps=300, length=30, batch=50, hidden=8):
    rng = np.random.default_rng(0)
    xs, last = mg.input("xs", ("T", "B", 2)), mg.input("last", ("T", "B"), "int64")
    held_out = commands(length, 500, rng)
    found = {}
    for kind in (ConcatenatedRNN, ConcatenatedGRU):
        cell, readout = kind(2, hidden, rng), nn.Linear(hidden, 2, rng=rng)
        start = mg.zeros(("B", hidden))
        hs, _ = nn.Recurrent(cell)(xs, start)  # (T, B, H)
        logits = readout(hs)
        loss = nn.losses.softmax_cross_entropy(logits, last)
        right = nn.losses.accuracy(logits, last)
        parameters = [*cell.parameters().values(), *readout.parameters().values()]
        train = mg.function([xs, last], loss, optim.Adam(0.01).updates(loss, parameters))
        judge = mg.function([xs, last], right)
        for number in range(1, steps + 1):
            cost = train(*commands(length, batch, rng))
            if number in (1, 10, 30, 100, steps):
                accuracy = float(judge(*held_out))
                print(f"{kind.__name__}  step {number:3}  loss {cost:.3f}  right {accuracy:.1%}")
        others, _ = nn.Recurrent(cell.with_two_matrices(2))(xs, start)
        apart = float(mg.function([xs], mg.max(mg.abs(hs - others)))(held_out[0]))
        print(f"{kind.__name__}  and the cell with two matrices: states at most {apart:.1e} apart")
        found[kind.__name__] = (accuracy, apart)
    found["no memory"] = float((held_out[0].argmax(axis=-1) == held_out[1]).mean())
    rnn, gru = (found[kind][0] for kind in ("ConcatenatedRNN", "ConcatenatedGRU"))
    print(f"The last command is known in {rnn:.1%} of all steps by the RNN, {gru:.1%} by the GRU;")
    print(f"without memory (to say the first one where none comes) in {found['no memory']:.1%}.")
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
