"""`mg.function`: what it takes, what it gives, and what it leaves alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import (
    ArgumentError,
    BackendError,
    DTypeError,
    MinigradError,
    ReentryError,
    ShapeError,
)
from minigrad.tree import flatten


class Pair(NamedTuple):
    left: Any
    right: Any


# ---------------------------------------------------------------- structures

STRUCTURES: dict[str, Callable[[Any, Any], Any]] = {
    "one": lambda a, b: a,
    "tuple": lambda a, b: (a, b),
    "tuple of one": lambda a, b: (a,),
    "list": lambda a, b: [b, a],
    "dict": lambda a, b: {"sum": a, "product": b},
    "named tuple": lambda a, b: Pair(a, b),
    "nested": lambda a, b: {"x": (a, [{"y": b}]), "none": None},
    "nothing": lambda a, b: None,
    "empty": lambda a, b: (),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_it_returns_what_outputs_was(name: str) -> None:
    x, y = mg.inputs("x y")
    build = STRUCTURES[name]
    found = mg.function([x, y], build(x + y, x * y))(3, 4)
    expected = build(np.float32(7), np.float32(12))
    assert flatten(found) == flatten(expected)
    assert all(type(a) is np.ndarray and a.dtype == np.float32 for a in flatten(found)[0])


@pytest.mark.parametrize("name", ["tuple", "list", "dict", "named tuple", "nested"])
def test_an_argument_is_nested_as_its_input_is(name: str) -> None:
    a, b, scale = mg.inputs("a b scale")
    build = STRUCTURES[name]
    f = mg.function([build(a, b), scale], (a - b) * scale)
    assert f(build(5, 3), 10) == 20
    for wrong in (5, [], [[5, 3]], {"sum": 5}):
        with pytest.raises(ArgumentError, match="argument number 1 of function must be nested"):
            f(wrong, 10)


def test_an_error_in_a_nested_argument_names_the_leaf() -> None:
    state = {"h": mg.input("h", ("B",)), "c": mg.input("c", ("B",))}
    f = mg.function([state], state["h"] + state["c"], name="step")
    with pytest.raises(DTypeError, match=r"argument number 1\['c'\] of step is float32"):
        f({"h": np.ones(2, "float32"), "c": np.ones(2)})


def test_one_input_needs_no_list_and_none_is_possible() -> None:
    x = mg.input("x")
    assert mg.function(x, x + 1)(1) == 2
    assert mg.function([], mg.constant(2) * 3)() == 6


def test_arguments_by_name() -> None:
    x, y, z = mg.inputs("x y z")
    f = mg.function([x, y, z], x + 10 * y + 100 * z)
    assert f(1, 2, 3) == f(1, z=3, y=2) == f(x=1, y=2, z=3) == 321


def test_outputs_keep_their_dtypes_next_to_each_other() -> None:
    """A number among the outputs does not adapt to the output beside it, as an operand would."""
    x = mg.input("x", (), "float64")
    found = mg.function([x], [x, mg.constant(1), mg.constant(0.5), 2, x > 0])(1)
    assert [a.dtype.name for a in found] == ["float64", "int64", "float32", "int64", "bool"]


def test_an_input_may_be_any_variable() -> None:
    x, w = mg.input("x"), mg.parameter(3.0, "w")
    q = x * w
    assert mg.function([q], q + 1)(10) == 11
    assert mg.function([x, w], q)(2, 5) == 10  # a parameter as an argument
    assert float(w.get_value()) == 3


def test_what_lies_behind_an_input_is_not_rewritten() -> None:
    """A loop is merged with its residual twin in front of the cut, not behind it."""
    xs = mg.input("xs", ("T",), "float64")
    w = mg.parameter(np.float64(0.5), "w")
    last, ys = mg.scan(lambda h, x: (mg.tanh(h * w + x),) * 2, np.float64(0), xs)
    q = ys * 2
    cost = (q * q).sum() + last
    outputs = [cost, mg.grad(cost, w)]
    found = mg.function([xs, q], outputs)([0.1, 0.2], [1.0, 2.0])
    expected = [v.eval({xs: [0.1, 0.2], q: [1.0, 2.0]}) for v in outputs]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# ---------------------------------------------------------------- what arguments may be

CASTS: dict[str, tuple[str, list[Any]]] = {
    "float32": ("float32", [2, 2.5, True, np.int8(2), np.int16(2), np.bool_(True), np.float32(2)]),
    "float64": ("float64", [2, 1e300, np.float32(2), np.int64(2), np.arange(1)[0], True]),
    "int64": ("int64", [2, True, np.int32(-2), np.uint32(2)]),
    "int32": ("int32", [-(2**31), np.uint16(2)]),
    "uint8": ("uint8", [255, 0, False]),
    "bool": ("bool", [True, np.bool_(False)]),
}
REFUSED: dict[str, tuple[str, list[Any]]] = {
    "float32": ("float32", [np.float64(2), np.int32(2), np.int64(2), np.ones(())]),
    "int64": ("int64", [2.5, np.float32(2), np.uint64(2), 2**63]),
    "int32": ("int32", [2**31, np.int64(2)]),
    "uint8": ("uint8", [256, -1, np.int8(1)]),
    "bool": ("bool", [1, 0.0, np.int8(1)]),
}


@pytest.mark.parametrize("dtype", CASTS)
def test_arguments_are_cast_where_nothing_is_lost(dtype: str) -> None:
    name, values = CASTS[dtype]
    f = mg.function([x := mg.input("x", (), name)], x)
    for value in values:
        assert f(value).dtype == name
        assert f(value) == value


@pytest.mark.parametrize("dtype", REFUSED)
def test_arguments_are_refused_where_something_could_be_lost(dtype: str) -> None:
    name, values = REFUSED[dtype]
    f = mg.function([x := mg.input("x", (), name)], x, name="f")
    for value in values:
        with pytest.raises(DTypeError, match=rf"argument x of f is {name} and had .*: cast it"):
            f(value)


@pytest.mark.parametrize("value", [1j, "2", None, object(), {}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    f = mg.function([x := mg.input("x")], x, name="f")
    with pytest.raises(DTypeError, match="argument x of f is float32"):
        f(value)


def test_lists_adapt_and_arrays_do_not() -> None:
    f = mg.function([x := mg.input("x", ("T", 2))], x)
    assert f([[1, 2], [3.5, True]]).dtype == np.float32
    assert f(((1, 2),)).shape == (1, 2)
    assert f(np.asfortranarray(np.ones((3, 2), "float32"))).flags.c_contiguous
    assert f(np.ones((3, 2), ">f4")).dtype == np.dtype("float32")  # of another byte order
    with pytest.raises(DTypeError, match=r"argument x .* had float64"):
        f([np.ones(2), np.ones(2)])


WRONG: dict[str, tuple[Callable[[Any], Any], type[MinigradError], str]] = {
    "too few": (lambda f: f([1]), ArgumentError, r"f takes 2 arguments \(x, y\) and had 1"),
    "too many": (lambda f: f([1], [2], [3]), ArgumentError, r"takes 2 arguments .* had 3"),
    "unknown name": (lambda f: f([1], z=[1]), ArgumentError, r"f: the argument 'z' is none of"),
    "given twice": (lambda f: f([1], [1], x=[1]), ArgumentError, r"f: the argument 'x' was given"),
    "missing": (lambda f: f(x=[1]), ArgumentError, r"f: the arguments \['y'\] are missing"),
    "rank": (
        lambda f: f([1], 1),
        ShapeError,
        r"argument y of f needs 1 axes, \(T,\), and had 0, \(\)",
    ),
    "size": (
        lambda f: f([1, 2, 3], [1, 2]),
        ShapeError,
        r"axis 0 of argument y of f has size 2 and needs T = 3 \(T=3 by axis 0 of argument x of f",
    ),
    "ragged": (lambda f: f([[1], [1, 2]], [1]), ArgumentError, "argument x of f needs an array"),
    "a variable": (
        lambda f: f(mg.input("v", (1,)), [1]),
        ArgumentError,
        "argument x of f needs numbers, and had the variable",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name: str) -> None:
    call, error, message = WRONG[name]
    x, y = mg.inputs("x y", ("T",))
    f = mg.function([x, y], x + y, name="f")
    with pytest.raises(error, match=message):
        call(f)


def test_a_name_that_several_inputs_have_cannot_be_used() -> None:
    a, b = mg.inputs("x x")
    f = mg.function([a, b], a - b)
    assert f(3, 1) == 2
    with pytest.raises(ArgumentError, match="'x' is the name of several"):
        f(x=3)


def test_sizes_with_arithmetic() -> None:
    x, y = mg.input("x", ("2*T",)), mg.input("y", ("T - 1",))
    f = mg.function([y, x], x.sum() + y.sum() + mg.arange("T").sum())
    assert f([1, 1], [1] * 6) == 11
    with pytest.raises(ShapeError, match=r"axis 0 of argument x .* has size 5 and needs 2\*T = 6"):
        f([1, 1], [1] * 5)


MISUSE: dict[str, tuple[Callable[[Any, Any], Any], type[MinigradError], str]] = {
    "an input that is missing": (
        lambda x, p: mg.function([], x * p, name="f"),
        ArgumentError,
        "f: x is needed, and is no input of it",
    ),
    "an input twice": (lambda x, p: mg.function([x, [x]], x), ArgumentError, "x is an input twice"),
    "a constant as an input": (
        lambda x, p: mg.function([mg.constant(1)], x),
        ArgumentError,
        "an input must be a Variable that can vary",
    ),
    "a number as an input": (lambda x, p: mg.function([1], x), ArgumentError, "must be a Variable"),
    "an update of an input": (
        lambda x, p: mg.function([x], x, [(x, x + 1)]),
        ArgumentError,
        "only parameters can be updated, and .*x",
    ),
    "two updates of one": (
        lambda x, p: mg.function([x], x, [(p, p + 1), (p, p + 2)]),
        ArgumentError,
        "two updates of p",
    ),
    "an update of another dtype": (
        lambda x, p: mg.function([x], x, [(p, p * np.float64(2))]),
        DTypeError,
        "the update of p is float64, and it is float32: use .astype",
    ),
    "an update of another shape": (
        lambda x, p: mg.function([x], x, [(p, p[:2])]),
        ShapeError,
        r"the update of p has shape \(2,\), and it has \(3,\)",
    ),
    "an update of another rank": (
        lambda x, p: mg.function([x], x, [(p, p.sum())]),
        ShapeError,
        r"the update of p has shape \(\)",
    ),
    "a given of another type": (
        lambda x, p: mg.function([], x, givens={x: mg.constant([1.0])}),
        ArgumentError,
        r"givens: x is float32 \(\), what stands for it float64 \(1,\)",
    ),
    "a given for a name": (
        lambda x, p: mg.function([x], x, givens={"x": 1}),
        ArgumentError,
        "givens maps variables, and 'x' is none",
    ),
    "an unknown pass": (
        lambda x, p: mg.function([x], x, optimize={"shrae": False}),
        ArgumentError,
        r"there is no pass \['shrae'\]; there are \['algebra'",
    ),
    "an unknown backend": (
        lambda x, p: mg.function([x], x, backend="fortran"),
        BackendError,
        'there is no backend \'fortran\' .*use "numpy", "c", "cupy" or "auto"',
    ),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse_is_refused_when_the_function_is_made(name: str) -> None:
    build, error, message = MISUSE[name]
    x, p = mg.input("x"), mg.parameter(np.zeros(3, "float32"), "p")
    with pytest.raises(error, match=message):
        build(x, p)


# ---------------------------------------------------------------- results


@pytest.mark.parametrize("n", [3, 500])
def test_results_share_memory_with_nothing(n: int) -> None:
    """Not with arguments, parameters, constants, or each other; nor with those of another call."""
    x = mg.input("x", ("T", 2), "float64")
    p = mg.parameter(np.arange(2.0 * n).reshape(n, 2), "p")
    large, small = mg.constant(np.arange(40.0)), mg.constant(np.arange(2.0))
    y = x * 2
    last, rows = mg.scan(lambda h, r: (h, (h, r)), x, p)  # the carry only carries itself on
    outputs = [
        *(x, x, p, p, large, small, small, mg.constant(1.0)),
        *(x.T, x[:1], x.reshape((-1,)), x.expand_dims(0), x.stop_gradient()),
        *(mg.broadcast_to(x[0], (5, 2)), mg.broadcast_to(p[0, 0], (2,)), x[0, 0], x[0, 0]),
        *(y, y, y.T, y[1:], *mg.split(y.T, [1]), p[1:], p.T, large[3:], small[::-1]),
        *(last, *rows),
    ]
    f = mg.function([x], outputs, updates=[(p, p)])
    argument = np.ones((n, 2))
    first = f(argument)
    expected = [a.copy() for a in first]
    owned = [argument, p._value, large.value, small.value, *f(argument * 3)]
    for i, (a, right) in enumerate(zip(first, expected, strict=True)):
        np.testing.assert_array_equal(a, right)  # the second call left it alone
        assert a.flags.writeable
        for other in [*first[:i], *owned]:
            assert not np.may_share_memory(a, other)
        a[...] = -1
    for a, right in zip(f(argument), expected, strict=True):
        np.testing.assert_array_equal(a, right)


def test_what_becomes_of_an_argument_later_does_not_matter() -> None:
    x = mg.input("x", (2,))
    p = mg.parameter(np.zeros(2, "float32"), "p")
    f = mg.function([x], p, updates=[(p, x)])
    argument = np.ones(2, "float32")
    f(argument)
    argument[:] = 7
    assert (p.get_value() == 1).all()


# ---------------------------------------------------------------- givens


def test_givens_replace_variables() -> None:
    x, y = mg.inputs("x y")
    w = mg.parameter(3.0, "w")
    q = x * w
    cost = q + 1
    assert mg.function([x], cost, givens={w: 5})(2) == 11
    assert mg.function([y], cost, givens={x: y * y})(2) == 13
    assert mg.function([x], cost, givens={x: x + 1})(2) == 10  # once, not again and again
    assert mg.function([y], cost, givens={q: y})(2) == 3
    assert mg.function([x, y], cost, givens={x: y, y: x})(2, 5) == 16
    assert mg.function([q], cost, givens={x: 1})(2) == 3  # what is behind an input does not count


def test_givens_reach_updates_and_loops() -> None:
    x = mg.input("x", (2,))
    w = mg.parameter(2.0, "w")
    last, _ = mg.scan(lambda h, u: (h * w + u, None), 0.0, x)
    f = mg.function([], last, updates=[(w, w + last)], givens={x: mg.constant([1, 2], "float32")})
    assert f() == 4
    assert float(w.get_value()) == 6


def test_a_function_that_is_called_while_it_runs_says_so() -> None:
    class Caller(mg.Gate):
        def infer(self, x: Any) -> Any:
            return x

        def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
            return np.asarray(f(x))  # not to be written down: it is called

    x = mg.input("x", (3,), "float64")
    f = mg.function([x], Caller()(x))
    with pytest.raises(ReentryError, match="is called while it runs"):
        f(np.ones(3))
    with pytest.raises(ReentryError):  # and not a deadlock
        f(np.ones(3))


def test_default_updates_of_what_only_default_updates_need() -> None:
    p, q, r = (mg.parameter(float(i), name) for i, name in enumerate("pqr"))
    p.default_update, q.default_update = p + q, q + r
    f = mg.function([], p * 1)
    assert [float(f()) for _ in range(4)] == [0, 1, 4, 9]


def test_its_graph_is_what_was_asked_for_by_name() -> None:
    x, w, nameless = mg.input("x"), mg.parameter(2.0, "w"), mg.parameter(1.0)
    cost, new = (x * w).named("cost"), w - 1
    f = mg.function([x], [cost, cost, mg.tanh(x)], [(w, new), (nameless, nameless * 2)])
    before = f.graph["cost"].eval({x: 3})
    assert list(f.graph) == ["cost", "cost [1]", "out[2]", "new w", "new value"]
    assert f.graph["cost"].name == "cost"
    assert f(3)[0] == before == 6
