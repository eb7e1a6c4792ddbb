"""associative_scan equals the sequential loop, for every size, in value and gradient."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.dims import evaluate
from minigrad.errors import ScanError, ShapeError
from minigrad.graph import applies, leaves
from minigrad.loops import Scan
from minigrad.tree import flatten, tree_map
from minigrad.variables import Input, Variable
from tests.helpers import Array, assert_same, precise, weighted
from tests.loops.programs import plain_loop

SIZES = [*range(18), 63, 64, 65, 72, 131]


def linear(p: Any, q: Any) -> Any:
    """Two steps of h → a·h + b as one: first p, then q."""
    return {"a": q["a"] * p["a"], "b": q["a"] * p["b"] + q["b"]}


def product(p: Variable, q: Variable) -> Variable:
    """Matrix products, which do not commute; the axis of the scan may be any in front."""
    return p @ q


OPS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    # name: (op, xs of a size)
    "sum": (lambda p, q: p + q, lambda n: mg.input("x", (n,))),
    "maximum": (mg.maximum, lambda n: mg.input("x", (n, 2))),
    "linear recurrence": (
        linear,
        lambda n: {"a": mg.input("a", (n, 2)), "b": mg.input("b", (n, 2))},
    ),
    "matrix product": (product, lambda n: mg.input("x", (n, 2, 2))),
    "a pair of unlike shapes": (
        lambda p, q: (p[0] * q[0], p[1] + q[1]),
        lambda n: (mg.input("a", (n,)), mg.input("b", (n, 3))),
    ),
}


def sequential(op: Callable[..., Any], xs: Any, reverse: bool) -> Any:
    """x0, op(x0, x1), op(op(x0, x1), x2) … one after the other."""
    rows = flatten(xs)[0][0].shape[0]
    if rows == 0:
        return xs
    first = rows - 1 if reverse else 0
    rest = tree_map(lambda x: x[:first] if reverse else x[1:], xs)
    start = tree_map(lambda x: x[first], xs)
    if rows == 1:
        return xs

    def step(carry: Any, x: Any) -> Any:
        new = op(carry, x)
        return new, new

    _, others = plain_loop(step, start, rest, reverse=reverse)
    parts = (lambda s, o: [o, s[None]]) if reverse else (lambda s, o: [s[None], o])
    return tree_map(lambda s, o: mg.concat(parts(s, o)), start, others)


def facts(ys: Any) -> list[Variable]:
    """The prefixes and their gradient in each input."""
    outputs = flatten(ys)[0]
    cost, weights = weighted(outputs)
    wrt = [v for v in leaves(outputs) if v.owner is None and v not in set(weights)]
    inputs = sorted((v for v in wrt if isinstance(v, Input)), key=lambda v: str(v.name))
    return [*outputs, *mg.grad(cost, inputs, unused="zeros")]


def measured(variables: list[Variable], n: int) -> list[Array]:
    at = {}
    for v in leaves(variables):
        if isinstance(v, Input):
            shape = tuple(s if isinstance(s, int) else n for s in v.shape)
            rng = np.random.default_rng(len(v.name or ""))
            at[v] = rng.permutation(np.linspace(-1, 1.3, int(np.prod(shape)))).reshape(shape)
    return precise(variables, at)


@cache
def by_name(name: str, reverse: bool) -> list[Variable]:
    op, xs = OPS[name]
    return facts(mg.associative_scan(op, xs("N"), reverse=reverse))


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_equals_the_sequential_loop(name: str, reverse: bool, n: int) -> None:
    """Of a size that is a number, and of one that is a name."""
    op, xs = OPS[name]
    right = measured(facts(sequential(op, xs(n), reverse)), n)
    halved = measured(facts(mg.associative_scan(op, xs(n), reverse=reverse)), n)
    doubled = measured(by_name(name, reverse), n)
    for a, b, c in zip(right, halved, doubled, strict=True):
        assert_same(b, a, rtol=1e-9, atol=1e-11)
        assert_same(c, a, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shape", [(3, 5, 2), (3, "N", 2)])
@pytest.mark.parametrize("axis", [1, -2])
def test_along_another_axis(shape: Any, axis: int) -> None:
    x = mg.input("x", shape)
    at = {x: np.random.default_rng(0).uniform(size=(3, 5, 2)).astype("float32")}
    found = mg.associative_scan(lambda p, q: p + q, x, axis=axis)
    assert_same(found.eval(at), np.cumsum(at[x], axis=1))
    found = mg.associative_scan(mg.multiply, x, reverse=True, axis=axis)
    assert_same(found.eval(at), np.flip(np.cumprod(np.flip(at[x], 1), 1), 1))


def test_its_depth_is_the_logarithm_of_the_size() -> None:
    """Of a number: few gates, no loop. Of a name: loops of N / 8 steps, and of fewer than 8."""

    def count(n: int) -> int:
        return len(applies([mg.associative_scan(mg.add, mg.input("x", (n,)))]))

    assert count(1024) - count(512) == count(512) - count(256)
    ys = mg.associative_scan(mg.add, mg.input("x", ("N",)))
    lengths = [a.gate.length for a in applies([ys]) if isinstance(a.gate, Scan)]
    assert [evaluate(n, {"N": 8 * 5 + 2}) for n in lengths] == [5, 2]


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: mg.associative_scan(mg.add, ()), ScanError, "at least one array"),
        (
            lambda: mg.associative_scan(mg.add, (mg.input("a", (3,)), mg.input("b", (4,)))),
            ScanError,
            "sizes along axis 0 differ",
        ),
        (
            lambda: mg.associative_scan(mg.less, mg.input("x", (3,))),
            ScanError,
            "op made .*bool.* of .*float32.*: it must keep shapes and dtypes",
        ),
        (
            lambda: mg.associative_scan(lambda p, q: p.sum(), mg.input("x", (4,))),
            (ScanError, ShapeError),
            "keep shapes and dtypes|no axis",
        ),
        (lambda: mg.associative_scan(mg.add, mg.input("x", ())), ShapeError, "no axis 0"),
        (lambda: mg.associative_scan(mg.add, mg.input("x", (3,)), axis=1), ShapeError, "no axis 1"),
    ],
)
def test_errors(build: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        build()
