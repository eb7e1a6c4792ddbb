"""Every gate of `cases.py` against its own rules, NumPy, differences, and the compiler."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import gates
from minigrad.gates.composite import Composite
from minigrad.graph import Binding, Gate
from minigrad.interpret import evaluate
from minigrad.types import Type
from minigrad.variables import Variable
from tests.gates.cases import CASES, SIZES, Case
from tests.helpers import assert_same, check_gradients, needs_function, precise, weighted


def as_tuple(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def is_smooth(case: Case) -> bool:
    """Whether there is something to differentiate."""
    inputs, outputs = case.types(), as_tuple(case.gate.infer(*case.types()))
    floats = any(t.differentiable for t in inputs) and any(t.differentiable for t in outputs)
    return floats and not isinstance(case.gate, gates.StopGradient)


def each_size(cases: Iterable[Case]) -> Any:
    """A test of each case with each set of sizes."""
    return pytest.mark.parametrize(
        ("case", "sizes"),
        [pytest.param(case, sizes, id=f"{case} {sizes}") for case in cases for sizes in case.fits],
    )


def each(cases: Iterable[Case]) -> Any:
    """A test of each case."""
    return pytest.mark.parametrize("case", list(cases), ids=str)


def applied(case: Case, sizes: str | None = None) -> tuple[list[Variable], tuple[Variable, ...]]:
    """The gate on placeholders, with named dimensions, or with numbers in their place."""
    bind = Binding(SIZES[sizes]) if sizes else lambda setting: setting
    types = [bind(t) for t in case.types()]
    inputs = [mg.input(f"x{i}", t.shape, t.dtype) for i, t in enumerate(types)]
    return inputs, as_tuple(case.gate.bind(bind)(*inputs))


def at(case: Case, inputs: list[Variable], sizes: str) -> dict[Variable, Any]:
    """The values of those placeholders."""
    return dict(zip(inputs, case.arrays(SIZES[sizes]), strict=True))


def every_gate() -> set[type[Gate]]:
    found = {getattr(gates, name) for name in gates.__all__}
    return {g for g in found if issubclass(g, Gate) and g not in (gates.Elementwise, Composite)}


def test_every_gate_has_a_case() -> None:
    assert every_gate() == {type(case.gate) for case in CASES}


def test_every_gate_has_a_symbol_and_a_docstring() -> None:
    for gate in every_gate():
        assert gate.symbol != "?", gate
        assert gate.__doc__, gate


def test_verbs_and_lessons_are_phrases() -> None:
    """They stand behind the gate's symbol: "× swaps its inputs: …"."""
    for gate in every_gate():
        for phrase in filter(None, (gate.verb, gate.lesson)):
            assert phrase[0].islower(), gate
            assert phrase == phrase.strip(" .:;"), gate
            assert ": " not in phrase, gate
            assert len(phrase) < 90, gate


def test_every_gate_with_a_gradient_has_a_lesson() -> None:
    smooth = {type(case.gate) for case in CASES if is_smooth(case)}
    assert {gate for gate in smooth if not gate.lesson} == set()


@each_size(CASES)
def test_shape_rule_tells_what_forward_gives(case: Case, sizes: str) -> None:
    """By names, by numbers, and in reality; with a place to write to, and without."""
    binding = Binding(SIZES[sizes])
    gate, arrays = case.gate.bind(binding), case.arrays(SIZES[sizes])
    named = [binding(t) for t in as_tuple(case.gate.infer(*case.types()))]
    inferred = gate.infer(*(Type(a.shape, a.dtype) for a in arrays))
    numbers = list(as_tuple(inferred))
    with np.errstate(all="ignore"):
        results = as_tuple(gate.forward(np, *arrays))
    assert named == numbers == [Type(r.shape, r.dtype) for r in map(np.asarray, results)]
    if isinstance(inferred, Type):
        place = np.full_like(results[0], 1)
        with np.errstate(all="ignore"):
            again = gate.forward(np, *arrays, out=place)
        assert_same(again, results[0], rtol=0, atol=0)


@each(case for case in CASES if case.gate.in_place())
def test_in_place_means_what_it_says(case: Case) -> None:
    """Written over an input, the result is the same."""
    gate, count = case.gate.bind(Binding(SIZES["usual"])), len(case.inputs)
    with np.errstate(all="ignore"):
        right = gate.forward(np, *case.arrays(SIZES["usual"]))
        for i in range(count):
            arrays = case.arrays(SIZES["usual"])
            if (arrays[i].shape, arrays[i].dtype) == (right.shape, right.dtype):
                assert_same(gate.forward(np, *arrays, out=arrays[i]), right, rtol=0, atol=0)


@each(case for case in CASES if case.gate.commutative)
def test_commutative_means_what_it_says(case: Case) -> None:
    x, y = case.arrays(SIZES["usual"])
    assert_same(case.gate.forward(np, x, y), case.gate.forward(np, y, x), rtol=0, atol=0)


@each(case for case in CASES if case.like)
def test_equals_numpy(case: Case) -> None:
    inputs, outputs = applied(case, "usual")
    assert case.like is not None
    values = at(case, inputs, "usual")
    with np.errstate(all="ignore"):
        expected = as_tuple(case.like(*values.values()))
    for found, right in zip(evaluate(outputs, values), expected, strict=True):
        assert_same(found, right)


@each_size(filter(is_smooth, CASES))
def test_gradients(case: Case, sizes: str) -> None:
    """To order 2, and in the cotangents too, against central differences in float64."""
    inputs, outputs = applied(case)
    wrt = [v for v in inputs if v.type.differentiable]
    cost, weights = weighted(outputs)
    rng = np.random.default_rng(0)
    bind = Binding(SIZES[sizes])
    more = {w: rng.uniform(0.5, 1.5, bind(w.shape)) for w in weights}
    check_gradients(cost, {**at(case, inputs, sizes), **more}, wrt)


@each(case for case in CASES if isinstance(case.gate, Composite))
def test_composite_is_its_definition(case: Case) -> None:
    inputs, (output,) = applied(case)
    (plain,) = as_tuple(case.gate.definition(*inputs))  # type: ignore[attr-defined]
    assert plain.type == output.type
    values = at(case, inputs, "usual")
    assert_same(*precise([output, plain], values))
    if inputs[0].type.differentiable:
        slopes = [mg.vjp(v, inputs[0], mg.ones_like(v) * 3) for v in (output, plain)]
        assert_same(*precise(slopes, values))


@needs_function
@each(CASES)
def test_compiled_equals_interpreted(case: Case) -> None:
    """The values and the gradient, by one function that is called with several sets of sizes."""
    inputs, outputs = applied(case)
    cost, weights = weighted(outputs)
    wrt = [v for v in inputs if v.type.differentiable] if weights else []
    results = [*outputs, *mg.grad(cost, wrt, unused="zeros")]
    sizes_of = mg.input("sizes", ("T", "B", "H", "K", "V"))  # tells the names that no input has
    function = mg.function([*inputs, *weights, sizes_of], results)
    for sizes in case.fits:
        bind, values = Binding(SIZES[sizes]), at(case, inputs, sizes)
        values |= {w: np.full(bind(w.shape), 0.5, w.dtype) for w in weights}
        values[sizes_of] = np.zeros(bind(sizes_of.shape), "float32")
        for found, right in zip(function(*values.values()), evaluate(results, values), strict=True):
            assert_same(found, right, rtol=1e-5, atol=1e-6)
