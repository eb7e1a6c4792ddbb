"""The numbers on a picture: which value and which gradient belongs to a variable, at which step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..variables import Variable
from .text import show_value

__all__ = ["Index", "Numbers"]

Index = tuple["int | slice", ...]
"""Where a picture stands in the loops around it: a step for each, or all of its steps."""


@dataclass(frozen=True)
class Numbers:
    """Values and gradients by variable; those of one in a loop have a leading axis of steps."""

    values: Mapping[Variable, Any]
    gradients: Mapping[Variable, Any]

    def of(self, v: Variable, at: Index) -> tuple[str, str]:
        """The value and gradient of v as text, "" for what is not known."""
        return _shown(v, self.values.get(v), at), _shown(v, self.gradients.get(v), at)


def _shown(v: Variable, value: Any, at: Index) -> str:
    array = np.asarray(value)
    known = value is not None and array.ndim == len(at) + v.ndim
    return show_value(array[at]) if known else ""
