"""Loops of many kinds, to be run by `mg.scan` or by the Python loop that says what it means.

A program takes (scan, T, real) and gives its outputs; ``real(name, *shape)`` makes its inputs.
"""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import numpy as np

import minigrad as mg
from minigrad.graph import leaves
from minigrad.tree import flatten, tree_map
from minigrad.variables import Input, Parameter, Variable
from tests.helpers import Array, precise, weighted

Scan = Callable[..., tuple[Any, Any]]

B, K, H = 2, 3, 4


class Inputs(dict[str, Variable]):
    """Inputs by name, each made when it is first asked for."""

    def __call__(self, name: str, *shape: Any, dtype: str = "float32") -> Variable:
        return self.setdefault(name, mg.input(name, shape, dtype))


Program = Callable[[Scan, Any, Inputs], list[Variable]]
PROGRAMS: dict[str, Program] = {}


def plain_loop(
    step: Any,
    init: Any,
    xs: Any = None,
    length: Any = None,
    reverse: bool = False,
    enter: Callable[[int, Any], Any] = lambda i, carry: carry,
) -> tuple[Any, Any]:
    """What scan means: one step after the other. The carry enters step i by way of `enter`."""
    steps = int(flatten(xs)[0][0].shape[0] if length is None else length)
    carry, ys = init, []
    for i in range(steps):
        t = steps - 1 - i if reverse else i
        carry, y = step(enter(i, carry), tree_map(lambda x, t=t: x[t], xs))
        ys.append(y)
    ys = ys[::-1] if reverse else ys
    return carry, tree_map(lambda *column: mg.stack(column), *ys)


def value(v: Variable, sizes: dict[str, int]) -> Array:
    """An array for an input or parameter, the same for equal names and shapes."""
    rng = np.random.default_rng(crc32((v.name or "").encode()))
    shape = tuple(s if isinstance(s, int) else sizes[str(s)] for s in v.shape)
    return rng.integers(0, K, shape) if v.dtype.kind == "i" else rng.uniform(-1, 1, shape)


def facts(name: str, scan: Scan, T: Any, order: int) -> list[Variable]:
    """The outputs of a program, their gradient, and for order 2 Hessian-vector products too."""
    real = Inputs()
    outputs = PROGRAMS[name](scan, T, real)
    cost, weights = weighted(outputs)
    wrt = [v for v in real.values() if v.type.differentiable]
    gradient = mg.grad(cost, wrt, unused="zeros")
    if order == 1:
        return [*outputs, *gradient]
    contracted, more = weighted(gradient)
    for w in more:
        w.named(f"{w.name} of the gradient")
    second = mg.grad(contracted, [*wrt, *weights], unused="zeros")
    return [*outputs, *gradient, *second]


def measured(variables: list[Variable], T: int) -> list[Array]:
    """Their values in float64."""
    given = [v for v in leaves(variables) if isinstance(v, Input | Parameter)]
    return precise(variables, {v: value(v, {"T": T}) for v in given})


def program(function: Program) -> Program:
    PROGRAMS[function.__name__.replace("_", " ")] = function
    return function


# ---------------------------------------------------------------- plain recurrence


