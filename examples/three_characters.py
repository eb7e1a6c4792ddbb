"""Three characters predict the fourth: a recurrent network written out, with three matrices.

Lesson: fast.ai, "Practical deep learning for coders", lesson 6. Each arrow of the drawing is a
matrix: input → hidden (used for all three characters), hidden → hidden (used twice), hidden →
output. Characters are vectors of an embedding. Nothing loops yet; that the same arrows come again
and again is what makes a recurrent network of it.

    python examples/three_characters.py [FILE] [EPOCHS]
"""

import pydoc_data.topics
import sys
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.text import Vocabulary


class ThreeCharacters(nn.Module):
    """in(c) = relu(e(c) W_in + b); h = tanh(h W_hidden + b) + in(c) for c1, c2, c3; logits of h."""

    def __init__(self, characters, size, hidden, rng):
        self.embedding = nn.Embedding(characters, size, rng, weight_init=nn.init.uniform)
        self.input_to_hidden = nn.Linear(size, hidden, rng=rng)
        self.hidden_to_hidden = nn.Linear(hidden, hidden, rng=rng, weight_init=nn.init.identity)
        self.hidden_to_output = nn.Linear(hidden, characters, rng=rng)

    def __call__(self, c1, c2, c3):
        in1, in2, in3 = (mg.relu(self.input_to_hidden(self.embedding(c))) for c in (c1, c2, c3))
        h = in1
        h = mg.tanh(self.hidden_to_hidden(h)) + in2
        h = mg.tanh(self.hidden_to_hidden(h)) + in3
        return self.hidden_to_output(h)


def main(file=None, epochs=6, size=42, hidden=256, batch=64, most=300_000):
    text = Path(file).read_text("utf-8") if file else "".join(pydoc_data.topics.topics.values())
    vocabulary = Vocabulary.of(text[:most])
    numbers = vocabulary.encode(text[:most])
    fours = numbers[: len(numbers) // 4 * 4].reshape(-1, 4)  # c1 c2 c3 → c4
    rng = np.random.default_rng(0)
    fours = rng.permutation(fours)
    cut = len(fours) * 9 // 10 // batch * batch
    known, held_out = fours[:cut], fours[cut:]
    print(f"{len(numbers):,} characters, {len(vocabulary)} distinct; {cut:,} times three and one")

    network = ThreeCharacters(len(vocabulary), size, hidden, rng)
    c1, c2, c3, c4 = characters = mg.inputs("c1 c2 c3 c4", ("B",), "int64")
    logits = network(c1, c2, c3)
    loss = nn.losses.softmax_cross_entropy(logits, c4)
    right = nn.losses.accuracy(logits, c4)
    train = mg.function(characters, loss, optim.Adam(1e-3).updates(loss, network.parameters()))
    judge = mg.function(characters, (loss, right))
    likeliest = mg.function([c1, c2, c3], logits.argmax(axis=1))

    for epoch in range(1, epochs + 1):
        batches = rng.permutation(known).reshape(-1, batch, 4)
        cost = np.mean([train(*rows.T) for rows in batches])
        judged, accuracy = judge(*held_out.T)
        print(f"epoch {epoch}  loss {cost:.3f}  held out {judged:.3f}, {accuracy:.1%} right")
    for start in ("the", " an", "ing"):
        if set(start) <= set(vocabulary.symbols):
            found = likeliest(*vocabulary.encode(start)[:, None])
            print(f"after {start!r} the likeliest is {vocabulary.decode(found)!r}")
    commonest = np.bincount(known[:, 3]).argmax()
    baseline = float((held_out[:, 3] == commonest).mean())
    print(f"Of {len(held_out):,} characters not trained on, {accuracy:.1%} are guessed ", end="")
    print(f"right; the commonest each time, {vocabulary.symbols[commonest]!r}, {baseline:.1%}.")
    return float(judged), float(accuracy), baseline


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
