"""min-char-lstm: the plain character network of min_char_rnn.py, with an LSTM for its cell.

Lesson: "The Math of Intelligence", week 5 (an LSTM that writes after F. Kafka's "Metamorphosis":
give its text as FILE). The six equations of the cell are written out; where the lesson derives the
backward pass through all four gates by hand, here it is `mg.grad`. Everything else is as in
min_char_rnn.py: 100 units, 25 characters at a time with the state carried on, Adagrad with a rate
of 0.1, gradients clipped to ±5. Without FILE it reads the manual's page on compound statements.

    python examples/min_char_lstm.py [FILE] [STEPS]
"""

import pydoc_data.topics
import sys
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.text import Vocabulary


def initial_weights(size, hidden, seed=0):
    """For each gate W on [x, h] and b, and the readout; the forget gate starts open."""
    rng = np.random.default_rng(seed)
    shapes = {f"W{gate}": (size + hidden, hidden) for gate in "ifgo"} | {"Wy": (hidden, size)}
    weights = {name: rng.standard_normal(shape) * 0.05 for name, shape in shapes.items()}
    weights |= {f"b{gate}": np.full(hidden, float(gate == "f")) for gate in "ifgo"}
    weights["by"] = np.zeros(size)
    return {name: mg.parameter(value.astype("float32"), name) for name, value in weights.items()}


def build(p, size, hidden, rate):
    """train(ids, targets, h, c) → (loss, h, c), and step([id], h, c) → (probabilities, h, c)."""
    ids, targets = (mg.input(name, ("T",), "int64") for name in ("ids", "targets"))
    h0, c0 = (mg.input(name, (hidden,)) for name in "hc")

    def cell(state, x):
        h, c = state
        xh = mg.concat([x, h])
        i = mg.sigmoid(xh @ p["Wi"] + p["bi"]).named("i")  # what to write
        f = mg.sigmoid(xh @ p["Wf"] + p["bf"]).named("f")  # what to keep
        o = mg.sigmoid(xh @ p["Wo"] + p["bo"]).named("o")  # what to show
        g = mg.tanh(xh @ p["Wg"] + p["bg"]).named("g")
        c = (f * c + i * g).named("c")
        h = (o * mg.tanh(c)).named("h")
        return (h, c), h @ p["Wy"] + p["by"]

    (h, c), logits = mg.scan(cell, (h0, c0), mg.one_hot(ids, size))
    loss = mg.nn.losses.softmax_cross_entropy(logits, targets, reduce="sum")
    grads = optim.clip_by_value(mg.grad(loss, p), 5.0)
    train = mg.function([ids, targets, h0, c0], (loss, h, c), optim.Adagrad(rate).updates(grads, p))
    return train, mg.function([ids, h0, c0], (mg.softmax(logits[-1]), h, c))


def sample(step, state, first, count, rng):
    """The ids of `count` characters that follow `first`."""
    ids = [first]
    for _ in range(count):
        p, *state = step(np.array(ids[-1:]), *state)
        p = p.astype(np.float64)
        ids.append(int(rng.choice(len(p), p=p / p.sum())))
    return ids[1:]


def main(file=None, steps=10_000, hidden=100, length=25, reports=10, rate=0.1):
    text = Path(file).read_text("utf-8") if file else pydoc_data.topics.topics["compound"]
    vocabulary = Vocabulary.of(text)
    data = vocabulary.encode(text)
    shares = np.bincount(data) / len(data)
    commonness = float(-np.sum(shares * np.log(shares)))
    print(f"{len(data):,} characters, {len(vocabulary)} distinct; losses in nats a character")
    print(f"who knows how often each character comes, no more, has a loss of {commonness:.3f}")
    p = initial_weights(len(vocabulary), hidden)
    train, step = build(p, len(vocabulary), hidden, rate)
    rng = np.random.default_rng(0)
    losses, place, state = [], len(data), []
    for number in range(1, steps + 1):
        if place + length + 1 > len(data):  # from the start of the text, with nothing in mind
            place, state = 0, [np.zeros(hidden, np.float32)] * 2
        ids = data[place : place + length + 1]
        loss, *state = train(ids[:-1], ids[1:], *state)
        losses.append(float(loss) / length)
        place += length
        if number % max(1, steps // reports) == 0:
            mean = np.mean(losses[-max(1, steps // reports) :])
            print(f"---- step {number}, loss {mean:.3f}")
            print(vocabulary.decode(sample(step, state, data[place], 200, rng)))
    readings = steps * length / len(data)
    print(f"----\nfrom {losses[0]:.3f} to {mean:.3f}, the text read {readings:.1f} times")
    return mean, commonness


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, *map(int, sys.argv[2:3]))
