"""The backward pass by hand in NumPy, as in A. Karpathy, min-char-rnn (2015), in float32."""

from collections.abc import Callable

import numpy as np

from .cases import Case

Step = Callable[[], float]
Weights = dict[str, np.ndarray]


def loss_and_gradients(w: Weights, ids: np.ndarray, targets: np.ndarray, h: np.ndarray):
    """(loss, gradients, the last h). Columns as in Karpathy's program: x (V, 1), h (H, 1)."""
    xs, hs, ps, loss = {}, {-1: h}, {}, 0.0
    for t in range(len(ids)):
        xs[t] = np.zeros((len(w["by"]), 1), "float32")
        xs[t][ids[t]] = 1
        hs[t] = np.tanh(w["Wxh"] @ xs[t] + w["Whh"] @ hs[t - 1] + w["bh"])
        y = w["Why"] @ hs[t] + w["by"]
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    g = {name: np.zeros_like(value) for name, value in w.items()}
    dh_next = np.zeros_like(h)
    for t in reversed(range(len(ids))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        g["Why"] += dy @ hs[t].T
        g["by"] += dy
        dh = w["Why"].T @ dy + dh_next
        da = (1 - hs[t] * hs[t]) * dh
        g["bh"] += da
        g["Wxh"] += da @ xs[t].T
        g["Whh"] += da @ hs[t - 1].T
        dh_next = w["Whh"].T @ da
    for value in g.values():
        np.clip(value, -5, 5, out=value)
    return loss, g, hs[len(ids) - 1]


def loop(case: Case) -> Step:
    given = case.weights()
    names = {"Wxh": "0.weight_ih", "Whh": "0.weight_hh", "Why": "readout.weight"}
    w = {short: given[name].T.copy() for short, name in names.items()}
    w["bh"], w["by"] = given["0.bias"][:, None], given["readout.bias"][:, None]
    memory = {name: np.zeros_like(value) for name, value in w.items()}
    batches = case.batches()
    h = np.zeros((case.hidden, 1), "float32")

    def step() -> float:
        nonlocal h
        ids, targets = next(batches)
        loss, gradients, h = loss_and_gradients(w, ids[:, 0], targets[:, 0], h)
        for name, g in gradients.items():
            memory[name] += g * g
            w[name] += -case.rate * g / np.sqrt(memory[name] + 1e-8)
        return float(loss)

    return step
