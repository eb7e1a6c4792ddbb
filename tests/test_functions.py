"""What is made of gates: making arrays, and functions that NumPy's protocol does not reach."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.interpret import evaluate
from tests.helpers import assert_same

T = mg.input("length", ("T",))
AT = {T: np.zeros(5, "float32")}
A = np.random.default_rng(0).uniform(-1, 1, (5, 3, 2)).astype("float32")


def made(v: mg.Variable) -> Any:
    """Its value, with T = 5."""
    return evaluate([v], AT)[0]


MAKING: dict[str, tuple[Any, Any]] = {
    # name: (a variable, the array it should be)
    "zeros": (mg.zeros((2, 3)), np.zeros((2, 3), "float32")),
    "zeros of a name": (mg.zeros(("T", 2)), np.zeros((5, 2), "float32")),
    "zeros, one axis": (mg.zeros("T", "int64"), np.zeros(5, "int64")),
    "ones": (mg.ones((), "float64"), np.ones(())),
    "ones of bool": (mg.ones((2,), bool), np.ones(2, bool)),
    "full": (mg.full(("T",), 2.5), np.full(5, 2.5, "float32")),
    "full of an integer": (mg.full((2,), 7), np.full(2, 7)),
    "full of a variable": (mg.full((2, 3), mg.constant([1, 2, 3])), np.array([[1, 2, 3]] * 2)),
    "full with a dtype": (mg.full((2,), 7, "float64"), np.full(2, 7.0)),
    "zeros_like": (mg.zeros_like(T), np.zeros(5, "float32")),
    "ones_like": (mg.ones_like(T.astype("int32")), np.ones(5, "int32")),
    "full_like": (mg.full_like(T, 3), np.full(5, 3, "float32")),
    "eye": (mg.eye(3), np.eye(3, dtype="float32")),
    "eye of a name": (mg.eye("T", "float64"), np.eye(5)),
    "arange": (mg.arange(4), np.arange(4)),
    "arange of a name": (mg.arange("T"), np.arange(5)),
    "arange between names": (mg.arange("T-3", "2*T"), np.arange(2, 10)),
    "arange of floats": (mg.arange(0.5, 2.0, 0.5), np.arange(0.5, 2, 0.5, "float32")),
    "arange with a dtype": (mg.arange(3, dtype="float64"), np.arange(3.0)),
    "arange of nothing": (mg.arange(3, 3), np.arange(0)),
    "arange backwards": (mg.arange("T", 0, -2), np.arange(5, 0, -2)),
    "one_hot": (mg.one_hot(mg.constant([2, 0]), 3), np.eye(3, dtype="float32")[[2, 0]]),
    "one_hot of none": (mg.one_hot(mg.constant([-1, 3]), 3), np.zeros((2, 3), "float32")),
    "one_hot of a name": (
        mg.one_hot(mg.constant([1]), "T", "int64"), np.eye(5, dtype="int64")[[1]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKING)
def test_making(name: str) -> None:
    variable, expected = MAKING[name]
    assert_same(made(variable), expected)


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4).filter(bool))
def test_arange_is_numpys(start: int, stop: int, step: int) -> None:
    assert_same(mg.arange(start, stop, step).eval(), np.arange(start, stop, step))


DOING: dict[str, tuple[Any, Any]] = {
    # name: (ours, NumPy's)
    "square": (mg.square, np.square),
    "var": (lambda x: mg.var(x, axis=(0, 2)), lambda a: a.var(axis=(0, 2))),
    "std": (lambda x: mg.std(x, axis=1, keepdims=True), lambda a: a.std(axis=1, keepdims=True)),
    "T": (lambda x: x.T, lambda a: a.T),
    "mT": (lambda x: x.mT, lambda a: a.mT),
    "moveaxis": (lambda x: mg.moveaxis(x, -1, 0), lambda a: np.moveaxis(a, -1, 0)),
    "flip of two": (lambda x: mg.flip(x, (0, -1)), lambda a: np.flip(a, (0, -1))),
    "reshape, one unknown": (lambda x: x.reshape((3, -1, 2)), lambda a: a.reshape(3, -1, 2)),
    "reshape to one axis": (lambda x: x.reshape(-1), lambda a: a.reshape(-1)),
    "split": (lambda x: mg.split(x, [1, 3])[1], lambda a: np.split(a, [1, 3])[1]),
    "split evenly": (lambda x: mg.split(x, 2, axis=-1)[1], lambda a: np.split(a, 2, axis=-1)[1]),
    "unstack": (lambda x: mg.unstack(x[:4], 0)[3], lambda a: a[3]),
    "concat of two dtypes": (
        lambda x: mg.concat([x, x.astype("float64")[..., :1]], axis=2),
        lambda a: np.concatenate([a, a.astype("float64")[..., :1]], axis=2),
    ),
    "a running sum from the end": (
        lambda x: mg.cumulative_sum(x, axis=0, reverse=True),
        lambda a: np.cumsum(a[::-1], axis=0, dtype="float32")[::-1],
    ),
    "argmax of all, axes kept": (
        lambda x: mg.argmax(x, keepdims=True), lambda a: np.argmax(a, keepdims=True),
    ),
    "softmax over a front axis": (
        lambda x: mg.softmax(x, axis=0), lambda a: np.exp(a) / np.exp(a).sum(axis=0),
    ),
    "one_hot after argmax": (
        lambda x: x.argmax(axis=1).one_hot(3),
        lambda a: np.eye(3, dtype="float32")[a.argmax(axis=1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOING)
def test_doing(name: str) -> None:
    """With sizes that are numbers, and where that makes no difference also with names."""
    ours, numpys = DOING[name]
    x = mg.input("x", A.shape)
    assert_same(ours(x).eval({x: A}), numpys(A))
    x = mg.input("x", ("T", 3, 2))
    if "stack" not in name:
        assert_same(ours(x).eval({x: A}), numpys(A))


METHODS = [
    "abs",
    "sign",
    "floor",
    "ceil",
    "round",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "tanh",
    "sin",
    "cos",
    "sigmoid",
    "relu",
    "softplus",
    "isnan",
    "isinf",
    "isfinite",
    "sum",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "all",
    "any",
    "argmax",
    "argmin",
    "softmax",
    "log_softmax",
    "logsumexp",
    "stop_gradient",
    "flip",
    "permute_dims",
]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_its_function(name: str) -> None:
    x = mg.constant(A)
    a, b = getattr(x, name)().eval(), getattr(mg, name)(x).eval()
    np.testing.assert_array_equal(a, b)


def test_what_changes_nothing_adds_no_gate() -> None:
    x = mg.input("x", ("T", 3))
    for same in (
        x.astype("float32"),
        x.reshape(("T", 3)),
        x.broadcast_to(("T", 3)),
        x.permute_dims((0, 1)),
        mg.expand_dims(x, ()),
        x[...],
    ):
        assert same is x


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda x: x.reshape((-1, 3)), ("2*B*T", 3)),
        (lambda x: x.reshape(("T*B", -1)), ("T*B", 6)),
        (lambda x: mg.concat([x, x[1:]]), ("2*T - 1", "B", 6)),
        (lambda x: mg.split(x, 2, axis=2)[0], ("T", "B", 3)),
        (lambda x: mg.split(x, ["T//2"])[1], ("T - T//2", "B", 6)),
        (lambda x: mg.stack([x, x], axis=-1), ("T", "B", 6, 2)),
        (lambda x: x.expand_dims((0, -1)), (1, "T", "B", 6, 1)),
        (lambda x: x @ mg.input("W", (6, "H")), ("T", "B", "H")),
        (lambda x: x.mean(axis=0), ("B", 6)),
        (lambda x: mg.arange("T") + mg.arange("T"), ("T",)),
    ],
)
def test_shapes_with_names(build: Any, shape: Any) -> None:
    assert build(mg.input("x", ("T", "B", 6))).shape == shape


def test_sizes_that_may_not_be_equal_are_refused() -> None:
    x = mg.input("x", ("T", "B"))
    for build in (
        lambda: x.reshape(("B", "B")),
        lambda: mg.split(x, 2),
        lambda: x + x.T,
        lambda: mg.concat([x, x.T]),
        lambda: x @ x,
    ):
        with pytest.raises(ShapeError):
            build()


def test_where_with_a_number_for_a_condition() -> None:
    y = mg.input("y", (2,))
    assert mg.where(True, 1.0, y).type == y.type
    assert mg.where(True, 1.0, y).eval({y: [5, 6]}).tolist() == [1, 1]
