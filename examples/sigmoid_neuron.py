"""A sigmoid neuron from add, multiply, exp and divide gates, and the gradients of the lecture.

Lesson: MIT 6.S094 (and Stanford CS231n, lecture 4): 1 / (1 + exp(-(w0·x0 + w1·x1 + w2))) with
w = (2, -3, -3), x = (-1, -2) is 0.73; each gradient is the chain rule, one gate at a time. Several
gates can be seen as one: `mg.sigmoid` is the same function, and its local gradient is σ (1 - σ).

    python examples/sigmoid_neuron.py
"""

import minigrad as mg


def main() -> None:
    w0, x0, w1, x1, w2 = mg.inputs("w0 x0 w1 x1 w2")
    score = (w0 * x0 + w1 * x1 + w2).named("score")
    fine = (1 / (1 + mg.exp(-score))).named("neuron")
    coarse = mg.sigmoid(score).named("neuron")
    at = {w0: 2, x0: -1, w1: -3, x1: -2, w2: -3}
    for title, neuron in {"add, multiply, exp, divide": fine, "one sigmoid gate": coarse}.items():
        t = mg.trace(neuron, at)
        print(f"{title}: neuron = {t[neuron]:.2f}")
        print("  ".join(f"d{leaf.name} = {t.grad(leaf):.2f}" for leaf in at))
    s = t[coarse]
    print(f"σ (1 - σ) = {s * (1 - s):.2f}, and dscore = {t.grad(score):.2f}")


if __name__ == "__main__":
    main()
