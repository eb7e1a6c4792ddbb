"""Evaluation: what may be given for what, and what is said when it does not fit."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from minigrad.interpret import evaluate


def test_values_are_given_by_variable_or_by_name() -> None:
    x, y = mg.inputs("x y")
    assert float((x - y).eval({x: 5, "y": 3})) == 2


def test_a_value_may_be_given_for_any_variable() -> None:
    x, y, z = mg.inputs("x y z")
    q = x + y
    f = q * z
    assert float(f.eval({q: 3, z: -4})) == -12
    with pytest.raises(ArgumentError, match=r"x.* has no value: give one"):
        f.eval({z: -4})


def test_a_parameter_has_the_value_it_holds_unless_another_is_given() -> None:
    w = mg.parameter(3.0, "w")
    assert float((w * 2).eval()) == 6
    assert float((w * 2).eval({w: 5})) == float((w * 2).eval({"w": 5})) == 10
    assert float(w.get_value()) == 3


def test_shapes_and_dtypes_of_results() -> None:
    x = mg.input("x", ("T", 2))
    found = (x > 0).sum(axis=0).eval({x: np.ones((3, 2), "float32")})
    assert (found.shape, found.dtype) == ((2,), np.int64)
    assert isinstance(mg.constant(1.0).eval(), np.ndarray)


def test_precise_is_float64_throughout() -> None:
    x = mg.input("x", ())
    y = (x.astype("float32") + mg.zeros((), "float32")) / 3
    (found,) = evaluate([y], {x: 1.0}, precise=True)
    assert found.dtype == np.float64
    assert found == 1 / 3


def test_names_of_sizes_are_found_from_all_values() -> None:
    x, y = mg.input("x", ("T-1",)), mg.input("y", ("T",))
    total = mg.arange("T").sum() + x.sum() + y.sum()
    assert float(total.eval({x: [0, 0], y: [1, 1, 1]})) == 6


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"z": 1}, UnknownNameError, r"no leaf is named 'z'; there are \['x', 'y'\]"),
        ({"x": [1, 2]}, ArgumentError, "y.* has no value"),
        ({"x": [1, 2], "y": [1, 2, 3]}, ShapeError, r"axis 0 of y has size 3 and needs T = 2"),
        ({"x": 1, "y": [1]}, ShapeError, r"x needs 1 axes, \(T,\), and had 0, \(\)"),
        ({"x": np.ones(2), "y": [1, 2]}, DTypeError, "x is float32 and had float64.*astype"),
        ({"x": ["a"], "y": [1]}, DTypeError, "x is float32 and had <U1"),
        ({"x": [[1], [2, 3]], "y": [1]}, ArgumentError, "x needs an array"),
    ],
)
def test_values_that_do_not_fit(values: Any, error: type[Exception], message: str) -> None:
    x, y = mg.inputs("x y", ("T",))
    with pytest.raises(error, match=message):
        (x + y).eval(values)


def test_a_name_that_two_leaves_have_is_refused() -> None:
    a, b = mg.inputs("x x")
    with pytest.raises(UnknownNameError, match="several leaves are named 'x'"):
        (a + b).eval({"x": 1})


def test_an_error_while_running_names_the_gate_the_line_and_the_time_step() -> None:
    table, ids = mg.input("table", (3, 2)), mg.input("ids", ("T",), "int64")

    def step(carry: None, i: mg.Variable) -> Any:
        return carry, mg.take(table, i)

    _, rows = mg.scan(step, None, ids)
    with pytest.raises(IndexError, match="out of bounds") as caught:
        rows.eval({table: np.zeros((3, 2), "float32"), ids: [0, 1, 3]})
    notes = "\n".join(caught.value.__notes__)
    assert "in take, at " + __file__ in notes
    assert "time step 2" in notes


def test_a_size_below_zero_is_found_when_it_runs() -> None:
    x = mg.input("x", ("T",))
    with pytest.raises(ShapeError, match=r"the shape would be \(-1,\)"):
        x[3:].eval({x: [1, 2]})


def test_a_slice_beyond_the_end_of_a_named_axis_is_found_when_it_runs() -> None:
    x = mg.input("x", ("T",))
    assert x[:3].eval({x: [1, 2, 3, 4]}).shape == (3,)
    with pytest.raises(ShapeError, match="index 2 is outside axis 0"):
        x[:3].eval({x: [1, 2]})
