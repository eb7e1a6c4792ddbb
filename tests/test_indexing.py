"""x[…] against NumPy, in value and gradient, with sizes that are numbers or names."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from tests.helpers import assert_same

SHAPE = (5, 4, 3)
X = np.arange(60, dtype="float32").reshape(SHAPE)
T = mg.input("length", ("T",)).shape[0]
s = np.s_

ANYWHERE: list[Any] = [  # for axes with numbers and with names for sizes
    s[:], s[...], s[0], s[-1], s[1, 2, 0], s[-1, -2, -3], s[2:], s[:-1], s[1:-1], s[-2:], s[:, 1],
    s[..., 0], s[..., -1, :], s[1, ..., 2], s[::2], s[1::2, ::3], s[1:4:2], s[::-1], s[::-1, ::-1],
    s[:, None], s[None], s[..., None], s[None, 0, None, :, None, 1], s[0, ::-1], s[::-1, 0],
    s[2:2], s[3:1], s[np.int64(1)], s[np.int64(-2):], s[: np.int64(2)], s[0:5], s[()],
    s[:, :, :], s[-3:-1], s[::2, None, ::-1], s[..., ::-1, 0],
]  # fmt: skip
NUMBERS_ONLY: list[Any] = [
    s[::-2], s[3:0:-1], s[-1:-4:-1], s[:2:-1], s[10:], s[:10], s[-10:], s[-10:2], s[9:2:-3],
    s[4::-2, ::-3], s[5:], s[:-9],
]  # fmt: skip
GATHERS: list[Any] = [
    s[[0, 2, 2]], s[[-1, 0]], s[:, [1, 0]], s[..., [2, 0]], s[np.array([[0, 1], [4, 4]])],
    s[:, np.array([[0, 1], [3, 3]])], s[1:, [0]], s[[0, 1], 2], s[1, [0, 1]], s[[3], :, 0:2],
    s[::-1, [0, 3]], s[0, [1, 2], 1], s[:, [0, 0], -1], s[np.array(2)],
    s[np.array([], "int64")], s[[]],
]  # fmt: skip


def check(x: mg.Variable, key: Any) -> None:
    """Value and gradient of x[key]: each element that is picked gets its share."""
    picked = x[key]
    expected = X[key]
    weights = np.arange(1, 1 + expected.size, dtype="float32").reshape(expected.shape)
    gradient = np.zeros_like(X)
    np.add.at(gradient, key, weights)
    (found,) = [picked.eval({x: X})]
    assert_same(found, expected)
    back = mg.vjp(picked, x, mg.input("weights", picked.shape), unused="zeros")
    assert_same(back.eval({x: X, "weights": weights}), gradient)


@pytest.mark.parametrize("key", ANYWHERE + NUMBERS_ONLY + GATHERS, ids=str)
def test_sizes_that_are_numbers(key: Any) -> None:
    x = mg.input("x", SHAPE)
    assert x[key].shape == X[key].shape
    check(x, key)


@pytest.mark.parametrize("key", ANYWHERE + GATHERS, ids=str)
def test_sizes_that_are_names(key: Any) -> None:
    check(mg.input("x", ("T", "B", "H")), key)


numbers = st.integers(-6, 6) | st.none()
slices = st.builds(slice, numbers, numbers, st.sampled_from([None, 1, 2, 3, -1, -2, -3]))
axes = [st.integers(-n, n - 1) | slices | slices for n in SHAPE]
keys = st.integers(0, 3).flatmap(lambda n: st.tuples(*axes[:n]))


@given(keys, st.booleans(), st.integers(0, 3))
def test_any_slice(key: tuple[Any, ...], ellipsis: bool, new_axis: int) -> None:
    if ellipsis:
        key = (*key, ...)
    key = (*key[:new_axis], None, *key[new_axis:])
    assert_same(mg.constant(X)[key].eval(), X[key])


@pytest.mark.parametrize("key", [s[[2, 0]], s[:, [1, 1]], s[..., [0]], s[1, [0, 3]]], ids=str)
def test_ids_may_be_variables(key: Any) -> None:
    parts = key if isinstance(key, tuple) else (key,)
    ids = mg.input("ids", ("N",), "int32")
    (given_ids,) = [k for k in parts if isinstance(k, list)]
    key_of_variables = tuple(ids if isinstance(k, list) else k for k in parts)
    x = mg.input("x", ("T", "B", "H"))
    assert_same(x[key_of_variables].eval({x: X, ids: given_ids}), X[key])


@pytest.mark.parametrize(
    ("build", "plain"),
    [
        (lambda x: x[T - 1], lambda x: x[4]),
        (lambda x: x[T - 2 :], lambda x: x[3:]),
        (lambda x: x[: T - 1], lambda x: x[:4]),
        (lambda x: x[T // 2], lambda x: x[2]),
        (lambda x: x[1 : T // 2], lambda x: x[1:2]),
        (lambda x: x[1 : T - 1 : 2], lambda x: x[1:4:2]),
    ],
)
def test_bounds_may_be_sizes(build: Any, plain: Any) -> None:
    x = mg.input("x", ("T", 4, 3))
    assert_same(build(x).eval({x: X}), plain(X))


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (s[1:], "T - 1"),
        (s[:-1], "T - 1"),
        (s[1:-1], "T - 2"),
        (s[-2:], 2),
        (s[:3], 3),
        (s[::2], "((T + 1)//2)"),
        (s[1::2], "(T//2)"),
        (s[::-1], "T"),
        (s[3:3], 0),
    ],
)
def test_shapes_with_names(key: Any, shape: Any) -> None:
    assert mg.input("x", ("T",))[key].shape == (shape,)


def test_every_second_row_has_the_size_of_a_range_by_twos() -> None:
    x = mg.input("x", ("T",))
    found = x[::2] + mg.arange(0, "T", 2)
    assert_same(found.astype("float32").eval({x: [1, 1, 1, 1, 1]}), np.float32([1, 3, 5]))


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (s[5], ShapeError, r"index 5 is outside axis 0 of \(5, 4, 3\)"),
        (s[:, -5], ShapeError, r"index -5 is outside axis 1 of \(5, 4, 3\)"),
        (s[0, 0, 0, 0], ShapeError, "4 indices for x"),
        (s[..., 0, ...], ShapeError, "indices for x"),
        (s[True], ShapeError, "an index is ints, slices"),
        (s["T"], ShapeError, "an index is ints, slices"),
        (s[1.5], (ShapeError, DTypeError), "ind"),
        (s[[0], [1]], ShapeError, "at most one integer array"),
        (s[None, [0]], ShapeError, "None beside an integer array"),
        (s[0, :, [0, 1]], ShapeError, "two steps"),
        (s[[0, 1], :, 0], ShapeError, "two steps"),
        (s[np.array([True] * 5)], (ShapeError, DTypeError), "indices must be integers"),
        (s[::0], ValueError, "step"),
    ],
    ids=str,
)
def test_keys_that_are_refused(key: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        mg.input("x", SHAPE)[key]


@pytest.mark.parametrize("key", [s[::-2], s[3:0:-1], s[::0]], ids=str)
def test_steps_backwards_on_a_named_axis_are_refused(key: Any) -> None:
    with pytest.raises(ShapeError, match="a named axis T takes no"):
        mg.input("x", ("T",))[key]


def test_an_index_outside_a_named_axis_is_found_when_it_runs() -> None:
    x = mg.input("x", ("T",))
    for key in (s[3], s[-4], s[:4]):
        with pytest.raises(ShapeError):
            x[key].eval({x: [1, 2, 3]})
