"""Gates that only move elements, in C: ends joined, slices laid into zeros, ranges, copies."""

from collections.abc import Sequence

from ...gates import Concat, Index, Place, Stack
from ..plan import Call
from .layout import Layout, laid_out, viewed
from .lines import Lines
from .text import Uncovered, cast

__all__ = ["write_arange", "write_concat", "write_place", "write_reshape", "write_stack"]


def write_arange(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (i,) = kernel.nest(out.shape, call.apply)
    kernel.line(f"{kernel.at(out, [i])} = {i};")
    kernel.close(1)


def write_reshape(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """What is no view, of elements in another order: contiguous memory has all shapes."""
    (x,) = inputs
    _copy(kernel, call, x, laid_out(x.type, out.base, out.size))


def write_concat(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    gate, start = call.gate, 0
    assert isinstance(gate, Concat)
    for x in inputs:
        stop = start + x.shape[gate.axis]
        _copy(kernel, call, x, out.slice(gate.axis, start, stop))
        start = stop


def write_stack(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    gate = call.gate
    assert isinstance(gate, Stack)
    for i, x in enumerate(inputs):
        _copy(kernel, call, x.with_axis(gate.axis), out.slice(gate.axis, i, i + 1))


def write_place(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    (x,), gate = inputs, call.gate
    assert isinstance(gate, Place)
    counters = kernel.nest(out.shape, call.apply)
    kernel.line(f"{kernel.at(out, counters)} = 0;")
    kernel.close(len(counters))
    if 0 in x.shape:
        return
    there = viewed(Index(gate.items), out)
    if there is None:
        raise Uncovered(str(gate))
    _copy(kernel, call, x, there[0])


def _copy(kernel: Lines, call: Call, x: Layout, out: Layout) -> None:
    counters = kernel.nest(x.shape, call.apply)
    kernel.line(f"{kernel.at(out, counters)} = {cast(kernel.at(x, counters), out.type.dtype)};")
    kernel.close(len(counters))
