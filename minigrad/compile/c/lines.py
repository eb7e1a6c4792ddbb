"""Lines of C, and the memory that they read and write."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...gates import Extent
from ...graph import Apply
from ...types import Type
from ..memory import new_block, size_of
from ..plan import Array, Block, Call, Part, Plan, Row, Turn
from .ahead import Ahead
from .layout import Layout, laid_out, viewed
from .readers import Readers
from .sharing import Sharing
from .text import C_TYPES, Uncovered, cast, literal
from .writing import Writing

__all__ = ["Lines"]


@dataclass
class Lines(Writing):
    """The lines of a function so far.

    readers: who reads what a gate has written;
    known: where arrays outside of loops lie; own: memory that is contiguous, and nobody else's;
    foreign: what may be a view of any; is_shared: whether a team of threads does it;
    bases: the memory that it is given pointers to, and what these are called; literals: arrays of
    one number that is known; sites: what may find an index outside of its axis of so many places;
    counters: of the rows of open loops; ahead: what is done before each of them.

    Pointers of different names point to different memory: the plan writes nothing into an argument,
    nor, within a step, into what a carry held before it.
    """

    plan: Plan
    readers: Readers
    known: Mapping[Array, Layout] = field(default_factory=dict)
    own: Collection[Array] = ()
    foreign: Collection[Array] = ()
    is_shared: bool = False
    layouts: dict[Array, Layout] = field(default_factory=dict)
    bases: dict[Array | Block, str] = field(default_factory=dict)
    literals: dict[Array, str] = field(default_factory=dict)
    sites: list[tuple[Call, int]] = field(default_factory=list)
    counters: dict[Array, str] = field(default_factory=dict)
    ahead: list[Ahead] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sharing = Sharing(self, self.is_shared)
        for constant, array in self.plan.constants.items():
            if constant.value.size == 1:
                self.literals[array] = literal(constant.value)

    # ------------------------------------------------------------ loops

    def nest(
        self, shape: Sequence[int], apply: Apply | None = None, shared: bool = False
    ) -> list[str]:
        """Open loops over all elements; their counters. An axis of size 1 is no loop; of the first
        one a member has its share, where it is shared."""
        counters = []
        for axis, n in enumerate(shape):
            i = self.fresh("i") if n != 1 else "0"
            first, end = (f"FIRST({n})", f"BEHIND({n})") if shared and not axis else ("0", n)
            self.line(f"for (long {i} = {first}; {i} < {end}; ++{i}) {{" if n != 1 else "{", apply)
            self.depth += 1
            counters.append(i)
        return counters

    def nest_of_row(self, n: int, clauses: str = "", shared: bool = False) -> str:
        """Open a loop in which no element meets another one; its counter."""
        if n != 1:
            self.line(f"#pragma omp simd{clauses}")
        return self.nest((n,), shared=shared)[0]

    def leave(self, site: int) -> None:
        """End the function at one of its sites."""
        if self.is_shared:
            self.line(f"if (team) team->fail(team, {site});")
        self.line(f"return {site};")

    def store(
        self,
        out: Layout,
        value: Callable[[list[str]], str],
        apply: Apply | None = None,
        shared: bool = False,
    ) -> None:
        """Write all elements of an array: `value` is the one at a place."""
        counters = self.nest(out.shape, apply, shared)
        self.line(f"{self.at(out, counters)} = {value(counters)};")
        self.close(len(counters))

    def store_cast(self, x: Layout, out: Layout, apply: Apply | None = None) -> None:
        """Copy all elements, each cast to the dtype of `out`."""
        self.store(out, lambda at: cast(self.at(x, at), out.type.dtype), apply)

    def at(self, layout: Layout, counters: Sequence[str]) -> str:
        """An element as a C lvalue."""
        places = zip(counters, layout.strides, strict=True)
        steps = [f"{i} * {s}" for i, s in places if s and i != "0"]
        return (
            f"*({C_TYPES[layout.type.dtype.name]} *)({' + '.join([self.address(layout), *steps])})"
        )

    def address(self, layout: Layout) -> str:
        """Its first byte as a C expression."""
        base = layout.base if isinstance(layout.base, str) else self.base(layout.base)
        parts = [base, *(f"{t} * {step}" for t, step in layout.steps)]
        return " + ".join([*parts, *([str(layout.offset)] if layout.offset else [])])

    def number(self, array: Array) -> str:
        """A single number."""
        return self.literals.get(array) or self.at(self.layout(array), [])

    # ------------------------------------------------------------ memory

    def base(self, memory: Array | Block) -> str:
        """The pointer to some memory."""
        stem = "m" if isinstance(memory, Block) else "a"
        return self.bases.setdefault(memory, f"{stem}{len(self.bases)}")

    def layout(self, array: Array) -> Layout:
        """Where an array lies. Raises Uncovered where that cannot be said."""
        if array in self.literals:
            raise Uncovered("a number that is looked at as memory")
        if array not in self.layouts:
            self.layouts[array] = self.known.get(array) or self._layout(array)
        return self.layouts[array]

    def _layout(self, array: Array) -> Layout:
        match array.place:
            case Block() as block:
                return laid_out(array.type, block, block.size)
            case Part(of, axis, start, stop):
                if found := self.layout(of).part(axis, start, stop, array.type.shape):  # type: ignore[arg-type]
                    return found
                raise Uncovered("a part that is no view")
            case Row(of) if array in self.counters:
                return self.layout(of).row(self.counters[array])
            case Row() | Turn():
                raise Uncovered("a row outside of its loop")
        if array in self.foreign:
            raise Uncovered("what may be a view of any memory")
        return laid_out(array.type, array, size_of(array.type))

    def read(self, array: Array) -> Layout:
        """Where an array lies; a number that is known is written down for it."""
        if array not in self.literals:
            return self.layout(array)
        name, dtype = self.fresh("e"), array.type.dtype
        self.line(f"const {C_TYPES[dtype.name]} {name} = {self.literals[array]};")
        one = Layout(Type((), dtype), f"(char *)&{name}", dtype.itemsize, ())
        return one.over(array.type.shape)  # type: ignore[arg-type]  # bound: numbers

    def target(self, array: Array) -> Layout:
        """Where an array that is written lies. What NumPy made may be a view of anything."""
        found = self.layout(array)
        if isinstance(found.base, Array) and found.base not in self.own:
            raise Uncovered("memory that NumPy made")
        return found

    def memory(self, type: Type) -> Array:
        """New memory of the program."""
        return Array(type, new_block(self.plan, type))

    # ------------------------------------------------------------ what is no work

    def looks(self, call: Call) -> bool:
        """Note what a view looks at; whether it is one."""
        if call.placed or not call.gate.view or len(call.inputs) != 1:
            return False
        (of,) = call.inputs
        if of.type.dtype != call.outputs[0].type.dtype:
            return False
        if of in self.literals:
            self.literals |= dict.fromkeys(call.outputs, self.literals[of])
            return True
        found = viewed(call.gate, self.layout(of))
        if found is None:
            return False
        self.layouts |= dict(zip(call.outputs, found, strict=True))
        return True

    def is_known(self, call: Call) -> bool:
        """Note a size as its number; whether it is one."""
        if not isinstance(call.gate, Extent):
            return False
        self.literals[call.outputs[0]] = literal(np.asarray(call.gate.forward(np)))
        return True
