"""Graphs made at random, from a list of numbers.

Each number is a decision: which gate, on what. Variables are kept in a pool; gates that do not fit
what was chosen for them are passed over. Values stay small, so that rounding does; no gate makes
float32 of anything else.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from typing import Any, TypeVar

import numpy as np

import minigrad as mg
from minigrad.errors import MinigradError
from minigrad.variables import Variable
from tests.helpers import Array

Pool = list[Variable]
_Option = TypeVar("_Option")

AXIS = 3  # the size of the axes that are not named T or B


class Choices:
    """Decisions, read off a list of numbers again and again."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = cycle(numbers)

    def of(self, options: Iterable[_Option]) -> _Option:
        options = list(options)
        return options[next(self._numbers) % len(options)]

    def take(self, count: int) -> list[int]:
        """Some of the numbers, for decisions that are made later, maybe more than once."""
        return list(islice(self._numbers, count))


# ---------------------------------------------------------------- gates

UNARY: list[Callable[[Variable], Variable]] = [
    mg.tanh,
    mg.sigmoid,
    mg.softplus,
    mg.relu,
    mg.abs,
    mg.sin,
    lambda x: -x,
    lambda x: mg.exp(-x * x),
    lambda x: mg.log(1 + x * x),
    lambda x: mg.sqrt(x * x + 0.5),
    lambda x: 0.5 * x,
    lambda x: 2 - x,
    lambda x: x * 0,
    lambda x: x**2 * 0.25,
    lambda x: x.clip(-0.5, 0.5),
    lambda x: x.astype("float64"),
    lambda x: x.stop_gradient(),
    lambda x: x.mT,
    lambda x: x.reshape((-1,)),
    lambda x: x.expand_dims(0),
    lambda x: mg.broadcast_to(x, (2, *x.shape)),
]

BINARY: list[Callable[[Variable, Variable], Variable]] = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x - y,
    lambda x, y: x / (1 + y * y),
    mg.maximum,
    mg.minimum,
    lambda x, y: x < y,
    lambda x, y: x == y,
    lambda x, y: mg.where(x > y, x, y),
    lambda x, y: mg.concat([x, y]),
    lambda x, y: mg.concat([x, y, x], axis=x.ndim - 1),
    lambda x, y: mg.stack([x, y]),
]

# Of some size, also 0.
ALONG_ANY_AXIS: list[Callable[[Variable, int], Variable]] = [
    lambda x, axis: x.sum(axis=axis) * 0.5,
    lambda x, axis: x.sum(axis=axis, keepdims=True) * 0.5,
    lambda x, axis: x.softmax(axis=axis),
    lambda x, axis: x.log_softmax(axis=axis),
    lambda x, axis: x.logsumexp(axis=axis).clip(-9, 9),
    lambda x, axis: x.cumulative_sum(axis=axis) * 0.5,
    lambda x, axis: x.flip(axis=axis),
    lambda x, axis: x[(slice(None),) * axis + (slice(None, None, 2),)],
]

# Of a size that is a number, and not 0.
ALONG_FIXED_AXIS: list[Callable[[Variable, int], Variable]] = [
    lambda x, axis: x.mean(axis=axis),
    lambda x, axis: x.max(axis=axis),
    lambda x, axis: x.argmax(axis=axis),
    lambda x, axis: x.argmax(axis=axis).one_hot(AXIS, "float64"),
    lambda x, axis: x[(slice(None),) * axis + (-1,)],
    lambda x, axis: x[(slice(None),) * axis + (slice(0, 1),)],
    lambda x, axis: mg.take(x, np.array([[0, -1], [0, 0]]), axis=axis),
    lambda x, axis: mg.concat(mg.split(x, [1], axis=axis)[::-1], axis=axis),
]


def grow(choose: Choices, pool: Pool, count: int, loops: int = 0) -> Pool:
    """`pool` and what `count` gates make of it; with loops in loops, `loops` deep."""
    pool = list(pool)
    for _ in range(count):
        kind = choose.of([_unary, _binary, _matmul, _along_axis, *[_loop] * bool(loops)])
        try:
            pool += kind(choose, pool, choose.of(pool[-6:]), loops)
        except MinigradError:  # it does not fit
            continue
    return pool


def _unary(choose: Choices, pool: Pool, x: Variable, _: int) -> Pool:
    return [choose.of(UNARY)(x)]


def _binary(choose: Choices, pool: Pool, x: Variable, _: int) -> Pool:
    return [choose.of(BINARY)(x, choose.of(pool))]


def _matmul(choose: Choices, pool: Pool, x: Variable, _: int) -> Pool:
    y = choose.of(v for v in pool if v.ndim == 2)
    return [x @ choose.of([y, y.mT])]


def _along_axis(choose: Choices, pool: Pool, x: Variable, _: int) -> Pool:
    axis = choose.of(range(max(x.ndim, 1)))
    fixed = x.ndim and isinstance(x.shape[axis], int) and x.shape[axis]
    return [choose.of(ALONG_ANY_AXIS + (ALONG_FIXED_AXIS if fixed else []))(x, axis)]


def _loop(choose: Choices, pool: Pool, xs: Variable, loops: int) -> Pool:
    """A scan over xs, or over no sequence, whose step closes over the whole pool."""
    init = [choose.of(pool) for _ in range(choose.of([1, 2, 3]))]
    numbers, outputs = choose.take(31), choose.of([1, 2])

    def step(carry: Pool, x: Variable | None) -> tuple[Pool, Pool]:
        again = Choices(numbers)
        inner = grow(again, [*pool, *([] if x is None else [x]), *carry], 8, loops - 1)
        new = [again.of(v for v in inner[::-1] if v.type == c.type) for c in carry]
        return [c.sin() if c.type.differentiable else c for c in new], inner[-outputs:]

    sequence = None if choose.of([0, 0, 0, 1]) else xs
    length = xs.shape[0] if xs.ndim else 2
    last, ys = mg.scan(step, init, sequence, length, reverse=choose.of([False, True]))
    return [*last, *ys]


# ---------------------------------------------------------------- leaves, costs


def leaves(floats: str, sizes: dict[str, int]) -> dict[Variable, Array]:
    """Inputs, parameters and their values."""
    rng = np.random.default_rng(0)
    named = {"a": ("T", "B", AXIS), "b": ("B", AXIS), "c": (AXIS,), "d": (), "t": ("T",)}
    found: dict[Variable, Array] = {}
    for name, shape in named.items():
        actual = tuple(sizes.get(str(size), size) for size in shape)
        found[mg.input(name, shape, floats)] = rng.uniform(-1.5, 1.5, actual).astype(floats)
    found[mg.input("ids", ("B",), "int64")] = rng.integers(0, AXIS, sizes["B"])
    for name, shape in {"W": (AXIS, AXIS), "bias": (AXIS,)}.items():
        value = rng.uniform(-1.5, 1.5, shape).astype(floats)
        found[mg.parameter(value, name)] = value
    return found


def constants(floats: str) -> Pool:
    """What can be folded."""
    return [mg.constant(0.5, floats), mg.constant([0, 1, -2], floats), mg.constant(2, "int64")]


def with_gradients(outputs: Pool, wrt: Iterable[Variable]) -> Pool:
    """`outputs`, and the gradient of a cost that all their elements enter."""
    terms = [mg.sin(v + 0.25).sum() for v in outputs if v.type.differentiable]
    if not terms:
        return outputs
    cost: Any = sum(terms[1:], terms[0])
    floats = [v for v in wrt if v.type.differentiable]
    return [*outputs, cost, *mg.grad(cost, floats, unused="zeros")]
