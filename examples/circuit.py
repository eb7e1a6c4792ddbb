"""The circuit f = (x + y) · z at x = -2, y = 5, z = -4, forward and backward.

Lesson: MIT 6.S094, "Recurrent neural networks" (and Stanford CS231n, lecture 4): a gate only knows
its inputs, its output, and the gradient that comes back to it. Add hands it on, multiply swaps its
inputs.

    python examples/circuit.py [circuit.svg]
"""

import sys

import minigrad as mg


def main(picture: str | None = None) -> None:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    at = {x: -2, y: 5, z: -4}
    print(mg.trace(f, at).table())
    print()
    print(mg.verify_grad(f, at))
    if picture:
        print("\nwrote", mg.trace(f, at).draw().save(picture))


if __name__ == "__main__":
    main(*sys.argv[1:2])
