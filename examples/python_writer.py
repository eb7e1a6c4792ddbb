"""Three layers of 512 GRU cells learn to write Python, letter by letter.

Lesson: M. Görner, "TensorFlow and deep learning without a PhD", part 2, where they learn from
Shakespeare and then from Python. Sequences of 30 characters, batches of 100 that go on where the
last one ended, so that the state is carried from batch to batch and starts anew with each epoch. A
text is written by giving the network its own last character. What to look for, in this order: line
ends and indentation, `def` and `self`, brackets that are closed.

The network reads the standard library unless FILES are given, and keeps its end to be judged
on. This size is heavy: 300 steps take two to six minutes on two cores, and better Python
needs some thousands. Ctrl-C ends the training and judges what there is. `--hidden 128` is quicker.

    python examples/python_writer.py [FILES] [--hidden 512] [--layers 3] [--steps 300]
"""

import argparse
import sysconfig
import time
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.text import StatefulBatches, Vocabulary


class Writer(nn.Module):
    """ids (T, B), state → logits (T, B, V), state; the state is one h (B, H) for each layer."""

    def __init__(self, characters, hidden, layers, rng):
        self.characters = characters
        self.gru = nn.GRU(characters, hidden, num_layers=layers, rng=rng)
        self.readout = nn.Linear(hidden, characters, rng=rng)

    def __call__(self, ids, state):
        hs, state = self.gru(mg.one_hot(ids, self.characters), state)
        return self.readout(hs), state


def compiled(network, rate):
    """(train, judge, following): (ids, targets, state) → (loss, accuracy, state), the first with
    an update of the weights; (ids, state) → (probabilities of the next character, state)."""
    ids, targets = mg.inputs("ids targets", ("T", "B"), "int64")
    start = nn.state_inputs(network.gru)
    logits, state = network(ids, start)
    loss = nn.losses.softmax_cross_entropy(logits, targets)
    right = nn.losses.accuracy(logits, targets)
    parameters = network.parameters()
    gradients = optim.clip_by_global_norm(mg.grad(loss, parameters), 5.0)
    updates = optim.Adam(rate).updates(gradients, parameters)
    train = mg.function([ids, targets, start], (loss, right, state), updates, name="train")
    judge = mg.function([ids, targets, start], (loss, right, state), name="judge")
    return train, judge, mg.function([ids, start], (mg.softmax(logits[-1, 0]), state))


def write(following, vocabulary, zero, count, rng, among=3):
    """`count` characters, each drawn from the likeliest few."""
    ids, state = list(vocabulary.encode("\n")), zero(1)
    while len(ids) <= count:
        p, state = following([[ids[-1]]], state)
        p = np.where(p >= np.sort(p)[-among], p, 0).astype(np.float64)
        ids.append(rng.choice(len(p), p=p / p.sum()))
    return vocabulary.decode(ids[1:])


def judged(judge, batches, state):
    """The mean loss and accuracy on batches, read in their order."""
    found = []
    for ids, targets in batches:
        *numbers, state = judge(ids, targets, state)
        found.append(numbers)
    return np.mean(found, axis=0)


def main(files=(), hidden=512, layers=3, steps=300, length=30, batch=100, every=50, rate=2e-3):
    files = files or sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "\n".join(Path(file).read_text("utf-8", "replace") for file in files)
    text = text.encode("ascii", "replace").decode()
    vocabulary = Vocabulary.of(text + "\n")
    numbers = vocabulary.encode(text)
    cut = len(numbers) - min(len(numbers) // 20, 60_001)
    batches = StatefulBatches(numbers[:cut], batch, length)
    rows = max(1, min(batch, (len(text) - cut) // (10 * length)))
    held_out = StatefulBatches(numbers[cut:], rows, length)
    print(f"{len(text):,} characters in {len(files)} files, {len(vocabulary)} distinct, ", end="")
    print(f"{len(batches):,} batches an epoch; {layers} layers of {hidden}")

    def zero(rows):
        return (np.zeros((rows, hidden), np.float32),) * layers

    rng = np.random.default_rng(0)
    network = Writer(len(vocabulary), hidden, layers, rng)
    train, judge, following = compiled(network, rate)
    began, done = time.perf_counter(), 0
    try:
        while done < steps:
            place = done % len(batches)
            if place == 0:
                state = zero(batch)
            loss, right, state = train(*batches[place], state)
            done += 1
            if done % every == 0 or done in (1, steps):
                epoch, seconds = done / len(batches), time.perf_counter() - began
                print(f"\nstep {done}, epoch {epoch:.2f}, {seconds:.0f} s: ", end="")
                print(f"loss {loss:.3f}, accuracy {right:.1%}\n{'-' * 72}")
                print(write(following, vocabulary, zero, 250, rng))
    except KeyboardInterrupt:
        print(f"\nstopped after {done} steps")
    loss, accuracy = judged(judge, held_out, zero(held_out.batch))
    commonest = np.bincount(numbers[:cut]).argmax()
    baseline = float(np.mean(numbers[cut:] == commonest))
    print(f"{'-' * 72}\nOn text held out: loss {loss:.3f}, {accuracy:.1%} of characters right; the")
    print(f"commonest each time, {vocabulary.symbols[commonest]!r}, {baseline:.1%}.")
    return loss, accuracy, baseline


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILES")
    for name, default in {"hidden": 512, "layers": 3, "steps": 300}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    main(**vars(parser.parse_args()))
