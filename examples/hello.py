"""A recurrent network learns to spell "hello": given h, e, l, l it says e, l, l, o.

Lesson: FAU Deep Learning, "Recurrent neural networks" part 2 (and A. Karpathy, "The unreasonable
effectiveness of recurrent neural networks"). After the first l comes an l, after the second an o:
only a network that remembers can know.

    python examples/hello.py
"""

import numpy as np

import minigrad as mg
from minigrad import nn, optim


def main(steps: int = 100) -> str:
    letters = mg.text.Vocabulary("helo")
    cell = nn.RNNCell(len(letters), 8, rng=0)
    readout = nn.Linear(8, len(letters), rng=1)

    ids, targets = (mg.input(name, ("T",), "int64") for name in ("ids", "targets"))
    h0 = mg.input("h0", (1, 8))

    def step(h, x):
        out, h = cell(x, h)
        return h, readout(out)[0]

    h, logits = mg.scan(step, h0, mg.one_hot(ids, len(letters)).expand_dims(1))
    loss = nn.losses.softmax_cross_entropy(logits, targets)
    weights = [*cell.parameters().values(), *readout.parameters().values()]
    updates = optim.Adam(lr=0.02).updates(loss, weights)
    train = mg.function([ids, targets, h0], (loss, logits.argmax(axis=1)), updates)
    following = mg.function([ids, h0], (logits[-1].argmax(), h))

    zero = np.zeros((1, 8), np.float32)
    for number in range(1, steps + 1):
        cost, guesses = train(letters.encode("hell"), letters.encode("ello"), zero)
        if number in (1, 2, 5, 10, 20, 50, steps):
            print(f"step {number:3}  loss {cost:.4f}  hell → {letters.decode(guesses)}")

    text, state = "h", zero
    while len(text) < 5:
        best, state = following(letters.encode(text[-1]), state)
        text += letters.decode([best])
    print(f"h → {text}")
    return text


if __name__ == "__main__":
    main()
