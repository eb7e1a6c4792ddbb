"""What arrays are called in a program, and where views of them are made.

Memory that stays where it is from call to call is named before the program, and so are views of it
and lists of the views that the steps of a loop take.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import GateError
from ..graph import Apply
from .expressions import dtype_of, part_of, shape_of
from .names import Names
from .plan import Array, Block, Loop, Part, Row, Turn
from .program import Line

__all__ = ["NamedArrays", "OpenLoop"]


@dataclass
class OpenLoop:
    """A loop that is being written: its counter, and what else it runs over, by name."""

    counter: str
    step: Loop
    zipped: dict[str, str] = field(default_factory=dict)


@dataclass
class NamedArrays:
    """The lines so far, and what arrays are called in them.

    Some arrays stay where they are from call to call, and are made once. `static` are these, and
    whether they are contiguous; `listed` are those that a loop takes from a list of such arrays,
    one for each step: the loop, the list, and whether they are contiguous.
    """

    module: str = "np"  # whose functions the lines call
    lines: list[Line] = field(default_factory=list)
    memory: list[Line] = field(default_factory=list)
    loops: list[OpenLoop] = field(default_factory=list)
    loop_of: dict[Array, OpenLoop] = field(default_factory=dict)  # of rows and turns
    names: Names = field(default_factory=Names)
    blocks: dict[Block, str] = field(default_factory=dict)
    static: dict[Array, bool] = field(default_factory=dict)
    listed: dict[Array, tuple[OpenLoop, str, bool]] = field(default_factory=dict)
    top_level: set[Array] = field(default_factory=set)  # made outside of loops
    ends: dict[Array, Array] = field(default_factory=dict)  # carries of C loops, and where they are

    def fresh(self, hint: str | None = None) -> str:
        return self.names.fresh(hint)

    def line(self, text: str, apply: Apply | None = None, made: str = "") -> None:
        self.lines.append(Line(text, 1 + len(self.loops), apply, self.counters(), made))

    def counters(self) -> tuple[str, ...]:
        """The time steps that we are in."""
        return tuple(around.counter for around in self.loops if not around.step.in_blocks)

    def once(self, text: str) -> None:
        """A line that is run when the program is loaded."""
        self.memory.append(Line(text, 0))

    def delete(self, arrays: Iterable[Array]) -> None:
        """Forget new arrays that nothing mentions any more: their memory is free again."""
        mine = [a for a in arrays if a in self.top_level and a not in self.static]
        if gone := self.names.end(mine):
            self.line(f"del {', '.join(gone)}")

    def value(self, array: Array) -> str:
        """What an array is called. One that has a place is called something when it is needed."""
        if array in self.names.of:
            return self.names.of[array]
        if array in self.ends:
            return self.names.give(array, self.value(self.ends[array]))
        match array.place:
            case Block() as block:
                name = self.laid(array, block)
            case Part() as part:
                name = self.part(array, part)
            case Row(of):
                name = self.row(array, of)
            case Turn() as turn:
                name = self.turn(array, turn)
            case _:
                raise GateError(f"{array} is read where it has no value")
        return self.names.give(array, name)

    def laid(self, array: Array, block: Block) -> str:
        """An array over the whole of a block."""
        name = self.fresh("b")
        memory = f"{self.block(block)}.view({dtype_of(array)})"
        self.once(f"{name} = {memory}.reshape({shape_of(array)})")
        self.static[array] = True
        return name

    def part(self, array: Array, part: Part) -> str:
        """A part of another array."""
        name = self.fresh("b")
        line = f"{name} = {part_of(array, part, self.value(part.of))}"
        contiguous = all(size == 1 for size in part.of.type.shape[: part.axis])
        if not self.make_once([array], part.of, [name], [line], contiguous):
            self.line(line)
        return name

    def row(self, array: Array, of: Array) -> str:
        """What its loop takes from an array in each step."""
        name, loop = self.fresh(array.name or "row"), self.loop_of[array]
        rows = f"{self.value(of)}{'[::-1]' if loop.step.reverse else ''}"
        if of in self.static and array.type.shape:
            rows = self.listing(f"list({rows})")
            self.listed[array] = loop, rows, self.static[of]
        loop.zipped[name] = rows
        return name

    def turn(self, array: Array, turn: Turn) -> str:
        """What its loop takes from two arrays in turn."""
        name, loop = self.fresh(array.name or "turn"), self.loop_of[array]
        pairs = -(-loop.step.length // 2)
        rows = self.listing(f"[{self.value(turn.even)}, {self.value(turn.odd)}] * {pairs}")
        self.listed[array] = loop, rows, True
        loop.zipped[name] = rows
        return name

    def block(self, block: Block) -> str:
        if block not in self.blocks:
            name = self.blocks[block] = self.fresh("memory")
            self.once(f"{name} = {self.module}.empty({block.size}, np.uint8)")
        return self.blocks[block]

    def listing(self, text: str) -> str:
        """A list that is made once, of what is used in each step of a loop."""
        name = self.fresh("rows")
        self.once(f"{name} = {text}")
        return name

    def make_once(
        self,
        views: Sequence[Array],
        of: Array,
        names: Sequence[str],
        lines: Sequence[str],
        keeps_order: bool,
    ) -> bool:
        """Make views once, if what they look at stays where it is, in each step if need be.

        `lines` make `names`, one for each view. False where it cannot be done.
        """
        if of in self.static:
            self.memory += [Line(text, 0) for text in lines]
            self.static |= dict.fromkeys(views, keeps_order and self.static[of])
            return True
        made = [line.partition(" = ") for line in lines]
        if of not in self.listed or [name for name, _, _ in made] != list(names):
            return False
        loop, rows, contiguous = self.listed[of]
        for view, (name, _, text) in zip(views, made, strict=True):
            one = self.names.of[of]
            loop.zipped[name] = self.listing(f"[{text} for {one} in {rows}]")
            self.listed[view] = loop, loop.zipped[name], keeps_order and contiguous
        return True
