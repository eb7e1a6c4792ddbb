"""Gates that only move elements, in C: ends joined, slices laid into zeros, ranges, copies."""

from collections.abc import Sequence

from ...gates import Concat, Index, Place, Stack
from ..plan import Call
from .layout import Layout, laid_out, viewed
from .lines import Lines
from .text import Uncovered

__all__ = ["write_arange", "write_concat", "write_place", "write_reshape", "write_stack"]


def write_arange(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    kernel.store(out, lambda at: at[0], call.apply)


def write_reshape(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """What is no view, of elements in another order: contiguous memory has all shapes."""
    (x,) = inputs
    kernel.store_cast(x, laid_out(x.type, out.base, out.size), call.apply)


def write_concat(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    gate, start = call.gate, 0
    assert isinstance(gate, Concat)
    for x in inputs:
        stop = start + x.shape[gate.axis]
        kernel.store_cast(x, out.slice(gate.axis, start, stop), call.apply)
        start = stop


def write_stack(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    gate = call.gate
    assert isinstance(gate, Stack)
    for i, x in enumerate(inputs):
        kernel.store_cast(x.with_axis(gate.axis), out.slice(gate.axis, i, i + 1), call.apply)


def write_place(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (x,), gate = inputs, call.gate
    assert isinstance(gate, Place)
    kernel.store(out, lambda at: "0", call.apply)
    if 0 in x.shape:
        return
    there = viewed(Index(gate.items), out)
    if there is None:
        raise Uncovered(str(gate))
    kernel.store_cast(x, there[0], call.apply)
