"""Which instructions of a plan become CUDA kernels, and the source of these.

Loops stay loops of the program, in Python; what a step does becomes kernels, that are given the
number of the step where they work on a row of an array. CuPy does the rest: products, sums along
other axes than the last, copies.
"""

import re
from collections.abc import Sequence

import numpy as np

from ...gates import (
    Astype,
    Elementwise,
    Isfinite,
    LogicalNot,
    LogSoftmax,
    LogSumExp,
    Lookup,
    Softmax,
    Sum,
)
from ...gates.reductions import Reduction
from ...graph import Apply, Gate
from ...native import elementary
from ...types import Type
from ..c.expand import expanded
from ..c.grouping import is_row_work
from ..c.layout import Layout, laid_out
from ..c.readers import Readers, without_unread
from ..c.text import Uncovered
from ..memory import new_block, size_of
from ..plan import (
    Array,
    Call,
    Empty,
    Instruction,
    Launch,
    Loop,
    Plan,
)
from .gates import KERNELS, SOURCE
from .kernels import Kernel, Threads

__all__ = ["lower"]

_TYPES = """
#ifdef __CUDACC_RTC__ /* it has no headers of the system */
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define INT32_MIN (-2147483647 - 1)
#define INT64_MIN (-9223372036854775807ll - 1)
#pragma nv_diag_suppress 177 /* functions that no kernel here calls */
#else
#include <math.h>
#include <stdint.h>
#endif
"""


def lower(plan: Plan, alone: bool = False) -> tuple[str, list[str]]:
    """Put kernels in the place of what they can do: their CUDA source, "" where there are none, and
    by number, what finds an index outside. `alone`: one gate each, to look at what each makes."""
    _give_places(plan, plan.steps)
    if not alone:
        plan.steps = list(expanded(plan, plan.steps))
    lowering = _Lowering(plan, alone)
    plan.steps = without_unread(lowering.lowered(plan.steps), plan.results)
    if not lowering.kernels:
        return "", []
    return "\n".join([_TYPES, elementary(), SOURCE, *lowering.kernels]), lowering.sites


