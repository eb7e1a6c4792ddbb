"""The scalar expressions of gates, compiled as C, give what NumPy gives.

All gates' expressions are compiled in one C file, a loop for each dtype that they compute in, and
run on awkward numbers of every dtype.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minigrad import gates
from minigrad.errors import DTypeError
from tests.gates.cases import CASES
from tests.native.compiling import THIS_MACHINE, build, call, needs_compiler
from tests.native.ulps import MORE_DIGITS, ulps

Dtypes = tuple[np.dtype[Any], ...]

DTYPES = [
    np.dtype(name)
    for name in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
                 "float32", "float64")
]  # fmt: skip
C_TYPES = {"bool": "uint8_t", "float32": "float", "float64": "double"}

ROUNDED_TO_2_ULP = {
    gates.Exp, gates.Expm1, gates.Log, gates.Log1p, gates.Tanh, gates.Sin, gates.Cos, gates.Power,
    gates.Sigmoid, gates.Softplus,
}  # fmt: skip
ZEROS_OF_EITHER_SIGN = {gates.Maximum, gates.Minimum, gates.Clip, gates.Relu}
"""max(0, -0) is either: with NumPy it depends on the machine."""


class Cube(gates.Elementwise):
    """A gate as a user may write it: no NumPy function is called like it."""

    scalar = "{0} * {0} * {0}"

    def result_dtype(self, *dtypes):
        return dtypes[0]

    def forward(self, xp, x, out=None):
        return xp.multiply(x * x, x, out=out)


GATES = {case.gate: len(case.inputs) for case in CASES if isinstance(case.gate, gates.Elementwise)}
GATES[Cube()] = 1


def signatures(gate: gates.Elementwise) -> Iterator[Dtypes]:
    """The dtypes that a gate takes: all of its operands, where it has three, of one but for a bool
    condition."""
    for dtypes in itertools.product(DTYPES, repeat=min(GATES[gate], 2)):
        if isinstance(gate, gates.Where):
            dtypes = (np.dtype(bool), *dtypes)
        elif isinstance(gate, gates.Clip):
            dtypes = (*dtypes, dtypes[1])
        try:
            gate.result_dtype(*dtypes)
        except DTypeError:
            continue
        yield dtypes


def awkward(dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Numbers of a dtype that are often got wrong."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        near = [i for i in (-7, -3, -2, -1, 0, 1, 2, 3, 5, 64) if low <= i]
        return np.array([low, low + 1, *near, high // 2, high - 1, high], dtype)
    info = np.finfo(dtype)
    sizes = [0, info.smallest_subnormal, info.tiny, 1e-9, 0.3, 0.5, 1, 1.5, 2.5, 3, 7.1, 40, 98.6]
    sizes = np.array([*sizes, 1 / info.eps, info.max / 2, info.max, np.inf, np.nan], dtype)
    return np.concatenate([sizes, -sizes])


def operands(dtypes: Dtypes) -> list[np.ndarray[Any, Any]]:
    """Each awkward number with each, side by side."""
    grid = np.meshgrid(*map(awkward, dtypes), indexing="ij")
    return [np.ascontiguousarray(axis).ravel() for axis in grid]


def c_type(dtype: np.dtype[Any]) -> str:
    return C_TYPES.get(str(dtype), f"{dtype}_t")


def function_name(gate: gates.Elementwise, computed: Dtypes) -> str:
    return "_".join([type(gate).__name__, *map(str, computed)])


def loop(gate: gates.Elementwise, expression: str, computed: Dtypes) -> str:
    """A C function that computes a gate on arrays of the dtypes that it computes in."""
    *types, result = map(c_type, computed)
    name = function_name(gate, computed)
    pointers = "".join(f"const {t} *restrict x{i}, " for i, t in enumerate(types))
    reads = " ".join(f"{t} a{i} = x{i}[i];" for i, t in enumerate(types))
    value = expression.format(*(f"a{i}" for i in range(len(types))))
    cast = f"({value}) != 0" if computed[-1].kind == "b" else f"({result})({value})"
    body = f"for (long i = 0; i < n; i++) {{ {reads} y[i] = {cast}; }}"
    return f"void {name}(long n, {pointers}{result} *restrict y) {{ {body} }}\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """All expressions of all gates, each compiled once for the dtypes that it computes in."""
    loops = {
        loop(gate, gate.expression(*dtypes), gate.computes_in(*dtypes))
        for gate in GATES
        for dtypes in signatures(gate)
        if gate.expression(*dtypes)
    }
    source = '#include "elementary.h"\n' + "".join(sorted(loops))
    return build(source, tmp_path_factory.mktemp("scalar"), *THIS_MACHINE)[0]


def computed_in_c(library: Any, gate: gates.Elementwise, arrays: list[Any]) -> Any:
    computed = gate.computes_in(*(a.dtype for a in arrays))
    cast = [a.astype(dtype) for a, dtype in zip(arrays, computed[:-1], strict=True)]
    y = np.empty(cast[0].shape, computed[-1])
    call(getattr(library, function_name(gate, computed)), y.size, *cast, y)
    return y


def assert_exact(found: Any, expected: Any, signs: bool) -> None:
    """Equal in dtype, in every bit of each number but NaN, with `signs` also in those of zeros."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if signs and found.dtype.kind == "f":
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


