"""min-char-rnn: a plain recurrent network that learns to write text, character by character.

Lesson: A. Karpathy, min-char-rnn (2015), as used in "The Math of Intelligence", week 5. 100 hidden
units, 25 steps at a time with the state carried on, Adagrad with a rate of 0.1, gradients clipped
to ±5 each, and a sample of 200 characters now and then. Where that program derives the backward
pass by hand, this one writes the two equations of the cell and asks for the gradient; both compute
the same losses, up to rounding.

    python examples/min_char_rnn.py [FILE] [STEPS]
"""

import math
import pydoc_data.topics
import sys
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.text import Vocabulary


def initial_weights(size, hidden=100, seed=0, dtype="float32"):
    """Small random matrices and zero biases, by name."""
    rng = np.random.default_rng(seed)
    shapes = {"Wxh": (size, hidden), "Whh": (hidden, hidden), "Why": (hidden, size)}
    weights = {name: rng.standard_normal(shape) * 0.01 for name, shape in shapes.items()}
    weights |= {"bh": np.zeros(hidden), "by": np.zeros(size)}
    return {name: value.astype(dtype) for name, value in weights.items()}


def build(weights, rate=0.1, limit=5.0, backend="auto"):
    """(train, step): train(ids, targets, h) → (loss, h), step([id], h) → (probabilities, h)."""
    p = {name: mg.parameter(value, name) for name, value in weights.items()}
    size, hidden = weights["Wxh"].shape
    ids, targets = (mg.input(name, ("T",), "int64") for name in ("ids", "targets"))
    h0 = mg.input("h", (hidden,), weights["Wxh"].dtype)

    def cell(h, x):
        h = mg.tanh(x @ p["Wxh"] + h @ p["Whh"] + p["bh"]).named("h")
        return h, h @ p["Why"] + p["by"]

    h, logits = mg.scan(cell, h0, mg.one_hot(ids, size, weights["Wxh"].dtype))
    loss = -mg.sum(mg.take_along_axis(mg.log_softmax(logits), targets.expand_dims(1)))

    updates = []
    for name, gradient in mg.grad(loss, p).items():  # Adagrad: steps shrink as gradients add up
        g = mg.clip(gradient, -limit, limit)
        memory = mg.parameter(np.zeros_like(weights[name]), f"memory of {name}")
        total = memory + g * g
        updates += [(memory, total), (p[name], p[name] - rate * g / mg.sqrt(total + 1e-8))]
    train = mg.function([ids, targets, h0], (loss, h), updates, backend=backend)
    return train, mg.function([ids, h0], (mg.softmax(logits[-1]), h), backend=backend)


def sample(step, h, first, count, rng):
    """The ids of `count` characters that follow `first`."""
    ids = [first]
    for _ in range(count):
        p, h = step(np.array(ids[-1:]), h)
        p = p.astype(np.float64)
        ids.append(int(rng.choice(len(p), p=p / p.sum())))
    return ids[1:]


def main(file=None, steps=10_000, length=25, every=1_000):
    text = Path(file).read_text("utf-8") if file else pydoc_data.topics.topics["compound"]
    vocabulary = Vocabulary.of(text)
    data = vocabulary.encode(text)
    print(f"{len(data):,} characters, {len(vocabulary)} distinct")
    train, step = build(initial_weights(len(vocabulary)))
    rng = np.random.default_rng(0)
    smooth = math.log(len(vocabulary)) * length
    place, h = 0, np.zeros(100, np.float32)
    for number in range(steps + 1):
        if place + length + 1 > len(data):
            place, h = 0, np.zeros(100, np.float32)
        if number % every == 0:
            shown = vocabulary.decode(sample(step, h, data[place], 200, rng))
            print(f"---- {number}, loss {smooth:.2f}\n{shown}\n----")
        loss, h = train(data[place : place + length], data[place + 1 : place + length + 1], h)
        smooth = 0.999 * smooth + 0.001 * float(loss)
        place += length
    return smooth


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, *map(int, sys.argv[2:3]))
