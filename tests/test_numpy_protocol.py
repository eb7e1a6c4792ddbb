"""NumPy's own functions and operators on a Variable: a gate that means the same, or an error."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError
from tests.helpers import assert_same

rng = np.random.default_rng(0)
A = rng.uniform(0.5, 2, (2, 3, 4)).astype("float32")
B = rng.uniform(0.5, 2, (3, 1)).astype("float32")
I = rng.integers(-3, 4, (2, 3))
L = rng.integers(0, 2, (2, 3)).astype(bool)

UFUNCS = [
    np.negative, np.abs, np.sign, np.exp, np.expm1, np.log, np.log1p, np.sqrt, np.square,
    np.tanh, np.sin, np.cos, np.floor, np.ceil, np.rint, np.isnan, np.isinf, np.isfinite,
    np.logical_not,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.true_divide, np.floor_divide, np.remainder,
    np.mod, np.power, np.maximum, np.minimum, np.less, np.less_equal, np.greater,
    np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_xor,
]  # fmt: skip

CALLS: dict[str, Any] = {
    "where": lambda x: np.where(x > 1, x, 0),
    "where with a NumPy condition": lambda x: np.where(A > 1, x, 0),
    "clip": lambda x: np.clip(x, 0.8, 1.5),
    "round": lambda x: np.round(x),
    "round of integers": lambda x: np.round(x.astype("int64")),
    "sum": lambda x: np.sum(x),
    "sum over an axis": lambda x: np.sum(x, axis=1, keepdims=True),
    "sum over axes": lambda x: np.sum(x, (0, -1)),
    "mean": lambda x: np.mean(x, axis=(0, 2)),
    "var": lambda x: np.var(x, axis=0),
    "std": lambda x: np.std(x, axis=-1, keepdims=True),
    "max": lambda x: np.max(x, axis=1),
    "min": lambda x: np.min(x),
    "all": lambda x: np.all(x > 1, axis=0),
    "any": lambda x: np.any(x > 1, axis=0),
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmax of all": lambda x: np.argmax(x),
    "argmin": lambda x: np.argmin(x, axis=-1, keepdims=True),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "cumsum of a vector": lambda x: np.cumsum(x[0, 0]),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=2),
    "matmul": lambda x: np.matmul(x, A[0].T),
    "an array @ a variable": lambda x: A[0].T @ x[0],
    "reshape": lambda x: np.reshape(x, (6, -1)),
    "transpose": lambda x: np.transpose(x),
    "transpose by an order": lambda x: np.transpose(x, (1, 0, 2)),
    "permute_dims": lambda x: np.permute_dims(x, (2, 0, 1)),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "expand_dims": lambda x: np.expand_dims(x, (0, 2)),
    "squeeze": lambda x: np.squeeze(x[:, :1], axis=1),
    "broadcast_to": lambda x: np.broadcast_to(x, (5, 2, 3, 4)),
    "concatenate": lambda x: np.concatenate([x, x], axis=1),
    "concatenate with an array": lambda x: np.concatenate([A, x]),
    "stack": lambda x: np.stack([x, A], axis=2),
    "flip": lambda x: np.flip(x, axis=1),
    "flip all": lambda x: np.flip(x),
    "take": lambda x: np.take(x, [2, 0, 0], axis=1),
    "take from all": lambda x: np.take(x, [2, -1]),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(A, 1)[:, :2], 1),
    "zeros_like": lambda x: np.zeros_like(x),
    "ones_like": lambda x: np.ones_like(x),
    "full_like": lambda x: np.full_like(x, 3),
    "astype": lambda x: np.astype(x, "float64"),
    "an array on the left": lambda x: B + x,
    "an array on the left, minus": lambda x: A - x,
    "an array on the left, over": lambda x: A / x,
    "an array on the left, to the power": lambda x: A**x,
    "an array on the left, below": lambda x: x > B,
    "a scalar on the left": lambda x: np.float32(2) * x,
    "a list on the left": lambda x: [1.0, 2.0, 3.0, 4.0] - x,
    "booleans, and": lambda x: L[:, :, None] & (x > 1),
    "booleans, or": lambda x: (x > 1) | L[:, :, None],
    "booleans, xor": lambda x: L[:, :, None] ^ (x > 1),
    "booleans, not": lambda x: ~(x > 1),
}


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_ufunc_of_one(ufunc: Any) -> None:
    assert_same(ufunc(mg.constant(A)).eval(), ufunc(A))


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
def test_ufunc_of_two(ufunc: Any) -> None:
    """Variables on both sides, on the left, and on the right."""
    a, b, expected = mg.constant(A), mg.constant(B), ufunc(A, B)
    for found in (ufunc(a, b), ufunc(a, B), ufunc(A, b)):
        assert isinstance(found, mg.Variable)
        assert_same(found.eval(), expected)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_means_what_it_means_for_arrays(name: str) -> None:
    call = CALLS[name]
    found = call(mg.constant(A))
    assert isinstance(found, mg.Variable)
    assert_same(found.eval(), call(A))


def test_calls_with_several_results() -> None:
    x = mg.constant(A)
    for found, expected in (
        (np.split(x, 2, axis=2), np.split(A, 2, axis=2)),
        (np.split(x, [1, 3], axis=2), np.split(A, [1, 3], axis=2)),
        (np.unstack(x, axis=1), np.unstack(A, axis=1)),
    ):
        for a, b in zip(found, expected, strict=True):
            assert_same(a.eval(), b)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.linalg.inv(x),
        lambda x: np.arctan2(x, x),
        lambda x: np.add.reduce(x),
        lambda x: np.add.outer(x, x),
        lambda x: np.add(x, 1, out=np.zeros((2, 3, 4), "float32")),
        lambda x: np.sum(x, axis=0, dtype="float64"),
        lambda x: np.std(x, ddof=1),
        lambda x: np.round(x, 2),
        lambda x: np.squeeze(x),
        lambda x: np.dot(x, x),
        lambda x: np.logaddexp(x, x),
        lambda x: np.zeros((2, 3, 4)).__iadd__(x),
    ],
)
def test_what_has_no_gate_is_refused(call: Any) -> None:
    with pytest.raises(ArgumentError, match=r"np\."):
        call(mg.constant(A))


@pytest.mark.parametrize("operator", ["__and__", "__or__", "__xor__"])
def test_logic_operators_are_for_booleans(operator: str) -> None:
    """NumPy's work on the bits of integers, for which there is no gate."""
    x = mg.constant(I)
    with pytest.raises(TypeError, match=r"mg\.logical_"):
        getattr(x, operator)(3)
    with pytest.raises(TypeError, match=r"mg\.logical_not"):
        x.__invert__()
