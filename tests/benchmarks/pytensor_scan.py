"""PyTensor: `scan` over the step of the stacked cells, in its default mode and in its C mode."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.special import log_softmax

from .cases import GATES, Case

Step = Callable[[], float]


def cell(case: Case, p: dict[str, Any], k: int, x: Any, h: Any, *c: Any) -> tuple[Any, ...]:
    """h, or (h, c), after one step of layer k."""

    def split(a: Any) -> list[Any]:
        H = case.hidden
        return [a[:, n * H : (n + 1) * H] for n in range(len(GATES[case.cell]))]

    from_x = pt.dot(x, p[f"{k}.weight_ih"]) + p[f"{k}.bias"]
    from_h = pt.dot(h, p[f"{k}.weight_hh"])
    if case.cell == "rnn":
        return (pt.tanh(from_x + from_h),)
    if case.cell == "lstm":
        i, f, g, o = split(from_x + from_h)
        new = pt.sigmoid(f) * c[0] + pt.sigmoid(i) * pt.tanh(g)
        return pt.sigmoid(o) * pt.tanh(new), new
    (x_r, x_z, x_n), (h_r, h_z, h_n) = split(from_x), split(from_h)
    r, z = pt.sigmoid(x_r + h_r), pt.sigmoid(x_z + h_z)
    n = pt.tanh(x_n + r * (h_n + p[f"{k}.bias_hn"]))
    return ((1 - z) * n + z * h,)


def loss_and_state(case: Case, p: dict[str, Any], ids: Any, targets: Any, state: list[Any]):
    def one(x: Any, *old: Any) -> list[Any]:
        new: list[Any] = []
        for k in range(case.layers):
            parts = cell(case, p, k, x, *old[k * case.parts : (k + 1) * case.parts])
            x = parts[0]
            new += parts
        return new

    xs = pt.eye(case.size, dtype="float32")[ids]
    found = pytensor.scan(one, sequences=[xs], outputs_info=state, return_updates=False)
    found = found if isinstance(found, list) else [found]
    ys = found[-case.parts]
    logits = pt.dot(ys, p["readout.weight"]) + p["readout.bias"]
    rows = log_softmax(logits.reshape((-1, case.size)), axis=-1)
    losses = -rows[pt.arange(rows.shape[0]), targets.flatten()]
    loss = losses.mean() if case.optimizer == "adam" else losses.sum()
    return loss, [part[-1] for part in found]


def updates(case: Case, p: dict[str, Any], gradients: list[Any]) -> list[tuple[Any, Any]]:
    def slot(v: Any) -> Any:
        return pytensor.shared(np.zeros_like(v.get_value()))

    found = []
    if case.optimizer == "adagrad":
        for v, g in zip(p.values(), gradients, strict=True):
            s, g = slot(v), pt.clip(g, -5.0, 5.0)
            total = s + g * g
            found += [(s, total), (v, v - case.rate * g / pt.sqrt(total + 1e-8))]
        return found
    norm = pt.sqrt(sum(pt.sum(g * g) for g in gradients))
    scale = pt.minimum(1.0, 5.0 / (norm + 1e-6))
    step = pytensor.shared(np.float32(0))
    t = step + 1
    found.append((step, t))
    for v, g in zip(p.values(), gradients, strict=True):
        m, s, g = slot(v), slot(v), g * scale
        new_m, new_s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        root = pt.sqrt(new_s / (1 - 0.999**t)) + 1e-8
        found += [(m, new_m), (s, new_s), (v, v - case.rate * (new_m / (1 - 0.9**t)) / root)]
    return found


def scan(case: Case, mode: str | None = None) -> Step:
    pytensor.config.floatX = "float32"
    p = {name: pytensor.shared(value, name) for name, value in case.weights().items()}
    ids, targets = pt.lmatrix("ids"), pt.lmatrix("targets")
    inputs = [pt.fmatrix(f"state{i}") for i in range(case.layers * case.parts)]
    loss, new_state = loss_and_state(case, p, ids, targets, inputs)
    changes = updates(case, p, pytensor.grad(loss, list(p.values())))
    changes = [(v, pt.cast(new, "float32")) for v, new in changes]
    outputs = [loss, *new_state]
    train = pytensor.function([ids, targets, *inputs], outputs, updates=changes, mode=mode)
    batches, state = case.batches(), case.zero_state()

    def step() -> float:
        nonlocal state
        loss, *state = train(*next(batches), *state)
        return float(loss)

    return step


def circuit(case: None = None, mode: str | None = None) -> Step:
    """(x + y) · z and its gradients, one call."""
    pytensor.config.floatX = "float32"
    x, y, z = pt.fscalars("x", "y", "z")
    f = (x + y) * z
    call = pytensor.function([x, y, z], [f, *pytensor.grad(f, [x, y, z])], mode=mode)

    def step() -> float:
        values = [float(v) for v in call(-2.0, 5.0, -4.0)]
        return values[0]

    return step
