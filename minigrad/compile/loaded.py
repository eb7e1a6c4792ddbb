"""A program that can be run, and what its errors mean."""

from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from typing import Any

import numpy as np

from ..errors import NotFiniteError
from ..types import Array
from .program import Program

__all__ = ["Loaded", "not_finite"]


class Loaded:
    """A program, loaded; `name` is that of the function that it belongs to, `sizes` those
    that it is for, `constants` the arrays that it takes after all others."""

    def __init__(
        self, program: Program, name: str, sizes: Mapping[str, int], constants: Sequence[Array]
    ) -> None:
        self.program, self.name, self.sizes, self.constants = program, name, sizes, constants
        self.run = program.load(self._finite)
        self.context = _quiet_context()

    @property
    def shown_sizes(self) -> str:
        return ", ".join(f"{name}={size}" for name, size in self.sizes.items()) or "all calls"

    def __call__(self, arrays: Sequence[Array]) -> tuple[Any, ...]:
        # A gate that is called may look at context variables, which are those of now.
        context = _quiet_context() if self.program.gates else self.context
        try:
            return context.run(self.run, *arrays)
        except Exception as error:
            self._explain(error)
            raise

    def _finite(self, value: Any, number: int, *steps: int) -> None:
        if found := not_finite(value):
            apply = self.program.checked[number]
            named = f" ({apply.outputs[0].name})" if apply.outputs[0].name else ""
            message = f"{self.name}: {apply.gate}{named} made {found}{_when(steps)}"
            raise NotFiniteError(message, apply.where)

    def _explain(self, error: Exception) -> None:
        """Add the gate, time step and user's line to an error that a line of the program raised."""
        known: Any = error
        if hasattr(error, "steps"):  # C knows more: it is an IndexOutside
            error.add_note(f"{self.name}: in {known.gate}{_when(known.steps)}, at {known.at}")
            return
        traceback, program = error.__traceback__, self.run.__code__
        while traceback is not None and traceback.tb_frame.f_code is not program:
            traceback = traceback.tb_next
        if traceback is None or getattr(error, "where", None) is not None:
            return
        line = self.program.lines[traceback.tb_lineno - 1]
        if line.apply is not None:
            steps = [traceback.tb_frame.f_locals[name] for name in line.steps]
            error.add_note(
                f"{self.name}: in {line.apply.gate}{_when(steps)}, at {line.apply.where}"
            )


def not_finite(value: Any) -> str | None:
    """What is in an array that is no number, in words; None where all are."""
    is_number = value == value  # true of any array, also of one on a GPU
    if (is_number & (abs(value) != np.inf)).all():
        return None
    return "an infinity" if is_number.all() else "a NaN"


def _quiet_context() -> Context:
    """A context in which NumPy does not warn of 1/0 and the like: quicker than np.errstate."""
    context = copy_context()
    context.run(np.seterr, all="ignore")
    return context


def _when(steps: Sequence[int]) -> str:
    return f" in time step {', '.join(map(str, steps))}" if steps else ""
