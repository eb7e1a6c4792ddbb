"""Pseudo-labels: a network learns from its own answers where nobody has given any.

Lesson: fast.ai, "Practical deep learning for coders", lesson 6 (D.-H. Lee, "Pseudo-label", 2013).
Few points have labels, many have none. Train on the few, let the network label the others, and go
on with batches mixed from all sources in chosen shares, so that the true labels are not drowned.
The validation set's inputs may join in; its true labels are never trained on. It helps here since
the classes are clouds of points: better borders lie between clouds, and unlabelled points show
where that is.

    python examples/pseudo_labels.py [SEEDS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

CLASSES, SIZE = 6, 16
LABELLED, UNLABELLED, VALIDATION, TEST = 24, 2000, 500, 3000


class MixIterator:
    """Batches with so many rows from each source, [((x, y), rows), …], in an order of its own: one
    that is used up is shuffled and begins again, while the others go on."""

    def __init__(self, sources, rng):
        self.parts = [self._rows(arrays, rows, rng) for arrays, rows in sources]

    def _rows(self, arrays, rows, rng):
        order = np.arange(0)
        while True:
            while len(order) < rows:
                order = np.concatenate([order, rng.permutation(len(arrays[0]))])
            yield [array[order[:rows]] for array in arrays]
            order = order[rows:]

    def __next__(self):
        return [np.concatenate(arrays) for arrays in zip(*map(next, self.parts), strict=True)]


def points(count, centres, rng):
    """x (count, SIZE) around the centres of their classes, and the classes (count,)."""
    y = rng.permutation(np.arange(count) % CLASSES)
    return (centres[y] + rng.standard_normal((count, SIZE))).astype(np.float32), y


def compiled(seed, hidden=64, rate=1e-3):
    """(train, classify) for a network with one hidden layer."""
    rng = np.random.default_rng(seed)
    network = nn.Sequential(
        nn.Linear(SIZE, hidden, rng=rng), mg.relu, nn.Linear(hidden, CLASSES, rng=rng)
    )
    x, y = mg.input("x", ("B", SIZE)), mg.input("y", ("B",), "int64")
    logits = network(x)
    loss = nn.losses.softmax_cross_entropy(logits, y)
    train = mg.function([x, y], loss, optim.Adam(rate).updates(loss, network.parameters()))
    return train, mg.function([x], logits.argmax(axis=1))


def compare(seed, steps, rounds=5, shares=(50, 40, 10)):
    """Accuracies on test points after as many steps without pseudo-labels, and with them."""
    rng = np.random.default_rng(seed)
    centres = 0.8 * rng.standard_normal((CLASSES, SIZE))
    labelled, unlabelled, validation, test = (
        points(count, centres, rng) for count in (LABELLED, UNLABELLED, VALIDATION, TEST)
    )
    accuracies = []
    for pseudo in (False, True):
        train, classify = compiled(seed)
        mix = MixIterator([(labelled, sum(shares))], rng)
        for number in range(steps * (rounds + 1)):
            if pseudo and number and number % steps == 0:  # new answers for each round
                answered = [(x, classify(x)) for x, _ in (unlabelled, validation)]
                mix = MixIterator(zip([labelled, *answered], shares, strict=True), rng)
            train(*next(mix))
        accuracies.append(float(np.mean(classify(test[0]) == test[1])))
    return accuracies


def main(seeds: int = 5, steps: int = 100) -> list[list[float]]:
    print(f"{CLASSES} classes; {LABELLED} points with labels, ", end="")
    print(f"{UNLABELLED + VALIDATION:,} without; chance is {1 / CLASSES:.1%}")
    print("seed   labels alone   pseudo-labels too")
    found = []
    for seed in range(seeds):
        found.append(compare(seed, steps))
        print("{:4}   {:12.1%}   {:17.1%}".format(seed, *found[-1]))
    alone, pseudo = np.mean(found, axis=0)
    better = sum(b > a for a, b in found)
    print(f"mean   {alone:12.1%}   {pseudo:17.1%}")
    print(f"With pseudo-labels {better} of {seeds} networks read the test points better;", end=" ")
    print(f"the mean changes by {100 * (pseudo - alone):+.1f} points.")
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
