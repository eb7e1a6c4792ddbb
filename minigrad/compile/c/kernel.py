"""Instructions of a plan as a C function, as far as they are covered.

An array of a plan is memory and strides (`layout`), and what only looks at another array is no code
at all. Elementwise gates and reductions that share their rows become one nest of loops (`rows`),
matrix products are calls (`products`), loops are loops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...gates import Reshape
from ...graph import Apply
from ...native import FIRST_ARRAY
from ..expressions import one_line
from ..memory import size_of
from ..plan import Array, Block, Call, Copy, Instruction, Loop, Part, Row, Turn, inside
from .ahead import Ahead
from .copies import write_reshape
from .gates import NEED_ELEMENTS, write_gate
from .grouping import is_row_work
from .layout import Layout
from .lines import Lines
from .rows import Rows
from .sharing import Touch
from .text import C_TYPES, Uncovered

__all__ = ["Kernel"]


_BY_TEAM = """// All members of a team run it: of n places each does FIRST(n) to BEHIND(n) - 1.
static long {}_by_team(
    char *const *p, mg_team *const team, const long member, const long members
) {{
    (void)team, (void)member, (void)members;"""
_CALL = """long {0}(char *const *p) {{
    return ((mg_run *)p[4])({0}_by_team, p, p[5], p[6], {1});
}}
"""


@dataclass
class Kernel(Lines):
    """A C function; `ends` are the carries of its loops, and where they are after them; `homes`
    where those are that they have in the first step."""

    ends: dict[Array, Array] = field(default_factory=dict)
    homes: dict[Array, Array] = field(default_factory=dict)

    def function(self, name: str) -> str:
        """The whole function. Its table is that of `native.Library`; it returns 0, or the number
        of a site that found an index outside."""
        head = [
            _BY_TEAM.format(name) if self.is_shared else f"long {name}(char *const *p) {{",
            "    sgemm_t *const sgemm = (sgemm_t *)p[0];",
            "    dgemm_t *const dgemm = (dgemm_t *)p[1];",
            "    int64_t *const found = (int64_t *)p[2];",
            "    const packed_t *const packed = (const packed_t *)p[3];",
            "    int plain = 1;",
            "    (void)sgemm, (void)dgemm, (void)found, (void)packed;",
        ]
        end = ["    return 0;", "}", ""]
        if self.is_shared:
            end.append(_CALL.format(name, self.sharing.most))
        arrays, memory = ([b for b in self.bases if isinstance(b, kind)] for kind in (Array, Block))
        pointer = "char *" if self.is_shared else "char *restrict"  # others write there too
        for i, base in enumerate([*arrays, *memory]):
            given = f"p[{FIRST_ARRAY + i}]"
            found = f"mg_data({given}, &plain)" if i < len(arrays) else given
            note = f"{base.name or ''} {base.type}" if isinstance(base, Array) else ""
            note = f"  // {one_line(note)}" if note else ""
            head.append(f"    {pointer} {self.bases[base]} = {found};{note}")
        head.append("    if (!plain) return -1;")
        return "\n".join([*head, *self.text, *end])

    # ------------------------------------------------------------ instructions

    def covers(self, steps: Sequence[Instruction]) -> int:
        """Write as many of these instructions as can be written; how many these are."""
        done = 0
        while done < len(steps):
            before = dict(self.layouts), dict(self.bases), dict(self.ends)
            length, tail = len(self.text), self.text[-2:]  # `alone` may go on in the last block
            sites, depth = len(self.sites), self.depth
            times, ahead, sharing = list(self.times), len(self.ahead), self.sharing.state()
            try:
                done += self.write(steps[done:])
            except Uncovered:
                self.text[length - len(tail) :] = tail
                del self.sites[sites:]
                self.layouts, self.bases, self.ends = before
                del self.ahead[ahead:]
                self.sharing.restore(sharing)
                self.depth, self.times = depth, times
                break
        return done

    def write(self, steps: Sequence[Instruction]) -> int:
        """Write the first instruction, or the first few together; how many these are."""
        match steps[0]:
            case Call() as call if self.looks(call) or self.is_known(call):
                return 1
            case Call() as call if is_row_work(self, call):
                return Rows(self).write(steps, self.looks)
            case Call() as call:
                self.gate(call)
            case Copy(source, target, apply):
                self.copy(source, self.target(target), apply)
            case Loop() as loop:
                self.loop(loop)
            case _:
                raise Uncovered(type(steps[0]).__name__)
        return 1

    def copy(self, source: Array, target: Layout, apply: Apply | None) -> None:
        known = self.literals.get(source)
        touches = [Touch(target, written=True), *([] if known else [Touch(self.layout(source))])]
        rows = target.shape[0] if target.shape else 0
        with self.sharing.instruction(touches, rows) as shared:
            self.store(target, lambda at: known or self.at(self.layout(source), at), apply, shared)

    def gate(self, call: Call) -> None:
        if any(0 in a.type.shape for a in (*call.inputs, *call.outputs)):
            if not call.placed or not call.gate.is_built_in or isinstance(call.gate, NEED_ELEMENTS):
                raise Uncovered("an empty array")
            if 0 in call.outputs[0].type.shape:
                return
        inputs = [self.read(a) for a in call.inputs]
        if isinstance(call.gate, Reshape) and not call.placed:  # no view, or `looks` had seen it
            (copy,) = call.outputs
            self.layouts[copy] = self.layout(self.memory(copy.type))
            with self.sharing.alone():
                write_reshape(self, call, inputs, self.layouts[copy])
        elif call.placed:
            write_gate(self, call, inputs, self.target(call.outputs[0]))
        else:
            raise Uncovered(str(call.gate))

    # ------------------------------------------------------------ loops

    def loop(self, loop: Loop) -> None:
        if not loop.length:
            self.no_steps(loop)
            return
        begin = len(self.text)
        self.sharing.end_of_alone = -1  # what goes ahead of the loop is in no block before it
        written = frozenset[Block]().union(*map(self.readers.written, inside(loop.steps)))
        self.ahead.append(Ahead(frozenset(self.times), len(self.plan.blocks), written))
        for array in loop.rows:
            assert isinstance(array.place, Row)
            self.layout(array.place.of)
        ways = list(zip(loop.carries, loop.starts, loop.nexts, strict=True))
        names = [self.start(*way) for way in ways]
        self.sharing.meet()  # here once, not in each step
        body = len(self.sharing.touched)
        s, t = self.fresh("s"), self.fresh("t")
        self.line(f"for (long {s} = 0; {s} < {loop.length}; ++{s}) {{", loop.apply)
        self.depth += 1
        self.line(f"const long {t} = {f'{loop.length - 1} - {s}' if loop.reverse else s};")
        self.line(f"(void){t};")
        self.times.append(t)
        self.counters |= dict.fromkeys(loop.rows, t)
        for turn in loop.turns:
            self.turn(turn, s)
        if self.covers(loop.steps) < len(loop.steps):
            raise Uncovered("a loop with something uncovered")
        moving = [n for n, (c, _, new) in zip(names, ways, strict=True) if self.next(n, c, new)]
        for name in moving:
            self.line(f"{name} = next_{name};")
        for name, (carry, _, new) in zip(names, ways, strict=True):
            if name not in moving:
                self.copy(new, self.layouts[carry], loop.apply)
        self.sharing.close_loop(body)
        self.close(1)
        self.times.pop()
        self.text[begin:begin] = ["    " * self.depth + line for line in self.ahead.pop().lines]
        for carry, end in zip(loop.carries, self.after(loop, names, moving), strict=True):
            self.layouts[carry] = self.layout(end)
            if self.depth == 1:  # of a loop in a loop nothing is seen outside
                self.ends[carry] = end

    def no_steps(self, loop: Loop) -> None:
        """The carries are what they start as; the body may speak of rows that are not there."""
        self.line("// no steps", loop.apply)
        for carry, start in zip(loop.carries, loop.starts, strict=True):
            if start in self.literals:
                self.literals[carry] = self.literals[start]
            else:
                self.layouts[carry] = self.layout(start)
            if self.depth == 1:
                self.ends[carry] = start

    def start(self, carry: Array, start: Array, new: Array) -> str:
        """A variable for a carry: a pointer, or the number itself, which no view may see change."""
        name = self.fresh("c")
        if not carry.type.shape:
            self.number_of(start, f"{C_TYPES[carry.type.dtype.name]} {name}")
            self.layouts[carry] = Layout(carry.type, f"(char *)&{name}", size_of(carry.type), ())
            return name
        self.homes[carry] = start
        if not self.keeps_strides(carry, start, new):
            self.homes[carry] = self.memory(carry.type)
            self.copy(start, self.layout(self.homes[carry]), None)
        layout = self.layout(self.homes[carry])
        self.line(f"char *{name} = {self.address(layout)};")
        self.layouts[carry] = Layout(carry.type, name, layout.size, layout.strides)
        held = [] if new is carry else self.may_hold(new)
        self.sharing.pointers[name] = None if held is None else [layout, *held]
        return name

    def number_of(self, array: Array, variable: str) -> None:
        """A variable for a single number."""
        touches = [] if array in self.literals else [Touch(self.layout(array), by_rows=False)]
        with self.sharing.by_all(touches):
            self.line(f"{variable} = {self.number(array)};")

    def may_hold(self, new: Array) -> Sequence[Layout] | None:
        """Where that lies which a carry holds in the next step; None where it is not known yet."""
        match new.place:
            case Row(of):
                return [self.layout(of).row("t")]
            case Turn(even, odd):
                return [self.layout(even), self.layout(odd)]
            case Block() | Part():
                return [self.layout(new)]
        return None

    def keeps_strides(self, carry: Array, start: Array, new: Array) -> bool:
        """Whether a carry has the strides that it starts with in the next step too."""
        if start in self.literals or new in self.literals:
            return False
        held = self.may_hold(new) or [self.layout(start if new is carry else new)]
        return held[0].strides == self.layout(start).strides

    def turn(self, turn: Array, s: str) -> None:
        """A pointer to one array in every other step, and to another in those between."""
        assert isinstance(turn.place, Turn)
        even, odd = self.layout(turn.place.even), self.layout(turn.place.odd)
        name = self.fresh("u")
        self.line(f"char *{name} = {s} % 2 ? {self.address(odd)} : {self.address(even)};")
        self.layouts[turn] = Layout(turn.type, name, even.size, even.strides)
        self.sharing.pointers[name] = [even, odd]

    def next(self, name: str, carry: Array, new: Array) -> bool:
        """What a carry holds in the next step; False where that is still to be copied there."""
        if not carry.type.shape:
            self.number_of(new, f"const {C_TYPES[carry.type.dtype.name]} next_{name}")
            return True
        if new in self.literals or self.layout(new).strides != self.layouts[carry].strides:
            return False
        self.line(f"char *next_{name} = {self.address(self.layout(new))};")
        return True

    def after(self, loop: Loop, names: Sequence[str], moving: Sequence[str]) -> list[Array]:
        """Where the carries are when the loop has ended."""
        ends = []
        for name, carry, new in zip(names, loop.carries, loop.nexts, strict=True):
            if not carry.type.shape:
                end = self.memory(carry.type)
                with self.sharing.alone():
                    self.line(f"{self.at(self.layout(end), [])} = {name};")
            elif name not in moving or new is carry:
                end = self.homes[carry]
            elif isinstance(new.place, Row) and new in set(loop.rows):
                t = 0 if loop.reverse else loop.length - 1
                end = Array(carry.type, Part(new.place.of, 0, t, t + 1), carry.name)
            elif isinstance(new.place, Turn) and new in set(loop.turns):
                end = new.place.odd if loop.length % 2 == 0 else new.place.even
            elif self.depth > 1 or isinstance(new.place, Block | Part) or self.is_named(new):
                end = new
            else:
                raise Uncovered("a carry that nothing outside of its loop can name")
            ends.append(end)
        return ends

    def is_named(self, array: Array) -> bool:
        """Whether an array has a name outside of loops: it is known, or memory of its own."""
        return array in self.known or self.layout(array).base is array
