"""The compiler against the interpreter: with every pass, with each alone, and with none."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.interpret import evaluate
from minigrad.rewrite import NAMES
from minigrad.types import on_host
from minigrad.variables import Parameter, Variable
from tests.helpers import Array


def switches() -> dict[str, bool | dict[str, bool]]:
    """The settings of `optimize` under which every function must give the same."""
    alone = {f"{name} alone": {other: other == name for other in NAMES} for name in NAMES}
    return {"all passes": True, "no pass": False, **alone}


def assert_compiled_right(
    outputs: Sequence[Variable],
    values: Mapping[Variable, Any],
    tolerance: float = 1e-10,
    ways: Mapping[str, Any] | None = None,
) -> None:
    """Compiled in all these `ways`, `outputs` are what the interpreter says, rounding aside.

    `values` are those of all inputs; parameters have the values that they hold. A call with other
    values comes first, of which nothing may be left behind.
    """
    expected = evaluate(outputs, values)
    inputs = [v for v in values if not isinstance(v, Parameter)]
    for name, optimize in (ways or switches()).items():
        function = mg.function(inputs, list(outputs), optimize=optimize)
        function(*(np.ones_like(values[v]) for v in inputs))
        found = function(*(values[v] for v in inputs))
        for i, pair in enumerate(zip(found, expected, strict=True)):
            assert_close(*pair, tolerance, f"output {i} by {name}")


def assert_close(found: Array, right: Array, tolerance: float, what: str) -> None:
    """Equal in shape and dtype, and in value up to a part of the largest element."""
    found = on_host(found)
    assert (found.shape, found.dtype) == (right.shape, right.dtype), what
    finite = np.abs(right[np.isfinite(right)])
    atol = tolerance * max(1.0, float(finite.max(initial=0)))
    np.testing.assert_allclose(found, right, tolerance, atol, err_msg=what)