@program
def running_sum(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    last, ys = scan(lambda s, x: (s + x, s + x), real("s0"), real("x", T))
    return [last, ys]


@program
def recurrent_network(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    W, U, b = real("W", K, H), real("U", H, H), real("b", H)

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        h = mg.tanh(x @ W + h @ U + b)
        return h, h

    last, ys = scan(step, real("h0", B, H), real("x", T, B, K))
    return [last, ys]


@program
def only_the_last_carry(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    last, _ = scan(lambda h, x: (mg.tanh(h * x), h), real("h0", H), real("x", T, H))
    return [last]


@program
def only_the_outputs(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    _, ys = scan(lambda h, x: (mg.tanh(h * x), h * 2), real("h0", H), real("x", T, H))
    return [ys]


@program
def length_without_xs(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    w = real("w", H)
    last, ys = scan(lambda h, _: (mg.sin(h * w), h), real("h0", H), length=T)
    return [last, ys]


@program
def no_carry(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    w = real("w", K)
    none, ys = scan(lambda carry, x: (carry, mg.tanh(x @ w)), None, real("x", T, B, K))
    assert none is None
    return [ys]


# ---------------------------------------------------------------- structures


@program
def nested_structures(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    def step(carry: Any, x: Any) -> Any:
        (h, [c]), k = carry["lstm"], carry["k"]
        c = c * mg.sigmoid(x["gate"]) + mg.tanh(h * x["deep"][0])
        h = mg.tanh(c) * k
        return {"k": k * 0.9, "lstm": (h, [c])}, {"h": h, "rest": (c, [x["deep"][0] * k])}

    init = {"lstm": (real("h0", H), [real("c0", H)]), "k": real("k0")}
    xs = {"gate": real("gate", T, H), "deep": (real("deep", T, H),)}
    last, ys = scan(step, init, xs)
    return [*flatten(last)[0], ys["h"], ys["rest"][0], ys["rest"][1][0]]


@program
def carries_that_swap(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    last, ys = scan(
        lambda c, x: ((c[1], mg.sin(c[0] * x)), c[0] - c[1]), (real("a"), real("b")), real("x", T)
    )
    return [*last, ys]


@program
def a_delay_line(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    """The new carry is x itself, the output the old carry itself."""
    last, ys = scan(lambda c, x: ((x, c[0]), c[1]), (real("a", H), real("b", H)), real("x", T, H))
    return [*last, ys]


@program
def what_nobody_reads(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    """A carry, an x and an output that nothing depends on, and a carry that never changes."""

    def step(carry: Any, x: Any) -> Any:
        h, unread, fixed = carry
        h = mg.tanh(h * fixed + x[0])
        return (h, unread * h, fixed), (h, unread)

    last, ys = scan(
        step, (real("h0"), real("unread"), real("fixed")), (real("x", T), real("unread x", T))
    )
    return [last[0], ys[0]]


@program
def outputs_that_do_not_vary(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    """An outer variable, an expression of it, a number, and the same output twice."""
    w = real("w", H)
    z = w * w
    last, ys = scan(lambda h, x: (h * x, (w, z, mg.constant(2.0), h, h)), real("h0"), real("x", T))
    return [last, *ys]


# ---------------------------------------------------------------- closures


@program
def outer_variables_and_parameters(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    p = real["p"] = mg.parameter(np.zeros(H, "float32"), "p")
    w = real("w", H)
    outer = mg.tanh(w) * p

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        inner = mg.exp(w) - outer  # of outer variables alone
        h = mg.tanh(h * inner + x * p + outer)
        return h, h * w

    last, ys = scan(step, outer, real("x", T, H))
    return [last, ys, outer * 2]


@program
def one_weight_everywhere(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    """In the start, in each step twice, in xs, and after the loop."""
    w = real("w", H)
    last, ys = scan(
        lambda h, x: (mg.sin(h * w) + w * x, h * x),
        w * 2,
        w * mg.broadcast_to(real("x", T, 1), (T, H)),
    )
    return [last * w, ys]


@program
def a_stopped_gradient(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    last, ys = scan(
        lambda h, x: (mg.tanh(h.stop_gradient() * x + h), h * x.stop_gradient()),
        real("h0"), real("x", T),
    )  # fmt: skip
    return [last, ys]


# ---------------------------------------------------------------- integers, indices, choices


@program
def integer_and_boolean_carries(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    def step(carry: Any, x: Variable) -> Any:
        count, odd, h = carry
        h = mg.where(odd, h * x, mg.sin(h + count.astype("float32")))
        return (count + 1, ~odd, h), (count, odd, h)

    start = (mg.constant(np.int64(3)), mg.constant(np.bool_(False)), real("h0", H))
    (count, odd, h), ys = scan(step, start, real("x", T, H))
    return [h, ys[2], count, odd, ys[0], ys[1]]


@program
def rows_of_a_table(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    table, ids = real("table", K, H), real("ids", T, B, dtype="int64")

    def step(h: Variable, i: Variable) -> tuple[Variable, Variable]:
        h = mg.tanh(h + mg.take(table, i))
        return h, mg.take_along_axis(h, mg.expand_dims(i, 1))

    last, ys = scan(step, real("h0", B, H), ids)
    return [last, ys]


@program
def slices_and_joins(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    W = real("W", H, 2 * H)

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        a, b = mg.split(h @ W, 2, axis=1)
        joined = mg.concat([a[:, 1:], x[:, :1]], axis=1)
        return mg.tanh(joined * b.T.T), mg.stack([a, b])[0].max(axis=1)

    last, ys = scan(step, real("h0", B, H), real("x", T, B, K))
    return [last, ys]


# ---------------------------------------------------------------- loops in loops


@program
def a_loop_in_a_loop(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    W = real("W", H, H)

    def inner(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        return mg.tanh(h @ W + x), h * x

    def outer(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        last, ys = scan(inner, h, x)
        return last * 0.5 + x[0], ys.sum(axis=0)

    last, ys = scan(outer, real("h0", H), real("x", T, K, H))
    return [last, ys]


@program
def a_loop_over_a_loop_that_does_not_vary(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    """An inner loop whose xs are an outer variable, and whose own x is a closure."""
    w = real("w", K)

    def outer(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        last, _ = scan(lambda g, u: (mg.tanh(g * u + x), None), h, w)
        return last, last * x

    last, ys = scan(outer, real("h0"), real("x", T))
    return [last, ys]


@program
def a_loop_after_a_loop(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    first, ys = scan(lambda h, x: (mg.tanh(h + x), h), real("h0", H), real("x", T, H))
    last, zs = scan(lambda h, y: (mg.sin(h * y + first), h), real("g0", H), ys)
    return [last, zs]


@program
def a_gradient_in_each_step(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    """Gradient descent as a loop: differentiating it differentiates gradients."""

    def step(theta: Variable, x: Variable) -> tuple[Variable, Variable]:
        cost = (mg.tanh(theta * x) ** 2).sum()
        return theta - 0.1 * mg.grad(cost, theta), cost

    last, ys = scan(step, real("theta", H), real("x", T, H))
    return [last, ys]


@program
def a_gradient_of_a_loop_in_each_step(scan: Scan, T: Any, real: Inputs) -> list[Variable]:
    def step(theta: Variable, x: Variable) -> tuple[Variable, Variable]:
        last, _ = scan(lambda h, u: (mg.tanh(h * theta + u), None), theta, x)
        return theta - mg.grad(last.sum(), theta), last

    last, ys = scan(step, real("theta", H), real("x", T, K, H))
    return [last, ys]
