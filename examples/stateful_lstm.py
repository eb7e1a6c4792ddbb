"""A stateful LSTM: two layers that remember from batch to batch, with dropout and batch norm.

Lesson: fast.ai, "Practical deep learning for coders", lesson 6. The text is cut into rows that are
read side by side, 8 characters at a time; each batch starts with the state that the last one left,
an epoch with zeros. So gradients flow through 8 steps, but the memory reaches through all of them.
The embedding is batch-normalised; a dense layer is applied to every step ("time-distributed"),
which `Linear` does by itself: it works on the last axis.

    python examples/stateful_lstm.py [FILE] [EPOCHS]
"""

import pydoc_data.topics
import sys
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.text import StatefulBatches, Vocabulary


class StatefulLSTM(nn.Module):
    """ids (T, B), state → logits (T, B, V), state; the state is one (h, c) for each layer."""

    def __init__(self, characters, size, hidden, rng):
        self.embedding = nn.Embedding(characters, size, rng=rng)
        self.norm = nn.BatchNorm(size)
        self.lstm = nn.LSTM(size, hidden, num_layers=2, dropout=0.2, rng=rng)
        self.dense = nn.Linear(hidden, hidden, rng=rng)
        self.dropout = nn.Dropout(0.1, rng=rng)
        self.readout = nn.Linear(hidden, characters, rng=rng)

    def __call__(self, ids, state):
        x = self.norm(self.embedding(ids))
        hs, state = self.lstm(x, state)  # (T, B, H)
        return self.readout(self.dropout(mg.relu(self.dense(hs)))), state


def compiled(network, rate):
    """(train, judge): (ids, targets, state) → (loss, accuracy, state)."""
    ids, targets = mg.inputs("ids targets", ("T", "B"), "int64")
    start = nn.state_inputs(network.lstm)

    def outputs():
        logits, state = network(ids, start)
        right = nn.losses.accuracy(logits, targets)
        return nn.losses.softmax_cross_entropy(logits, targets), right, state

    network.train()  # dropout drops, batch norm takes mean and variance of the batch
    found = outputs()
    updates = optim.Adam(rate).updates(found[0], network.parameters())
    train = mg.function([ids, targets, start], found, [*updates, *network.updates()])
    network.eval()  # nothing is dropped, batch norm takes its running mean and variance
    return train, mg.function([ids, targets, start], outputs())


def read(function, batches, hidden, stateful=True):
    """The mean loss and accuracy over an epoch: the state is carried on, or zeros each time."""
    zero = ((np.zeros((batches.batch, hidden), np.float32),) * 2,) * 2
    state, found = zero, []
    for ids, targets in batches:
        *numbers, new = function(ids, targets, state)
        found.append(numbers)
        state = new if stateful else zero
    return np.mean(found, axis=0)


def main(file=None, epochs=6, size=42, hidden=128, batch=64, length=8, rate=2e-3, most=160_000):
    text = Path(file).read_text("utf-8") if file else "".join(pydoc_data.topics.topics.values())
    vocabulary = Vocabulary.of(text[:most])
    numbers = vocabulary.encode(text[:most])
    cut = len(numbers) * 9 // 10
    known = StatefulBatches(numbers[:cut], batch, length)
    held_out = StatefulBatches(numbers[cut:], 8, length)
    print(f"{cut:,} characters, {len(vocabulary)} distinct, {len(known)} batches an epoch")

    network = StatefulLSTM(len(vocabulary), size, hidden, np.random.default_rng(0))
    train, judge = compiled(network, rate)
    for epoch in range(1, epochs + 1):
        loss, _ = read(train, known, hidden)
        judged, accuracy = read(judge, held_out, hidden)
        print(f"epoch {epoch}  loss {loss:.3f}  held out {judged:.3f}, {accuracy:.1%} right")
    forgetful, _ = read(judge, held_out, hidden, stateful=False)
    commonest = np.bincount(numbers[:cut]).argmax()
    baseline = float(np.mean(numbers[cut:] == commonest))
    print(f"Held out: loss {judged:.3f}, and {forgetful:.3f} with the state reset at each batch.")
    print(f"{accuracy:.1%} of characters are guessed right; ", end="")
    print(f"the commonest each time, {vocabulary.symbols[commonest]!r}, {baseline:.1%}.")
    return judged, forgetful, accuracy, baseline


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
