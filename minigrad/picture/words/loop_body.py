"""What an explanation says of a loop: its step with variables at times t, and what goes back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...dims import Size
from ...graph import Apply, Gate, applies
from ...loops.gate import Scan
from ...notation import SILENT, Notation, prefix
from ...types import Type
from ...variables import Variable
from .terms import Step

__all__ = ["Body", "OverSteps", "Row", "Rows", "Same"]


class Same(Gate):
    """x itself: what a step puts out as it got it."""

    view = True
    notation = SILENT

    def infer(self, x: Type) -> Type:
        return x

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent


@dataclass(frozen=True)
class OverSteps(Gate):
    """The sum over the steps of a loop."""

    t: str

    def formula(self, *types: Type) -> Notation:
        return prefix(f"Σ_{self.t} ", rf"\sum_{self.t}", "sigma", "sigma")

    def infer(self, x: Type) -> Type:
        return x


@dataclass(frozen=True)
class Row(Gate):
    """The row of a stack that belongs to a step."""

    t: str

    def formula(self, *types: Type) -> Notation:
        return Notation(f"{{0:atom}}_{self.t}", rf"{{0:atom}}_{self.t}")

    def infer(self, x: Type) -> Type:
        return Type(x.shape[1:], x.dtype)


@dataclass(frozen=True)
class Rows(Gate):
    """The stack of what every step gives."""

    t: str
    length: Size

    def formula(self, *types: Type) -> Notation:
        return Notation(
            f"[{{0}} for {self.t} = 1, …, {self.length}]",
            rf"\left[{{0}}\right]_{{{{{self.t} = 1, \dots, {self.length}}}}}",
        )

    def infer(self, x: Type) -> Type:
        return Type((self.length, *x.shape), x.dtype)


class Body:
    """The step of a scan, whose outputs are all different and none of them its inputs."""

    def __init__(self, apply: Apply, symbol: str) -> None:
        assert isinstance(apply.gate, Scan)
        self.apply, self.gate, self.t = apply, apply.gate, symbol
        self.inputs = self.gate.body.inputs
        self.carries = self.gate.carries
        self.inits, self.sequences, _ = self.gate.parts(apply.inputs)
        _, self.rows, _ = self.gate.parts(self.inputs)
        self.outputs: list[Variable] = []
        for i, v in enumerate(self.gate.body.outputs):
            earlier = [j for j, o in enumerate(self.outputs) if o is v]
            # A y may be a carry as it leaves the step; all else has a variable of its own.
            own = not earlier or (i >= self.carries and earlier[0] < self.carries)
            inside = v.owner is not None and v not in set(self.inputs)
            self.outputs.append(v if own and inside else Same()(v))

    @cached_property
    def order(self) -> list[Apply]:
        """The applications of the step."""
        return applies(self.outputs, self.inputs)

    @property
    def back(self) -> int:
        """How far from t the step is that ran before: -1, or +1 in a loop that runs backward."""
        return 1 if self.gate.reverse else -1

    @property
    def first(self) -> Step:
        """The step that runs first."""
        return Step(str(self.gate.length)) if self.gate.reverse else Step("", 1)

    @property
    def last(self) -> Step:
        """The step that runs last."""
        return Step("", 1) if self.gate.reverse else Step(str(self.gate.length))

    @property
    def whole(self) -> Step:
        """All steps."""
        return Step(f"1:{self.gate.length}")

    def active(
        self, needed: Sequence[bool], seeded: Collection[int]
    ) -> tuple[set[Variable], list[int]]:
        """The floats of the step that what is needed varies, and the carries that a cotangent
        passes."""
        reached, carries = self.gate.passed(needed, seeded, self.outputs)
        return {v for v in reached if v.type.differentiable}, carries
