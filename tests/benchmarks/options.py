"""Training steps of nn.LSTM with each option, and of what an option computes of its own."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.nn.layers import standardised
from minigrad.optim import Adam

__all__ = ["LIMITED", "OPTIONS", "OWN", "step"]

T, B, F, H, LAYERS = 50, 50, 128, 128, 2

# The settings of the layer, and what is given to its call.
OPTIONS: dict[str, tuple[dict[str, Any], str | None]] = {
    "lengths": ({}, "lengths"),
    "mask": ({}, "mask"),
    "recurrent dropout": ({"recurrent_dropout": 0.2}, None),
    "dropout between layers": ({"dropout": 0.2}, None),
    "zoneout": ({"zoneout": 0.1}, None),
    "layer norm": ({"layer_norm": True}, None),
    "bidirectional": ({"bidirectional": True}, None),
    "peepholes": ({"peepholes": True}, None),
    "learned state": ({"learned_state": True}, None),
    "projection to 64": ({"proj_size": 64}, None),
}
LIMITED = {"lengths", "mask", "recurrent dropout", "layer norm", "bidirectional"}
OWN = ("layer norm", "bidirectional")


def step(name: str, backend: str) -> Callable[[], float]:
    """``step()`` trains once and gives the loss (or, of an option's own work, any number)."""
    option, _, own = name.partition(", ")
    if own:
        if option == "layer norm":
            return normalisations(backend)
        return training(_OneDirection(), backend)
    settings, given = OPTIONS.get(option, ({}, None))
    return training(nn.LSTM(F, H, LAYERS, rng=0, **settings), backend, given)


def training(net: nn.Module, backend: str, given: str | None = None) -> Callable[[], float]:
    rng = np.random.default_rng(0)
    xs = mg.input("xs", ("T", "B", F))
    inputs, at, options = [xs], [rng.normal(size=(T, B, F)).astype("float32")], {}
    if given == "lengths":
        inputs.append(mg.input("lengths", ("B",), "int64"))
        at.append(rng.integers(1, T + 1, size=B))
    elif given == "mask":
        inputs.append(mg.input("mask", ("T", "B"), "bool"))
        at.append(rng.random((T, B)) < 0.8)
    if given:
        options[given] = inputs[1]
    ys, _ = net(xs, **options)  # type: ignore[operator]  # a layer is called
    loss = mg.mean(mg.square(ys))
    updates = Adam(1e-3).updates(loss, net.parameters())
    train = mg.function(inputs, loss, updates, backend=backend)
    return lambda: float(train(*at))


def normalisations(backend: str) -> Callable[[], float]:
    """What layer normalisation adds to the layers, with gradients, for all steps at once."""
    rng = np.random.default_rng(0)
    inputs, gains, total = [], [], mg.constant(0.0)
    for size in (4 * H, 4 * H, H) * LAYERS:
        a, w = (mg.input(name, ("T", "B", size)) for name in "aw")
        gains.append(mg.parameter(np.ones(size, "float32"), "gain"))
        total = total + mg.sum(w * (standardised(a, 1e-5) * gains[-1]))
        inputs += [a, w]
    outputs = [total, *mg.grad(total, [*gains, *inputs[::2]])]
    f = mg.function(inputs, outputs, backend=backend)
    at = [rng.normal(size=(T, B, v.shape[-1])).astype("float32") for v in inputs]
    return lambda: float(f(*at)[0])


class _OneDirection(nn.Module):
    """One direction of the bidirectional layers, by itself."""

    def __init__(self) -> None:
        self.lower, self.upper = nn.LSTM(F, H, rng=0), nn.LSTM(2 * H, H, rng=0)

    def __call__(self, xs: mg.Variable) -> tuple[mg.Variable, None]:
        ys, _ = self.lower(xs)
        return self.upper(mg.concat([ys, ys], axis=-1))[0], None
