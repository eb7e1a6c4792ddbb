"""Elementwise work on long arrays is done block by block: what is, and how."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.compile.plan import Call, Loop
from tests.machine import BLOCK, blocked, right, runs, shown

x, y = mg.inputs("x y", (10, 3), "float64")
row, one = mg.input("row", (3,), "float64"), mg.input("one", (), "float64")


pytestmark = pytest.mark.usefixtures("small_blocks")


# ---------------------------------------------------------------- runs


def test_a_chain_is_one_loop_and_the_rest_at_the_end() -> None:
    cost = mg.sum(mg.tanh(mg.sin(x) * y))
    chain = ["sin", "multiply", "tanh"]
    assert blocked(cost) == [chain, *chain, "sum"]
    loop, *rest, _ = right([cost], x, y, block=BLOCK).steps
    assert isinstance(loop, Loop)
    assert (loop.length, loop.in_blocks, loop.reverse) == (3, True, False)
    assert {a.type.shape for a in loop.rows} == {(3, 3)}
    assert [s.outputs[0].type.shape for s in rest if isinstance(s, Call)] == [(1, 3)] * 3


def test_without_a_rest_there_is_only_the_loop() -> None:
    even = mg.input("even", (9, 3), "float64")
    assert blocked(mg.sum(mg.sin(mg.cos(even)))) == [["cos", "sin"], "sum"]


@pytest.mark.parametrize("size", [1, 24, 50, 96, 1000])
@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 11, 12, 13])
def test_any_number_of_rows(rows: int, size: int) -> None:
    a = mg.input("a", (rows, 3), "float64")
    outputs = [mg.tanh(mg.sin(a) * a[:1] + 1), mg.logical_and(a > 0, a < 1)]
    made = shown(right(outputs, a, block=size))
    assert any(isinstance(step, list) for step in made) == (rows > 1 and 24 * rows >= 2 * size)


def test_a_single_gate_and_short_arrays_are_left_alone() -> None:
    assert blocked(mg.sum(mg.sin(x))) == ["sin", "sum"]
    assert blocked(mg.sum(mg.sin(mg.cos(x[:4])))) == ["index", "cos", "sin", "sum"]


def test_smaller_operands_are_read_whole() -> None:
    flat = mg.broadcast_to(row, (1, 3))
    assert runs(mg.sum(mg.sin(x * row) * one + flat)) == [["multiply", "sin", "multiply", "add"]]
    column = mg.input("column", (10, 1), "float64")
    assert runs(mg.sum(mg.sin(x - column))) == [["subtract", "sin"]]


def test_arrays_of_other_lengths_are_in_other_runs() -> None:
    a, b = mg.sin(mg.cos(x)), mg.exp(mg.tanh(y[1:]))
    assert runs(mg.sum(a) + mg.sum(b)) == [["cos", "sin"], ["tanh", "exp"]]


def test_several_dtypes_may_be_in_a_run() -> None:
    wide = mg.input("wide", (10, 24), "float64")
    flags = mg.logical_not(mg.sin(wide) > 0)
    assert runs(mg.sum(flags)) == [["sin", "greater", "logical_not"]]


def test_results_of_the_program_are_new_memory() -> None:
    a = mg.sin(x) * y
    assert blocked(a, mg.exp(a))[:3] == ["Empty", "Empty", ["sin", "multiply", "exp"]]
    assert [r.blocks for r in right([a, mg.exp(a)], x, y, block=BLOCK).results] == [frozenset()] * 2
    f = mg.function([x], mg.exp(x) * 2)
    first = f(np.ones((10, 3)))
    f(np.zeros((10, 3)))
    assert first[0, 0] == pytest.approx(2 * np.e)


def test_loops_over_blocks_can_be_switched_off() -> None:
    y = mg.sum(mg.sin(mg.cos(x)))
    assert "range(3)" in mg.function([x], y).source()
    for off in (False, {"blocks": False}):
        assert "range" not in mg.function([x], y, optimize=off).source()
    assert "range" not in mg.function([x], y, check_nan=True).source()


# ---------------------------------------------------------------- what is in between


def test_what_a_run_does_not_need_goes_before_it() -> None:
    cost = mg.sum(mg.cos(mg.sin(x)) * (mg.sum(row) + one) * row.flip(axis=0))
    assert blocked(cost)[:4] == ["sum", "add", "flip", ["sin", "cos", "multiply", "multiply"]]


def test_a_view_of_what_a_run_writes_goes_before_it_too() -> None:
    a = mg.sin(x)
    view = a.expand_dims(1)
    assert blocked(mg.sum(mg.cos(view) * view))[:2] == ["expand_dims", ["sin", "cos", "multiply"]]


@pytest.mark.parametrize("read", [lambda a: a.reshape((30,)), lambda a: a.sum(axis=0)])
def test_what_reads_a_run_ends_it(read: Any) -> None:
    a = mg.sin(mg.cos(x))
    cost = mg.sum(mg.exp(read(a)) * 2) + mg.sum(mg.tanh(a))
    assert blocked(cost)[0] == ["cos", "sin"]


def test_a_product_in_between_ends_a_run() -> None:
    W = mg.input("W", (3, 3), "float64")
    cost = mg.sum(mg.tanh(mg.cos(mg.sin(mg.cos(x)) @ W)))
    assert runs(cost) == [["cos", "sin"], ["cos", "tanh"]]


def test_a_loop_in_between_ends_a_run() -> None:
    _, ys = mg.scan(lambda h, x: (mg.tanh(h + x), h), row, mg.sin(mg.cos(x)))
    assert runs(mg.sum(mg.cos(mg.sin(ys)))) == [["cos", "sin"], ["sin", "cos"]]


def test_a_concat_in_between_ends_a_run() -> None:
    whole = mg.concat([mg.sin(mg.cos(x)), y])
    assert runs(mg.sum(mg.cos(mg.sin(whole)))) == [["cos", "sin"], ["sin", "cos"]]
