"""Parameters in one vector: the numbers stay, the calls become few, and nobody can tell."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.errors import ShapeError
from minigrad.graph import Gate
from minigrad.interpret import evaluate
from tests.helpers import Array, assert_same

Updates = Sequence[tuple[mg.Parameter, mg.Variable]]

MAKES: dict[str, Callable[[], optim.Optimizer]] = {
    "sgd": lambda: optim.SGD(0.1, 0.9),
    "adagrad": lambda: optim.Adagrad(0.5),
    "adam": lambda: optim.Adam(0.3),
}
CLIPS: dict[str, Callable[[Any], Any]] = {
    "not at all": lambda grads: grads,
    "by value": lambda grads: optim.clip_by_value(grads, 0.1),
    "by global norm": lambda grads: optim.clip_by_global_norm(grads, 0.5),
}
WAYS: dict[str, Any] = {"flat": True, "not flat": {"flat": False}, "as written": False}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

x = mg.input("x", ("B", 3), "float64")
batch = np.random.default_rng(1).normal(size=(2, 3))


def training(make: str, clip: str = "not at all", layers: int = 2) -> tuple[mg.Variable, Updates]:
    """A cost and the updates of W (3, 3) and b (3,) of each layer."""
    rng, parameters, h = np.random.default_rng(0), [], 1 * x
    for _ in range(layers):
        W, b = mg.parameter(rng.normal(size=(3, 3))), mg.parameter(rng.normal(size=3))
        parameters += [W, b]
        h = mg.tanh(h @ W + b)
    cost = mg.square(h - 0.5).sum()
    grads = CLIPS[clip](mg.grad(cost, parameters))
    return cost, MAKES[make]().updates(grads, parameters)


def values(updates: Updates) -> list[Array]:
    return [p.get_value() for p, _ in updates]


def interpret(updates: Updates, *given: Any) -> None:
    """A call as the interpreter does it: all new values from the old ones, then stored."""
    for (p, _), new in zip(updates, evaluate([v for _, v in updates], *given), strict=True):
        p.set_value(new)


def assert_equal(found: Sequence[Array], expected: Sequence[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other, rtol=1e-12, atol=1e-13)


@each_way
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("make", MAKES)
def test_training_is_what_the_interpreter_says(make: str, clip: str, way: Any) -> None:
    (cost, updates), (same, reference) = training(make, clip), training(make, clip)
    f = mg.function([x], cost, updates, optimize=way)
    for step in (1, 2, 3):
        expected = same.eval({x: step * batch})
        interpret(reference, {x: step * batch})
        assert_equal([f(step * batch), *values(updates)], [expected, *values(reference)])


def pair(dtype: str = "float64") -> tuple[mg.Parameter, mg.Parameter]:
    a = mg.parameter(np.arange(6, dtype=dtype).reshape(2, 3))
    return a, mg.parameter(np.arange(4, dtype=dtype) + 10)


(a, b), (c, d), s = pair(), pair(), mg.parameter(np.float64(0.5))
empty, column = mg.parameter(np.ones((2, 0))), mg.parameter(np.asfortranarray(np.ones((2, 3))))
UPDATES: dict[str, Updates] = {
    "of some dtypes": [(p, p * 2 + p) for t in ("float32", "float64", "int64") for p in pair(t)],
    "of two forms": [(a, mg.sin(a)), (b, mg.sin(b)), (c, c * 0.1), (d, d * 0.2)],
    "with a scalar": [(a, a - s * a), (b, b - s * b), (s, s * s)],
    "of each other": [(a, a + c), (b, d + b), (c, c + a), (d, d + d)],
    "that read others": [(a, a * 2 + c), (b, b * 2 + d)],
    "of one": [(a, a * 2 - 1)],
    "of odd shapes": [(p, mg.sqrt(p + 1)) for p in (a, empty, s, column)],
}


@each_way
@pytest.mark.parametrize("updates", UPDATES.values(), ids=UPDATES)
def test_updates(updates: Updates, way: Any) -> None:
    f, start, after = mg.function([], None, updates, optimize=way), values(updates), []
    for call in (f, partial(interpret, updates)):
        for (p, _), value in zip(updates, start, strict=True):
            p.set_value(value)
        for _ in range(3):
            call()
        after.append(values(updates))
    assert_equal(*after)


def test_a_parameter_that_is_an_input_too_is_the_argument() -> None:
    (_, updates), (_, reference) = training("sgd"), training("sgd")
    interpret(reference, {x: batch, reference[0][0]: np.eye(3)})
    mg.function([x, updates[0][0]], None, updates)(batch, np.eye(3))
    assert_equal(values(updates), values(reference))


def count(text: str, make: str, clip: str, layers: int, way: Any = True) -> int:
    return mg.function([x], *training(make, clip, layers), optimize=way).source(B=2).count(text)


@pytest.mark.parametrize("make", ["adagrad", "adam"])
def test_there_is_one_root_and_one_argument_however_many_parameters(make: str) -> None:
    assert [count("np.sqrt(", make, "by value", layers) for layers in (1, 4)] == [1, 1]
    assert count("np.sqrt(", make, "by value", 4, {"flat": False}) == 8
    names = "parameters_s, parameters, new_parameters_s, new_parameters"
    assert count(f"def program(x, {names}):", "adagrad", "by value", 4) == 1


def test_the_global_norm_is_one_sum() -> None:
    for layers, way, sums in ((1, True, 1), (4, True, 1), (4, {"flat": False}, 8)):
        with_norm, without = (
            count(".sum(", "sgd", clip, layers, way) for clip in list(CLIPS)[::-2]
        )
        assert with_norm - without == sums


# ---------------------------------------------------------------- between calls


def three() -> list[mg.Parameter]:
    return [mg.parameter(np.full(n, float(n))) for n in (2, 3, 4)]


def test_a_value_that_was_set_is_seen() -> None:
    ps = three()
    f = mg.function([], None, [(p, p + 1) for p in ps])
    for value in (7, 8):
        ps[1].set_value([value] * 3)
        f()
    assert [p.get_value().tolist() for p in ps] == [[4, 4], [9, 9, 9], [6] * 4]


def test_functions_that_update_some_of_the_same_take_turns() -> None:
    ps, rights = three(), three()
    f = mg.function([], None, [(p, p + 1) for p in ps[:2]])
    g = mg.function([], None, [(p, p * 3) for p in ps[1:]])
    expected = [[(p, p + 1) for p in rights[:2]], [(p, p * 3) for p in rights[1:]]]
    for turn in (0, 1, 0, 0, 1, 1, 0):
        (f, g)[turn]()
        interpret(expected[turn])
        assert_equal([p.get_value() for p in ps], [p.get_value() for p in rights])


class Refuses(Gate):
    """The identity, of what is not negative."""

    def infer(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        if (x < 0).any():
            raise ValueError("negative")
        return x + 0


@pytest.mark.parametrize("set_before", [False, True])
def test_a_call_that_fails_changes_nothing(set_before: bool) -> None:
    ps, t = three(), mg.input("t", (), "float64")
    f = mg.function([t], None, [(p, p + Refuses()(p * t)) for p in ps])
    f(1)
    if set_before:
        ps[0].set_value([0, 0])
    before = [p.get_value() for p in ps]
    with pytest.raises(ValueError, match="negative"):
        f(-1)
    assert_equal([p.get_value() for p in ps], before)
    f(1)
    assert_equal([p.get_value() for p in ps], [2 * value for value in before])


def test_a_value_that_was_got_stays_as_it_is() -> None:
    ps = three()
    f = mg.function([], ps, [(p, p + 1) for p in ps])
    got = [*f(), *(p.get_value() for p in ps)]
    f()
    assert [a.tolist()[0] for a in got] == [2, 3, 4, 3, 4, 5]


def test_two_threads_call_one_function() -> None:
    ps = three()
    f = mg.function([], None, [(p, p + 1) for p in ps])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: f(), range(200)))
    assert [p.get_value().tolist() for p in ps] == [[202] * 2, [203] * 3, [204] * 4]


def test_new_values_of_another_size_are_refused_and_change_nothing() -> None:
    x, y = mg.input("x", ("T",), "float64"), mg.input("y", ("S",), "float64")
    p, q = mg.parameter(np.zeros(3), "p"), mg.parameter(np.zeros(2), "q")
    f = mg.function([x, y], None, updates=[(p, x * 2), (q, y * 2)])
    for sizes in ((2, 3), (4, 4), (1, 1)):
        with pytest.raises(ShapeError, match="the update of"):
            f(*map(np.ones, sizes))
    assert not p.get_value().any()
    assert not q.get_value().any()


def test_values_that_someone_looks_at_are_not_written_over() -> None:
    """Memory of old values is used again, but not while another thread may be reading it."""
    parameters = [mg.parameter(np.zeros(3), "p"), mg.parameter(np.zeros(2), "q")]
    f = mg.function([], None, updates=[(p, p + 1.0) for p in parameters])
    f()
    looked_at = [p._value for p in parameters]
    for _ in range(3):
        f()
    assert [a.tolist() for a in looked_at] == [[1, 1, 1], [1, 1]]
    assert [p.get_value().tolist() for p in parameters] == [[4, 4, 4], [4, 4]]


def test_a_scalar_carry_that_nobody_reads_is_no_sum() -> None:
    weights = [mg.parameter(np.ones(shape, "float32")) for shape in ((3, 2), (4,))]
    counted = mg.input("counted", ("T",))
    _, ys = mg.scan(lambda h, v: (h + v, h * v), mg.constant(np.float32(0)), counted)
    f = mg.function([counted], ys.sum(), updates=[(w, w * 0.5) for w in weights])
    assert f(np.ones(3, "float32")) == 3
    assert [w.get_value().max() for w in weights] == [0.5, 0.5]
