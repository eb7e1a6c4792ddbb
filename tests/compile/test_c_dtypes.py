"""What C makes of integers that wrap around, of NaN and infinities, of dtypes and of long sums."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import minigrad as mg
from minigrad import Variable, gates
from minigrad.native import find_blas, find_compiler
from tests.compile.test_c_gates import assert_right_in_c
from tests.helpers import Array

pytestmark = [
    pytest.mark.skipif(find_compiler() is None, reason="no C compiler here"),
    pytest.mark.skipif(find_blas() is None, reason="no BLAS that C can call"),
]

INTEGERS = [f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *INTEGERS, "float32", "float64"]


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def extremes(dtype: str, *shape: int) -> Array:
    """Numbers among which the least and the largest are common: sums and products wrap around."""
    rng = np.random.default_rng(3)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith("f"):
        return rng.normal(size=shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return rng.choice(np.array([low, low + 1, 0, 1, 3, high - 1, high], dtype), shape)


ALL = (0, 1, 2)
OF_EVERY_DTYPE: dict[str, Callable[[Variable], Variable]] = {
    **{
        f"{gate.__name__} {axes}": lambda x, gate=gate, axes=axes: gate(axes)(x)
        for gate in (gates.Sum, gates.Mean, gates.Max, gates.Min, gates.AllTrue, gates.AnyTrue)
        for axes in ((0,), (1,), (2,), (0, 2), (1, 2), ALL)
    },
    "argmax": lambda x: gates.Argmax(2)(x),
    "argmin": lambda x: gates.Argmin(0)(x),
    "running sum": lambda x: gates.CumulativeSum(1)(x),
    "running sum from the end": lambda x: gates.CumulativeSum(2, True)(x),
    "product of matrices": lambda x: x[0] @ x[1].mT,
    "products of stacks": lambda x: x @ x[:, :1].mT,
    "product with a vector": lambda x: x @ x[0, 1],
    "take": lambda x: mg.take(x, np.array([[2, 0], [-1, 1]]), axis=1),
    "scatter": lambda x: gates.ScatterAdd(1, 4)(x, mg.constant(np.array([3, 0, 3]))),
    "concat": lambda x: mg.concat([x, x[:, :1], x], axis=1),
    "stack": lambda x: mg.stack([x[0], x[1]], axis=2),
    "place": lambda x: gates.Place(((1, 3, 1), (0, 6, 2), (0, 5, 1)), (4, 6, 6))(x),
    "reshape": lambda x: x.permute_dims((2, 0, 1)).reshape((6, 5)),
    "cast": lambda x: x.astype("float32"),
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str) -> None:
    x = mg.input("x", (2, 3, 5), dtype)
    outputs = [made(x) for made in OF_EVERY_DTYPE.values()]
    with np.errstate(over="ignore"):
        assert_right_in_c(outputs, {x: extremes(dtype, 2, 3, 5)})


@pytest.mark.parametrize("dtype", DTYPES)
def test_mixed_dtypes(dtype: str) -> None:
    x = mg.input("x", (3, 3), dtype)
    others = [mg.input(other, (3, 3), other) for other in DTYPES]
    outputs = [made for y in others for made in (x @ y, mg.concat([x, y], 1), mg.stack([x, y]))]
    values = {v: extremes(v.dtype.name, 3, 3) for v in (x, *others)}
    assert_right_in_c(outputs, values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinities(dtype: str) -> None:
    x, rows = mg.input("x", (6, 4), dtype), np.ones((6, 4), dtype)
    rows[0, 2], rows[1, 1], rows[2, 3] = np.nan, np.inf, -np.inf
    rows[3, :2] = np.inf, -np.inf
    rows[4, 1:3] = np.nan
    rows[5] = -np.inf
    reductions = (gates.Sum, gates.Mean, gates.Max, gates.Min, gates.AllTrue, gates.AnyTrue)
    made = [gate(axes)(x) for gate in reductions for axes in ((0,), (1,), (0, 1))]
    made += [gate(axis)(x) for gate in (gates.Argmax, gates.Argmin) for axis in (0, 1)]
    for gate in (gates.Softmax, gates.LogSoftmax, gates.LogSumExp, gates.CumulativeSum):
        made += [gate(axis)(x) for axis in (0, 1)]
    assert_right_in_c(made, {x: rows})


def test_a_sum_that_overflows_is_infinite() -> None:
    x = mg.input("x", (1000,))
    largest = np.full(1000, np.finfo("float32").max)
    largest[700:] = -1
    assert_right_in_c([x.sum(), x.mean(), x.cumulative_sum()], {x: largest})


@pytest.mark.parametrize("dtype", INTEGERS)
def test_floats_become_integers_as_by_numpy(dtype: str) -> None:
    x = mg.input("x", (40,), "float64")
    bounds = np.array([0, 2**7, 2**8, 2**15, 2**16, 2**31, 2**32, 2**63], float)
    sizes = np.concatenate([bounds, bounds - 1, bounds + 1.5, [np.nan, np.inf, 1e30, 0.5]])
    at = np.concatenate([sizes, -sizes])[:40]
    for v, a in ((x, at), (mg.input("y", (40,)), at.astype("float32"))):
        found = mg.function([v], v.astype(dtype), backend="c")(a)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found, a.astype(dtype))


SUMS: dict[str, tuple[Callable[[Variable], Variable], Callable[[Array], Array]]] = {
    "all": (lambda x: x.sum(), lambda a: a.sum()),
    "rows": (lambda x: x.sum(axis=1), lambda a: a.sum(axis=1)),
    "columns": (lambda x: x.sum(axis=0), lambda a: a.sum(axis=0)),
    "columns of rows": (lambda x: x.mT.sum(axis=0), lambda a: a.T.sum(axis=0)),
    "means": (lambda x: x.mean(), lambda a: a.mean()),
    "every other": (lambda x: x[:, ::2].sum(), lambda a: a[:, ::2].sum()),
}


@pytest.mark.parametrize("kind", SUMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_sums_lose_no_more_than_by_numpy(dtype: str, kind: str) -> None:
    x = mg.input("x", (3, 300_001), dtype)
    a = np.random.default_rng(5).uniform(0.1, 1, (3, 300_001)).astype(dtype)
    in_c, in_numpy = SUMS[kind]
    exact = in_numpy(a.astype(np.longdouble))
    found = mg.function([x], in_c(x), backend="c")(a)
    assert found.dtype == dtype
    lost, by_numpy = (abs(sum - exact).max() / exact.max() for sum in (found, in_numpy(a)))
    assert lost <= max(2 * by_numpy, np.finfo(dtype).eps)


def test_random_draws_have_the_bits_that_numpy_makes() -> None:
    key = mg.input("key", (2,), "uint64")
    made = [
        gates.Uniform(shape, np.dtype(dtype))(key)
        for shape in ((5, 3), (4,), ())
        for dtype in ("float32", "float64")
    ]
    made.append(gates.FoldIn()(key, mg.constant(np.array([-1, 7]))))
    assert_right_in_c(made, {key: np.array([1, 2**63 + 5], "uint64")}, tolerance=0)
