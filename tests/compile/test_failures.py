"""What goes wrong while a function runs: the gate, the user's line, and the time step are named."""

import inspect
import re
import traceback
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import NotFiniteError, ShapeError


def line(below: int = 0) -> str:
    """``file:line`` of the caller, or so many lines below it."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno + below}"


# ---------------------------------------------------------------- not a number, or infinite


@pytest.mark.parametrize("optimize", [True, False])
def test_check_nan_names_the_first_gate_and_its_line(optimize: bool) -> None:
    x = mg.input("x", ("T",))
    where = line(1)
    bad = mg.log(x)
    f = mg.function([x], [bad * 2, bad + 1, x], check_nan=True, optimize=optimize, name="f")
    f([1, 2])
    with pytest.raises(NotFiniteError, match=r"^f: log made a NaN\n") as caught:
        f([1, -1])
    assert caught.value.where == where
    with pytest.raises(NotFiniteError, match=r"^f: log made an infinity\n"):
        f([1, 0])


def test_it_is_not_looked_for_unless_asked() -> None:
    x = mg.input("x")
    assert np.isnan(mg.function([x], mg.log(x))(-1))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("optimize", [True, False])
def test_check_nan_names_the_time_step(reverse: bool, optimize: bool) -> None:
    x = mg.input("x", ("T",), "float64")
    where = line(3)

    def step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
        return mg.sqrt(h * x), h

    last, _ = mg.scan(step, np.float64(1), x, reverse=reverse)
    f = mg.function([x], last, check_nan=True, optimize=optimize)
    with pytest.raises(NotFiniteError, match="sqrt made a NaN in time step 3\n") as caught:
        f([1, 1, 1, -1, 1, 1])
    assert caught.value.where == where


def test_check_nan_names_each_loop_of_loops_in_loops() -> None:
    x = mg.input("x", ("T", "K"), "float64")

    def inner(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, None]:
        return mg.log(1 + h * x), None

    def outer(h: mg.Variable, row: mg.Variable) -> tuple[mg.Variable, None]:
        return mg.scan(inner, h, row)[0], None

    last, _ = mg.scan(outer, np.float64(1), x)
    values = np.ones((4, 3))
    values[2, 1] = -100
    with pytest.raises(NotFiniteError, match="log made a NaN in time step 2, 1\n") as caught:
        mg.function([x], last, check_nan=True)(values)
    assert caught.value.where == f"{__file__}:{inspect.getsourcelines(inner)[1] + 1}"


def test_check_nan_in_a_gradient_names_the_line_that_was_differentiated() -> None:
    x = mg.input("x", ("T",), "float64")
    where = line(3)

    def step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, None]:
        return h + mg.sqrt(x), None

    last, _ = mg.scan(step, np.float64(0), x)
    f = mg.function([x], mg.grad(last, x), check_nan=True, optimize=False)
    f([1, 1, 1])
    with pytest.raises(NotFiniteError, match="made an infinity in time step 1") as caught:
        f([1, 0, 1])
    assert caught.value.where == where


def test_check_nan_finds_what_constants_make() -> None:
    """They are not folded away before anyone could look."""
    where = line(1)
    y = mg.log(mg.constant(-1.0))
    with pytest.raises(NotFiniteError, match="log made a NaN") as caught:
        mg.function([], mg.where(mg.constant([True]), 1.0, y), check_nan=True)()
    assert caught.value.where == where


def test_check_nan_looks_at_gates_only() -> None:
    """Not at arguments and constants, integers, or what a stable gate computes on the way."""
    x = mg.input("x", (2,), "float64")
    masked = mg.where(x > 0, x, -np.inf).softmax()
    f = mg.function([x], [mg.sigmoid(x), mg.one_hot(mg.argmax(x), 2), x > 0], check_nan=True)
    f([np.inf, -1e6])
    with pytest.raises(NotFiniteError, match="where made an infinity"):
        mg.function([x], masked, check_nan=True)([1, -1])


def test_check_nan_says_what_came_in_with_one() -> None:
    x, w = mg.input("x", (2,), "float64"), mg.parameter([1.0, np.nan], "w")
    with pytest.raises(NotFiniteError, match="multiply made a NaN") as caught:
        mg.function([x], x * w, check_nan=True)([1, 2])
    assert "function: w held a NaN before the call" in caught.value.__notes__


# ---------------------------------------------------------------- errors of NumPy


@pytest.mark.parametrize("optimize", [True, False])
def test_an_error_names_the_gate_and_the_line(optimize: bool) -> None:
    table, ids = mg.input("table", (3,)), mg.input("ids", ("T",), "int64")
    where = line(1)
    rows = mg.take(table, ids)
    f = mg.function([table, ids], rows.sum(), optimize=optimize, name="f")
    with pytest.raises(IndexError, match="out of bounds") as caught:
        f([1, 2, 3], [0, 3])
    assert caught.value.__notes__ == [f"f: in take, at {where}"]
    shown = "".join(traceback.format_exception(caught.value))  # with the program's line
    assert "np.take(table, ids" in shown or "kernel_0(" in shown


@pytest.mark.parametrize("optimize", [True, False])
def test_an_error_in_a_loop_names_the_time_step(optimize: bool) -> None:
    table, ids = mg.parameter(np.ones(3), "table"), mg.input("ids", ("T", "K"), "int64")
    where = line(3)

    def inner(h: mg.Variable, i: mg.Variable) -> tuple[mg.Variable, None]:
        return h + mg.take(table * h, i), None

    def outer(h: mg.Variable, row: mg.Variable) -> tuple[mg.Variable, None]:
        return mg.scan(inner, h, row)[0], None

    last, _ = mg.scan(outer, np.float64(0), ids, reverse=True)
    f = mg.function([ids], [last, mg.grad(last, table)], optimize=optimize)
    with pytest.raises(IndexError) as caught:
        f([[0, 1], [2, 1], [0, 9], [1, 1]])
    assert caught.value.__notes__ == [f"function: in take in time step 2, 1, at {where}"]


def test_what_fails_for_constants_fails_when_it_runs() -> None:
    x = mg.input("x", ("T",), "float64")
    y = mg.constant([2]) ** mg.constant([-1])  # NumPy has no such power of integers
    f = mg.function([x], [x, y])
    with pytest.raises(ValueError, match="negative integer powers") as caught:
        f([1])
    assert "in power, at " in caught.value.__notes__[0]


class Fussy(mg.Gate):
    """Raises an error of minigrad's own, without a line."""

    symbol = "!"

    def infer(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        if x.sum() > 2:
            raise ShapeError("too much")
        return x


def test_an_error_that_a_users_gate_raises() -> None:
    x = mg.input("x", ("T",))
    where = line(1)
    f = mg.function([x], Fussy()(x))
    f([1, 1])
    with pytest.raises(ShapeError, match="too much") as caught:
        f([1, 2])
    assert caught.value.__notes__ == [f"function: in fussy, at {where}"]


def test_numpys_warnings_stay_silent() -> None:
    """Overflow, division by zero and invalid values are floats like others, as in a graph."""
    x = mg.input("x", (2,))
    f = mg.function([x], [mg.exp(x * 1000), 1 / (x - x), mg.sqrt(-x), x.astype("int32")])
    found = f([1, np.inf])
    assert re.sub(r"[\s.]", "", str(found[0])) == "[infinf]"
