"""From one sequence to another of its own length: digits in, the same digits reversed out.

Lesson: FAU Deep Learning, "Recurrent neural networks" part 2, many to many (Cho et al., "Learning
phrase representations using RNN encoder-decoder", 2014; Sutskever, Vinyals and Le, "Sequence to
sequence learning with neural networks", 2014). The encoder reads all digits; its last state is all
that the decoder gets. In training the decoder is told the right digit before (teacher forcing);
later it is fed what it said itself, until it says "end".

    python examples/encoder_decoder.py [LONGEST] [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

DIGITS, END, START = 10, 10, 11  # ten digits; the end of the answer; what the decoder gets first
SYMBOLS = 12


def batch(longest, rows, rng):
    """(digits (T, B), lengths (B,), answers (T + 1, B)): an answer ends with END, then padding."""
    lengths = rng.integers(1, longest + 1, size=rows)
    digits = rng.integers(DIGITS, size=(longest, rows))
    answers = np.full((longest + 1, rows), END)
    for row, n in enumerate(lengths):
        answers[:n, row] = digits[:n, row][::-1]
    return digits, lengths, answers


class Net(nn.Module):
    def __init__(self, hidden, rng):
        self.encoder = nn.Recurrent(nn.GRUCell(SYMBOLS, hidden, rng=rng))
        self.decoder = nn.GRUCell(SYMBOLS, hidden, rng=rng)
        self.readout = nn.Linear(hidden, SYMBOLS, rng=rng)

    def encode(self, digits, lengths):
        _, state = self.encoder(mg.one_hot(digits, SYMBOLS), lengths=lengths)
        return state  # (B, H), as it was after the last digit of each row

    def forced(self, state, before):
        """Logits (T + 1, B, 12), given the right symbol before each."""
        ys, _ = nn.Recurrent(self.decoder)(mg.one_hot(before, SYMBOLS), state)
        return self.readout(ys)

    def free(self, state, length):
        """The symbols (T + 1, B) that the decoder says when it hears itself."""

        def step(carry, _):
            state, before = carry
            out, state = self.decoder(mg.one_hot(before, SYMBOLS), state)
            said = mg.argmax(self.readout(out), axis=1)  # greedy: the likeliest
            return (state, said), said

        start = mg.full((state.shape[0],), START, dtype="int64")
        _, said = mg.scan(step, (state, start), length=length)
        return said


def right(said, answers, lengths):
    """The share of rows that are right up to and including their END."""
    own = np.arange(len(answers))[:, None] <= lengths
    return float(np.mean(((said == answers) | ~own).all(axis=0)))


def text(symbols):
    """The digits up to END."""
    return "".join("0123456789| "[symbol] for symbol in symbols).split("|")[0]


def build(net, longest):
    """train(digits, lengths, before, answers) → loss, and answer(digits, lengths) → symbols."""
    digits = mg.input("digits", (longest, "B"), "int64")
    lengths = mg.input("lengths", ("B",), "int64")
    before, answers = (
        mg.input(name, (longest + 1, "B"), "int64") for name in ("before", "answers")
    )
    state = net.encode(digits, lengths)
    own = mg.arange(longest + 1).expand_dims(1) <= lengths  # the digits and END, no padding
    logits = net.forced(state, before)
    loss = nn.losses.softmax_cross_entropy(logits, answers, weights=own)
    weights = net.parameters()
    grads = optim.clip_by_global_norm(mg.grad(loss, weights), 1.0)
    updates = optim.Adam(lr=2e-3).updates(grads, weights)
    train = mg.function([digits, lengths, before, answers], loss, updates)
    return train, mg.function([digits, lengths], net.free(state, longest + 1))


def main(longest=8, steps=2500, hidden=128, rows=64, seed=0):
    rng = np.random.default_rng(seed)
    train, answer = build(Net(hidden, rng), longest)
    start = np.full((1, rows), START)
    digits, lengths, answers = batch(longest, 1000, np.random.default_rng(1))  # the tests
    for number in range(1, steps + 1):
        *given, wanted = batch(longest, rows, rng)
        cost = train(*given, np.concatenate([start, wanted[:-1]]), wanted)
        if number % max(1, steps // 10) == 0:
            share = right(answer(digits, lengths), answers, lengths)
            print(f"step {number:5}  loss {cost:.3f}  whole answers right {share:6.1%}")
    for row, said in enumerate(answer(digits, lengths).T[:5]):
        print(f"{text(digits[: lengths[row], row]):>{longest}} → {text(said)}")
    unchanged = right(np.concatenate([digits, answers[-1:]]), answers, lengths - 1)
    print(f"whole answers right: {share:.1%}; giving the digits back unchanged: {unchanged:.1%}")
    return share, unchanged


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
