"""Random graphs and random steps of loops: compiled in every way, they are what the interpreter says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.differential import assert_compiled_right
from tests.random_graphs import Choices, constants, grow, leaves, with_gradients

numbers = st.lists(st.integers(0, 999), min_size=40, max_size=80)
sizes = st.fixed_dictionaries({"T": st.sampled_from([3, 1, 0]), "B": st.sampled_from([2, 1])})
dtypes = pytest.mark.parametrize(("floats", "tolerance"), [("float64", 1e-9), ("float32", 1e-3)])


def check(numbers, sizes, floats, tolerance, loops):
    values = leaves(floats, sizes)
    pool = grow(Choices(numbers), [*values, *constants(floats)], count=10, loops=loops)
    outputs = with_gradients(pool[-3:], values)
    assert_compiled_right(outputs, values, tolerance)


@dtypes
@given(numbers, sizes)
def test_expressions(floats, tolerance, numbers, sizes):
    check(numbers, sizes, floats, tolerance, loops=0)


@dtypes
@given(numbers, sizes)
def test_loops(floats, tolerance, numbers, sizes):
    check(numbers, sizes, floats, tolerance, loops=2)
