"""An interpreter of plans, to show that a plan says all that a program does."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.compile.blocks import in_blocks
from minigrad.compile.plan import (
    Array,
    Block,
    Call,
    Copy,
    Empty,
    Instruction,
    Loop,
    Part,
    Plan,
    Row,
    Turn,
)
from minigrad.compile.planner import plan
from minigrad.graph import Binding, Graph, leaves
from minigrad.interpret import evaluate
from minigrad.rewrite import PASSES
from minigrad.variables import Constant, Variable
from tests.differential import assert_compiled_right
from tests.helpers import Array as Values
from tests.helpers import assert_same

WAYS: dict[str, Any] = {
    "all passes": True,
    "blocks alone": dict.fromkeys(PASSES, False),
    "blocks not": {"blocks": False},
}

BLOCK = 80  # bytes: three rows of (10, 3)
SMALLEST = 9  # bytes: all but scalars are given a place


class Machine:
    """Runs a plan. `steps` are those of the loops that it is in: the time, and how many ran."""

    def __init__(self) -> None:
        self.values: dict[Array, Any] = {}
        self.blocks: dict[Block, Values] = {}
        self.steps: dict[Array, tuple[int, int]] = {}  # of each row and turn

    def run(self, plan: Plan, arguments: Sequence[Values]) -> list[Values]:
        self.values = dict(zip(plan.arguments, arguments, strict=True))
        self.values |= {array: c.value for c, array in plan.constants.items()}
        self.blocks = {block: np.full(block.size, 255, np.uint8) for block in plan.blocks}
        self.all(plan.steps)
        return [np.array(self[a]) for a in plan.results]

    def __getitem__(self, array: Array) -> Any:
        match array.place:
            case Block() as block:
                return self.blocks[block].view(array.type.dtype).reshape(array.type.shape)
            case Part(of, axis, start, stop):
                piece = self[of][(slice(None),) * axis + (slice(start, stop),)]
                view = piece.reshape(array.type.shape)
                assert np.shares_memory(view, piece) or not piece.size
                return view
            case Row(of):
                return self[of][self.steps[array][0], ...]
            case Turn(even, odd):
                return self[odd if self.steps[array][1] % 2 else even]
        return self.values[array]

    def all(self, steps: Sequence[Instruction]) -> None:
        for step in steps:
            match step:
                case Call():
                    self.call(step)
                case Copy(source, target):
                    self[target][...] = self[source]
                case Empty(array):
                    self.values[array] = np.full(array.type.shape, -1, array.type.dtype)
                case Loop():
                    self.loop(step)

    def call(self, step: Call) -> None:
        options: dict[str, Any] = {"out": self[step.outputs[0]]} if step.placed else {}
        if step.scratch:
            options["scratch"] = [self[a] for a in step.scratch]
        found = step.gate.forward(np, *(self[a] for a in step.inputs), **options)
        found = (found,) if step.apply.single else found
        if not step.placed:
            self.values |= zip(step.outputs, found, strict=True)
        elif found[0] is not options["out"]:
            options["out"][...] = found[0]

    def loop(self, loop: Loop) -> None:
        state = [self[a] for a in loop.starts]
        for count in range(loop.length):
            t = loop.length - 1 - count if loop.reverse else count
            self.steps |= dict.fromkeys([*loop.rows, *loop.turns], (t, count))
            self.values |= zip(loop.carries, state, strict=True)
            self.all(loop.steps)
            state = [self[a] for a in loop.nexts]
        self.values |= zip(loop.carries, state, strict=True)


def values_of(inputs: Sequence[Variable]) -> dict[Variable, Values]:
    rng = np.random.default_rng(0)
    return {v: rng.normal(size=Binding({})(v.shape)) for v in inputs}


def right(outputs: Sequence[Variable], *inputs: Variable, block: int | None = None) -> Plan:
    """The plan of `outputs`, which gives what the interpreter gives; with `block`, in blocks."""
    at = values_of(inputs)
    made = plan(Graph(inputs, tuple(outputs), Binding({})), SMALLEST)
    if block is not None:
        in_blocks(made, block)
    for a, b in zip(Machine().run(made, list(at.values())), evaluate(outputs, at), strict=True):
        assert_same(a, b)
    return made


def every(steps: Sequence[Instruction]) -> Iterator[Instruction]:
    """All instructions, those in loops too."""
    for step in steps:
        yield step
        if isinstance(step, Loop):
            yield from every(step.steps)


def copies(plan: Plan) -> int:
    return sum(isinstance(step, Copy) for step in every(plan.steps))


def gates(steps: Sequence[Instruction]) -> list[str]:
    return [str(step.gate) for step in every(steps) if isinstance(step, Call)]


def shown(made: Plan) -> list[Any]:
    """The instructions as text, those of a loop over blocks as a list."""
    found: list[Any] = []
    for step in made.steps:
        match step:
            case Call():
                found.append(str(step.gate))
            case Loop() if step.in_blocks:
                found.append(gates(step.steps))
            case _:
                found.append(type(step).__name__)
    return found


def blocked(*outputs: Variable) -> list[Any]:
    """The plan in blocks as text. It gives what the interpreter gives, and so do programs."""
    inputs = [v for v in leaves(outputs) if not isinstance(v, Constant)]
    assert_compiled_right(outputs, values_of(inputs), ways=WAYS)
    return shown(right(outputs, *inputs, block=BLOCK))


def runs(*outputs: Variable) -> list[list[str]]:
    """What of it is done block by block."""
    return [step for step in blocked(*outputs) if isinstance(step, list)]