class _Lowering:
    """What is known of the arrays of a plan while its instructions are gone through.

    layouts: where they lie; foreign: what may be a view of any memory; own: what is written to, and
    shares memory with nothing; counters: what kernels call the step of an open loop, for its rows.
    """

    def __init__(self, plan: Plan, alone: bool) -> None:
        self.plan, self.alone, self.readers = plan, alone, Readers(plan)
        self.layouts: dict[Array, Layout] = {}
        self.literals: dict[Array, str] = {}
        self.foreign: set[Array] = set()
        self.own = set(plan.arguments)
        self.counters: dict[Array, str] = {}
        self.loops: dict[str, Loop] = {}
        self.kernels: list[str] = []
        self.sites: list[str] = []

    def lowered(self, steps: Sequence[Instruction]) -> list[Instruction]:
        """The instructions, with kernels where they can be."""
        found: list[Instruction] = []
        rest = list(steps)
        while rest:
            count, step = 1, rest[0]
            match step:
                case Loop():
                    self.loop(step)
                    found.append(step)
                case Empty():
                    self.own.add(step.array)
                    found.append(step)
                case Call() if _makes_nothing(step):
                    pass
                case Call():
                    count, made = self.call(rest)
                    found += made
                case _:
                    found.append(step)
            del rest[:count]
        return found

    def call(self, steps: Sequence[Instruction]) -> tuple[int, Sequence[Instruction]]:
        """The first instruction, a gate, or the first few together: how many, and what does it."""
        call = steps[0]
        assert isinstance(call, Call)
        for own in (False, True):  # if not with others, then in a kernel of its own
            kernel = self.kernel(own)
            try:
                if not own and (kernel.looks(call) or kernel.is_known(call)):
                    self.note(kernel)
                    return 1, [call]
                if is_row_work(kernel, call):
                    group = Threads(kernel, alone=own or self.alone)
                    count = group.write(steps[:1] if own else steps, kernel.looks)
                    views = [s for s in steps[:count] if isinstance(s, Call) and not s.placed]
                    return count, [*views, *self.launch(kernel, group.written)]
                if own:
                    return 1, self.gate(call)
            except Uncovered:
                continue
        if not call.placed and call.gate.may_share:
            self.foreign.update(call.outputs)
        return 1, [call]

    def kernel(self, own: bool) -> Kernel:
        """A kernel to write. One that is of one gate may read any memory: a plan lets a gate write
        over what it reads only where each element is read before it is written."""
        foreign = () if own else self.foreign
        kernel = Kernel(
            self.plan, self.readers, self.layouts, self.own, foreign, literals=self.literals
        )
        kernel.counters = self.counters
        return kernel

    def note(self, kernel: Kernel) -> None:
        """Remember where arrays lie, but for those of which nobody knows."""
        found = kernel.layouts.items()
        self.layouts |= {a: at for a, at in found if a not in self.foreign}

    def gate(self, call: Call) -> Sequence[Instruction]:
        """A gate that has kernels of its own. Raises Uncovered for another one."""
        if not call.placed or type(call.gate) not in KERNELS:
            raise Uncovered(str(call.gate))
        found: list[Instruction] = []
        if isinstance(call.gate, Lookup):
            before, call = self.with_counts(call)
            found += self.lowered(before)
        for write in KERNELS[type(call.gate)]:
            kernel = self.kernel(own=True)
            write(kernel, call, kernel.target(call.outputs[0]))
            self.sites += [
                f"an index is outside of its axis, of size {n}, in {c.gate} at {c.apply.where}"
                for c, n in kernel.sites
            ]
            found += self.launch(kernel, [(call.outputs[0], call.apply)])
        return found

    def with_counts(self, call: Call) -> tuple[list[Instruction], Call]:
        """A look-up with a third input, and what makes that: how many elements of each column are
        not finite."""
        ids, table = call.inputs
        if table in self.literals:
            raise Uncovered("a table of one number")
        (rows, width), flag = table.type.shape, np.dtype(bool)
        wrong = [self.fresh(Type((rows, width), flag)) for _ in range(2)]
        counts = self.fresh(Type((width,), np.dtype(np.int64)))
        made: list[tuple[Gate, Array, Array]] = [
            (Isfinite(), table, wrong[0]),
            (LogicalNot(), wrong[0], wrong[1]),
            (Sum((0,)), wrong[1], counts),
        ]
        before = [Call(gate, [x], [y], call.apply, placed=True) for gate, x, y in made]
        inputs = [ids, table, counts]
        return [*before], Call(call.gate, inputs, call.outputs, call.apply, placed=True)

    def fresh(self, type: Type) -> Array:
        return Array(type, new_block(self.plan, type))

    def launch(self, kernel: Kernel, written: list[tuple[Array, Apply]]) -> list[Launch]:
        """The launch of a kernel that has been written; none, if it has nothing to do."""
        self.note(kernel)
        if not kernel.blocks:
            return []
        text = "\n".join(kernel.text)
        counters = [t for t in self.loops if re.search(rf"\b{t}\b", text)]
        name = f"kernel_{len(self.kernels)}"
        self.kernels.append(kernel.function(name, counters))
        loops = [self.loops[t] for t in counters]
        sizes = kernel.blocks, kernel.threads
        return [Launch(name, [*kernel.bases], loops, *sizes, written, kernel.finds_index)]

    def loop(self, loop: Loop) -> None:
        """Lower the steps of a loop. A carry is memory of its own in a step: what it held before
        is not written to. After the loop it may be a view of anything."""
        if not loop.length:
            return  # its steps may speak of rows that are not there
        t = f"t{len(self.loops)}"
        self.loops[t] = loop
        self.counters |= dict.fromkeys(loop.rows, t)
        for array in (*loop.carries, *loop.turns):
            self.layouts[array] = laid_out(array.type, array, size_of(array.type))
        self.own.update(loop.turns)
        loop.steps = without_unread(self.lowered(loop.steps), loop.nexts)
        del self.loops[t]
        for carry in loop.carries:
            del self.layouts[carry]
        self.foreign.update(loop.carries)


# ---------------------------------------------------------------- the plan before and after


def _give_places(plan: Plan, steps: list[Instruction]) -> None:
    """Memory for what kernels make, where CuPy would have allocated it."""
    kinds = (Elementwise, Astype, Reduction, Softmax, LogSoftmax, LogSumExp, *KERNELS)
    results = set(plan.results)
    for step in list(steps):
        if isinstance(step, Loop):
            _give_places(plan, step.steps)
        elif isinstance(step, Call) and not step.placed:
            array, *more = step.outputs
            empty = 0 in array.type.shape and step.gate.is_built_in and not step.gate.view
            if more or not (empty or isinstance(step.gate, kinds)):
                continue
            if array in results:
                steps.insert(0, Empty(array, step.apply))  # where it parts no group of gates
            elif array.place is None:
                array.place = new_block(plan, array.type)
            step.placed = True


def _makes_nothing(call: Call) -> bool:
    """Whether there is nothing to compute: CuPy refuses to reduce what is empty."""
    empty = all(0 in a.type.shape for a in call.outputs)
    return empty and call.placed and call.gate.is_built_in