def assert_close(found: Any, gate: gates.Elementwise, arrays: list[Any]) -> None:
    """Within 2 ulp of what the gate gives of more digits."""
    wide = MORE_DIGITS[found.dtype]
    if isinstance(gate, gates.Power) and found.dtype == np.float64:
        wide = np.float64  # powl of glibc makes inf of (-inf) ** -2^63
    exact = gate.forward(np, *(a.astype(found.dtype).astype(wide) for a in arrays))
    error = ulps(found, exact)
    worst = int(error.argmax())
    assert error[worst] <= 2, [a[worst] for a in arrays]


@needs_compiler
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("gate", GATES, ids=lambda gate: type(gate).__name__)
def test_an_expression_computes_what_forward_does(library, gate):
    for dtypes in signatures(gate):
        if not gate.expression(*dtypes):
            continue
        arrays = operands(dtypes)
        found = computed_in_c(library, gate, arrays)
        if type(gate) in ROUNDED_TO_2_ULP:
            assert_close(found, gate, arrays)
        else:
            expected = gate.forward(np, *arrays)
            assert_exact(found, expected, type(gate) not in ZEROS_OF_EITHER_SIGN)


def test_every_elementwise_gate_has_an_expression_of_floats():
    found = {getattr(gates, name) for name in gates.__all__}
    elementwise = {g for g in found if issubclass(g, gates.Elementwise)} - {gates.Elementwise}
    assert elementwise == {type(gate) for gate in GATES} - {Cube}
    for gate, count in GATES.items():
        types = [np.dtype(np.float32)] * count
        if isinstance(gate, gates.Where):
            types[0] = np.dtype(bool)
        assert gate.expression(*types) == gate.scalar != ""


def test_what_c_would_compute_otherwise_has_no_expression():
    int64, uint64 = np.dtype(np.int64), np.dtype(np.uint64)
    assert gates.Less().expression(int64, uint64) == ""
    assert gates.Power().expression(int64, int64) == ""
    assert gates.Add().expression(int64, uint64) == "{0} + {1}"  # of two float64
    left_out = {
        (type(gate), gate.computes_in(*dtypes)[:2])
        for gate in GATES
        for dtypes in signatures(gate)
        if not gate.expression(*dtypes) and type(gate) is not gates.Power
    }
    comparisons = [gates.Less, gates.LessEqual, gates.Greater, gates.GreaterEqual,
                   gates.Equal, gates.NotEqual]  # fmt: skip
    mixed = [(int64, uint64), (uint64, int64)]
    assert left_out == set(itertools.product(comparisons, mixed))


def test_operands_are_cast_to_what_numpy_computes_in():
    bool_, int32, float32, float64 = map(np.dtype, ("bool", "int32", "float32", "float64"))
    assert gates.Add().computes_in(float32, float64) == (float64, float64, float64)
    assert gates.Divide().computes_in(int32, int32) == (float64, float64, float64)
    assert gates.Less().computes_in(int32, float32) == (float64, float64, bool_)
    assert gates.Sigmoid().computes_in(int32) == (float64, float64)
    assert gates.Where().computes_in(bool_, int32, float32) == (bool_, float64, float64, float64)


def test_a_subclass_that_computes_otherwise_does_not_inherit_the_expression():
    float32 = np.dtype(np.float32)

    class HardTanh(gates.Tanh):
        def forward(self, xp, x, out=None):
            return x.clip(-1, 1, out=out)

    class Sinh(gates.Tanh):
        ufunc = "sinh"

    class NamedTanh(gates.Tanh):
        symbol = "th"

    assert HardTanh().expression(float32) == ""
    assert Sinh().expression(float32) == ""
    assert NamedTanh().expression(float32) == "mg_tanh({0})"
