"""CuPy programs, by a stand-in for CuPy whose kernels run on the host: they are as interpreted."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import minigrad as mg
from tests.compile.cuda.host import needs_compiler
from tests.differential import assert_compiled_right
from tests.test_random_graphs import check, numbers, sizes, unshrunk

pytestmark = [needs_compiler, pytest.mark.usefixtures("cupy")]

ALL: dict[str, Any] = {"all passes": True}
NONE: dict[str, Any] = {"no pass": False}
few = settings(
    unshrunk, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@few
@given(numbers, sizes)
def test_random_graphs(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-9, loops=0, ways=ALL)


@few
@given(numbers, sizes)
def test_random_loops(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-8, loops=2, ways=ALL)


@few
@given(numbers, sizes)
def test_random_loops_as_they_are_written(numbers: list[int], sizes: dict[str, int]) -> None:
    check(numbers, sizes, "float64", 1e-8, loops=1, ways=NONE)
