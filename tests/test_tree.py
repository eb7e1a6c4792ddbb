"""Nested structures, taken apart and put back."""

from collections import OrderedDict
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.tree import flatten, tree_map, unflatten


class Pair(NamedTuple):
    h: Any
    c: Any


trees = st.recursive(
    st.integers() | st.none(),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), parts, max_size=3)
        | st.tuples(parts, parts).map(lambda pair: Pair(*pair))
    ),
    max_leaves=10,
)


@given(trees)
def test_what_is_taken_apart_can_be_put_back(tree: Any) -> None:
    leaves, paths, structure = flatten(tree)
    assert unflatten(structure, leaves) == tree
    assert len(leaves) == len(set(paths))


@given(trees)
def test_a_path_leads_to_its_leaf(tree: Any) -> None:
    leaves, paths, _ = flatten(tree)
    for leaf, path in zip(leaves, paths, strict=True):
        assert eval(f"tree{path}", {"tree": tree}) is leaf


@pytest.mark.parametrize(
    ("tree", "leaves"),
    [
        (7, [7]),
        (None, []),
        ((), []),
        ([1, (2, None)], [1, 2]),
        ({"b": 1, "a": 2}, [2, 1]),
        (Pair(1, Pair(2, 3)), [1, 2, 3]),
    ],
)
def test_the_leaves_in_order(tree: Any, leaves: list[int]) -> None:
    assert flatten(tree)[0] == leaves


def test_kinds_are_kept() -> None:
    tree = (Pair(1, [2]), OrderedDict(x=3), None)
    back = unflatten(flatten(tree)[2], [10, 20, 30])
    assert back == (Pair(10, [20]), OrderedDict(x=30), None)
    assert [type(part) for part in back] == [Pair, OrderedDict, type(None)]


def test_structures_are_equal_when_nested_alike() -> None:
    def structure(tree: Any) -> Any:
        return flatten(tree)[2]

    assert structure({"a": 1, "b": (2,)}) == structure({"b": (5,), "a": 6})
    assert structure((1, 2)) != structure([1, 2])
    assert structure((1, 2)) != structure((1, (2,)))
    assert structure({"a": 1}) != structure({"b": 1})


def test_tree_map_goes_along_several_trees() -> None:
    def subtract(a: int, b: int) -> int:
        return a - b

    assert tree_map(subtract, {"h": 1, "c": (2,)}, {"c": (20,), "h": 10}) == {"c": (-18,), "h": -9}


def test_tree_map_needs_as_many_leaves_in_each() -> None:
    with pytest.raises(ValueError, match="shorter"):
        tree_map(lambda a, b: a, [1, 2], [1])
