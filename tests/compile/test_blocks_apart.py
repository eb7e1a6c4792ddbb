"""What must not be done block by block: work of which one block reads what another writes."""

import inspect
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.gates.elementwise import Elementwise
from minigrad.variables import Variable
from tests.machine import blocked, runs

x, y = mg.inputs("x y", (10, 3), "float64")
row, one = mg.input("row", (3,), "float64"), mg.input("one", (), "float64")


pytestmark = pytest.mark.usefixtures("small_blocks")


# ---------------------------------------------------------------- what other blocks write


def test_rows_shifted_by_one() -> None:
    """A carry as it enters and leaves is h[:-1] and h[1:] of one array: one is written over."""

    def step(h: Variable, x: Variable) -> tuple[Variable, tuple[Variable, Variable]]:
        new = mg.tanh(h + x)
        return new, (h, new)

    _, (before, after) = mg.scan(step, row, x)
    for a, b in ((before, after), (after, before)):
        assert runs(mg.sum(mg.cos(b * mg.sin(a)))) == [["multiply", "cos"]]  # over b
        assert runs(mg.sum(mg.cos(mg.sin(a) * b))) == [["sin", "multiply", "cos"]]  # new memory


def test_slices_shifted_by_one() -> None:
    a = mg.sin(x)
    cost = mg.sum(mg.exp(a[1:]) * a[:-1] + 1)
    assert runs(cost) == [["exp", "multiply", "add"]]  # without sin, of which it reads other rows


@pytest.mark.parametrize("axis", [0, 1])
def test_flipped_views(axis: int) -> None:
    a = mg.sin(mg.cos(x))
    cost = mg.sum(mg.exp(a.flip(axis=axis)) * a + 1)
    assert runs(cost) == [["cos", "sin"], ["exp", "multiply", "add"]]
    b = mg.sin(mg.cos(x)).flip(axis=axis)
    assert runs(mg.sum(mg.exp(b) * b)) == [["cos", "sin"], ["exp", "multiply"]]


@pytest.mark.parametrize("index", [0, slice(0, 1)])
def test_an_operand_that_is_read_whole_is_not_written_in_the_run(index: Any) -> None:
    a = mg.sin(mg.cos(x))
    cost = mg.sum(mg.exp(x * a[index]) + a)
    assert runs(cost) == [["cos", "sin"], ["multiply", "exp", "add"]]


def test_memory_that_is_used_again_by_another_type() -> None:
    """The bytes of `a` are free when the flags are computed, and as many."""
    z = mg.input("z", (10, 3, 8), "float64")
    a = mg.sin(x)
    flags = a.expand_dims(2) * z > 0
    cost = mg.sum(mg.logical_not(flags))
    assert runs(cost) == [["sin", "multiply"], ["greater", "logical_not"]]


def compiled_is_right(*outputs: Variable) -> None:
    value = np.random.default_rng(0).normal(size=(10, 3))
    for found, v in zip(mg.function([x], list(outputs))(value), outputs, strict=True):
        np.testing.assert_allclose(found, v.eval({x: value}), 1e-12)


def test_an_array_that_is_read_whole_by_another_call() -> None:
    compiled_is_right(mg.tanh(x), mg.sum((x.expand_dims(1) - x) ** 2))


def test_an_element_of_what_is_written_is_a_number_and_not_a_view() -> None:
    a = mg.tanh(mg.sin(x[:, 0] * x[:, 1]))
    compiled_is_right(mg.sum(mg.exp(a) * a[3]))
    compiled_is_right(mg.sum(mg.tanh(a) - mg.tanh(a)[-1]))


# ---------------------------------------------------------------- users' gates


class Same(mg.Gate):
    """Its result is its input."""

    def infer(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x


class Backwards(Same):
    """A view of its input, and does not say so."""

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.flip(x, axis=0)


@pytest.mark.parametrize("gate", [Same(), Backwards()], ids=str)
def test_a_users_gate_that_returns_a_view(gate: mg.Gate) -> None:
    a = mg.sin(mg.cos(x))
    b = gate(a)
    blocked(mg.sum(mg.exp(b * 2) * a), mg.sum(mg.tanh(mg.cos(b))))
    blocked(b, mg.exp(b * 2) + a)
    blocked(gate(x), gate(mg.sin(gate(x)) * 2) + 1)


class Plus(Elementwise):
    """A ufunc is all that it says."""

    ufunc = "positive"


def test_a_users_elementwise_gate_is_done_in_blocks() -> None:
    assert blocked(mg.sum(mg.sin(Plus()(x) * 2)))[0] == ["plus", "multiply", "sin"]


class Fussy(Elementwise):
    """Fails at large numbers; the recorder cannot write it down."""

    ufunc = "positive"

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        if float(xp.max(x)) > 2:
            raise ValueError("too large")
        return xp.positive(x, out=out)

    def in_place(self) -> bool:
        return True


@pytest.mark.parametrize("place", [0, 5, 9])
def test_an_error_names_the_line_and_no_time_step(place: int) -> None:
    where = f"{__file__}:{inspect.currentframe().f_lineno + 1}"  # type: ignore[union-attr]
    a = Fussy()(mg.sin(x) + y)
    f = mg.function([x, y], mg.sum(mg.cos(a)), name="f")
    values = np.zeros((10, 3))
    assert f(values, values) == 30
    assert "range(3)" in f.source()
    values[place] = 3
    with pytest.raises(ValueError, match="too large") as caught:
        f(0 * values, values)
    assert caught.value.__notes__ == [f"f: in fussy, at {where}"]


def test_an_error_in_a_loop_still_names_its_time_step() -> None:
    last, _ = mg.scan(lambda h, row: (Fussy()(h + row), None), row, mg.sin(mg.cos(x)) * y)
    f = mg.function([x, y, row], last)
    values = np.zeros((10, 3))
    values[7] = 9
    with pytest.raises(ValueError, match="too large") as caught:
        f(0 * values, values, np.zeros(3))
    assert "in fussy in time step 7, at " in caught.value.__notes__[0]
