"""What optimisers, schedules and clipping take for numbers."""

from typing import Any

from ..errors import ArgumentError
from ..variables import Variable

__all__ = ["Rate", "number", "rate"]

Rate = float | Variable


def number(name: str, value: Any, end: float = float("inf")) -> float:
    """`value` as a Python number, 0 ≤ value < end. ArgumentError for others."""
    try:
        found = None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        found = None
    if found is None:
        raise ArgumentError(f"{name} is a number, and not {value!r}")
    if not 0 <= found < end:
        raise ArgumentError(f"{name} is in 0 ≤ {name} < {end}, and not {value!r}")
    return found


def rate(name: str, value: Any) -> Rate:
    """A number from 0 up, or a scalar Variable of floats. ArgumentError for others."""
    if not isinstance(value, Variable):
        return number(name, value)
    if value.shape != () or not value.type.differentiable:
        raise ArgumentError(
            f"{name} is a number or a scalar of floats, and not {value!r}", value.where
        )
    return value
