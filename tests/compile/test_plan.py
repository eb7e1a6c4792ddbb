"""A plan is data: it is run here by an interpreter of a few lines, and looked at."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.compile.plan import Array, Block, Copy, Part, Row, inputs_of
from minigrad.compile.planner import plan
from minigrad.errors import ShapeError
from minigrad.graph import Apply, Binding, Graph
from tests.machine import copies, gates, right

x, y = mg.inputs("x y", (4, 3), "float64")
W = mg.input("W", (3, 3), "float64")


# ---------------------------------------------------------------- memory


def test_values_whose_lives_do_not_overlap_share_a_block() -> None:
    made = right([mg.sum(mg.sin(x @ W) @ W)], x, W)
    assert [block.size for block in made.blocks] == [96, 96]  # no product is written over its input
    made = right([mg.sum(mg.cos(mg.sin(x)))], x)
    assert [block.size for block in made.blocks] == [96]


def test_memory_is_used_again_by_another_type_of_the_same_size() -> None:
    flags = (mg.sin(x) @ W).sum(axis=1)  # float64 (4,), 32 bytes
    ids = mg.argmax(mg.cos(x), axis=1) + mg.sum(flags).astype("int64")  # int64 (4,)
    made = right([mg.sum(ids * 2)], x, W)
    assert [block.size for block in made.blocks].count(32) <= 2


def test_a_value_that_is_read_later_is_not_written_over() -> None:
    a = mg.sin(x)
    right([mg.sum(mg.exp(a) * a), mg.sum(a.mT @ mg.cos(a))], x)


def test_a_view_keeps_the_memory_that_it_looks_into() -> None:
    a = mg.sin(x)
    shown = a.flip(axis=0)
    right([mg.sum(mg.tanh(mg.exp(a) * 2 + 1) * shown)], x)


def test_what_is_shown_in_several_places_is_not_written_over() -> None:
    row = mg.broadcast_to(mg.sin(x)[:1], (4, 3))
    right([mg.sum(mg.exp(row) * 2)], x)


def test_nothing_that_is_returned_lies_in_a_block() -> None:
    a = mg.sin(x) @ W
    made = right([a, mg.exp(a), mg.tanh(a * 2)], x, W)
    assert [array.blocks for array in made.results] == [frozenset()] * 3


def test_small_values_are_given_no_place() -> None:
    made = plan(Graph((x,), (mg.sum(mg.sin(mg.cos(x))),), Binding({})), smallest=97)
    assert made.blocks == []


def test_inputs_of_tells_the_arrays_that_a_place_is_a_part_of() -> None:
    whole = Array(mg.Type((4, 3), np.dtype("float64")), Block(96))
    some = Array(mg.Type((2, 3), np.dtype("float64")), Part(whole, 0, 0, 2))
    row = Array(mg.Type((3,), np.dtype("float64")), Row(some))
    apply = Apply(mg.gates.Sin(), (x,))
    assert list(inputs_of(Copy(row, row, apply))) == [row, some, whole] * 2


def test_sizes_that_do_not_fit_name_the_users_line() -> None:
    a = mg.input("a", ("T",))
    graph = Graph((a,), (a[:3] * 2,), Binding({"T": 2}))
    with pytest.raises(ShapeError, match=rf"index 2 is outside axis 0 of \(2,\)\n  at {__file__}"):
        plan(graph, 9)


# ---------------------------------------------------------------- concatenations


def test_operands_of_a_concat_are_computed_in_their_parts() -> None:
    made = right([mg.sum(mg.concat([mg.sin(x), x @ W, mg.cos(x)]) ** 2)], x, W)
    assert copies(made) == 0
    assert "concat" not in gates(made.steps)
    assert max(block.size for block in made.blocks) == 3 * 96


def test_no_program_concatenates_what_it_computes() -> None:
    f = mg.function([x, W], mg.sum(mg.concat([mg.sin(x @ W) for _ in range(20)]) ** 2))
    assert "np.concatenate" not in f.source()


def test_an_operand_that_is_used_elsewhere_too_is_computed_in_its_part() -> None:
    a, b = mg.sin(x), mg.cos(y)
    whole = mg.concat([a, b])
    made = right([mg.sum(whole.mT @ mg.tanh(whole)), mg.sum(mg.exp(a) * b), a.mT @ b], x, y)
    assert copies(made) == 0


def test_an_operand_that_is_there_twice_is_copied_once() -> None:
    a = mg.sin(x)
    made = right([mg.sum(mg.concat([a, mg.cos(x), a]) ** 3)], x)
    assert copies(made) == 1


def test_an_operand_of_two_concats_is_copied_to_one() -> None:
    a, b, c = mg.sin(x), mg.cos(x), mg.tanh(x)
    made = right([mg.sum(mg.concat([a, b]) @ W @ mg.concat([c, a]).mT)], x, W)
    assert copies(made) == 1


def test_what_is_not_computed_is_copied() -> None:
    parameter = mg.constant(np.ones((1, 3)))
    made = right([mg.sum(mg.concat([x, mg.sin(y), parameter, x[1:2]]) ** 2)], x, y)
    assert copies(made) == 3


def test_a_matmul_is_not_computed_in_columns() -> None:
    """Its memory would not be contiguous; elementwise operands do not mind."""
    made = right([mg.sum(mg.concat([mg.sin(x), x @ W], axis=1) ** 2)], x, W)
    assert copies(made) == 1
    wide = mg.input("wide", (1, 3), "float64")
    assert copies(right([mg.sum(mg.concat([mg.sin(wide), wide @ W], axis=1) ** 2)], wide, W)) == 0


def test_an_operand_is_computed_before_it_is_reshaped() -> None:
    a = (x @ W).reshape((2, 6))
    b = mg.sin(y).reshape((12,)).reshape((2, 6))
    made = right([mg.sum(mg.concat([a, b]) ** 2), mg.sum(mg.cos(a))], x, y, W)
    assert copies(made) == 0
    rows = [mg.expand_dims(mg.sin(x * i), 0) for i in range(3)]
    assert copies(right([mg.sum(mg.concat(rows) ** 2)], x)) == 0


def test_an_operand_that_is_reshaped_is_copied_into_columns() -> None:
    a = mg.sin(x).reshape((3, 4))
    made = right([mg.sum(mg.concat([a, W], axis=1) ** 2)], x, W)
    assert copies(made) == 0
    assert "concat" in gates(made.steps)


def test_a_concat_in_a_concat_is_copied() -> None:
    inner = mg.concat([mg.sin(x), mg.cos(x)])
    made = right([mg.sum(mg.concat([inner, mg.tanh(y), inner]) ** 2), mg.sum(inner)], x, y)
    assert copies(made) == 2


def test_an_operand_of_another_dtype_is_copied() -> None:
    flags = x > 0
    made = right([mg.sum(mg.concat([flags, mg.sin(x)]) ** 2), mg.sum(flags)], x)
    assert copies(made) <= 1


@pytest.mark.parametrize("axis", [0, 1])
def test_a_concat_that_is_returned_is_new(axis: int) -> None:
    whole = mg.concat([mg.sin(x), mg.cos(x)], axis=axis)
    made = right([whole, mg.exp(whole)], x)
    assert made.results[0].blocks == frozenset()
    assert "concat" in gates(made.steps)


def test_an_operand_that_is_returned_is_no_part_of_what_is_kept() -> None:
    a = mg.sin(x)
    made = right([a, mg.sum(mg.concat([a, mg.cos(x)]) ** 2)], x)
    assert made.results[0].blocks == frozenset()
    assert copies(made) == 1


def test_a_concat_of_one_and_of_nothing() -> None:
    none = mg.input("none", (0, 3), "float64")
    right([mg.sum(mg.concat([mg.sin(x)]) ** 2)], x)
    right([mg.sum(mg.concat([mg.sin(none), mg.sin(x), none]) ** 2)], none, x)
