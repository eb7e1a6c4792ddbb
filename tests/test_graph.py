"""Variables, leaves, lines, the walk, and what an error says."""

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import (
    ArgumentError,
    DTypeError,
    MinigradError,
    ShapeError,
)
from minigrad.graph import applies, leaves, substitute
from minigrad.types import Type
from minigrad.variables import Variable


def this_line(above: int = 0) -> str:
    """``file:line`` of the caller, or so many lines above it."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno - above}"


# ---------------------------------------------------------------- leaves


def test_an_input_has_a_name_a_type_and_a_line() -> None:
    x = mg.input("x", ("T", 3, "B+1"), "float64")
    assert x.where == this_line(1)
    assert (x.name, x.shape, x.dtype, x.ndim) == ("x", ("T", 3, "B + 1"), np.float64, 3)
    assert x.owner is None
    assert repr(x) == "<x: float64 (T, 3, B + 1) (input)>"


@pytest.mark.parametrize("names", ["x y z", "x, y, z", " x,y  z"])
def test_several_inputs(names: str) -> None:
    found = mg.inputs(names, (2,), "int32")
    assert [v.name for v in found] == ["x", "y", "z"]
    assert all(v.type == Type((2,), np.dtype("int32")) for v in found)


def test_a_parameter_holds_a_copy_that_can_be_set() -> None:
    start = np.ones((2, 3), "float32")
    p = mg.parameter(start, "W")
    start[:] = 7
    assert (p.get_value() == 1).all()
    p.get_value()[:] = 7
    assert (p.get_value() == 1).all()
    new = np.full((2, 3), 2.0, "float32")
    p.set_value(new)
    new[:] = 7
    assert (p.get_value() == 2).all()
    assert (p.eval() == 2).all()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "float32"),
        (3, "int64"),
        (np.float64(1.5), "float64"),
        (np.ones(2, "int8"), "int8"),
        ([1.0, 2.0], "float64"),
    ],
)
def test_dtypes_of_values(value: Any, dtype: str) -> None:
    assert mg.parameter(value).dtype == dtype
    assert mg.constant(value).dtype == dtype


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.zeros((3, 2), "float32"), ShapeError, r"parameter W has shape \(2, 3\).*\(3, 2\)"),
        (np.zeros((2, 3)), DTypeError, "parameter W is float32 and had float64.*astype"),
        (np.zeros((2, 3), complex), DTypeError, "parameter W is float32 and had complex128"),
        ([[1, 2], [3]], ArgumentError, "parameter W needs an array"),
        (mg.input("x", (2, 3)), ArgumentError, "parameter W needs numbers, and had the variable"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_changes(
    value: Any, error: type[Exception], message: str
) -> None:
    p = mg.parameter(np.ones((2, 3), "float32"), "W")
    with pytest.raises(error, match=message):
        p.set_value(value)
    assert (p.get_value() == 1).all()


def test_a_parameter_takes_smaller_dtypes_and_python_numbers() -> None:
    p = mg.parameter(np.zeros(2, "float32"))
    for value in ([1, 2], (1.0, 2.0), np.array([1, 2], "int16"), np.array([1, 2], bool)):
        p.set_value(value)
        assert p.get_value().dtype == np.float32
    p = mg.parameter(np.zeros(2, "uint8"))
    p.set_value([255, 0])
    with pytest.raises(DTypeError):
        p.set_value([256, 0])


def test_a_constant_never_changes() -> None:
    start = np.ones(3)
    c = mg.constant(start)
    start[:] = 7
    assert (c.eval() == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        c.value[:] = 7


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: mg.input("x", ("T", -1)), ShapeError, "-1 is no size"),
        (lambda: mg.input("x", ("T B",)), ShapeError, "'T B' is no dimension"),
        (lambda: mg.input("x", "T"), ShapeError, r"the shape of input x is a tuple, such as \('T'"),
        (lambda: mg.input("x", 3), ShapeError, r"the shape of input x is a tuple, such as \(3,\)"),
        (lambda: mg.input(("T",)), ArgumentError, "an input needs a name"),
        (lambda: mg.input("x", dtype="float16"), DTypeError, "float16 is not supported: use float"),
        (lambda: mg.input("x", dtype="complex64"), DTypeError, "complex64 is not supported"),
        (lambda: mg.input("x", dtype="quick"), DTypeError, "'quick' is no dtype"),
        (lambda: mg.constant("three"), DTypeError, "not supported"),
        (lambda: mg.constant(None), DTypeError, "not supported"),
        (lambda: mg.constant(2**70), DTypeError, "too large"),
        (lambda: mg.parameter(1j), DTypeError, "complex128 is not supported"),
    ],
)
def test_leaves_that_cannot_be(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


# ---------------------------------------------------------------- variables


def test_named_is_the_same_variable() -> None:
    x = mg.input("x")
    y = x + 1
    assert y.name is None
    assert y.named("y") is y
    assert y.name == "y"
    assert repr(y) == "<y: float32 () = add>"


def test_a_variable_is_no_number() -> None:
    x = mg.input("x", (2,))
    with pytest.raises(ArgumentError, match=r"no truth value .* mg\.where"):
        bool(x > 0)
    for convert in (float, int, np.asarray, lambda v: [0, 1][v]):
        with pytest.raises(ArgumentError, match=r"holds no numbers: use \.eval"):
            convert(x)


def test_an_axis_of_known_size_can_be_walked_along() -> None:
    a, b, c = mg.constant([1, 2, 3])
    assert [int(v.eval()) for v in (a, b, c)] == [1, 2, 3]
    assert len(mg.input("x", (3, "T"))) == 3
    for shape in (("T", 3), ()):
        with pytest.raises(TypeError, match="has no length known"):
            len(mg.input("x", shape))
        with pytest.raises(TypeError, match="has no length known"):
            list(mg.input("x", shape))


def test_variables_are_told_apart_by_identity() -> None:
    x, y = mg.inputs("x x")
    assert len({x, y}) == 2
    assert {x: 1}[x] == 1
    assert (x == y).eval({x: 1, y: 1})


# ---------------------------------------------------------------- lines


def test_a_gate_knows_the_line_that_asked_for_it() -> None:
    x = mg.input("x", (3,))
    y = x * 2
    assert y.where == this_line(1)
    z = mg.softmax(
        y,
    )
    assert z.where in (this_line(3), this_line(1))
    w = sum([x, y, z])
    assert w.where == this_line(1)
    v = np.tanh(x)
    assert v.where == this_line(1)


def test_a_gradient_is_born_on_the_line_of_its_gate() -> None:
    x = mg.input("x", (3,))
    y = mg.tanh(x)
    line = this_line(1)
    cost = (y * y).sum()
    gradient = mg.grad(cost, x)
    lines = {apply.where for apply in applies([gradient])}
    assert line in lines
    assert not any("minigrad" + "/" in str(where) and "tests" not in str(where) for where in lines)


def test_a_step_of_a_scan_keeps_its_lines_in_the_gradient_of_its_gradient() -> None:
    def step(h: Variable, x: Variable) -> tuple[Variable, None]:
        return mg.tanh(h + x), None

    line = this_line(2)
    x = mg.input("x", ("T",))
    last, _ = mg.scan(step, 0.0, x)
    second = mg.grad(mg.grad(last, x).sum(), x)
    bodies = [a.gate.body for a in applies([second]) if hasattr(a.gate, "body")]
    assert bodies
    assert line in {apply.where for body in bodies for apply in body.applies()}


# ---------------------------------------------------------------- errors


def xs(*shape: Any, dtype: str = "float32") -> Variable:
    return mg.input("x", shape, dtype)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: xs("B", 3) + xs("T", 3), ShapeError, r"add: .*\(B, 3\) with \(T, 3\): B is not T"),
        (lambda: xs(2, 3) * xs(3, 2), ShapeError, r"multiply: .*\(2, 3\) with \(3, 2\)"),
        (lambda: xs("B", 3) @ xs(4, 5), ShapeError, r"matmul: \(B, 3\) @ \(4, 5\): .*3, .* 4"),
        (lambda: xs(3) @ xs(4), ShapeError, r"the last size of the left, 3, is not the first"),
        (lambda: xs() @ xs(4), ShapeError, r"needs at least one axis"),
        (lambda: xs("A", 2, 3) @ xs("B", 3, 4), ShapeError, "A is not B"),
        (lambda: xs("T", 2).sum(axis=2), ShapeError, r"no axis 2 in x \(T, 2\)"),
        (lambda: xs("T", 2).sum(axis=(0, -2)), ShapeError, "name one axis twice"),
        (lambda: xs("T", 2).reshape((3, -1)), ShapeError, r"\(T, 2\) does not go into \(3, -1\)"),
        (lambda: xs(6).reshape((4,)), ShapeError, r"\(6,\) has 6 elements, \(4,\) has 4"),
        (lambda: xs(6).reshape((-1, -1)), ShapeError, "only one size"),
        (lambda: xs("T", 2).broadcast_to(("T", 3)), ShapeError, r"2 is not 3"),
        (lambda: xs("T", 2).broadcast_to((2,)), ShapeError, "does not broadcast to"),
        (lambda: xs("T", 2).squeeze(0), ShapeError, r"axis 0 of \(T, 2\) has not size 1"),
        (lambda: mg.concat([xs(2, 3), xs(2, 4)]), ShapeError, "differ on another axis than 0"),
        (lambda: mg.concat([xs(2), xs(2, 4)]), ShapeError, "one rank"),
        (lambda: mg.concat([]), ShapeError, "one rank"),
        (lambda: mg.stack([xs(2), xs(3)]), ShapeError, r"stack: \(2,\) and \(3,\) differ"),
        (lambda: mg.stack([]), ShapeError, "at least one"),
        (lambda: mg.split(xs(5), 2), ShapeError, r"\(5,\) does not go into 2 equal pieces"),
        (lambda: mg.split(xs(5), [3, 2]), ShapeError, "split: .*-1"),
        (lambda: mg.split(xs(5), [7]), ShapeError, "split: .*-2"),
        (lambda: xs("T", 2).permute_dims((0, 0)), ShapeError, r"order \(0, 0\)"),
        (lambda: xs(3)[3], ShapeError, r"index 3 is outside axis 0 of \(3,\)"),
        (lambda: xs(3)[0, 0], ShapeError, r"2 indices for x \(3,\)"),
        (lambda: xs(3)["a"], ShapeError, "an index is ints, slices"),
        (lambda: mg.take(xs(3), xs(2)), DTypeError, "take: indices must be integers.*float32"),
        (lambda: mg.cumulative_sum(xs(3, 2)), ShapeError, "needs an axis"),
        (lambda: mg.softmax(xs()), ShapeError, r"no axis -1 in x \(\)"),
        (lambda: mg.where(xs(3), 1.0, 0.0), DTypeError, "where: the condition must be bool"),
        (lambda: mg.sign(xs(3, dtype="bool")), DTypeError, "sign takes no bool"),
        (lambda: -xs(3, dtype="bool"), DTypeError, "negative takes no bool"),
        (lambda: mg.exp(xs(3, dtype="int8")), DTypeError, "float16 is not supported"),
        (lambda: xs(3).astype("complex64"), DTypeError, "complex64"),
        (lambda: mg.arange(0, 5, 0), ShapeError, "step of arange"),
        (lambda: xs(3, dtype="uint8") + 256, DTypeError, "256.*uint8"),
    ],
)  # fmt: skip
def test_an_error_says_what_and_where(build: Any, error: type[Exception], message: str) -> None:
    """It is also the error that Python users expect; those of gates end with the user's line."""
    with pytest.raises(error, match=message) as caught:
        build()
    assert isinstance(caught.value, MinigradError)
    assert isinstance(caught.value, ValueError | TypeError)
    if re.match(r"\w+: ", str(caught.value)) and caught.value.where:
        assert str(caught.value).endswith(f"\n  at {caught.value.where}")
        assert caught.value.where.startswith(__file__)


