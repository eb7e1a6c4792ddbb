"""A recurrent network as in Theano: shared weights, `scan`, symbolic `grad`, a compiled function.

Lesson: fast.ai, "Practical deep learning for coders", lesson 6, the last third. Nothing is a layer:
symbolic inputs; weights that live in the graph; one step, looped by `scan`; the error, its
gradients, and pairs (weight, new weight), all symbols, until `function` makes a program of them.
Each call takes one sequence of 8 characters and moves the weights a little against the gradient.

    python examples/theano_rnn.py [FILE] [EPOCHS]
"""

import pydoc_data.topics
import sys
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.text import Vocabulary

HIDDEN, LENGTH = 256, 8


def shared(rows, columns, rng):
    """A matrix of small random numbers, and a bias."""
    W = rng.normal(0, np.sqrt(2 / rows), (rows, columns)).astype(np.float32)
    return mg.parameter(W), mg.parameter(np.zeros(columns, np.float32))


def build(size, hidden, rng):
    """(train, guess): train(h0, ids, targets, rate) → error, guess(h0, ids) → the likeliest."""
    ids, targets = mg.inputs("ids targets", ("T",), "int64")  # one sequence and the next characters
    h0, rate = mg.input("h0", (hidden,)), mg.input("rate")

    W_x, b_x = shared(size, hidden, rng)
    W_h = mg.parameter(np.eye(hidden, dtype=np.float32))  # starts by handing the state on
    W_y, b_y = shared(hidden, size, rng)
    weights = [W_x, b_x, W_h, W_y, b_y]

    def step(h, x):
        h = mg.relu(x @ W_x + b_x + h @ W_h)
        return h, mg.softmax(h @ W_y + b_y)

    _, ys = mg.scan(step, h0, mg.one_hot(ids, size))  # (T, V)
    error = -mg.sum(mg.one_hot(targets, size) * mg.log(ys))
    gradients = mg.grad(error, weights)
    updates = [(w, w - rate * g) for w, g in zip(weights, gradients, strict=True)]
    train = mg.function([h0, ids, targets, rate], error, updates)
    return train, mg.function([h0, ids], ys.argmax(axis=1))


def main(file=None, epochs=1, hidden=HIDDEN, length=LENGTH, rate=0.01, most=160_000):
    text = Path(file).read_text("utf-8") if file else "".join(pydoc_data.topics.topics.values())
    vocabulary = Vocabulary.of(text[:most])
    numbers = vocabulary.encode(text[:most])
    count = (len(numbers) - 1) // length
    xs, ys = (numbers[s : s + count * length].reshape(count, length) for s in (0, 1))
    rng = np.random.default_rng(0)
    train, guess = build(len(vocabulary), hidden, rng)
    h0 = np.zeros(hidden, np.float32)
    cut = count * 9 // 10
    print(f"{cut:,} sequences of {length}, {len(vocabulary)} characters; ", end="")
    print(f"knowing nothing is an error of {length * np.log(len(vocabulary)):.1f} each")

    order = rng.permutation(count)
    total, done, every = 0.0, 0, max(1, cut * epochs // 8)
    for _ in range(epochs):
        for i in rng.permutation(order[:cut]):
            total += train(h0, xs[i], ys[i], rate)
            done += 1
            if done % every == 0:
                mean, total = float(total / every), 0.0
                print(f"{done:6,}  error {mean:6.3f}, {mean / length:.3f} a character")
    held_out = order[cut:]
    accuracy = float(np.mean([guess(h0, xs[i]) == ys[i] for i in held_out]))
    commonest = float((ys[held_out] == np.bincount(ys[order[:cut]].ravel()).argmax()).mean())
    print(f"Of the characters of {len(held_out):,} sequences never seen in training ", end="")
    print(f"{accuracy:.1%} are guessed right; the commonest each time, {commonest:.1%}.")
    return mean, accuracy, commonest


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
