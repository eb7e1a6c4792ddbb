"""One to many: a number goes in, its name comes out, letter by letter: 42 → forty-two.

Lesson: MIT 6.S094, "Recurrent neural networks" (one to many, as in describing a picture). The two
digits set the first state; after that there is no input but the letter that the network wrote
itself. Of the 100 numbers some are never shown in training: it must have learnt how names are
made, not the names.

    python examples/one_to_many.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ONES += ["eleven", "twelve"]
ONES += [f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine")]
TENS = [f"{stem}ty" for stem in ("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine")]
LETTERS = ".-abcdefghijklmnopqrstuvwxyz"  # "." ends a name, and stands before its first letter
LENGTH = 14  # "seventy-three."


def spelled(number):
    if number < 20:
        return ONES[number]
    return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")


def examples(numbers):
    """(digits (B, 20), letters (T, B)): two one-hot digits, and the name padded with "."."""
    digits = np.concatenate([np.eye(10)[numbers // 10], np.eye(10)[numbers % 10]], axis=1)
    names = [spelled(n).ljust(LENGTH, ".") for n in numbers]
    letters = np.array([[LETTERS.index(letter) for letter in name] for name in names])
    return digits.astype("float32"), letters.T


class Net(nn.Module):
    def __init__(self, hidden, rng):
        self.start = nn.Sequential(nn.Linear(20, hidden, rng=rng), mg.tanh, nn.Dropout(0.3, rng))
        self.cell = nn.GRUCell(len(LETTERS), hidden, rng=rng)
        self.readout = nn.Linear(hidden, len(LETTERS), rng=rng)

    def step(self, state, before):
        """The logits of the next letter, after this one."""
        out, state = self.cell(mg.one_hot(before, len(LETTERS)), state)
        return state, self.readout(out)

    def told(self, digits, before):
        """Logits (T, B, 28), given the right letter before each."""
        return mg.scan(self.step, self.start(digits), before)[1]

    def alone(self, digits):
        """The letters (T, B) that it writes when it reads its own."""

        def step(carry, _):
            state, logits = self.step(*carry)
            letter = mg.argmax(logits, axis=1)  # the likeliest
            return (state, letter), letter

        first = mg.zeros((digits.shape[0],), "int64")
        return mg.scan(step, (self.start(digits), first), length=LENGTH)[1]


def main(steps=3000, hidden=64, left_out=20, seed=0):
    rng = np.random.default_rng(seed)
    compounds = [n for n in range(21, 100) if n % 10]  # the others have a word of their own
    unseen = np.sort(rng.choice(compounds, left_out, replace=False))
    seen = np.setdiff1d(np.arange(100), unseen)
    net = Net(hidden, rng)
    digits = mg.input("digits", ("B", 20))
    before, letters = (mg.input(name, ("T", "B"), "int64") for name in ("before", "letters"))
    logits = net.told(digits, before)
    own = mg.concat([mg.ones_like(before[:1]), before[1:]]) > 0  # the name and one "." after it
    loss = nn.losses.softmax_cross_entropy(logits, letters, weights=own)
    adam = optim.AdamW(optim.cosine(5e-3, steps), weight_decay=0.5)
    train = mg.function([digits, before, letters], loss, adam.updates(loss, net.parameters()))
    write = mg.function([digits], net.eval().alone(digits))

    def names(numbers):
        written = write(examples(numbers)[0]).T
        return ["".join(LETTERS[i] for i in row).split(".")[0] for row in written]

    def right(numbers):
        pairs = zip(names(numbers), numbers, strict=True)
        return float(np.mean([name == spelled(n) for name, n in pairs]))

    print(f"never shown: {', '.join(map(str, unseen))}")
    for number in range(1, steps + 1):
        x, y = examples(rng.choice(seen, 40, replace=False))
        cost = train(x, np.concatenate([np.zeros_like(y[:1]), y[:-1]]), y)
        if number % max(1, steps // 10) == 0:
            shares = f"of the shown {right(seen):6.1%}, of the others {right(unseen):6.1%}"
            shown = f"{unseen[0]} → {names(unseen[:1])[0]}"
            print(f"step {number:5}  loss {cost:.4f}  right {shares}   {shown}")
    for n, name in zip(unseen, names(unseen), strict=True):
        if name != spelled(n):
            print(f"wrong: {n} → {name}")
    found = {"shown": right(seen), "never shown": right(unseen)}
    shares = ", ".join(f"{share:.1%} of those {kind}" for kind, share in found.items())
    print(f"right: {shares}, of which a table of names would have none")
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
