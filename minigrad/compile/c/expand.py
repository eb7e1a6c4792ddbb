"""Gates along an axis written out as reductions and elementwise gates.

    log_softmax(x)  →  m = max x;  s = x - m;  y = s - log Σ exp s

Each in memory of its own, which stays in cache: a row is done before the next begins.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from ...gates import (
    Add,
    Astype,
    Divide,
    Exp,
    Isfinite,
    Log,
    LogSoftmax,
    LogSumExp,
    Max,
    Reshape,
    Softmax,
    Subtract,
    Sum,
    Where,
)
from ...graph import Gate
from ...types import Type
from ...variables import Constant
from ..memory import new_block
from ..plan import Array, Call, Instruction, Loop, Plan

__all__ = ["expanded"]


def expanded(plan: Plan, steps: Iterable[Instruction]) -> Iterator[Instruction]:
    """The instructions with such gates written out, inside loops too."""
    for step in steps:
        if isinstance(step, Loop):
            step.steps = list(expanded(plan, step.steps))
        if isinstance(step, Call) and type(step.gate) in (LogSoftmax, LogSumExp, Softmax):
            yield from _Written(plan, step).steps()
        else:
            yield step


class _Written:
    """A gate along an axis, written out."""

    def __init__(self, plan: Plan, call: Call) -> None:
        self.plan, self.call = plan, call
        self.axis: int = call.gate.axis  # type: ignore[attr-defined]

    def steps(self) -> Iterator[Call]:
        plan, call = self.plan, self.call
        (x,), (y,) = call.inputs, call.outputs
        if 0 in x.type.shape:
            yield call
            return
        if y.place is None and not call.placed:
            y.place = new_block(plan, y.type)
        if x.type.dtype != y.type.dtype:
            floats = self.fresh(Type(x.type.shape, y.type.dtype))
            yield self.do(Astype(y.type.dtype), x, to=floats)
            x = floats
        if isinstance(call.gate, Softmax):
            yield from self.softmax(x, y)
        elif isinstance(call.gate, LogSoftmax):
            yield from self.log_softmax(x, y)
        else:
            yield from self.log_sum_exp(x, y)

    def softmax(self, x: Array, y: Array) -> Iterator[Call]:
        top, total = self.rows(x), self.rows(x)
        yield self.do(Max((self.axis,), keepdims=True), x, to=top)
        yield self.do(Subtract(), x, top, to=y)
        yield self.do(Exp(), y, to=y)
        yield self.do(Sum((self.axis,), keepdims=True), y, to=total)
        yield self.do(Divide(), y, total, to=y)

    def log_softmax(self, x: Array, y: Array) -> Iterator[Call]:
        top, total, powers = self.rows(x), self.rows(x), self.fresh(x.type)
        yield self.do(Max((self.axis,), keepdims=True), x, to=top)
        yield self.do(Subtract(), x, top, to=y)
        yield self.do(Exp(), y, to=powers)
        yield self.do(Sum((self.axis,), keepdims=True), powers, to=total)
        yield self.do(Log(), total, to=total)
        yield self.do(Subtract(), y, total, to=y)

    def log_sum_exp(self, x: Array, y: Array) -> Iterator[Call]:
        top, total, powers = self.rows(x), self.rows(x), self.fresh(x.type)
        finite = self.fresh(Type(top.type.shape, np.dtype(bool)))
        zero = Constant(np.zeros((), x.type.dtype))
        nothing = self.plan.constants.setdefault(zero, Array(zero.type))
        yield self.do(Max((self.axis,), keepdims=True), x, to=top)
        yield self.do(Isfinite(), top, to=finite)
        yield self.do(Where(), finite, top, nothing, to=top)  # inf - inf would be NaN
        yield self.do(Subtract(), x, top, to=powers)
        yield self.do(Exp(), powers, to=powers)
        yield self.do(Sum((self.axis,), keepdims=True), powers, to=total)
        yield self.do(Log(), total, to=total)
        views = [Array(y.type), Array(y.type)]
        for number, view in zip((total, top), views, strict=True):
            yield Call(Reshape(y.type.shape), [number], [view], self.call.apply, placed=False)
        yield self.do(Add(), *views, to=y)

    # ------------------------------------------------------------ arrays

    def do(self, gate: Gate, *inputs: Array, to: Array) -> Call:
        return Call(gate, inputs, [to], self.call.apply, placed=True)

    def fresh(self, type: Type) -> Array:
        return Array(type, new_block(self.plan, type))

    def rows(self, x: Array) -> Array:
        """One number for each row of x."""
        shape = x.type.shape
        return self.fresh(Type((*shape[: self.axis], 1, *shape[self.axis + 1 :]), x.type.dtype))
