"""minigrad: as `minigrad.text` builds its training step, and the example min_char_rnn.

Where it runs is the `backend` of `mg.function`: "c", "numpy" or "cupy".
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from examples import min_char_rnn
from minigrad.nn import state_inputs
from minigrad.nn.losses import softmax_cross_entropy
from minigrad.optim import Adam, clip_by_global_norm
from minigrad.text import CharRNN

from .cases import Case

Step = Callable[[], float]


def network(case: Case) -> tuple[Any, ...]:
    """(loss, new state, inputs, parameters) of `CharRNN`, the layers of `mg.nn`."""
    settings = {"layer_norm": True} if case.layer_norm else {}
    net = CharRNN(case.size, case.cell, case.hidden, case.layers, **settings)
    for name, value in case.weights().items():
        if not name.startswith("readout"):
            number, _, weight = name.partition(".")
            name = f"recurrent.layers.{number}.cell.{weight}"
        net.parameters()[name].set_value(value)
    ids, targets = (mg.input(name, ("T", "B"), "int64") for name in ("ids", "targets"))
    state = state_inputs(net)
    for layer in net.recurrent.layers:
        layer.checkpoint = case.checkpoint
    logits, new_state = net(ids, state)
    return (
        softmax_cross_entropy(logits, targets),
        new_state,
        [ids, targets, state],
        net.parameters(),
    )


def naive(case: Case) -> tuple[Any, ...]:
    """The same LSTM, with a weight and a product for each gate, and the logits inside the step."""
    p = {name: mg.parameter(value, name) for name, value in case.weights_by_gate().items()}
    ids, targets = (mg.input(name, ("T", "B"), "int64") for name in ("ids", "targets"))
    state = tuple(
        tuple(mg.input(f"{part}{layer}", ("B", case.hidden)) for part in "hc")
        for layer in range(case.layers)
    )

    def step(old: Any, x: mg.Variable) -> tuple[Any, mg.Variable]:
        new = []
        for layer, (h, c) in enumerate(old):
            i, f, g, o = (
                x @ p[f"{layer}.weight_ih.{gate}"]
                + h @ p[f"{layer}.weight_hh.{gate}"]
                + p[f"{layer}.bias.{gate}"]
                for gate in "ifgo"
            )
            c = mg.sigmoid(f) * c + mg.sigmoid(i) * mg.tanh(g)
            x = mg.sigmoid(o) * mg.tanh(c)
            new.append((x, c))
        return tuple(new), x @ p["readout.weight"] + p["readout.bias"]

    new_state, logits = mg.scan(step, state, mg.one_hot(ids, case.size))
    return softmax_cross_entropy(logits, targets), new_state, [ids, targets, state], p


def compiled(
    case: Case, backend: str, build: Callable[[Case], tuple[Any, ...]] = network
) -> mg.Function:
    """f(ids, targets, state) → (loss, state), which updates the weights by Adam."""
    loss, new_state, inputs, parameters = build(case)
    gradients = clip_by_global_norm(mg.grad(loss, parameters), 5.0)
    updates = Adam(lr=case.rate).updates(gradients, parameters)
    return mg.function(inputs, (loss, new_state), updates, backend=backend)


def layers(case: Case, backend: str) -> Step:
    return _stepping(compiled(case, backend), case, backend)


def one_matrix_per_gate(case: Case, backend: str) -> Step:
    return _stepping(compiled(case, backend, naive), case, backend)


def _stepping(train: mg.Function, case: Case, backend: str) -> Step:
    batches, wait = case.batches(), _end_of_work(backend)
    flat = case.zero_state()
    state: Any = tuple(flat if case.parts == 1 else zip(flat[::2], flat[1::2], strict=True))

    def step() -> float:
        nonlocal state
        loss, state = train(*next(batches), state)
        found = float(loss)
        wait()
        return found

    return step


def _end_of_work(backend: str) -> Callable[[], None]:
    """What returns when the device has done all that it was given."""
    if backend != "cupy":
        return lambda: None
    import cupy

    return cupy.cuda.Device().synchronize


def example(case: Case, backend: str) -> Step:
    """examples/min_char_rnn.py, with the weights of the case."""
    w = case.weights()
    names = {"Wxh": "0.weight_ih", "Whh": "0.weight_hh", "bh": "0.bias"}
    names |= {"Why": "readout.weight", "by": "readout.bias"}
    weights = {short: w[name] for short, name in names.items()}
    train, _ = min_char_rnn.build(weights, case.rate, backend=backend)
    batches, wait = case.batches(), _end_of_work(backend)
    h = np.zeros(case.hidden, "float32")

    def step() -> float:
        nonlocal h
        ids, targets = next(batches)
        loss, h = train(ids[:, 0], targets[:, 0], h)
        found = float(loss)
        wait()
        return found

    return step


def compile_graph(case: Case, backend: str) -> Step:
    """A step is: build the graph, differentiate it, and compile it."""

    def step() -> float:
        compiled(case, backend)
        return float("nan")

    return step


def compile_only(case: Case, backend: str) -> Step:
    """A step is `mg.function` alone, of a graph that is there."""
    loss, new_state, inputs, parameters = network(case)
    gradients = clip_by_global_norm(mg.grad(loss, parameters), 5.0)
    updates = Adam(lr=case.rate).updates(gradients, parameters)

    def step() -> float:
        mg.function(inputs, (loss, new_state), updates, backend=backend)
        return float("nan")

    return step


def plan(case: Case, backend: str) -> Step:
    """A step is: the program for these sizes, from a graph that is compiled."""
    train = compiled(case, backend)

    def step() -> float:
        train.source(T=case.length, B=case.batch)
        return float("nan")

    return step


def circuit(case: None, backend: str) -> Step:
    """(x + y) · z and its gradients, one call."""
    x, y, z = mg.inputs("x y z")
    f = (x + y) * z
    call = mg.function([x, y, z], [f, *mg.grad(f, [x, y, z])], backend=backend)

    def step() -> float:
        values = [float(v) for v in call(-2.0, 5.0, -4.0)]
        return values[0]

    return step
