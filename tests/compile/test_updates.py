"""Updates of parameters: all from the old values, all or none, one call at a time."""

import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import FrameType
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import NotFiniteError, ShapeError

module = importlib.import_module("minigrad.compile.function")


def held(*parameters: mg.Parameter) -> list[Any]:
    return [p.get_value().tolist() for p in parameters]


# ---------------------------------------------------------------- all from the old values


@pytest.mark.parametrize("kind", [list, tuple, dict, iter])
def test_new_values_are_computed_from_the_old_ones(kind: Callable[..., Any]) -> None:
    a, b = mg.parameter([1.0, 2.0], "a"), mg.parameter([3.0, 4.0], "b")
    f = mg.function([], [a, b], updates=kind([(a, b), (b, a)]))
    first, second = f()  # the outputs are of the old values too
    assert (first.tolist(), second.tolist()) == ([1, 2], [3, 4])
    assert held(a, b) == [[3, 4], [1, 2]]
    f()
    assert held(a, b) == [[1, 2], [3, 4]]


def test_updates_alone() -> None:
    n = mg.parameter(0, "n")
    f = mg.function([], None, updates={n: n + 1})
    assert [f(), f()] == [None, None]
    assert held(n) == [2]


def test_numbers_as_new_values_take_the_dtype_of_the_parameter() -> None:
    a, n = mg.parameter(np.ones((), "float64"), "a"), mg.parameter(1, "n")
    mg.function([], None, updates={a: 2, n: 7})()
    assert (a.get_value().dtype, n.get_value().dtype) == (np.float64, np.int64)
    assert held(a, n) == [2.0, 7]


def test_a_parameter_is_read_anew_at_each_call() -> None:
    w = mg.parameter(1.0, "w")
    f = mg.function([], w * 2)
    g = mg.function([], None, updates={w: w + 10})
    assert f() == 2
    w.set_value(5)
    assert f() == 10
    g()
    assert f() == 30


def test_a_new_value_of_the_right_size_by_name() -> None:
    """Known to fit only when it runs."""
    x = mg.input("x", ("T",))
    p = mg.parameter(np.zeros(3, "float32"), "p")
    f = mg.function([x], None, updates={p: x * p[0] + x})
    f([1, 2, 3])
    f([1, 1, 1])
    assert held(p) == [[2, 2, 2]]


# ---------------------------------------------------------------- all or none


@pytest.mark.parametrize("optimize", [True, False])
def test_a_call_that_fails_half_way_changes_nothing(optimize: bool) -> None:
    x, i = mg.input("x", (3,)), mg.input("i", (), "int64")
    rng = mg.random.Generator(seed=0)
    a, b, c = (mg.parameter(np.ones(3, "float32"), name) for name in "abc")
    updates = [(a, a + x), (b, b * mg.log(x)), (c, c * mg.take(a, i))]
    f = mg.function([x, i], rng.uniform(()), updates, optimize=optimize, check_nan=True)
    every = (a, b, c, rng.state)
    before = held(*every)
    with pytest.raises(IndexError):
        f([1, 1, 1], 3)
    with pytest.raises(NotFiniteError):
        f([1, -1, 1], 0)
    with pytest.raises(ShapeError):
        f([1, 1], 0)
    assert held(*every) == before
    f([2, 2, 2], 0)
    assert held(*every) == [[3, 3, 3], [np.log(np.float32(2))] * 3, [1, 1, 1], [0, 1]]


def test_a_new_value_of_the_wrong_size_is_found_before_anything_is_stored() -> None:
    x = mg.input("x", ("T",))
    n, p = mg.parameter(0, "n"), mg.parameter(np.zeros(3, "float32"), "p")
    f = mg.function([x], None, updates=[(n, n + 1), (p, x)])
    with pytest.raises(ShapeError, match=r"the update of p \(3,\) has shape \(4,\)") as caught:
        f([1, 2, 3, 4])
    assert caught.value.where == p.where
    assert held(n, p) == [0, [0, 0, 0]]


# ---------------------------------------------------------------- random generators


