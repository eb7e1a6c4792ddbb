"""JAX: `lax.scan` over the step of the stacked cells, the whole training step in one `jax.jit`.

The device is "cpu" or "cuda"; a GPU computes in float32 throughout, not in TF32.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import log_softmax, one_hot, sigmoid

from .cases import Case

Step = Callable[[], float]
Weights = dict[str, jax.Array]


def rnn(p: Weights, k: int, x: jax.Array, h: jax.Array) -> tuple[jax.Array, ...]:
    return (jnp.tanh(x @ p[f"{k}.weight_ih"] + h @ p[f"{k}.weight_hh"] + p[f"{k}.bias"]),)


def lstm(p: Weights, k: int, x: jax.Array, h: jax.Array, c: jax.Array) -> tuple[jax.Array, ...]:
    a = x @ p[f"{k}.weight_ih"] + h @ p[f"{k}.weight_hh"] + p[f"{k}.bias"]
    i, f, g, o = jnp.split(a, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def normalised_lstm(
    p: Weights, k: int, x: jax.Array, h: jax.Array, c: jax.Array
) -> tuple[jax.Array, ...]:
    def normalised(a: jax.Array) -> jax.Array:
        centred = a - a.mean(axis=-1, keepdims=True)
        return centred * jax.lax.rsqrt(jnp.square(centred).mean(axis=-1, keepdims=True) + 1e-5)

    from_x = normalised(x @ p[f"{k}.weight_ih"]) * p[f"{k}.gain_ih"] + p[f"{k}.bias"]
    from_h = normalised(h @ p[f"{k}.weight_hh"]) * p[f"{k}.gain_hh"]
    i, f, g, o = jnp.split(from_x + from_h, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    shown = normalised(c) * p[f"{k}.norm_c.weight"] + p[f"{k}.norm_c.bias"]
    return sigmoid(o) * jnp.tanh(shown), c


def gru(p: Weights, k: int, x: jax.Array, h: jax.Array) -> tuple[jax.Array, ...]:
    x_r, x_z, x_n = jnp.split(x @ p[f"{k}.weight_ih"] + p[f"{k}.bias"], 3, axis=-1)
    h_r, h_z, h_n = jnp.split(h @ p[f"{k}.weight_hh"], 3, axis=-1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = jnp.tanh(x_n + r * (h_n + p[f"{k}.bias_hn"]))
    return ((1 - z) * n + z * h,)


def lstm_by_gate(
    p: Weights, k: int, x: jax.Array, h: jax.Array, c: jax.Array
) -> tuple[jax.Array, ...]:
    i, f, g, o = (
        x @ p[f"{k}.weight_ih.{gate}"] + h @ p[f"{k}.weight_hh.{gate}"] + p[f"{k}.bias.{gate}"]
        for gate in "ifgo"
    )
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}


def loss_and_state(p: Weights, ids: Any, targets: Any, state: Any, *, case: Case, by_gate: bool):
    """The loss, and the state after the last step."""
    cell = lstm_by_gate if by_gate else normalised_lstm if case.layer_norm else CELLS[case.cell]

    def readout(x: jax.Array) -> jax.Array:
        return x @ p["readout.weight"] + p["readout.bias"]

    def one(old: Any, x: jax.Array) -> tuple[Any, jax.Array]:
        new: list[jax.Array] = []
        for k in range(case.layers):
            parts = cell(p, k, x, *old[k * case.parts : (k + 1) * case.parts])
            x = parts[0]
            new += parts
        return new, readout(x) if by_gate else x

    state, ys = jax.lax.scan(one, state, one_hot(ids, case.size))
    log_p = log_softmax(ys if by_gate else readout(ys))
    losses = -jnp.take_along_axis(log_p, targets[..., None], axis=-1)
    return (losses.mean() if case.optimizer == "adam" else losses.sum()), state


def adam(p: Weights, g: Weights, memory: Any, rate: float) -> tuple[Weights, Any]:
    """Gradients clipped to a global norm of 5, then Adam by hand."""
    t, m, v = memory
    norm = jnp.sqrt(sum(jnp.sum(x * x) for x in g.values()))
    scale = jnp.minimum(1.0, 5.0 / (norm + 1e-6))
    g = jax.tree.map(lambda x: x * scale, g)
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)

    def new(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        return p - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)

    return jax.tree.map(new, p, m, v), (t, m, v)


def adagrad(p: Weights, g: Weights, memory: Any, rate: float) -> tuple[Weights, Any]:
    """Gradients clipped to ±5 each, then Adagrad by hand."""
    g = jax.tree.map(lambda g: jnp.clip(g, -5.0, 5.0), g)
    memory = jax.tree.map(lambda s, g: s + g * g, memory, g)
    return jax.tree.map(lambda p, g, s: p - rate * g / jnp.sqrt(s + 1e-8), p, g, memory), memory


def _stepping(case: Case, by_gate: bool, device: str) -> Step:
    jax.config.update("jax_default_device", jax.devices(device)[0])
    if device != "cpu":
        jax.config.update("jax_default_matmul_precision", "float32")
    cost = jax.value_and_grad(partial(loss_and_state, case=case, by_gate=by_gate), has_aux=True)
    update = adam if case.optimizer == "adam" else adagrad

    @partial(jax.jit, donate_argnums=(0, 1))
    def train(p: Weights, memory: Any, ids: Any, targets: Any, state: Any):
        (loss, state), g = cost(p, ids, targets, state)
        p, memory = update(p, g, memory, case.rate)
        return p, memory, loss, state

    p = jax.tree.map(jnp.asarray, case.weights_by_gate() if by_gate else case.weights())
    zeros = partial(jax.tree.map, jnp.zeros_like)
    memory = (jnp.float32(0), zeros(p), zeros(p)) if update is adam else zeros(p)
    state = [jnp.asarray(part) for part in case.zero_state()]
    batches = case.batches()

    def step() -> float:
        nonlocal p, memory, state
        p, memory, loss, state = train(p, memory, *next(batches), state)
        jax.block_until_ready((p, memory, state))
        return float(loss)

    return step


def scan(case: Case, device: str = "cpu") -> Step:
    return _stepping(case, by_gate=False, device=device)


def one_matrix_per_gate(case: Case, device: str = "cpu") -> Step:
    return _stepping(case, by_gate=True, device=device)


def circuit(case: None = None) -> Step:
    """(x + y) · z and its gradients, one jitted call."""
    call = jax.jit(jax.value_and_grad(lambda x, y, z: (x + y) * z, argnums=(0, 1, 2)))

    def step() -> float:
        f, gradients = call(-2.0, 5.0, -4.0)
        values = [float(v) for v in (f, *gradients)]
        return values[0]

    return step
