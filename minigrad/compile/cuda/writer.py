"""A plan with kernels written out as a CuPy program: what the NumPy writer does, on a GPU.

    kernel_0((20,), (256,), (memory_3, h, t))       a launch: blocks, threads, and what it is given

A single number is an array of rank 0 here, and so a view may be too: where NumPy would have made a
number of it, it is copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...gates import Matmul
from ...types import Array as Values
from ..expressions import type_of
from ..numpy_writer import Writer
from ..plan import (
    Array,
    Block,
    Call,
    Copy,
    Empty,
    Instruction,
    Launch,
    Loop,
    Plan,
    outputs_of,
)
from ..program import Line, Program
from ..recorder import literal

__all__ = ["write"]

_HEAD = """import cupy as cp
import numpy as np


def contiguous(x):
    return x if x.flags.c_contiguous else x.copy()

"""

_CHECK = """
SITES = [
{sites}
]


def check(outside):
    if outside.any():
        site = SITES[int(outside.argmax())]
        outside.fill(0)
        raise IndexError(site)

"""


def write(
    plan: Plan, cuda: str, sites: Sequence[str], check_nan: bool = False, half: str | None = None
) -> Program:
    """The program, whose kernels are in the source `cuda`. `sites` are what may find an index
    outside of its axis; `half` the dtype that operands of products are rounded to."""
    return CupyWriter(check_nan=check_nan, indexed=sites, half=half).written(plan, cuda)


@dataclass
class CupyWriter(Writer):
    """`whole` are arrays whose elements lie in the order in which kernels look for them; `rounded`
    those that there are in 16 bits, too."""

    module: str = "cp"
    head: list[Line] = field(default_factory=lambda: [Line(text, 0) for text in _HEAD.splitlines()])
    indexed: Sequence[str] = ()
    half: str | None = None
    whole: set[Array] = field(default_factory=set)
    rounded: dict[Array, str] = field(default_factory=dict)

    def written(self, plan: Plan, cuda: str) -> Program:
        self.whole.update(plan.arguments, plan.constants.values())
        if self.indexed:
            sites = "\n".join(f"    {site!r}," for site in self.indexed)
            self.head += [Line(text, 0) for text in _CHECK.format(sites=sites).splitlines()]
            self.once(f"outside = cp.zeros({len(self.indexed)}, np.uint8)")
        program = self.program(plan)
        program.cuda, program.half = cuda, self.half
        return program

    def end(self) -> None:
        if self.indexed:
            self.line("check(outside)")

    def instruction(self, step: Instruction) -> None:
        if isinstance(step, Empty):
            self.whole.add(step.array)
        super().instruction(step)

    # ------------------------------------------------------------ values

    def number(self, value: Values) -> str:
        """CuPy's functions take no numbers of NumPy for arrays."""
        return f"cp.array({literal(value.item())}, np.{value.dtype.name})"

    def laid(self, array: Array, block: Block) -> str:
        if block.size:
            return super().laid(array, block)
        name = self.fresh("b")
        self.once(f"{name} = cp.empty({type_of(array)})")
        self.static[array] = True
        return name

    def next(self, array: Array) -> str:
        return self.value(array) + ("" if array.type.shape else ".copy()")

    # ------------------------------------------------------------ kernels

    def loop(self, step: Loop) -> None:
        """What all steps read is made contiguous before them, and not in each."""
        before = dict(self.rounded)
        if self.half:
            self.round_before(step)
        if not self.loops:
            for base in _bases(step):
                if base in self.names.of and not self.is_whole(base):
                    name = self.fresh(base.name)
                    self.line(f"{name} = contiguous({self.names.of[base]})", step.apply)
                    self.names.give(base, name)
                    self.whole.add(base)
        self.whole.update(step.turns)
        super().loop(step)
        self.rounded = before  # after the loop, something else may be written to their memory

    def is_whole(self, array: Array) -> bool:
        """Whether its elements lie in the order in which kernels look for them."""
        return array in self.whole or self.static.get(array, False)

    def launch(self, step: Launch) -> None:
        given = []
        for base in step.bases:
            if isinstance(base, Block):
                given.append(self.block(base))
            else:
                name = self.value(base)
                given.append(name if self.is_whole(base) else f"contiguous({name})")
        counters = {around.step: around.counter for around in self.loops}
        given += [counters[loop] for loop in step.loops]
        given += ["outside"] * step.finds_index
        self.once(f"{step.kernel} = cuda({step.kernel!r})")
        arguments = f"({', '.join(given)}{',' * (len(given) == 1)})"
        names = ", ".join(array.name for array, _ in step.written if array.name)
        apply = step.written[0][1]
        self.line(f"{step.kernel}(({step.blocks},), ({step.threads},), {arguments})", apply, names)
        if step.finds_index and self.check_nan:  # what it made may be anything else
            self.line("check(outside)", apply)
        for array, made_by in step.written:
            self.check([(array, self.value(array))] if self.check_nan else (), made_by)

    # ------------------------------------------------------------ products in 16 bits

    def recorded(
        self, step: Call, inputs: Sequence[str], out: str | None
    ) -> tuple[list[str], list[str]]:
        if not (self.half and _is_product(step)):
            return super().recorded(step, inputs, out)
        a, b = (self.rounded.get(x, name) for x, name in zip(step.inputs, inputs, strict=True))
        if len(step.inputs[0].type.shape) == 2:
            made = out or self.fresh()
            text = f"product({a}, {b}{f', out={out}' if out else ''})"
            return [made], [text if out else f"{made} = {text}"]
        rows, made = self.fresh(), self.fresh()  # (…, k) @ (k, n): as one matrix
        shapes = [a.type.shape for a in (step.inputs[0], step.outputs[0])]
        lines = [
            f"{rows} = product({a}.reshape((-1, {shapes[0][-1]})), {b})",
            f"{made} = {rows}.reshape({shapes[1]})",
        ]
        return [made], lines

    def round_before(self, loop: Loop) -> None:
        """Round the operands that are the same in all steps before them."""
        for step in loop.steps:
            for x in step.inputs if isinstance(step, Call) and _is_product(step) else ():
                if x not in self.rounded and _is_fixed(x, loop):
                    name, value = self.fresh("half"), self.value(x)
                    self.line(f"{name} = product.rounded({value})", loop.apply)
                    self.rounded[x] = name


