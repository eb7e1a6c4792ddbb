"""A recurrent network reads eight characters: it predicts the ninth, then a next one at each step.

Lesson: fast.ai, "Practical deep learning for coders", lesson 6. The loop is a layer now; its
recurrent matrix starts as the identity and its activation is relu, so that the state is handed on
until the network learns better. With a target at every step it learns eight things from eight
characters. Targets as numbers (sparse) or as one-hot rows give the same cross-entropy.

    python examples/eight_characters.py [FILE] [EPOCHS]
"""

import pydoc_data.topics
import sys
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.text import Vocabulary


class EightCharacters(nn.Module):
    """ids (T, B) → logits of what comes next: (B, V) at the end, or (T, B, V) at every step."""

    def __init__(self, characters, size, hidden, every_step, rng):
        self.embedding = nn.Embedding(characters, size, rng, weight_init=nn.init.uniform)
        irnn = {"activation": "relu", "recurrent_init": nn.init.identity}
        self.rnn = nn.RNN(size, hidden, return_sequences=every_step, rng=rng, **irnn)
        self.readout = nn.Linear(hidden, characters, rng=rng)

    def __call__(self, ids):
        hs, _ = self.rnn(self.embedding(ids))  # (T, B, H), or (B, H)
        return self.readout(hs)


def main(file=None, epochs=6, size=42, hidden=256, batch=64, length=8, most=160_000):
    text = Path(file).read_text("utf-8") if file else "".join(pydoc_data.topics.topics.values())
    vocabulary = Vocabulary.of(text[:most])
    numbers = vocabulary.encode(text[:most])
    count = (len(numbers) - 1) // length
    places = np.arange(count)[:, None] * length + np.arange(length + 1)
    rng = np.random.default_rng(0)
    sequences = rng.permutation(numbers[places])  # (count, T + 1)
    cut = count * 9 // 10 // batch * batch
    known, held_out = sequences[:cut], sequences[cut:].T
    print(f"{cut:,} times {length} characters and the next, {len(vocabulary)} distinct")

    ids, targets = mg.inputs("ids targets", ("T", "B"), "int64")
    cross_entropy = nn.losses.softmax_cross_entropy
    found = {}
    for name, every_step in {"the ninth": False, "every step": True}.items():
        rng = np.random.default_rng(1)
        network = EightCharacters(len(vocabulary), size, hidden, every_step, rng)
        logits, wanted = network(ids), targets if every_step else targets[-1]
        sparse = cross_entropy(logits, wanted)
        dense = cross_entropy(logits, mg.one_hot(wanted, len(vocabulary)))
        ninth = logits[-1] if every_step else logits
        right = nn.losses.accuracy(ninth, targets[-1])
        updates = optim.Adam(1e-3).updates(sparse, network.parameters())
        train = mg.function([ids, targets], sparse, updates)
        judge = mg.function([ids, targets], (sparse, dense, right))
        for epoch in range(1, epochs + 1):
            batches = rng.permutation(known).reshape(-1, batch, length + 1)
            cost = np.mean([train(rows.T[:-1], rows.T[1:]) for rows in batches])
            judged, same, accuracy = map(float, judge(held_out[:-1], held_out[1:]))
            print(f"{name:10}  epoch {epoch}  loss {cost:.3f}", end="  ")
            print(f"held out {judged:.3f} (one-hot {same:.3f}), the ninth {accuracy:.1%} right")
        found[name] = (judged, same, accuracy)
    commonest = np.bincount(known[:, -1]).argmax()
    found["commonest"] = float((held_out[-1] == commonest).mean())
    shown = "; ".join(f"{name}, {found[name][2]:.1%}" for name in ("the ninth", "every step"))
    print(f"The ninth character, guessed right after training with a target at {shown}; ", end="")
    print(f"always {vocabulary.symbols[commonest]!r}, {found['commonest']:.1%}.")
    return found


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
