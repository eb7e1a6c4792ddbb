"""Graphs put together at random: what is compiled agrees with what is interpreted, gradients too."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.graph import Variable
from minigrad.interpret import evaluate
from tests.helpers import assert_same, needs_function, weighted

SIZES = {"T": 4, "B": 3}

# Each takes variables a and b, both (T, B), and a matrix (B, B), and gives one more (T, B).
# Values stay small, so that rounding done in another order stays small too.
OPERATIONS: dict[str, Any] = {
    "a + b": lambda a, b, W: a + b,
    "a - b": lambda a, b, W: a - b,
    "a · b": lambda a, b, W: mg.tanh(a) * mg.sin(b),
    "a / (1 + b²)": lambda a, b, W: a / (1 + mg.tanh(b) ** 2),
    "tanh": lambda a, b, W: mg.tanh(a),
    "sigmoid": lambda a, b, W: mg.sigmoid(a),
    "exp of a bounded": lambda a, b, W: mg.exp(mg.sin(a)),
    "softmax": lambda a, b, W: mg.softmax(a, axis=1),
    "log softmax": lambda a, b, W: mg.log_softmax(mg.tanh(a), axis=0),
    "matmul": lambda a, b, W: mg.tanh(a) @ W,
    "two matmuls": lambda a, b, W: mg.tanh(a) @ W + mg.sin(b) @ W.T,
    "scaled": lambda a, b, W: 0.5 * a - 1,
    "a minus its mean": lambda a, b, W: a - a.mean(axis=1, keepdims=True),
    "sums": lambda a, b, W: mg.tanh(a).sum(axis=0) + b,
    "running sum": lambda a, b, W: mg.cumulative_sum(mg.tanh(a), axis=0),
    "chosen": lambda a, b, W: mg.where(mg.sin(a) > mg.sin(b), a, b),
    "ends swapped": lambda a, b, W: mg.concat([b[1:], a[:1]], axis=0),
    "backwards": lambda a, b, W: a[::-1],
    "turned and back": lambda a, b, W: (a.T * 2).T,
    "pieces": lambda a, b, W: mg.concat(mg.split(a, [1], axis=1)[::-1], axis=1),
    "stacked": lambda a, b, W: mg.stack([a, b]).sum(axis=0),
    "flattened": lambda a, b, W: mg.flip(a.reshape((-1,))).reshape(a.shape),
    "rows taken": lambda a, b, W: mg.take(W, mg.argmax(mg.sin(b), axis=1)) + a,
    "elements taken": lambda a, b, W: mg.take_along_axis(a, mg.argmax(b, 1, keepdims=True)) + b,
    "clipped": lambda a, b, W: mg.clip(a, -0.5, 0.5),
    "stopped": lambda a, b, W: a.stop_gradient() + b,
    "a constant": lambda a, b, W: a * np.float32(0) + 1,
    "a loop": lambda a, b, W: mg.scan(
        lambda h, x: ((h2 := mg.tanh(h @ W + x)), h2 * h), b[0], mg.tanh(a)
    )[1],
    "a loop backwards": lambda a, b, W: mg.scan(
        lambda h, x: (mg.sin(h + x[0]), h * x[1]), a[0] * 0, (a, mg.tanh(b)), reverse=True
    )[1],
    "the end of a loop": lambda a, b, W: mg.scan(
        lambda h, x: (h * mg.sigmoid(x) + b[0], None), mg.tanh(a[-1]), b
    )[0]
    + a,
    "a loop in a loop": lambda a, b, W: mg.scan(
        lambda h, x: (mg.scan(lambda g, w: (mg.tanh(g + w * x), None), h, W)[0], h), b[0], a
    )[1],
}  # fmt: skip

programs = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=9,
)


def built(program: list[tuple[str, int, int]]) -> tuple[list[Variable], list[Variable]]:
    """Inputs, and the last two variables of a program whose steps pick any two that came before."""
    x, y = mg.inputs("x y", ("T", "B"), "float64")
    W = mg.input("W", ("B", "B"), "float64")
    found: list[Variable] = [x, y]
    for name, i, j in program:
        found.append(OPERATIONS[name](found[-1 - i % len(found)], found[j % len(found)], W))
    return [x, y, W], found[-2:]


def values(inputs: list[Variable], seed: int = 0) -> dict[Variable, Any]:
    rng = np.random.default_rng(seed)
    return {v: rng.uniform(-1, 1, tuple(SIZES[str(s)] for s in v.shape)) for v in inputs}


@needs_function
@settings(max_examples=150)
@given(programs)
def test_compiled_equals_interpreted(program: list[tuple[str, int, int]]) -> None:
    inputs, outputs = built(program)
    cost, weights = weighted(outputs)
    results = [*outputs, *mg.grad(cost, inputs, unused="zeros")]
    given = [*inputs, *weights]
    at = values(given)
    compiled = mg.function(given, results)(*at.values())
    for found, right in zip(compiled, evaluate(results, at), strict=True):
        assert_same(found, right, rtol=1e-7, atol=1e-9)


@settings(max_examples=60)
@given(programs, st.integers(0, 3))
def test_jvp_is_the_transpose_of_vjp(program: list[tuple[str, int, int]], seed: int) -> None:
    """u · (J t) = (uᵀ J) · t, in any graph."""
    inputs, (*_, f) = built(program)
    tangents = [mg.input(f"d{v.name}", v.shape, v.dtype) for v in inputs]
    cotangent = mg.input("u", f.shape, f.dtype)
    across = (cotangent * mg.jvp(f, inputs, tangents)).sum()
    pulled = mg.vjp(f, inputs, cotangent, unused="zeros")
    along = sum((g * t).sum() for g, t in zip(pulled, tangents, strict=True))
    a, b = evaluate([across, along], values([*inputs, *tangents, cotangent], seed))
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)
