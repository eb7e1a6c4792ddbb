"""Six optimisers on a saddle, f(x, y) = x² - y²: who leaves it first?

Lesson: MIT 6.S094, "Recurrent neural networks" (optimisation; the race is A. Radford's). At the
start the gradient in y is tiny, and descending in x leads on to the saddle point. Plain gradient
descent takes steps as small as the gradient; momentum adds them up; Adagrad, RMSprop and Adam
divide each gradient by its own size, so that their first step in y is as long as that in x.

    python examples/saddle.py [STEPS] [RATE]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import optim

START = 1.0, 1e-4


def racers(rate):
    """All with one rate; the other settings are the usual ones."""
    return {
        "SGD": optim.SGD(rate),
        "momentum": optim.SGD(rate, momentum=0.9),
        "Nesterov": optim.SGD(rate, momentum=0.9, nesterov=True),
        "Adagrad": optim.Adagrad(rate),
        "RMSprop": optim.RMSprop(rate, decay=0.9),
        "Adam": optim.Adam(rate),
    }


def run(optimizer, steps):
    """The places (x, y) after 0, 1, … steps: (steps + 1, 2)."""
    place = mg.parameter(np.array(START), "place")
    f = place[0] ** 2 - place[1] ** 2
    descend = mg.function([], f, optimizer.updates(f, [place]))
    places = [place.get_value()]
    for _ in range(steps):
        descend()
        places.append(place.get_value())
    return np.array(places)


def main(steps=100, rate=0.05):
    paths = {name: run(optimizer, steps) for name, optimizer in racers(rate).items()}
    left = {}  # the step at which y² is greater than x² was at the start
    for name, path in paths.items():
        out = np.flatnonzero(abs(path[:, 1]) > START[0])
        left[name] = int(out[0]) if len(out) else None

    print(f"|y| after each step from (x, y) = {START}, rate {rate:g} for all")
    print("step  " + "".join(f"{name:>10}" for name in paths))
    for step in (s for s in (0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 200, 500) if s <= steps):
        print(f"{step:4}  " + "".join(f"{abs(path[step, 1]):10.2g}" for path in paths.values()))
    print("left  " + "".join(f"{step or '-':>10}" for step in left.values()))
    order = sorted((name for name in left if left[name]), key=lambda name: left[name])
    still = [name for name in left if not left[name]]
    print(f"in the order of leaving (|y| > {START[0]:g}): {', '.join(order) or 'nobody'}")
    if still:
        print(f"still there after {steps} steps: {', '.join(still)}")
    return left


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:3]))
