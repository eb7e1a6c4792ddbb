"""Elementwise gates give the dtypes that NumPy gives, for all dtypes, or refuse as NumPy does."""

import itertools
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import gates
from minigrad.errors import DTypeError
from minigrad.types import Type

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64",
]  # fmt: skip
UFUNCS = sorted(
    {
        gate
        for name in gates.__all__
        if issubclass(gate := getattr(gates, name), gates.Elementwise)
        and isinstance(getattr(np, getattr(gate, "ufunc", ""), None), np.ufunc)
    },
    key=lambda gate: gate.__name__,
)
COMPOSITES = {
    gates.Sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    gates.Softplus: lambda x: np.logaddexp(x, 0),
    gates.Relu: lambda x: np.maximum(x, 0),
}


def result(f: Any, *arrays: Any) -> Any:
    """What NumPy makes of arrays; None where it refuses, or makes a dtype that minigrad has not."""
    try:
        with np.errstate(all="ignore"):
            found = f(*arrays)
    except TypeError:
        return None
    return None if found.dtype == np.float16 else found


@pytest.mark.parametrize("gate", UFUNCS, ids=lambda gate: gate.__name__)
def test_dtypes_are_those_of_numpy(gate: Any) -> None:
    ufunc = getattr(np, gate.ufunc)
    for dtypes in itertools.product(DTYPES, repeat=ufunc.nin):
        arrays = [np.array([1, 0, 1], dtype) for dtype in dtypes]
        expected = result(ufunc, *arrays)
        types = [Type((3,), a.dtype) for a in arrays]
        if expected is None:
            with pytest.raises(DTypeError):
                gate().infer(*types)
        else:
            assert gate().infer(*types).dtype == expected.dtype, dtypes
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(gate().forward(np, *arrays), expected)


@pytest.mark.parametrize("gate", [gates.Where, gates.Clip], ids=lambda gate: gate.__name__)
def test_three_operands_promote_too(gate: Any) -> None:
    for dtypes in itertools.product(DTYPES, repeat=2):
        a, b = (np.array([1, 0, 1], dtype) for dtype in dtypes)
        arrays = [np.array([True, False, True]), a, b] if gate is gates.Where else [a, b, b]
        found = gate()(*map(mg.constant, arrays))
        assert found.dtype == found.eval().dtype == np.result_type(a, b), dtypes


@pytest.mark.parametrize("gate", COMPOSITES, ids=lambda gate: gate.__name__)
@pytest.mark.parametrize("dtype", DTYPES)
def test_composites_take_integers(gate: Any, dtype: str) -> None:
    """Unsigned ones too, of which a minus sign would make something large."""
    x = np.array([0, 1, 3], dtype)
    try:
        found = gate()(mg.constant(x)).eval()
    except DTypeError:
        assert dtype in ("bool", "int8", "uint8")  # NumPy would make float16 of them
        return
    expected = COMPOSITES[gate](x if gate is gates.Relu else x.astype(found.dtype))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int16", "int64", "uint16", "uint64"])
@pytest.mark.parametrize("function", [mg.softmax, mg.log_softmax, mg.logsumexp])
def test_softmax_and_its_kin_take_integers(function: Any, dtype: str) -> None:
    x = np.array([3, 0, 1], dtype)
    found = function(mg.constant(x)).eval()
    expected = function(mg.constant(x.astype(found.dtype))).eval()
    np.testing.assert_array_equal(found, expected)


NUMBERS = [True, 2, -1, 0.5]
OPERATORS = {
    "+": (lambda a, b: a + b),
    "-": (lambda a, b: a - b),
    "*": (lambda a, b: a * b),
    "/": (lambda a, b: a / b),
    "**": (lambda a, b: a**b),
    "//": (lambda a, b: a // b),
    "%": (lambda a, b: a % b),
    "<": (lambda a, b: a < b),
    ">=": (lambda a, b: a >= b),
    "==": (lambda a, b: a == b),
    "!=": (lambda a, b: a != b),
}


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_python_numbers_take_part_weakly(symbol: str, number: Any) -> None:
    """On both sides of an operator, and with every dtype, as in NumPy (NEP 50)."""
    operator = OPERATORS[symbol]
    for dtype in DTYPES:
        array = np.array([1, 2, 3], dtype)
        if number == -1 and (symbol == "**" or dtype.startswith("uint")):
            continue  # -1 is no uint, and integers have no negative powers
        if symbol == "**" and dtype == "bool":
            continue  # NumPy makes int8 of bools ** 2, but int64 of 2 ** bools
        for f in (lambda a: operator(a, number), lambda a: operator(number, a)):
            expected = result(f, array)
            if expected is None:
                with pytest.raises(DTypeError):
                    f(mg.constant(array))
            else:
                found = f(mg.constant(array))
                assert found.dtype == expected.dtype, dtype
                np.testing.assert_array_equal(found.eval(), expected)


def test_numpy_scalars_and_arrays_take_part_with_their_dtype() -> None:
    x = mg.input("x", (3,))
    assert (x * np.float64(2)).dtype == np.float64
    assert (np.float64(2) * x).dtype == np.float64
    assert (x * np.ones(3, "int32")).dtype == np.float64
    assert (np.ones(3, "int16") + x).dtype == np.float32
    assert (x.__radd__([1.0, 2.0, 3.0])).dtype == np.float64


@pytest.mark.parametrize(
    ("build", "dtype"),
    [
        (lambda: mg.add(1, 2), "int64"),
        (lambda: mg.add(1, 2.5), "float32"),
        (lambda: mg.multiply(2.5, True), "float32"),
        (lambda: mg.where(mg.constant([True]), 1.0, 0), "float32"),
        (lambda: mg.where(mg.constant([True]), 1, 0), "int64"),
        (lambda: mg.maximum(0.5, 0.25), "float32"),
        (lambda: mg.stack([1, 2.5]), "float32"),
        (lambda: mg.clip(2, 0.0, 1.0), "float32"),
    ],
)
def test_python_numbers_among_themselves_are_float32_or_int64(build: Any, dtype: str) -> None:
    assert build().dtype == dtype
    assert build().eval().dtype == dtype
