"""The order of instructions in C: work over the same long arrays is one pass."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.native import find_compiler

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler here")


@pytest.mark.parametrize("optimizer", [mg.optim.SGD, mg.optim.Adagrad, mg.optim.Adam])
def test_the_update_of_all_parameters_is_one_pass_over_memory(optimizer: type) -> None:
    """Clipped by the norm, and corrected by the number of steps."""
    rng = np.random.default_rng(0)
    shapes = (30, 40), (40,), (40, 7)
    parameters = [mg.parameter(rng.normal(size=shape).astype("float32")) for shape in shapes]
    x = mg.input("x", (5, 30))
    y = mg.tanh(x @ parameters[0] + parameters[1]) @ parameters[2]
    loss = (y * y).sum()
    gradients = mg.optim.clip_by_global_norm(mg.grad(loss, parameters), 1.0)
    before = [p.get_value() for p in parameters]
    at = rng.normal(size=(5, 30)).astype("float32")
    values = {}
    for backend in ("c", "numpy"):
        updates = optimizer(0.1).updates(gradients, parameters)  # with slots of its own
        f = mg.function([x], loss, updates, backend=backend)
        f(at)
        values[backend] = [p.get_value() for p in parameters]
        for p, value in zip(parameters, before, strict=True):
            p.set_value(value)
        if backend == "c":
            size = sum(value.size for value in before)
            assert f.source("c").count(f"< {size};") == 2  # the norm, and the update
    for found, right in zip(values["c"], values["numpy"], strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
