"""Traced runs for tests of what shows them."""

import numpy as np

import minigrad as mg

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"quoted\" & 'quoted'",
    "two\nlines",
    "snake 🐍 $title",
    "]]><!-- --> \u2028",
    "n" * 300,
)


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype("float32")


def _weight(*shape, name, seed=0):
    return mg.parameter(_numbers(*shape, seed=seed), name)


def circuit():
    """(x + y) · z at -2, 5, -4."""
    x, y, z = mg.inputs("x y z")
    return mg.trace(((x + y).named("q") * z).named("f"), {x: -2, y: 5, z: -4})


def neuron():
    """A sigmoid neuron in simple gates."""
    w0, x0, w1, x1, w2 = mg.inputs("w0 x0 w1 x1 w2")
    f = 1 / (1 + mg.exp(-(w0 * x0 + w1 * x1 + w2)))
    return mg.trace(f.named("f"), {w0: 2, x0: -1, w1: -3, x1: -2, w2: -3})


def rnn(steps=4):
    x = mg.input("x", ("T", 2))
    weights = _weight(2, 3, name="Wxh"), _weight(3, 3, name="Whh", seed=1), _weight(3, name="b")
    wxh, whh, b = weights

    def step(h, x_t):
        h = mg.tanh(x_t @ wxh + h @ whh + b).named("h")
        return h, h

    _, hs = mg.scan(step, mg.zeros((3,)).named("h0"), x, name="rnn")
    return mg.trace((hs * hs).sum().named("L"), {x: _numbers(steps, 2, seed=2)})


def lstm(steps=4):
    x = mg.input("x", ("T", 2))
    weights = {
        k: (_weight(2, 3, name=f"W_x{k}"), _weight(3, 3, name=f"W_h{k}"), _weight(3, name=f"b_{k}"))
        for k in "ifog"
    }

    def step(state, x_t):
        h, c = state
        gates = {}
        for k, name in zip("ifog", ("input", "forget", "output", "candidate"), strict=True):
            with mg.group(name):
                w, u, b = weights[k]
                squash = mg.tanh if k == "g" else mg.sigmoid
                gates[k] = squash(x_t @ w + h @ u + b).named(k)
        c = (gates["f"] * c + gates["i"] * gates["g"]).named("c")
        h = (gates["o"] * mg.tanh(c)).named("h")
        return (h, c), h

    _, hs = mg.scan(step, (mg.zeros((3,)), mg.zeros((3,))), x, name="lstm")
    return mg.trace((hs * hs).sum().named("L"), {x: _numbers(steps, 2, seed=2)})


def scalar_loop(steps=5):
    """Two loops of scalars, the first one backwards, the second one over its results."""
    x, w = mg.input("x", ("T",)), mg.parameter(np.float32(0.5), "w")

    def step(h, u):
        h = mg.tanh(w * h + u).named("h")
        return h, h * h

    last, ys = mg.scan(step, 0.0, x, reverse=True, name="back")
    last, ys = mg.scan(step, last, ys, name="forth")
    return mg.trace((ys.sum() + last).named("L"), {x: _numbers(steps)})


def nested():
    """A loop in the step of a loop."""
    x, w = mg.input("x", ("T", "S")), mg.parameter(np.float32(0.5), "w")

    def inner(h, u):
        h = mg.tanh(w * h + u).named("h")
        return h, h

    def outer(c, row):
        h, ys = mg.scan(inner, c, row, name="inner")
        return (h * 1.5).named("c"), ys.sum()

    last, sums = mg.scan(outer, 0.0, x, name="outer")
    return mg.trace((sums.sum() + last).named("L"), {x: _numbers(3, 2)})


def passed_on():
    """Carries that change places and are never computed."""
    x, p, q = mg.input("x", ("T",)), *mg.inputs("p q")
    _, ys = mg.scan(lambda c, u: ((c[1], c[0]), c[0] * u), (p, q), x)
    return mg.trace(ys.sum().named("L"), {x: _numbers(4), p: 1, q: 2})


def odd():
    """Integers, NaN, what has no gradient, more numbers than are shown, and names of any kind."""
    x, ids = mg.input(HOSTILE[0], (10, 12)), mg.input("ids", (2,), "int32")
    table = _weight(5, 3, name=HOSTILE[1])
    looked = mg.take(table, ids, axis=0).named(HOSTILE[2])
    with mg.group(HOSTILE[3]):
        a = looked.sum().named(HOSTILE[4])
        b = mg.stop_gradient(x).mean().named(HOSTILE[5])
    at = {x: np.full((10, 12), np.nan, "float32"), ids: np.array([1, 2], "int32")}
    return mg.trace((a * x.sum() + b).named(HOSTILE[6]), at)


TRACES = (circuit, neuron, rnn, lstm, scalar_loop, nested, passed_on, odd)
