"""Gates along an axis written out as reductions of rows and elementwise gates.

    log_softmax(x)  →  m = max x;  s = x - m;  y = s - log Σ exp s

Each in memory of its own, which stays in cache: a row is done before the next begins.
"""

from collections.abc import Iterable, Iterator

from ...gates import Divide, Exp, Log, LogSoftmax, Max, Softmax, Subtract, Sum
from ...graph import Gate
from ...types import Type
from ..memory import size_of
from ..plan import Array, Block, Call, Instruction, Loop, Plan

__all__ = ["EXPANDED", "expanded"]

EXPANDED = (LogSoftmax, Softmax)


def expanded(plan: Plan, steps: Iterable[Instruction]) -> Iterator[Instruction]:
    """The instructions with such gates written out, inside loops too."""
    for step in steps:
        if isinstance(step, Loop):
            step.steps = list(expanded(plan, step.steps))
        if isinstance(step, Call) and _along_rows(step):
            yield from _written(plan, step)
        else:
            yield step


def _along_rows(call: Call) -> bool:
    """Whether it is such a gate, along the last axis of an array that is not empty."""
    if not isinstance(call.gate, EXPANDED) or not call.placed:
        return False
    x, y = call.inputs[0].type, call.outputs[0].type
    return x.dtype == y.dtype and call.gate.axis == len(x.shape) - 1 and 0 not in x.shape


def _written(plan: Plan, call: Call) -> Iterator[Call]:
    (x,), (out,) = call.inputs, call.outputs
    rows = Type((*x.type.shape[:-1], 1), x.type.dtype)
    axes = (len(x.type.shape) - 1,)

    def fresh(type: Type) -> Array:
        plan.blocks.append(Block(size_of(type), len(plan.blocks)))
        return Array(type, plan.blocks[-1])

    def do(gate: Gate, *inputs: Array, to: Array) -> Call:
        return Call(gate, inputs, [to], call.apply, placed=True)

    top, total = fresh(rows), fresh(rows)
    yield do(Max(axes, keepdims=True), x, to=top)
    if isinstance(call.gate, Softmax):
        yield do(Subtract(), x, top, to=out)
        yield do(Exp(), out, to=out)
        yield do(Sum(axes, keepdims=True), out, to=total)
        yield do(Divide(), out, total, to=out)
        return
    powers = fresh(x.type)
    yield do(Subtract(), x, top, to=out)
    yield do(Exp(), out, to=powers)
    yield do(Sum(axes, keepdims=True), powers, to=total)
    yield do(Log(), total, to=total)
    yield do(Subtract(), out, total, to=out)
