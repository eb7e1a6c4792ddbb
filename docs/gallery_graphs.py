"""Pictures of graphs for docs/gallery.md, chapter by chapter: see gallery.py."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn, optim

Shown = Iterator[Any]


# ---------------------------------------------------------------- circuits


def circuit() -> Shown:
    """A circuit, its values and its gradients

    Work runs from left to right. Above each wire stands its value, in blue; below it, in red,
    its gradient: how much f grows for each bit that this number grows. A gate multiplies the
    gradient that comes back to it by its own slope, and hands it on to its inputs.
    """
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    t = mg.trace(f, {x: -2, y: 5, z: -4})
    yield t.draw()

    # Before it is run, an expression is only its gates.
    yield mg.draw(f)

    # For print in grey. A value is still told from a gradient: it stands above the wire.
    yield t.draw(theme="grey")


def neuron() -> Shown:
    """A neuron, folded and written out

    σ is one gate with one rule for its gradient, σ · (1 − σ). Written out it is made of four
    gates, and the chain rule comes to the same gradients in smaller steps.
    """
    w0, x0, w1, x1, b = mg.inputs("w0 x0 w1 x1 b")
    f = mg.sigmoid(w0 * x0 + w1 * x1 + b).named("f")
    t = mg.trace(f, {w0: 2, x0: -1, w1: -3, x1: -2, b: -3})
    yield t.draw()

    yield t.draw(unfold="sigmoid")


def gradient_graph() -> Shown:
    """The gradient is a graph too

    `grad` computes no number: it builds gates. Here those of ∂f/∂x stand beside those of f,
    with their numbers in red. The way back reads what the way forward has made.
    """
    x, w = mg.inputs("x w")
    f = mg.tanh(w * x).named("f")
    t = mg.trace(f, {x: 0.5, w: 2})
    yield t.draw(wrt=[x])


# ---------------------------------------------------------------- arrays and groups


def arrays() -> Shown:
    """Arrays

    An array is a strip of cells, pale where its numbers are near 0, and of another colour where
    they are negative; beside it stand the least and the greatest of them. Four flowers, two
    measures each, are given a score for each of three kinds. The loss, many gates, is folded here.
    """
    rng = np.random.default_rng(0)
    x, kind = mg.input("x", ("B", 2), "float64"), mg.input("kind", ("B",), "int64")
    W, b = mg.parameter(rng.normal(size=(2, 3)), "W"), mg.parameter(np.zeros(3), "b")
    scores = (x @ W + b).named("scores")
    loss = nn.losses.softmax_cross_entropy(scores, kind).named("loss")
    t = mg.trace(loss, {x: rng.normal(size=(4, 2)), kind: [0, 2, 1, 2]})
    yield t.draw(fold="softmax cross-entropy")


def groups() -> Shown:
    """Groups

    Gates that are built inside `with mg.group(name)` stand in a frame, or are folded to one
    node. Modules, losses and optimisers are groups already. Left alone, a picture folds as much
    as it needs to be readable.
    """
    x, w, b, target = mg.inputs("x w b target")
    with mg.group("neuron"):
        y = mg.tanh(w * x + b).named("y")
    with mg.group("squared error"):
        loss = ((target - y) ** 2).named("loss")
    t = mg.trace(loss, {x: 1, w: 0.5, b: 0.25, target: 1})
    yield t.draw()

    yield t.draw(fold="neuron")

    yield t.draw(fold=True)


# ---------------------------------------------------------------- recurrent networks


def rnn() -> Shown:
    """A recurrent network

    Folded, one step stands in a frame: x_t is the number of the sequence x for step t, and
    through the delay z⁻¹ the state h comes back one step later. Unrolled, the steps stand
    beside each other and time runs to the right. All of them read the same w and u, whose
    gradients are the sums over all steps.
    """
    x = mg.input("x", ("T",))
    w, u = mg.parameter(0.5, "w"), mg.parameter(-1.5, "u")

    def step(h, x_t):
        h = mg.tanh(w * x_t + u * h).named("h")
        return h, h

    h, _ = mg.scan(step, 0.0, x)
    yield mg.draw(h)

    t = mg.trace(h, {x: [1.0, 0.5, -1.0]})
    yield t.draw(unroll=True)

    # Of many steps, the first ones and the last.
    t = mg.trace(h, {x: np.ones(100, "float32")})
    yield t.draw(unroll=3)


def rnn_of_arrays() -> Shown:
    """A recurrent network of arrays

    States of three numbers and inputs of two. Folded, the strip on a wire has a row for each
    step: the first one of h on its way into the step is that of h0, which is 0 and pale.
    """
    rng = np.random.default_rng(0)
    x, h0 = mg.input("x", ("T", 2), "float64"), mg.input("h0", (3,), "float64")
    W, U = (mg.parameter(rng.normal(size=(n, 3)), name) for n, name in ((2, "W"), (3, "U")))

    def step(h, x_t):
        h = mg.tanh(x_t @ W + h @ U).named("h")
        return h, h

    h, _ = mg.scan(step, h0, x)
    t = mg.trace(mg.sum(h).named("s"), {x: rng.normal(size=(4, 2)), h0: np.zeros(3)})
    # A wide one: a click shows it in full size.
    yield t.draw()

    yield t.draw(unroll=2)


def lstm() -> Shown:
    """A long short-term memory

    The forget gate says how much of the cell c is kept, the input gate how much of what is new
    is added, the output gate how much of c is seen. Along c there are only a product and a sum:
    so a gradient reaches early steps. Each group of gates is a node here.
    """
    rng = np.random.default_rng(0)
    names = {"i": "input gate", "f": "forget gate", "g": "new", "o": "output gate"}
    w, u = ({n: mg.parameter(float(rng.normal()), f"{m}_{n}") for n in names} for m in "wu")
    x = mg.input("x", ("T",))

    def part(n, x_t, h):
        with mg.group(names[n]):
            a = w[n] * x_t + u[n] * h
            return (mg.tanh(a) if n == "g" else mg.sigmoid(a)).named(n)

    def step(state, x_t):
        h, c = state
        i, f, g, o = (part(n, x_t, h) for n in names)
        c = (f * c + i * g).named("c")
        h = (o * mg.tanh(c)).named("h")
        return (h, c), h

    (h, _), _ = mg.scan(step, (0.0, 0.0), x)
    yield mg.draw(h, fold=True)


def lstm_of_arrays() -> Shown:
    """A cell with all its gates, and folded

    The cell of `nn.LSTM`, one step of it: what all four gates take of x, and of h, is one
    product, which is split. Unrolled, it is a node in each step.
    """
    cell = nn.LSTMCell(2, 3, rng=0, dtype="float64")
    x, h, c = mg.input("x", (2,), "float64"), *mg.inputs("h c", (3,), "float64")
    _, state = cell(x, (h, c))
    # A wide one: a click shows it in full size.
    yield mg.draw(state, fold=False)

    def step(state, x_t):
        h, state = cell(x_t, state)
        return state, h

    xs = mg.input("x", ("T", 2), "float64")
    (last, _), _ = mg.scan(step, (h, c), xs)
    at = {xs: np.random.default_rng(0).normal(size=(3, 2)), h: np.zeros(3), c: np.zeros(3)}
    # A wide one: a click shows it in full size.
    yield mg.trace(mg.sum(last), at).draw(unroll=2, fold="LSTMCell")


def gru() -> Shown:
    """A gated recurrent unit

    The update gate mixes the old state with a new one, and the reset gate says how much of the
    old one the new one is made of.
    """
    rng = np.random.default_rng(0)
    w, u = ({n: mg.parameter(float(rng.normal()), f"{m}_{n}") for n in "rzn"} for m in "wu")
    x = mg.input("x", ("T",))

    def step(h, x_t):
        with mg.group("reset gate"):
            r = mg.sigmoid(w["r"] * x_t + u["r"] * h).named("r")
        with mg.group("update gate"):
            z = mg.sigmoid(w["z"] * x_t + u["z"] * h).named("z")
        with mg.group("new"):
            n = mg.tanh(w["n"] * x_t + r * (u["n"] * h)).named("n")
        h = ((1 - z) * n + z * h).named("h")
        return h, h

    h, _ = mg.scan(step, 0.0, x)
    yield mg.draw(h, fold=True)


def networks() -> Shown:
    """Loops above, against and after each other

    In two layers the states of the first are the sequence of the second. In two directions one
    loop runs backwards over the same sequence. Of an encoder and a decoder the one reads x, and
    the other goes on from its last state with y.
    """

    def layer(x, name=None, start=0.0, reverse=False):
        w, u = mg.parameter(0.5, "w"), mg.parameter(-1.5, "u")

        @mg.group("cell")
        def step(h, x_t):
            h = mg.tanh(w * x_t + u * h).named("h")
            return h, h

        return mg.scan(step, start, x, name=name, reverse=reverse)

    x, y = mg.input("x", (3,)), mg.input("y", (3,))
    _, hs = layer(x, "layer 1")
    stacked, _ = layer(hs, "layer 2")
    yield mg.draw(stacked, fold=True)

    yield mg.draw(stacked, unroll=True, fold=True)

    bidirectional = layer(x)[1] + layer(x, reverse=True)[1]
    yield mg.draw(bidirectional, fold=True)

    # A wide one: a click shows it in full size.
    yield mg.draw(bidirectional, unroll=True, fold=True)

    state, _ = layer(x, "encoder")
    decoded, _ = layer(y, "decoder", state)
    yield mg.draw(decoded, fold=True)

    # A wide one: a click shows it in full size.
    yield mg.draw(decoded, unroll=True, fold=True)


def loop_in_a_loop() -> Shown:
    """A loop in a loop

    A frame in a frame: the inner loop goes along a row, the outer one from row to row.
    """
    M = mg.input("M", (2, 2))

    def along(c, x):
        c = (0.5 * c + x).named("c")
        return c, c

    def down(total, row):
        last, _ = mg.scan(along, 0.0, row.named("row"), name="row")
        total = (total + last).named("total")
        return total, total

    total, _ = mg.scan(down, 0.0, M, name="rows")
    yield mg.draw(total)

    # A wide one: a click shows it in full size.
    yield mg.trace(total, {M: [[1, 2], [3, 4]]}).draw(unroll=True)


def step_by_step() -> Shown:
    """Step by step

    A page of its own goes through a run gate by gate, forward and then back, and says in words what
    each gate does. It is one file that needs nothing but a browser: `t.page("rnn.html")` writes it.
    """
    x, w, u = mg.input("x", ("T",)), mg.input("w"), mg.input("u")
    h, _ = mg.scan(lambda h, x_t: (mg.tanh(w * x_t + u * h).named("h"), None), 0.0, x)
    t = mg.trace(h, {x: [1.0, 0.5, -1.0], w: 0.5, u: -1.5})
    yield t.page()


# ---------------------------------------------------------------- training


def training() -> Shown:
    """A whole training step

    The loss of an LSTM, its gradient and what Adam makes of it, as one graph of some hundred
    gates. Left alone, `draw` folds it until it can be read.
    """
    net = nn.LSTM(8, 3, return_sequences=False, rng=0)
    x, kind = mg.input("x", ("T", "B", 8)), mg.input("kind", ("B",), "int64")
    last, _ = net(x)
    loss = nn.losses.softmax_cross_entropy(last, kind).named("loss")
    updates = optim.Adam(1e-3).updates(loss, net.parameters())
    # A wide one: a click shows it in full size.
    yield mg.draw({"loss": loss, "updates": [new for _, new in updates]})


# ---------------------------------------------------------------- the chain rule in words


def chain_rule() -> Shown:
    """The chain rule of a circuit

    What the red numbers are made of: each gate's own rule, and the chain from f back to each
    input.
    """
    x, y, z = mg.inputs("x y z")
    f = ((x + y).named("q") * z).named("f")
    yield mg.explain(f, [x, y, z], {x: -2, y: 5, z: -4})


def through_time() -> Shown:
    """Back-propagation through time

    Of a loop, the equations of one step: what comes from step t + 1, and sums over all steps.
    """
    x, w, u = mg.input("x", ("T",)), mg.input("w"), mg.input("u")
    h, _ = mg.scan(lambda h, x_t: ((mg.tanh(w * x_t + u * h)).named("h"), None), 0.0, x)
    yield mg.explain((h**2).named("L"), [w, u])


CHAPTERS = {
    "Circuits": [circuit, neuron, gradient_graph],
    "Arrays and groups": [arrays, groups],
    "Recurrent networks": [
        rnn,
        rnn_of_arrays,
        lstm,
        lstm_of_arrays,
        gru,
        networks,
        loop_in_a_loop,
        step_by_step,
    ],
    "Training": [training],
    "The chain rule in words": [chain_rule, through_time],
}
