"""Parameters on a GPU: they move there once, stay there, and are read from anywhere."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from tests.compile.cuda import stand_in
from tests.compile.cuda.host import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("cupy")]


@pytest.fixture
def moved(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arrays of NumPy that are moved."""
    found: list[Any] = []

    def asarray(value: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(value, np.ndarray):
            found.append(value)
        return stand_in.asarray(value, *rest, **options)

    monkeypatch.setattr(cupy, "asarray", asarray)
    return found


def test_one_that_is_only_read_moves_once(moved: list[Any]) -> None:
    w = mg.parameter(np.ones(3, "float32"), "w")
    f = mg.function([], w * 2)
    assert [f().get().tolist() for _ in range(3)] == [[2, 2, 2]] * 3
    assert len(moved) == 1
    w.set_value([3, 3, 3])
    assert [f().get().tolist() for _ in range(2)] == [[6, 6, 6]] * 2
    assert len(moved) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_updates_stay_on_the_gpu(moved: list[Any], count: int) -> None:
    many = [mg.parameter(np.full(3, i, "float32"), f"w{i}") for i in range(count)]
    f = mg.function([], None, updates=[(w, w + 1) for w in many])
    for _ in range(4):
        f()
    assert len(moved) == count
    assert [w.get_value().tolist() for w in many] == [[i + 4.0] * 3 for i in range(count)]


@pytest.mark.parametrize("count", [1, 3])
def test_cpu_and_gpu_may_take_turns(count: int) -> None:
    many = [mg.parameter(np.zeros(3, "float32"), f"w{i}") for i in range(count)]
    add = [(w, w + 1) for w in many]
    on_gpu, on_cpu = (mg.function([], many[0], add, backend=b) for b in ("cupy", "numpy"))
    for turn in range(3):
        assert on_gpu().get().tolist() == [2 * turn] * 3
        assert on_cpu().tolist() == [2 * turn + 1] * 3
    on_gpu()
    assert (many[-1] * 2).eval().tolist() == [14, 14, 14]  # the interpreter reads them too
    assert [w.get_value().tolist() for w in many] == [[7, 7, 7]] * count


def test_a_value_may_come_from_numpy_or_cupy(cupy: Any) -> None:
    w = mg.parameter(cupy.asarray(np.ones(2, "float32")), "w")
    f = mg.function([], w * 1, updates=[(w, w * 2)])
    f()
    w.set_value(cupy.asarray(np.full(2, 5, "float32")))
    assert f().get().tolist() == [5, 5]
    value = w.get_value()
    assert type(value) is np.ndarray
    value[:] = 0
    assert w.get_value().tolist() == [10, 10]
    with pytest.raises(ShapeError):
        w.set_value(cupy.asarray(np.ones(3, "float32")))
    with pytest.raises(DTypeError):
        w.set_value(cupy.asarray(np.ones(2)))


def test_an_argument_is_cast_safely_or_refused(cupy: Any) -> None:
    x = mg.input("x", (2,), "float64")
    f = mg.function([x], x + 1)
    assert f(cupy.asarray(np.ones(2, "float32"))).get().tolist() == [2, 2]
    y = mg.input("y", (2,), "float32")
    with pytest.raises(DTypeError, match="could lose digits"):
        mg.function([y], y + 1)(cupy.asarray(np.ones(2)))


def test_none_changes_where_a_call_fails() -> None:
    a, b = (mg.parameter(np.ones(3, "float32"), name) for name in "ab")
    i = mg.input("i", (1,), "int64")
    f = mg.function([i], None, updates=[(a, a + 1), (b, b + mg.take(a, i, axis=0))])
    with pytest.raises(IndexError):
        f([3])
    assert [a.get_value().tolist(), b.get_value().tolist()] == [[1, 1, 1]] * 2
