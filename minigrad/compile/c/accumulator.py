"""A variable that elements are joined to, in loops that a compiler makes vector code of."""

from collections.abc import Callable

import numpy as np

from ...graph import Apply
from .lines import Lines
from .text import C_TYPES

__all__ = ["ADDS", "Accumulator", "Fold"]

Fold = tuple[str, str]
"""What a variable begins with, and how {1} is joined to {0}."""
ADDS = "{0} + {1}"


class Accumulator:
    """The variable, by its `name`, and lines that join elements of a dtype to it. Floats are added
    up in double: rows may be long."""

    def __init__(
        self, lines: Lines, dtype: np.dtype[np.generic], fold: Fold, apply: Apply | None = None
    ) -> None:
        first, self.step = fold
        self.lines, self.name = lines, lines.fresh("s")
        is_float_sum = self.step == ADDS and dtype.kind == "f"
        self.type = "double" if is_float_sum else C_TYPES[dtype.name]
        lines.line(f"{self.type} {self.name} = {first};", apply)

    def clause(self) -> str:
        """What tells OpenMP how the lanes of a vector meet; for the loop that is opened next."""
        if self.step == ADDS:
            return f" reduction(+ : {self.name})"
        how, both = f"join_{self.name}", self.step.format("omp_out", "omp_in")
        self.lines.line(
            f"#pragma omp declare reduction({how} : {self.type} : omp_out = {both}) "
            "initializer(omp_priv = omp_orig)"
        )
        return f" reduction({how} : {self.name})"

    def add_row(self, n: int, element: Callable[[str], str], first: str = "0") -> None:
        """Join n elements from a place on; `element` is the one at a place."""
        lines, x = self.lines, self.lines.fresh("x")
        j = lines.nest_of_row(n, self.clause())
        lines.line(f"const {self.type} {x} = {element(j if first == '0' else f'({first} + {j})')};")
        lines.line(f"{self.name} = {self.step.format(self.name, x)};")
        lines.close(1)
