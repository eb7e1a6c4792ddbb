"""Random graphs and random steps of loops: compiled in every way, they are as interpreted.

Here in NumPy; in C in `tests.compile.test_c`, and as CUDA in `tests.compile.cuda`.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from minigrad import Variable, gates
from minigrad.errors import GateError, ScanError
from minigrad.graph import Apply, Graph
from minigrad.loops import Scan
from minigrad.rewrite import PASSES
from minigrad.rewrite.walk import rewrite
from tests.differential import assert_compiled_right, switches
from tests.random_graphs import Choices, constants, grow, leaves, with_gradients

numbers = st.randoms(use_true_random=False).map(lambda r: [r.randrange(1000) for _ in range(60)])
sizes = st.fixed_dictionaries({"T": st.sampled_from([3, 1, 0]), "B": st.sampled_from([2, 1])})
# To look for a smaller example takes minutes: graphs have many parts.
unshrunk = settings(phases=[Phase.generate], report_multiple_bugs=False)
few = settings(unshrunk, max_examples=15)


@pytest.fixture(scope="module", autouse=True)
def _no_array_is_small() -> Iterator[None]:
    """Programs keep memory for large arrays only, and work on longer ones block by block; here
    they do so for all but single numbers."""
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("minigrad.compile.backends")
        patch.setattr(module._NumPy, "smallest", 9)
        patch.setattr(module, "BLOCK", 16)
        patch.setenv("MINIGRAD_BACKEND", "numpy")
        yield


def check(
    numbers: list[int],
    sizes: dict[str, int],
    floats: str,
    tolerance: float,
    loops: int,
    ways: dict[str, Any] | None = None,
) -> None:
    """Some outputs of a random graph, and their gradient."""
    values = leaves(floats, sizes)
    pool = grow(Choices(numbers), [*values, *constants(floats)], count=12, loops=loops)
    assert_compiled_right(with_gradients(pool[-3:], values), values, tolerance, ways)


@unshrunk
@given(numbers, sizes)
def test_expressions(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-9, loops=0)


@unshrunk
@given(numbers, sizes)
def test_loops(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-9, loops=2)


@few
@given(numbers, sizes)
def test_loops_in_float32(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float32", 1e-3, loops=2)


# ---------------------------------------------------------------- broken passes are caught

Change = Callable[[Apply, Sequence[Variable]], Any]


def everywhere(change: Change) -> Callable[[Graph], Graph]:
    """A pass that makes of each application what `change` says, in loops too."""

    def run(graph: Graph) -> Graph:
        def rule(apply: Apply, inputs: Sequence[Variable]) -> Any:
            if isinstance(apply.gate, Scan):
                gate = replace(apply.gate, body=run(apply.gate.body))
                return change(Apply(gate, inputs, apply), inputs) or apply.on(inputs, gate)
            return change(apply, inputs)

        return rewrite(graph, rule)

    return run


def lose_a_sign(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """x - y → x + y"""
    return apply.on(inputs, gates.Add()) if isinstance(apply.gate, gates.Subtract) else None


def forget_the_direction(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """Loops run forwards."""
    gate = apply.gate
    return apply.on(inputs, replace(gate, reverse=False)) if isinstance(gate, Scan) else None


def start_from_zero(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """The first float carry starts at zero."""
    if not isinstance(apply.gate, Scan) or not inputs[0].type.differentiable:
        return None
    return apply.on([inputs[0] * 0, *inputs[1:]])


def lose_a_contribution(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """x + y → x, where that fits: a weight's gradient is assigned, not added."""
    fits = isinstance(apply.gate, gates.Add) and inputs[0].type == apply.outputs[0].type
    return [inputs[0]] if fits else None


def ignore_settings(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """Flips go along the last axis."""
    if not isinstance(apply.gate, gates.Flip):
        return None
    return apply.on(inputs, replace(apply.gate, axis=inputs[0].ndim - 1))


def round_numbers(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """Sines are computed in float32."""
    if not isinstance(apply.gate, gates.Sin):
        return None
    return [apply.on([inputs[0].astype("float32")])[0].astype(apply.outputs[0].dtype)]


def change_dtypes(apply: Apply, inputs: Sequence[Variable]) -> Any:
    """Indices are int32."""
    found = isinstance(apply.gate, gates.Argmax)
    return [apply.on(inputs)[0].astype("int32")] if found else None


BROKEN: list[Change] = [
    lose_a_sign,
    forget_the_direction,
    start_from_zero,
    lose_a_contribution,
    ignore_settings,
    round_numbers,
    change_dtypes,
]


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_a_broken_pass_is_caught(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PASSES, "fold", everywhere(change))
    alone = {"fold alone": switches()["fold alone"]}

    @settings(unshrunk, max_examples=2000)  # it stops at the first that shows it
    @given(numbers, sizes)
    def search(numbers: list[int], sizes: dict[str, int]) -> None:
        check(numbers, sizes, "float64", 1e-9, loops=2, ways=alone)

    with pytest.raises((AssertionError, GateError, ScanError)):  # a wrong result, or none
        search()
