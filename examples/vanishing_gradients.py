"""Vanishing and exploding gradients: how long is ∂L/∂h_t, looking back from the last step?

Lesson: MIT 6.S094, "Recurrent neural networks" (Bengio, Simard and Frasconi, 1994; Pascanu, Mikolov
and Bengio, 2013). On its way back the gradient is multiplied by W_hh and by the slope of the
activation, once a step. Here W_hh is a gain times an orthogonal matrix, which changes no length by
itself: without an activation the gradient shrinks or grows by exactly the gain each step. For the
cell c_t of an LSTM it is multiplied by the forget gate, which starts near σ(bias); what goes
through h and the gates comes on top.

    python examples/vanishing_gradients.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn

BACK = 0, 1, 2, 5, 10, 20, 50, 100
GAINS = {"linear": (0.8, 1, 1.2), "tanh": (0.8, 1, 1.2, 2), "relu": (1, 1.4, 2)}
RANGES = {"under 0.01": (0, 0.01), "from 0.01 to 100": (0.01, 100), "over 100": (100, np.inf)}
LOW, HIGH = -12, 8  # the powers of ten that a bar shows


def plain(gain, activation, hidden, rng):
    """h_t = activation(x_t + h_{t-1} W_hh), with W_hh the gain times an orthogonal matrix."""
    W_hh = mg.constant(nn.init.orthogonal((hidden, hidden), rng, "float64", gain))

    def step(h, x):
        h = activation(x + h @ W_hh)
        return h, h

    return step, mg.zeros((1, hidden), "float64")


def lstm(forget_bias, hidden, rng):
    cell = nn.LSTMCell(hidden, hidden, forget_bias=forget_bias, rng=rng, dtype="float64")

    def step(state, x):
        _, (h, c) = cell(x, state)
        return (h, c), c

    return step, cell.zero_state(1)


def lengths(step, start, xs, direction):
    """‖∂L/∂s_t‖ for t = 0 … T-1, with L = direction · s_T: s is h, or the c of an LSTM.

    There is no variable for one step of a loop, but a trace has the gradient of all of them.
    """
    seen = {}

    def watched(state, x):
        state, seen["s"] = step(state, x)
        return state, seen["s"]

    _, states = mg.scan(watched, start, xs)
    loss = mg.sum(states[-1] * direction)
    return np.linalg.norm(mg.trace(loss, {}).grad(seen["s"])[:, 0], axis=-1)  # (T, 1, H) → (T,)


def bar(length):
    """From 1 to the length on a scale of powers of ten, | standing at 1."""
    at = int(np.clip(round(np.log10(max(length, 1e-300))), LOW, HIGH))
    return "".join(
        "|" if power == 0 else "#" if 0 < power <= at or at <= power < 0 else "."
        for power in range(LOW, HIGH + 1)
    )


def main(steps=51, hidden=50, seed=0):
    rng = np.random.default_rng(seed)
    xs = mg.constant(0.1 * rng.standard_normal((steps, 1, hidden)))
    direction = rng.standard_normal(hidden)
    direction /= np.linalg.norm(direction)
    activations = {"linear": lambda a: a, "tanh": mg.tanh, "relu": mg.relu}
    networks = {
        f"{name}, gain {gain:g}": plain(gain, activations[name], hidden, rng)
        for name, gains in GAINS.items()
        for gain in gains
    }
    networks |= {f"LSTM, forget bias {b}": lstm(b, hidden, rng) for b in (0, 1, 3, 5)}
    back = [n for n in BACK if n < steps]
    print(
        "the length of the gradient, so many steps before the last; bars at the last: "
        f"10^{LOW} to 10^{HIGH}, | is 1"
    )
    print(f"{'steps back':19}" + "".join(f"{n:9}" for n in back))
    found = {}
    for name, (step, start) in networks.items():
        found[name] = norms = lengths(step, start, xs, direction)[::-1]
        print(f"{name:19}" + "".join(f"{norms[n]:9.1e}" for n in back), "", bar(norms[-1]))

    last = {name: norms[-1] for name, norms in found.items()}
    for what, (low, high) in RANGES.items():
        names = "; ".join(name for name in last if low <= last[name] < high)
        print(f"{steps - 1} steps back it is {what}: {names or 'none'}")
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