# ---------------------------------------------------------------- walking


def test_applies_come_after_what_they_need() -> None:
    x, y = mg.inputs("x y")
    a = x + y
    b = a * a
    c = b - a
    assert [str(apply.gate) for apply in applies([c])] == ["add", "multiply", "subtract"]
    assert [str(apply.gate) for apply in applies([c], known=[a])] == ["multiply", "subtract"]
    assert applies([x]) == applies([a], known=[a]) == []


def test_leaves_are_found_once_each() -> None:
    x, y = mg.inputs("x y")
    w = mg.parameter(1.0)
    a = x * w
    b = (a + y) * x
    assert set(leaves([b])) == {x, y, w}
    assert len(leaves([b, b, x])) == 3
    assert set(leaves([b], known=[a])) == {a, y, x}
    assert leaves([x]) == [x]


def test_substitute_puts_variables_in_the_place_of_others() -> None:
    x, y, z = mg.inputs("x y z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    (g,) = substitute([f], {x: z})
    assert float(g.eval({"y": 1, "z": 3})) == 12
    (h,) = substitute([f], {q: x})
    assert float(h.eval({"x": 2, "z": 5})) == 10
    assert (h.name, h.where) == (f.name, f.where)
    assert substitute([f], {mg.input("other"): z}) == [f] or substitute([f], {})[0] is f
    assert float(f.eval({"x": 1, "y": 2, "z": 3})) == 9


def test_substitutions_happen_at_once() -> None:
    x, y = mg.inputs("x y")
    (swapped,) = substitute([x - y], {x: y, y: x})
    assert float(swapped.eval({"x": 1, "y": 5})) == 4


def test_substitute_reaches_into_the_closure_of_a_scan() -> None:
    x, w, v = mg.input("x", ("T",)), mg.input("w"), mg.input("v")
    last, _ = mg.scan(lambda h, x_t: (h * w + x_t, None), 0.0, x)
    (found,) = substitute([last], {w: v * 2})
    assert float(found.eval({"x": [1, 1, 1], "v": 1})) == 7


@pytest.mark.parametrize("depth", [20_000])
def test_a_very_deep_expression_builds_differentiates_and_runs(depth: int) -> None:
    x = mg.input("x")
    y: Variable = x
    for _ in range(depth // 2):
        y = y * 0.5 + x
    assert len(applies([y])) == depth
    assert float(y.eval({x: 1.0})) == 2
    assert float(mg.grad(y, x).eval({x: 1.0})) == 2
    (other,) = substitute([y], {x: mg.constant(3.0)})
    assert float(other.eval()) == 6


def test_what_a_replacement_does_not_reach_is_left_as_it_is() -> None:
    x, y = mg.inputs("x y")
    kept, changed = mg.tanh(x), mg.exp(y)
    new = substitute([kept, changed], {x: x, y: x})  # x is an edge
    assert new[0] is kept
    assert new[1] is not changed


def test_an_error_that_knows_no_better_line_names_the_one_that_was_running() -> None:
    xs = mg.input("xs", ("T", 4))
    wrong = [
        lambda: mg.scan(lambda h, x: None, mg.zeros((4,)), xs),  # type: ignore[arg-type, return-value]
        lambda: xs[:, 7],
        lambda: xs.sum(axis=5),
        lambda: mg.function([xs], xs)(1.0),
    ]
    for line, call in enumerate(wrong, wrong[0].__code__.co_firstlineno):
        with pytest.raises(MinigradError, match=f"{Path(__file__).name}:{line}$"):
            call()
