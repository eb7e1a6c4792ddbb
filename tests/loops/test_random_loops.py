"""Random loops: run plainly, unrolled, checkpointed, their values and derivatives are the same."""

from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.interpret import evaluate
from minigrad.variables import Variable
from tests.random_graphs import Choices, constants, grow, leaves

OPTIONS: list[dict[str, Any]] = [
    {"unroll": 2},
    {"checkpoint": 2},
    {"checkpoint": "sqrt"},
    {"truncate": (2, 9)},
]
numbers = st.lists(st.integers(0, 999), min_size=40, max_size=80)
sizes = st.fixed_dictionaries({"T": st.sampled_from([3, 1, 0]), "B": st.sampled_from([2, 1])})


def cost_of(outputs: list[Variable]) -> Variable:
    terms = [mg.sin(v + 0.25).sum() for v in outputs if v.type.differentiable]
    return sum(terms, mg.constant(0.0))


def derivatives(numbers: list[int], given: list[Variable], **options: Any) -> list[Variable]:
    """Some outputs of a random graph with loops, their gradient, and that of their gradient."""
    with patch.object(mg, "scan", partial(mg.scan, **options)):
        *_, a, b, c = grow(Choices(numbers), [*given, *constants("float64")], count=8, loops=2)
    floats = [v for v in given if v.type.differentiable]
    gradient = mg.grad(cost_of([a, b, c]), floats, unused="zeros")
    return [a, b, c, *gradient, *mg.grad(cost_of(gradient), floats, unused="zeros")]


@settings(max_examples=15)
@given(numbers, sizes)
def test_however_they_are_run(numbers: list[int], sizes: dict[str, int]) -> None:
    values = leaves("float64", sizes)
    expected = evaluate(derivatives(numbers, list(values)), values)
    for options in OPTIONS:
        found = evaluate(derivatives(numbers, list(values), **options), values)
        for a, b in zip(found, expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            scale = float(np.abs(b[np.isfinite(b)]).max(initial=1.0))
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10 * scale, err_msg=str(options))


@settings(max_examples=15)
@given(numbers, sizes)
def test_jvp_is_the_transpose_of_vjp(numbers: list[int], sizes: dict[str, int]) -> None:
    """u · (J t) = (uᵀ J) · t, for the outputs and for their gradient."""
    values = leaves("float64", sizes)
    outputs = [v for v in derivatives(numbers, list(values)) if v.type.differentiable]
    wrt = [v for v in values if v.type.differentiable]
    rng = np.random.default_rng(0)
    shapes = [a.shape for a in evaluate(outputs, values)]
    us = {mg.input("u", v.shape, v.dtype): s for v, s in zip(outputs, shapes, strict=True)}
    ts = {mg.input("t", v.shape, v.dtype): values[v].shape for v in wrt}
    given = {v: rng.normal(size=s).astype(v.dtype) for v, s in [*us.items(), *ts.items()]}
    moved = mg.jvp(outputs, wrt, list(ts))
    pulled = mg.vjp(outputs, wrt, list(us), unused="zeros")
    across = [(u * m).sum() for u, m in zip(us, moved, strict=True)]
    along = [(t * p).sum() for t, p in zip(ts, pulled, strict=True)]
    a, b = evaluate([sum(across[1:], across[0]), sum(along[1:], along[0])], {**values, **given})
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(a))))
