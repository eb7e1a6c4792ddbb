"""A gate that could not be written as source, as a program calls it."""

from collections.abc import Sequence
from typing import Any

from ..errors import GateError
from ..graph import Gate
from ..types import Type

__all__ = ["CalledGate"]


class CalledGate:
    """Its results are held against its own shape rule, and are copies that nobody else has."""

    def __init__(self, gate: Gate, types: Sequence[Type], single: bool, where: str | None) -> None:
        self.gate, self.types, self.single, self.where = gate, types, single, where

    def forward(self, xp: Any, *arrays: Any) -> Any:
        """The results of the gate on arrays. Raises GateError when they are not of its types."""
        results = self.gate.forward(xp, *arrays)
        found = [xp.array(r) for r in ((results,) if self.single else results)]
        for array, type in zip(found, self.types, strict=True):
            if (array.shape, array.dtype) != (type.shape, type.dtype):
                had = f"{array.dtype} {array.shape}"
                raise GateError(
                    f"{self.gate}.infer says {type}, its forward gave {had}", self.where
                )
        return found[0] if self.single else tuple(found)