def test_each_call_draws_anew_until_the_state_is_set_back() -> None:
    rng = mg.random.Generator(seed=3)
    x = mg.input("x", (4,))
    f = mg.function([x], rng.uniform((4,)) + x)
    draws = [f(np.zeros(4, "float32")) for _ in range(3)]
    assert len({d.tobytes() for d in draws}) == 3
    rng.state.set_value(mg.random.Generator(seed=3).state.get_value())
    np.testing.assert_array_equal(f(np.zeros(4, "float32")), draws[0])
    with pytest.raises(ShapeError):
        f(np.zeros(5, "float32"))
    np.testing.assert_array_equal(f(np.zeros(4, "float32")), draws[1])


def test_an_update_of_ones_own_takes_the_place_of_the_generators() -> None:
    rng = mg.random.Generator(seed=3)
    f = mg.function([], rng.uniform((4,)), updates={rng.state: rng.state})
    np.testing.assert_array_equal(f(), f())


def test_draws_that_givens_bring_in_move_the_generator_too() -> None:
    x, y = mg.inputs("x y", (4,))
    rng, other = mg.random.Generator(seed=1), mg.random.Generator(seed=2)
    f = mg.function([], x + y, givens={x: rng.uniform((4,)), y: mg.zeros((4,))})
    assert (f() != f()).all()
    g = mg.function([y], x + y, givens={x: mg.zeros_like(y)})  # no draw is left in it
    g(np.zeros(4, "float32"))
    assert held(other.state) == [[2, 0]]


def test_a_state_given_as_an_argument_does_not_move() -> None:
    rng = mg.random.Generator(seed=3)
    f = mg.function([rng.state], rng.uniform((4,)))
    key = np.array([3, 7], "uint64")
    np.testing.assert_array_equal(f(key), f(key))
    assert held(rng.state) == [[3, 0]]


# ---------------------------------------------------------------- threads


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def together(*tasks: Callable[[], Any]) -> list[Any]:
    """What the tasks return, each run in a thread of its own, all started at once."""
    start = Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


@pytest.mark.usefixtures("_hasty")
def test_threads_that_call_one_function() -> None:
    """With the same sizes and with others; NumPy lets other threads run while it works."""
    xs, h0 = mg.input("xs", ("T", "B"), "float64"), mg.input("h0", ("B",), "float64")
    last, _ = mg.scan(lambda h, x: (mg.tanh(h + x), h), h0, xs)
    f = mg.function([xs, h0], [last, mg.grad(last.sum(), h0)])

    def calls(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            x = rng.normal(size=(rng.integers(0, 4), rng.choice([0, 1, 5000])))
            h, slope = np.ones(x.shape[1]), np.ones(x.shape[1])
            found = f(x, h)
            for row in x:
                h = np.tanh(h + row)
                slope = slope * (1 - h * h)
            np.testing.assert_allclose(found, [h, slope], rtol=1e-12, atol=1e-14)
        return True

    assert all(together(*[lambda s=s: calls(s) for s in range(4)]))


@pytest.mark.usefixtures("_hasty")
def test_no_update_is_lost() -> None:
    n = mg.parameter(np.zeros(300), "n")
    rng = mg.random.Generator(seed=0)
    f = mg.function([], [n[0], rng.uniform((), dtype="float64")], updates={n: n + 1})
    found = together(*[lambda: [f() for _ in range(200)]] * 4)
    pairs = [(float(count), float(draw)) for calls in found for count, draw in calls]
    assert sorted(count for count, _ in pairs) == list(range(800))
    assert len({draw for _, draw in pairs}) == 800
    assert (n.get_value() == 800).all()


def interrupted(call: Callable[[], Any], other: Callable[[], Any], place: int) -> bool:
    """Run `call()`, and `other()` before its bytecode number `place`, as another thread may.

    False when there is no such place.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if Path(frame.f_code.co_filename).parent != Path(str(module.__file__)).parent:
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        if event == "opcode" and count == place:
            other()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count >= place


def test_another_function_sees_all_updates_of_a_call_or_none() -> None:
    """Wherever a thread is interrupted: while it reads parameters, and while it stores them."""
    a, b, c = (mg.parameter(np.float64(i), name) for i, name in enumerate("abc"))
    turn = mg.function([], None, updates=[(a, b), (b, c), (c, a)])
    read = mg.function([], [a, b, c])
    found: list[tuple[float, ...]] = []

    def look() -> None:
        found.append(tuple(map(float, read())))

    for call, other in ((look, turn), (turn, look)):
        assert any(not interrupted(call, other, place) for place in range(1, 2000))
    assert set(found) == {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
