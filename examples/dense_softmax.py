"""One dense softmax layer learns to read digits of 8 × 8 pixels, batch by batch.

Lesson: M. Görner, "TensorFlow and deep learning without a PhD", where it is the first network, and
in part 2 the readout of the recurrent one: Y = softmax(X W + b) for a whole batch X at once, the
same b added to each row, and the cross-entropy -Σ T log Y against one-hot targets T. The digits
are those of a pocket calculator, moved about and noisy.

    python examples/dense_softmax.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg

# Seven segments on 7 × 4 pixels, and which of them are lit for the digits 0 to 9.
PLACES = {
    "a": np.s_[0, :],  # top
    "b": np.s_[:4, 3],
    "c": np.s_[3:, 3],
    "d": np.s_[6, :],  # bottom
    "e": np.s_[3:, 0],
    "f": np.s_[:4, 0],
    "g": np.s_[3, :],  # middle
}
LIT = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"]


def digits(count, rng, noise=0.3):
    """Images (count, 64) and one-hot targets (count, 10)."""
    labels = rng.integers(10, size=count)
    images = noise * rng.standard_normal((count, 8, 8))
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(2), rng.integers(2, 4)
        glyph = image[top : top + 7, left : left + 4]  # a view
        for segment in LIT[label]:
            place = PLACES[segment]
            glyph[place] = np.maximum(glyph[place], 1 + noise * rng.standard_normal())
    return images.reshape(count, 64).astype(np.float32), np.eye(10, dtype=np.float32)[labels]


def picture(image):
    """An image in characters, dark to bright."""
    rows = np.digitize(image.reshape(8, 8), [0.4, 0.8])
    return "\n".join("".join(" ·█"[level] * 2 for level in row) for row in rows)


def main(steps: int = 2000, batch: int = 100, rate: float = 0.5) -> tuple[float, float]:
    X, T = mg.input("X", ("B", 64)), mg.input("T", ("B", 10))
    W = mg.parameter(np.zeros((64, 10), np.float32), "W")
    b = mg.parameter(np.zeros(10, np.float32), "b")
    Y = mg.softmax(X @ W + b)
    loss = -mg.mean(mg.sum(T * mg.log(Y), axis=1))
    accuracy = mg.mean(mg.astype(mg.equal(Y.argmax(axis=1), T.argmax(axis=1)), "float32"))
    train = mg.function([X, T], loss, mg.optim.SGD(rate).updates(loss, [W, b]))
    judge = mg.function([X, T], (loss, accuracy))

    rng = np.random.default_rng(0)
    held_out = digits(2000, rng)
    print(f"a {int(held_out[1][0].argmax())}:\n{picture(held_out[0][0])}\n")
    print("step   loss on batch   held-out loss   held-out accuracy")
    for number in range(steps + 1):
        cost = train(*digits(batch, rng))
        if number in (0, 10, 30, 100, 300, 1000, steps):
            judged, right = judge(*held_out)
            print(f"{number:4}   {cost:13.3f}   {judged:13.3f}   {right:17.1%}")
    commonest = float(held_out[1].mean(axis=0).max())
    print(f"{right:.1%} of {len(held_out[0]):,} digits never seen before are read right; ", end="")
    print(f"to say the commonest every time would be right in {commonest:.1%}.")
    return float(right), commonest


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
