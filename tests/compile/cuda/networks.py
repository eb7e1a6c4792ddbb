"""Functions that the tests of CUDA kernels share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.variables import Parameter, Variable
from tests.gates.cases import CASES, Case
from tests.gates.test_table import applied, at

T, B, V = 4, 3, 5


def every_gate(sizes: str) -> tuple[list[Case], list[list[Variable]], dict[Variable, Any]]:
    """The table of gates: those that such sizes fit, the outputs of each, the values of inputs."""
    cases = [case for case in CASES if sizes in case.fits]
    outputs, values = [], {}
    for case in cases:
        inputs, made = applied(case, sizes)
        outputs.append(list(made))
        values |= at(case, inputs, sizes)
    return cases, outputs, values


def lstm(seed: int = 0) -> tuple[list[Variable], Variable, dict[str, Parameter], list[Any]]:
    """Two layers of LSTM that read characters: inputs, loss, parameters, and updates by Adam after
    clipping."""
    layer, read = nn.LSTM(V, 8, num_layers=2, rng=seed), nn.Linear(8, V, rng=seed + 1)
    ids, targets = (mg.input(name, ("T", "B"), "int64") for name in ("ids", "targets"))
    ys, _ = layer(mg.one_hot(ids, V))
    loss = nn.losses.softmax_cross_entropy(read(ys), targets)
    weights = {**layer.parameters(), **{f"read.{n}": p for n, p in read.parameters().items()}}
    grads = optim.clip_by_global_norm(mg.grad(loss, [*weights.values()]), 1.0)
    return [ids, targets], loss, weights, optim.Adam(0.01).updates(grads, [*weights.values()])


def batch(seed: int) -> list[Any]:
    return [*np.random.default_rng(seed).integers(0, V, (2, T, B))]


def values_of(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    return {name: p.get_value() for name, p in parameters.items()}