def _is_product(call: Call) -> bool:
    """Whether it is a product of matrices of float32, the right one no stack of them."""
    if not isinstance(call.gate, Matmul):
        return False
    a, b = (x.type for x in call.inputs)
    floats = a.dtype == b.dtype == np.float32
    return floats and len(a.shape) >= 2 and len(b.shape) == 2 and 0 not in (*a.shape, *b.shape)


def _is_fixed(array: Array, loop: Loop) -> bool:
    """Whether an array is the same in all steps of a loop."""
    made, blocks = _made(loop)
    return not (array.blocks & blocks) and made.isdisjoint(array.around())


def _made(loop: Loop) -> tuple[set[Array], set[Block]]:
    """What the steps of a loop make, and the blocks that they write to."""
    made = {*loop.carries, *loop.rows, *loop.turns}
    for step in loop.steps:
        made.update(outputs_of(step))
        if isinstance(step, Copy):
            made.add(step.target)
        elif isinstance(step, Launch):
            made.update(array for array, _ in step.written)
        elif isinstance(step, Loop):
            made |= _made(step)[0]
    return made, {block for array in made for block in array.blocks}


def _bases(step: Instruction) -> list[Array]:
    """The arrays that the kernels of a loop are given, inner loops too."""
    if isinstance(step, Launch):
        return [base for base in step.bases if isinstance(base, Array)]
    if isinstance(step, Loop):
        return list(dict.fromkeys(base for inner in step.steps for base in _bases(inner)))
    return []
