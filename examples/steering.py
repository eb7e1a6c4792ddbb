"""From pictures of a road to steering angles: an LSTM that sees ten pictures, or one at a time.

Lesson: MIT 6.S094, "Recurrent neural networks" (steering from a sequence of images). The pictures
are 16 × 32, in perspective, of a road that bends now more and now less; they are noisy, and in some
nothing is to be seen. The same small encoder reads each picture; an LSTM over the codes knows what
was there a moment ago, which a network that sees one picture cannot.

    python examples/steering.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

ROWS, COLUMNS, LENGTH = 16, 32, 10
SHADES = " .:-=+*#%@"


def drive(count, rng, noise=0.6, hidden=0.3):
    """(pictures (T, B, 512), angles (T, B)): angles drift, and bend the road that is seen."""
    bend = np.zeros((LENGTH, count))
    bend[0] = rng.normal(size=count)
    for t in range(1, LENGTH):
        bend[t] = 0.95 * bend[t - 1] + np.sqrt(1 - 0.95**2) * rng.normal(size=count)
    far = np.linspace(1, 0, ROWS)[:, None]  # the row on top is the farthest
    middle = COLUMNS / 2 + 6 * bend[..., None, None] * far**2  # (T, B, rows, 1)
    width = 1.5 + 5 * (1 - far)
    road = np.abs(np.arange(COLUMNS) - middle) < width  # (T, B, rows, columns)
    seen = rng.random((LENGTH, count, 1, 1)) > hidden
    pictures = road * seen + noise * rng.normal(size=road.shape)
    shape = (LENGTH, count, ROWS * COLUMNS)
    return pictures.reshape(shape).astype("float32"), 10 * bend.astype("float32")  # in degrees


class OnePicture(nn.Module):
    """The angle from the picture of the same moment."""

    def __init__(self, rng):
        self.encoder = nn.Linear(ROWS * COLUMNS, 32, rng=rng)
        self.hidden = nn.Linear(32, 64, rng=rng)
        self.readout = nn.Linear(64, 1, rng=rng)

    def __call__(self, pictures):
        codes = mg.relu(self.encoder(pictures))
        return self.readout(mg.relu(self.hidden(codes)))[:, :, 0]  # (T, B)


class Sequence(nn.Module):
    """The angle from all pictures up to that moment."""

    def __init__(self, rng):
        self.encoder = nn.Linear(ROWS * COLUMNS, 32, rng=rng)
        self.memory = nn.Recurrent(nn.LSTMCell(32, 32, rng=rng))
        self.readout = nn.Linear(32, 1, rng=rng)

    def __call__(self, pictures):
        states, _ = self.memory(mg.relu(self.encoder(pictures)))
        return self.readout(states)[:, :, 0]  # (T, B)


def learn(name, net, tests, steps, rng, rows=50):
    """Train on new drives each step, and return the angles predicted for the tests."""
    pictures = mg.input("pictures", (LENGTH, "B", ROWS * COLUMNS))
    angles = mg.input("angles", (LENGTH, "B"))
    guesses = net(pictures)
    loss = nn.losses.mean_squared_error(guesses, angles)
    updates = optim.Adam(lr=2e-3).updates(loss, net.parameters())
    train = mg.function([pictures, angles], loss, updates)
    predict = mg.function([pictures], guesses)
    for number in range(1, steps + 1):
        cost = train(*drive(rows, rng))
        if number % max(1, steps // 5) == 0:
            error = rms(predict(tests[0]) - tests[1])
            print(f"{name:12} step {number:5}  loss {cost:6.2f}  error on the tests {error:.2f}°")
    return predict(tests[0])


def rms(error):
    return float(np.sqrt(np.mean(np.square(error))))


def main(steps=2000, seed=0):
    rng = np.random.default_rng(seed)
    tests = drive(500, rng)
    picture = drive(1, np.random.default_rng(3), noise=0.2, hidden=0)[0][0, 0]
    for row in np.clip(picture.reshape(ROWS, COLUMNS) * 9, 0, 9).astype(int):
        print("".join(SHADES[pixel] for pixel in row))
    errors = {"mean angle": rms(tests[1].mean() - tests[1])}
    guesses = {}
    for name, kind in {"one picture": OnePicture, "LSTM": Sequence}.items():
        guesses[name] = learn(name, kind(rng), tests, steps, rng)
        errors[name] = rms(guesses[name] - tests[1])
    print("\none test drive, in degrees")
    for name, angles in {"true": tests[1], **guesses}.items():
        print(f"{name:12}" + "".join(f"{angle:7.1f}" for angle in angles[:, 0]))
    print("\nerror on the tests, at picture 1 … 10")
    for name in guesses:
        each = [rms(guesses[name][t] - tests[1][t]) for t in range(LENGTH)]
        print(f"{name:12}" + "".join(f"{error:7.2f}" for error in each))
    print("of all:  " + ",  ".join(f"{name} {error:.2f}°" for name, error in errors.items()))
    return errors


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
