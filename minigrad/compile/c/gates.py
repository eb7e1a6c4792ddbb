"""Which gates other than elementwise ones are written in C, and by what."""

from collections.abc import Callable, Sequence

from ... import gates
from ...graph import Gate
from ..plan import Call
from .copies import write_arange, write_concat, write_place, write_stack
from .draws import write_fold_in, write_uniform
from .layout import Layout
from .lines import Lines
from .picking import (
    write_one_hot,
    write_scatter_add,
    write_scatter_add_along,
    write_take,
    write_take_along,
)
from .products import write_matmul
from .segments import write_lookup, write_segment_sum
from .sums import write_argmax, write_cumulative_sum, write_reduction
from .text import Uncovered

__all__ = ["COVERED", "NEED_ELEMENTS", "write_gate"]


def write_gate(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """The lines of a gate. Raises Uncovered where there are none."""
    writer = COVERED.get(type(call.gate))
    if writer is None:
        raise Uncovered(str(call.gate))
    if writer is write_matmul:  # it shares by itself
        writer(kernel, call, inputs, out)
        return
    with kernel.sharing.alone():
        writer(kernel, call, inputs, out)


Writer = Callable[[Lines, Call, Sequence[Layout], Layout], None]
COVERED: dict[type[Gate], Writer] = {
    gates.Matmul: write_matmul,
    gates.Sum: write_reduction,
    gates.Mean: write_reduction,
    gates.Max: write_reduction,
    gates.Min: write_reduction,
    gates.AllTrue: write_reduction,
    gates.AnyTrue: write_reduction,
    gates.Argmax: write_argmax,
    gates.Argmin: write_argmax,
    gates.CumulativeSum: write_cumulative_sum,
    gates.OneHot: write_one_hot,
    gates.Lookup: write_lookup,
    gates.SegmentSum: write_segment_sum,
    gates.Take: write_take,
    gates.ScatterAdd: write_scatter_add,
    gates.TakeAlong: write_take_along,
    gates.ScatterAddAlong: write_scatter_add_along,
    gates.Place: write_place,
    gates.Concat: write_concat,
    gates.Stack: write_stack,
    gates.Arange: write_arange,
    gates.FoldIn: write_fold_in,
    gates.Uniform: write_uniform,
}

NEED_ELEMENTS = (
    gates.Matmul,
    gates.Max,
    gates.Argmax,
    gates.Take,
    gates.TakeAlong,
    gates.ScatterAdd,
    gates.ScatterAddAlong,
    gates.Lookup,
    gates.SegmentSum,
)
"""Those that NumPy does where there are no elements: it refuses some of them."""
