"""Which forwards can be written down as source, and what becomes of those that cannot.

Written down or called, a gate gives what its forward gives.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minigrad as mg

Forward = Callable[[Any, Any], Any]

X = np.array([[-1.5, 0.25, 3.0], [2.0, -0.75, 0.5]])


@dataclass(frozen=True)
class Own(mg.Gate):
    """A user's gate: float64 of a fixed shape to the same."""

    rule: Forward

    def infer(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return self.rule(xp, x)


def compiled(rule: Forward) -> mg.Function:
    x = mg.input("x", X.shape, "float64")
    return mg.function([x], Own(rule)(x))


# ---------------------------------------------------------------- what can be written


def item_assignment(xp: Any, x: Any) -> Any:
    out = xp.zeros(x.shape, x.dtype)
    out[0] = x[1]
    out[1:, :2] = x[:1, 1:]
    out[..., -1] = 7.0
    out[x > 1] = -1
    return out


def in_place(xp: Any, x: Any) -> Any:
    y = xp.exp(x)
    y += x
    y[0] *= 2
    y -= 1
    return y


def in_place_through_a_view(xp: Any, x: Any) -> Any:
    out = xp.zeros(x.shape, x.dtype)
    row = out[0]
    row += x[1]
    return out


def in_place_on_a_number(xp: Any, x: Any) -> Any:
    """It binds the name anew; what else the number was called stays."""
    total = before = xp.sum(x)
    total += 1
    return x * before + total


def known_shapes(xp: Any, x: Any) -> Any:
    """Sizes and dtypes of the arguments are known, so Python may count and branch on them."""
    assert x.dtype == np.float64
    rows = [x[i] * i for i in range(x.shape[0])]
    return xp.stack(rows) if x.ndim == 2 else x


WRITABLE: dict[str, Forward] = {
    "the input itself": lambda xp, x: x,
    "functions": lambda xp, x: xp.tanh(xp.add(x, 1)),
    "arithmetic": lambda xp, x: (x + x * 2 - x / 3) // 0.7 % 5 + x**2 + x @ x.T @ x,
    "arithmetic from the left": lambda xp, x: 1 + 2 * x + (3 - x) + 4 / (x + 9) + 5 // x + 6 % x,
    "a power of a negative number": lambda xp, x: (-2.0) ** xp.rint(x),
    "signs": lambda xp, x: -abs(-x),
    "comparisons": lambda xp, x: (x < 1) + 2.0 * (x <= 2) + 4 * (x > 0.5) + 8 * (x >= 0.5),
    "equality": lambda xp, x: (x == 2) + 2.0 * (x != 0.5),
    "logic": lambda xp, x: ((x > 0) & (x < 1) | ~(x > -1) ^ (x > 2)) * x,
    "bits": lambda xp, x: ((x.astype("int64") << 3) >> 1) * 1.0,
    "slices": lambda xp, x: x[:, ::-1][::1, 0:3] + x[0] + x[:, 1:2] + x[-1, -1] + x[..., :1],
    "new axes": lambda xp, x: (x[None, :, xp.newaxis, :] + x[np.newaxis, :, None])[0, :, 0],
    "index arrays": lambda xp, x: x[:, xp.argsort(x[0])] + x[[0, -1]] + x[([1, 0],)],
    "a mask": lambda xp, x: x * x[x > 0].sum(),
    "an empty index": lambda xp, x: x[()],
    "slice objects": lambda xp, x: x[(slice(None), slice(None, None, -1))] + x[slice(0, 1)],
    "methods": lambda xp, x: x.sum(axis=0, keepdims=True) * x.T.copy().T,
    "attributes of results": lambda xp, x: xp.exp(x).T.T * xp.exp(x).shape[0] * xp.exp(x).ndim,
    "functions of functions": lambda xp, x: xp.maximum.accumulate(x, axis=1) * xp.linalg.norm(x),
    "add.at": lambda xp, x: [y := xp.zeros(x.shape), xp.add.at(y, (slice(None), [0, 0]), 1), y][-1],
    "lists": lambda xp, x: xp.concatenate([x[:, 1:], x[:, :1]], 1),
    "tuples": lambda xp, x: xp.transpose(x, (1, 0)).T,
    "several results": lambda xp, x: xp.concatenate((xp.modf(x)[0], xp.modf(x)[1]))[:2],
    "none that matters": lambda xp, x: xp.sort(x, axis=None).reshape(x.shape),
    "none that does not": lambda xp, x: xp.exp(x, out=None) + xp.sum(x, axis=None),
    "dtypes": lambda xp, x: x.astype(np.float32).astype(np.dtype("float64")) + xp.ones(3, x.dtype),
    "types": lambda xp, x: x.astype(int).astype(float) + xp.asarray(x > 0, np.float64),
    "dtypes as functions": lambda xp, x: x * xp.float64(3) + xp.int8(2),
    "a dtype's limits": lambda xp, x: xp.maximum(x, xp.finfo(x.dtype).tiny),
    "infinities": lambda xp, x: xp.where(xp.isinf(xp.minimum(x, math.inf) - np.inf), x, math.nan),
    "constants": lambda xp, x: x * xp.pi + math.e + np.float64(0.1) + np.int8(-3) + True,
    "strings": lambda xp, x: xp.einsum("ij,kj->kj", x, x),
    "the array's own NumPy methods": lambda xp, x: np.sum(x, axis=0) + np.reshape(x, (2, 3)),
    "item assignment": item_assignment,
    "in place": in_place,
    "in place through a view": in_place_through_a_view,
    "in place on a number": in_place_on_a_number,
    "known shapes": known_shapes,
}


@pytest.mark.parametrize("name", WRITABLE)
def test_a_forward_that_is_written_down(name: str) -> None:
    rule = WRITABLE[name]
    f = compiled(rule)
    with np.errstate(all="ignore"):
        expected = rule(np, X.copy())
    np.testing.assert_array_equal(f(X), expected)
    assert "called, not written out" not in f.report()
    namespace: dict[str, Any] = {}
    exec(f.source(), namespace)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(namespace["program"](X)[0], expected)


# ---------------------------------------------------------------- what cannot

TABLE = np.array([1.0, 2.0, 3.0])

UNWRITABLE: dict[str, Forward] = {
    "a branch on an element": lambda xp, x: x if x[0, 0] > 0 else -x,
    "a branch on an array": lambda xp, x: x * 2 if (x > -9).all() else x,
    "and, or, not": lambda xp, x: x * (not x.any()),
    "NumPy's ufunc": lambda xp, x: np.tanh(x),
    "NumPy's product": lambda xp, x: np.dot(np.dot(x, x.T), x),
    "a NumPy array of it": lambda xp, x: np.asarray(x) * 2,
    "a NumPy function": lambda xp, x: np.concatenate([x[:1], x[1:]]) + np.where(x > 0, 1, 2),
    "an array of one's own": lambda xp, x: x * TABLE,
    "one's own array first": lambda xp, x: TABLE - x,
    "a number of math": lambda xp, x: x * math.exp(x[0, 0]),
    "float()": lambda xp, x: x * float(x.sum()),
    "int()": lambda xp, x: x * int(x[0, 2]),
    "a range": lambda xp, x: x * sum(range(xp.argmax(x))),
    "a loop over rows": lambda xp, x: xp.stack([row * 2 for row in x]),
    "unpacking": lambda xp, x: xp.stack([*x]),
    "in": lambda xp, x: x * (2.0 in x),
    "its length": lambda xp, x: x * len(x),
    "sorting": lambda xp, x: x * sorted(x[0])[0],
    "a foreign library": lambda xp, x: x * statistics.fmean(x[0]),
    "a number without a literal": lambda xp, x: (x * 1j).imag,
    "rounding": lambda xp, x: x * round(xp.sum(x)),
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_a_forward_that_is_called(name: str) -> None:
    rule = UNWRITABLE[name]
    f = compiled(rule)
    for x in (X, -X + 2.5):
        np.testing.assert_array_equal(f(x), rule(np, x.copy()))
    (note,) = (line for line in f.report().splitlines() if "called, not written out" in line)
    assert f"own at {__file__}:" in note
    assert note.count(": ") >= 2  # and the reason
    assert "gates[0].forward(np, x)" in f.source()


def test_it_is_called_in_loops_too_and_differentiated() -> None:
    class Cube(mg.Gate):
        symbol = "x³"

        def infer(self, x: Any) -> Any:
            return x

        def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
            return np.power(x, 3)

        def vjp(self, cotangent: Any, output: Any, x: Any) -> Any:
            return cotangent * 3 * x * x

    xs = mg.input("xs", ("T", 2), "float64")
    last, _ = mg.scan(lambda h, x: (Cube()(h) * x, None), np.ones(2), xs)
    f = mg.function([xs], [last, mg.grad(last.sum(), xs)])
    values = np.array([[0.5, 2.0], [1.5, 0.25]])
    a, b = values
    np.testing.assert_allclose(f(values)[0], a**3 * b)
    np.testing.assert_allclose(f(values)[1], [3 * a * a * b, a**3])
    assert "called, not written out: cube at" in f.report()


# ---------------------------------------------------------------- several outputs, several settings


class Twice(mg.Gate):
    """The same array for two outputs."""

    symbol = "2"

    def infer(self, x: Any) -> Any:
        return x, x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        y = xp.exp(x)
        return y, y


class Parted(mg.Gate):
    symbol = "ip, frac"

    def infer(self, x: Any) -> Any:
        return x, x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return np.modf(x)


@pytest.mark.parametrize("gate", [Twice(), Parted()], ids=str)
def test_gates_with_several_outputs(gate: mg.Gate) -> None:
    x = mg.input("x", X.shape, "float64")
    a, b = gate(x)
    first, second = gate.forward(np, X)
    for names in ((None, None), ("a", "b"), ("x", "x")):
        a.named(names[0]), b.named(names[1])
        np.testing.assert_array_equal(mg.function([x], [a, b])(X), [first, second])
        np.testing.assert_array_equal(mg.function([x], b)(X), second)
