"""What a function is given beside its inputs: updates, and what stands in a variable's place."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..dims import show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..interpret import label
from ..variables import Parameter, Variable, as_variables

__all__ = ["Updates", "checked_givens", "checked_updates"]

Updates = Mapping[Parameter, Any] | Iterable[tuple[Parameter, Any]]


def checked_givens(givens: Mapping[Variable, Any] | None) -> dict[Variable, Variable]:
    found = {}
    for v, value in (givens or {}).items():
        if not isinstance(v, Variable):
            raise ArgumentError(f"givens maps variables, and {v!r} is none")
        new = as_variables(v, value)[1]
        if new.type != v.type:
            raise ArgumentError(f"givens: {label(v)} is {v.type}, what stands for it {new.type}")
        found[v] = new
    return found


def checked_updates(updates: Updates | None) -> dict[Parameter, Variable]:
    """The parameters that change, and their new values."""
    if isinstance(updates, Variable) or not isinstance(updates, Iterable | None):
        what = "did you mean its .updates(cost, parameters)?" if hasattr(updates, "updates") else ""
        raise ArgumentError(f"updates are pairs (parameter, new value), not {updates!r} {what}")
    pairs = list(updates.items() if isinstance(updates, Mapping) else updates or ())
    found: dict[Parameter, Variable] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ArgumentError(f"updates are pairs (parameter, new value), and {pair!r} is none")
        p, value = pair
        if not isinstance(p, Parameter):
            raise ArgumentError(f"only parameters can be updated, and {p!r} is none")
        if p in found:
            raise ArgumentError(f"there are two updates of {label(p)}", p.where)
        new = as_variables(p, value)[1]
        if new.dtype != p.dtype:
            raise DTypeError(
                f"the update of {label(p)} is {new.dtype}, and it is {p.dtype}: use .astype",
                new.where,
            )
        if new.ndim != p.ndim or any(
            isinstance(a, int) and a != b for a, b in zip(new.shape, p.shape, strict=True)
        ):
            raise ShapeError(
                f"the update of {label(p)} has shape {show_shape(new.shape)}, and it has "
                f"{show_shape(p.shape)}",
                new.where,
            )
        found[p] = new
    return found
