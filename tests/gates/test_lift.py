"""`lift`: one application for all steps equals one application for each step."""

from itertools import product

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import Binding
from minigrad.interpret import evaluate
from tests.gates.cases import CASES, SIZES, Case
from tests.gates.test_table import as_tuple

STEPS = 6  # none of the other sizes


def masks(case: Case) -> list[tuple[bool, ...]]:
    return [m for m in product([False, True], repeat=len(case.inputs)) if any(m)]


@pytest.mark.parametrize("sizes", ["usual", "empty", "ones"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_lifted_gate_is_the_gate_at_every_step(case: Case, sizes: str) -> None:
    if sizes not in case.fits or not case.inputs:
        pytest.skip("the case does not fit these sizes")
    bind = Binding(SIZES[sizes])
    gate, types = case.gate.bind(bind), [bind(t) for t in case.types()]
    arrays = case.arrays(SIZES[sizes])
    for mask in masks(case):
        rng = np.random.default_rng(0)
        orders = [rng.permutation(a.size).reshape(a.shape) for a in arrays for _ in range(STEPS)]
        stacked = [
            np.stack([a.ravel()[orders[i * STEPS + s]] for s in range(STEPS)]) if up else a
            for i, (a, up) in enumerate(zip(arrays, mask, strict=True))
        ]
        inputs = [
            mg.input(f"x{i}", ("S", *t.shape) if up else t.shape, t.dtype)
            for i, (t, up) in enumerate(zip(types, mask, strict=True))
        ]
        lifted = gate.lift(mask, *inputs)
        if lifted is None:
            continue
        found = evaluate(as_tuple(lifted), dict(zip(inputs, stacked, strict=True)))
        rows = [
            [a[s] if up else a for a, up in zip(stacked, mask, strict=True)] for s in range(STEPS)
        ]
        with np.errstate(all="ignore"):
            steps = [as_tuple(gate.forward(np, *row)) for row in rows]
        for i, result in enumerate(found):
            expected = np.stack([np.asarray(step[i]) for step in steps])
            np.testing.assert_allclose(result, expected, 1e-5, 1e-6, err_msg=f"lifted {mask}")


def test_all_gates_but_a_few_can_be_lifted() -> None:
    """Those stay in the loop: an index array and what it points into, both new at each step."""
    stuck = set()
    for case in CASES:
        for mask in masks(case):
            inputs = [
                mg.input("x", ("S", *t.shape) if up else t.shape, t.dtype)
                for t, up in zip(case.types(), mask, strict=True)
            ]
            if case.gate.lift(mask, *inputs) is None:
                stuck.add((type(case.gate).__name__, mask))
    assert stuck == {
        ("Take", (True, True)),
        ("ScatterAdd", (True, True)),
        ("ScatterAdd", (False, True)),
        ("Lookup", (True, True)),
        ("Lookup", (False, True)),
        ("SegmentSum", (True, True)),
        ("SegmentSum", (True, False)),
        ("SegmentSum", (False, True)),
    }
