"""Matrices that are the same in every step of a loop are packed once, before it."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import minigrad as mg
from minigrad import Variable
from minigrad.native import find_blas, find_compiler
from tests.compile.test_c_gates import assert_right_in_c
from tests.helpers import Array

pytestmark = [
    pytest.mark.skipif(find_compiler() is None, reason="no C compiler here"),
    pytest.mark.skipif(find_blas() is None, reason="no BLAS that C can call"),
]
B, H, T = 5, 24, 4
h, w = mg.input("h", (B, H), "float64"), mg.input("w", (H, H), "float64")
xs = mg.input("xs", (T, B, H), "float64")


def numbers(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape) / 4


AT = {h: numbers(B, H), w: numbers(H, H), xs: numbers(T, B, H)}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def depths(*outputs: Variable) -> tuple[list[int], list[int]]:
    """How deep in loops matrices are packed, and multiplied with; the numbers are right."""
    assert_right_in_c(list(outputs), AT)
    lines = mg.function(list(AT), list(outputs), backend="c").source("c").splitlines()
    found: tuple[list[int], list[int]] = [], []
    for line in lines:
        for kind, name in zip(found, ("pack_double(", "product_double("), strict=True):
            if f"packed->{name}" in line:
                kind.append((len(line) - len(line.lstrip())) // 4 - 1)
    return found


Product = Callable[[Variable], Variable]
PRODUCTS: dict[str, Product] = {
    "on the right": lambda a: a @ w,
    "transposed": lambda a: a @ w.T,
    "on the left": lambda a: (w @ a.T).T,
    "a part": lambda a: mg.concat([a @ w[:, : H // 2], a @ w[:, H // 2 :]], axis=1),
    "made before the loop": lambda a: a @ mg.exp(-w),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_weight(name: str) -> None:
    last, hs = mg.scan(lambda a, x: (mg.tanh(PRODUCTS[name](a) + x), a), h, xs)
    packed, times = depths(last, hs)
    assert packed
    assert set(packed) == {0}
    assert set(times) == {1}


def test_gradients_pack_it_once_for_each_way() -> None:
    last, _ = mg.scan(lambda a, x: (mg.tanh(a @ w + x), a), h, xs)
    assert depths(*mg.grad((last * last).sum(), [h, w])) == ([0, 0], [1, 1])


def test_a_loop_in_a_loop_packs_nothing_again() -> None:
    def outer(a: Variable, _: Variable) -> tuple[Variable, Variable]:
        return mg.scan(lambda b, x: (mg.tanh(b @ w + x), b), a, xs)

    last, _ = mg.scan(outer, h, xs[:2])
    assert depths(last) == ([0], [2])


def test_the_matrix_of_an_outer_step_is_packed_in_it() -> None:
    ws = mg.stack([w, w.T])

    def outer(a: Variable, v: Variable) -> tuple[Variable, Variable]:
        return mg.scan(lambda b, x: (mg.tanh(b @ v + x), b), a, xs)

    last, _ = mg.scan(outer, h, ws)
    assert depths(last) == ([1], [2])


def test_what_a_loop_changes_is_not_packed() -> None:
    """Fast weights: the matrix is a carry."""

    def step(
        state: tuple[Variable, Variable], x: Variable
    ) -> tuple[tuple[Variable, Variable], Variable]:
        a, v = state
        new = mg.tanh(a @ v + x)
        return (new, v * 0.9 + new.T @ a), new

    (last, v), _ = mg.scan(step, (h, w), xs)
    assert depths(last, v) == ([], [])


def test_a_single_row_is_left_to_blas() -> None:
    last, _ = mg.scan(lambda a, x: (mg.tanh(a @ w + x[:1]), a), h[:1], xs)
    assert depths(last) == ([], [])
