"""The plan: what a program does, as data that names no function of an array library.

A plan is a list of instructions. They read and write `Array`s, each of one type, that lie in
`Block`s of memory, in rows of other arrays, or nowhere yet: an argument, or what an instruction
makes new. One writer turns a plan into NumPy source; another could turn it into C or CUDA.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..graph import Apply, Gate
from ..types import Type
from ..variables import Constant

__all__ = [
    "Array",
    "Block",
    "Call",
    "Copy",
    "Empty",
    "Instruction",
    "Launch",
    "Loop",
    "Native",
    "Part",
    "Plan",
    "Row",
    "Turn",
    "inputs_of",
    "inside",
    "outputs_of",
]


@dataclass(eq=False)
class Block:
    """Memory that is kept from call to call."""

    size: int
    """In bytes."""
    number: int = 0
    """Its place among the blocks of a program."""


@dataclass(eq=False)
class Array:
    """A value that instructions read and write; its sizes are numbers.

    place: the memory in which it lies. None for an argument, a constant, what a loop binds in each
    step, and what an instruction makes: a view of its input, or new memory.
    """

    type: Type
    place: "Place | None" = None
    name: str | None = None
    """What the user calls it."""

    @property
    def blocks(self) -> frozenset[Block]:
        """The blocks that its place is in."""
        return frozenset(a.place for a in self.around() if isinstance(a.place, Block))

    def around(self) -> Iterator["Array"]:
        """Itself, and the arrays that its place is in, and theirs."""
        yield self
        match self.place:
            case Part() | Row():
                yield from self.place.of.around()
            case Turn():
                yield from self.place.even.around()
                yield from self.place.odd.around()


@dataclass(frozen=True)
class Part:
    """Places ``start`` to ``stop`` of an array along an axis, in another shape perhaps."""

    of: Array
    axis: int
    start: int
    stop: int


@dataclass(frozen=True)
class Row:
    """``of[t]``, where t is the step of the loop around."""

    of: Array


@dataclass(frozen=True)
class Turn:
    """One array in every other step that is run, from the first, and another in those between."""

    even: Array
    odd: Array


Place = Block | Part | Row | Turn


@dataclass(eq=False)
class Call:
    """Compute the outputs of a gate. Where `placed`, into the memory of the only output.

    Otherwise each output is a view of an input, or new memory. `apply` is what is computed, for
    its line and names; `scratch` is memory for the gate to work in.
    """

    gate: Gate
    inputs: Sequence[Array]
    outputs: Sequence[Array]
    apply: Apply
    placed: bool
    scratch: Sequence[Array] = ()


@dataclass(eq=False)
class Copy:
    """Copy the elements of one array into the place of another."""

    source: Array
    target: Array
    apply: Apply | None


@dataclass(eq=False)
class Empty:
    """New memory for an array that the program returns."""

    array: Array
    apply: Apply


@dataclass(eq=False)
class Loop:
    """Do `steps` for t in 0 … length-1, or the other way round.

    carries: what each carry is called in a step, and holds when the loop has ended; starts: what
    it holds in the first step; nexts: what it holds in the next. rows and turns: the arrays of the
    steps whose place is a `Row` or a `Turn`. in_blocks: it goes through parts of arrays, and is
    none of the user's.
    """

    length: int
    reverse: bool
    apply: Apply
    carries: list[Array] = field(default_factory=list)
    starts: list[Array] = field(default_factory=list)
    nexts: list[Array] = field(default_factory=list)
    rows: list[Array] = field(default_factory=list)
    turns: list[Array] = field(default_factory=list)
    steps: list["Instruction"] = field(default_factory=list)
    in_blocks: bool = False


@dataclass(eq=False)
class Native:
    """Steps that a C function does: `function` of the program's C source, given pointers to
    `bases`. `ends` are the carries of its loops, and where they are in the end; `sites` the gates
    that it may end at, since an index is outside of an axis of so many places."""

    function: str
    steps: list["Instruction"]
    bases: list[Array | Block]
    ends: dict[Array, Array]
    sites: list[tuple["Call", int]]
    apply: Apply | None


@dataclass(eq=False)
class Launch:
    """A CUDA kernel, run by `blocks` of `threads`, given pointers to `bases` and the steps of the
    `loops` around. `written`: what it makes, and of which gate; `finds_index`: whether it may find
    an index outside of its axis."""

    kernel: str
    bases: list[Array | Block]
    loops: list[Loop]
    blocks: int
    threads: int
    written: list[tuple[Array, Apply]]
    finds_index: bool = False


Instruction = Call | Copy | Empty | Loop | Native | Launch


@dataclass(eq=False)
class Plan:
    """`results` from `arguments` and `constants`, by `steps`."""

    arguments: list[Array]
    constants: dict[Constant, Array]
    steps: list[Instruction]
    results: list[Array]
    blocks: list[Block]


def inside(steps: Iterable[Instruction]) -> Iterator[Instruction]:
    """Instructions, and behind each loop those in it."""
    for step in steps:
        yield step
        if isinstance(step, Loop):
            yield from inside(step.steps)


def inputs_of(step: Instruction) -> Iterator[Array]:
    """What an instruction reads, and the arrays that the places of what it writes are parts of."""
    match step:
        case Call():
            for array in (*step.inputs, *step.scratch):
                yield from array.around()
            if step.placed:
                yield from step.outputs[0].around()
        case Copy():
            yield from step.source.around()
            yield from step.target.around()
        case Loop():
            yield from step.starts
            yield from step.nexts
            for array in (*step.rows, *step.turns):
                yield from array.around()
            for inner in step.steps:
                yield from inputs_of(inner)
        case Native() | Launch():
            for base in step.bases:
                if isinstance(base, Array):
                    yield base


def outputs_of(step: Instruction) -> Sequence[Array]:
    """What an instruction makes and gives a name."""
    match step:
        case Call():
            return step.outputs
        case Empty():
            return (step.array,)
        case Loop():
            return step.carries
    return ()
