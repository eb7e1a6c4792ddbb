"""Work that was pushed out of a loop goes back into it where C does the loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import leaves
from minigrad.native import find_compiler
from tests.differential import assert_compiled_right

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler here")


@pytest.fixture(autouse=True)
def _in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGRAD_BACKEND", "c")


T, B, H = 7, 3, 5
xs, c0 = mg.input("xs", (T, B, H), "float64"), mg.input("c0", (B, H), "float64")
half, w = mg.input("half", (B, 2), "float64"), mg.input("w", (H, H), "float64")
rng = np.random.default_rng(0)
AT = {
    xs: rng.normal(size=(T, B, H)),
    c0: rng.normal(size=(B, H)),
    half: rng.normal(size=(B, 2)),
    w: rng.normal(size=(H, H)) / 4,
}


def slopes(x: Any) -> Any:
    return 1 - mg.tanh(x) * mg.tanh(x)


def right(outputs: list[mg.Variable]) -> None:
    assert_compiled_right(outputs, {v: AT[v] for v in leaves(outputs) if v in AT}, 1e-9)


def loops_over_time(*outputs: mg.Variable) -> int:
    """How many loops have T steps, when these outputs are compiled to C."""
    right(list(outputs))
    inputs = [v for v in leaves(outputs) if v in AT]
    return mg.function(inputs, list(outputs), backend="c").source("c").count(f"< {T};")


def scanned(s: mg.Variable, step: Callable[..., Any] = lambda c, s: c * s + c) -> mg.Variable:
    last, _ = mg.scan(lambda c, s: (step(c, s), None), c0, s)
    return last


def test_what_the_loop_alone_reads_is_done_in_its_steps() -> None:
    s = slopes(xs)
    assert loops_over_time(scanned(s)) == 1
    f = mg.function([xs, c0], scanned(s), backend="c")
    f(AT[xs], AT[c0])
    assert f._latest is not None
    assert "memory_2" not in f._latest.program.source  # two places of the carry: none for s


def test_pieces_of_it_are_pieces_of_one_row() -> None:
    s = slopes(xs)
    last, _ = mg.scan(lambda c, s: (c * s[0] + s[1], None), half, (s[:, :, 1:3], s[:, :, 3:]))
    assert loops_over_time(last) == 1


@pytest.mark.parametrize(
    "read",
    [
        lambda s: [scanned(s), s],  # it is a result
        lambda s: [scanned(s), scanned(s * 2, lambda c, s: c - s * c)],
        lambda s: [scanned(mg.flip(s, axis=0))],  # step t reads another row
        lambda s: [scanned(mg.concat([s[1:], s[:1]]))],
        lambda s: [scanned(xs, lambda c, x: c * x + s.sum(axis=0))],
        lambda s: [mg.scan(lambda c, x: (c * x, c + s[0]), c0, xs)[1]],
    ],
)
def test_what_is_read_otherwise_is_right_too(read: Callable[[Any], list[Any]]) -> None:
    loops_over_time(*read(slopes(xs)))


def test_a_loop_that_numpy_runs_keeps_it_outside() -> None:
    """Casts to uint32 are not written in C."""
    s = slopes(xs)
    made = scanned(s, lambda c, s: c * s + (c * c).astype("uint32").astype("float64"))
    f = mg.function([xs, c0], made, backend="c")
    assert "for " in f.source("numpy")
    right([made])


def test_ways_back_of_two_layers() -> None:
    def step(state: Any, x: Any) -> Any:
        h, k = state
        h = mg.tanh(x + h @ w)
        k = mg.sigmoid(h + k @ w) * k
        return (h, k), k

    (_, _), ys = mg.scan(step, (c0, c0 * 2), xs)
    right([ys, *mg.grad((ys * ys).sum(), [w, xs])])


def test_rows_of_its_rows_that_a_loop_in_the_loop_reads_come_before_that_loop() -> None:
    s, z = slopes(xs), mg.exp(-xs)

    def step(c: Any, row: Any) -> Any:
        d, _ = mg.scan(lambda d, r: (mg.sin(d) + r, None), c[0], row[0])
        return mg.sin(d) * row[1] + c, None

    last, _ = mg.scan(step, c0, (s, z))
    assert loops_over_time(last) == 1


def test_what_a_step_reads_all_of_stays_outside() -> None:
    s, z = slopes(xs), mg.exp(-xs)
    last, _ = mg.scan(lambda c, row: (c * row + mg.sin(s * c).sum(axis=0), None), c0, z)
    right([last])


def test_what_has_as_many_places_as_there_are_steps_but_is_no_row_stays_outside() -> None:
    b = mg.input("b", (T, H), "float64")
    xss, d0 = mg.input("xss", (T, T, H), "float64"), mg.input("d0", (T, H), "float64")
    at = {v: rng.normal(size=v.shape) for v in (b, xss, d0)}
    last, _ = mg.scan(lambda c, x: (mg.sin(c) * x, None), d0, mg.exp(xss) * mg.exp(b))
    assert_compiled_right([last], at, 1e-9)


def test_rows_of_it_that_a_loop_in_each_step_goes_through_stay_outside() -> None:
    s, z = slopes(xs), mg.exp(-xs)

    def step(c: Any, row: Any) -> Any:
        d, _ = mg.scan(lambda d, r: (mg.sin(d) + r, None), c, s)
        return d * row, None

    last, _ = mg.scan(step, c0, z)
    right([last])
