"""Loops in C: no steps, carries that start or go on as what lies in memory otherwise."""

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

Step = Callable[[list[Variable], Variable], tuple[list[Variable], Variable]]


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def numbers(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape)


h, m = mg.input("h", (3, 3), "float64"), mg.input("m", (4, 3, 3), "float64")
AT = {h: numbers(3, 3), m: numbers(4, 3, 3)}


def check(step: Step, init: list[Variable], xs: Variable = m, length: int = 4) -> None:
    """A loop, the sum of all that it gives, and the same loop in another."""
    last, ys = mg.scan(step, init, xs[:length])
    twice, yss = mg.scan(
        lambda state, _: (mg.scan(step, state, xs[:length])[0], state[0] * 2), init, length=2
    )
    assert_right_in_c([*last, ys, *twice, yss], AT)


STEPS: dict[str, Step] = {
    "a carry that starts transposed": lambda c, x: ([mg.tanh(c[0] + x), c[1]], c[0]),
    "a carry that becomes the row": lambda c, x: ([x, c[0] + c[1]], c[0]),
    "a carry that is transposed at each step": lambda c, x: ([c[0].mT, c[1] + x], c[0] * x),
    "a carry that is another one's old value": lambda c, x: ([c[1], c[0] + x], c[0] - c[1]),
    "carries that change places": lambda c, x: ([c[1], c[0]], c[0] + x),
    "a carry that becomes what does not vary": lambda c, x: ([h[::-1], c[0]], c[0] * c[1]),
    "a carry that becomes a constant": lambda c, x: ([mg.zeros((3, 3), "float64"), c[0]], c[0] + x),
    "a carry that stays": lambda c, x: ([c[0], c[1] * x], c[0] + c[1]),
}
STARTS: dict[str, list[Variable]] = {
    "as they are": [h, h + 1],
    "transposed": [h.mT, h],
    "reversed": [h[::-1, ::-1], h * 2],
    "rows that are repeated": [h[0].broadcast_to((3, 3)), h],
    "constants": [mg.ones((3, 3), "float64"), mg.zeros((3, 3), "float64")],
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("step", STEPS)
def test_carries(step: str, start: str) -> None:
    check(STEPS[step], STARTS[start])


@pytest.mark.parametrize("length", [1, 0])
@pytest.mark.parametrize("step", STEPS)
def test_carries_of_few_steps(step: str, length: int) -> None:
    check(STEPS[step], STARTS["transposed"], length=length)


def test_rows_that_lie_transposed_or_reversed() -> None:
    for xs in (
        m.permute_dims((0, 2, 1)),
        m.flip(axis=0),
        m[:, ::-1],
        m[:, :1].broadcast_to(m.shape),
    ):
        check(STEPS["a carry that becomes the row"], STARTS["as they are"], xs)


def test_numbers_that_change_places() -> None:
    x = mg.input("x", (), "float64")
    last, ys = mg.scan(lambda c, _: ([c[1], c[0], c[2] + c[0]], c[0]), [x, x + 1, x * 0], length=5)
    assert_right_in_c([*last, ys], {x: np.asarray(2.0)})


def test_a_loop_of_no_steps_gives_what_it_began_with() -> None:
    x, c = mg.input("x", ("T",), "float64"), mg.input("c", (2,), "float64")
    last, ys = mg.scan(lambda h, v: (h * v, h[0] + v), c, x)
    f = mg.function([x, c], [last + 1, ys, mg.grad(last.sum(), c)], backend="c")
    found = f(np.zeros(0), np.array([3.0, 4.0]))
    np.testing.assert_array_equal(found[0], [4, 5])
    assert found[1].shape == (0,)
    np.testing.assert_array_equal(found[2], [1, 1])
