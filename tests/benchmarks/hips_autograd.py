"""HIPS autograd: the plain recurrent network as a Python loop over `autograd.numpy`."""

from collections.abc import Callable

import autograd.numpy as np
from autograd import grad, value_and_grad

from .cases import Case

Step = Callable[[], float]


def loop(case: Case) -> Step:
    w = case.weights()
    memory = {name: np.zeros_like(value) for name, value in w.items()}
    one_hot = np.eye(case.size, dtype="float32")
    batches = case.batches()
    (h,) = case.zero_state()
    last = []

    def cost(w: dict[str, np.ndarray], ids: np.ndarray, targets: np.ndarray, h: np.ndarray):
        ys = []
        for x in one_hot[ids]:
            h = np.tanh(x @ w["0.weight_ih"] + h @ w["0.weight_hh"] + w["0.bias"])
            ys.append(h @ w["readout.weight"] + w["readout.bias"])
        last[:] = [h._value]  # the state to carry on: value_and_grad returns the loss alone
        logits = np.concatenate(ys)
        shifted = logits - np.max(logits, axis=1, keepdims=True)
        log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        return -np.sum(log_p[np.arange(len(log_p)), targets.ravel()])

    both = value_and_grad(cost)

    def step() -> float:
        nonlocal h
        loss, gradients = both(w, *next(batches), h)
        (h,) = last
        for name, g in gradients.items():
            g = np.clip(g, -5, 5)
            memory[name] += g * g
            w[name] -= case.rate * g / np.sqrt(memory[name] + 1e-8)
        return float(loss)

    return step


def circuit(case: None = None) -> Step:
    """(x + y) · z and its gradients, traced anew at each call."""

    def f(x: float, y: float, z: float) -> float:
        return (x + y) * z

    gradients = grad(f, (0, 1, 2))

    def step() -> float:
        at = -2.0, 5.0, -4.0
        values = [float(v) for v in (f(*at), *gradients(*at))]
        return values[0]

    return step
