"""A plan with kernels written out as a CuPy program: what the NumPy writer does, on a GPU.

    kernel_0((20,), (256,), (memory_3, h, t))       a launch: blocks, threads, and what it is given

A single number is an array of rank 0 here, and so a view may be too: where NumPy would have made a
number of it, it is copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...types import Array as Values
from ..expressions import type_of
from ..numpy_writer import Writer
from ..plan import Array, Block, Empty, Instruction, Launch, Loop, Plan
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
    """`whole` are arrays that kernels are given, and of which each lies in memory of its own."""

    module: str = "cp"
    head: list[Line] = field(default_factory=lambda: [Line(text, 0) for text in _HEAD.splitlines()])
    indexed: Sequence[str] = ()
    half: str | None = None
    whole: set[Array] = field(default_factory=set)

    def written(self, plan: Plan, cuda: str) -> Program:
        self.whole.update(plan.arguments, plan.constants.values())
        if self.indexed:
            sites = "\n".join(f"    {site!r}," for site in self.indexed)
            self.head += [Line(text, 0) for text in _CHECK.format(sites=sites).splitlines()]
            self.once(f"outside = cp.zeros({len(self.indexed)}, np.uint8)")
        program = self.program(plan)
        program.cuda = cuda
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
        if not self.loops:
            for base in _bases(step):
                if base in self.names.of and not self.is_whole(base):
                    name = self.fresh(base.name)
                    self.line(f"{name} = contiguous({self.names.of[base]})", step.apply)
                    self.names.give(base, name)
                    self.whole.add(base)
        self.whole.update(step.turns)
        super().loop(step)

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


def _bases(step: Instruction) -> list[Array]:
    """The arrays that the kernels of a loop are given, inner loops too."""
    if isinstance(step, Launch):
        return [base for base in step.bases if isinstance(base, Array)]
    if isinstance(step, Loop):
        return list(dict.fromkeys(base for inner in step.steps for base in _bases(inner)))
    return []
