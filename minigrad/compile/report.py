"""What became of a graph: the text of ``f.report()``."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from ..gates import Matmul
from ..graph import Apply, Gate, Graph, leaves
from ..loops import Scan
from ..rewrite import NAMES, Vector, stages
from .program import Program

__all__ = [
    "count_gates",
    "counted",
    "loops_of",
    "mebibytes",
    "passes_of",
    "programs_of",
    "shown",
    "vectors_of",
]

Counts = tuple[int, int, int]
_LINES = 6  # so many are named, and the others counted
_NAMES = 3
_MANY = 8  # sets of sizes


def count_gates(graph: Graph) -> Counts:
    """How many gates there are outside loops, how many loops, and how many gates inside them."""
    outside = loops = inside = 0
    for apply in graph.applies():
        if isinstance(apply.gate, Scan):
            body = count_gates(apply.gate.body)
            loops += 1 + body[1]
            inside += body[0] + body[2]
        else:
            outside += 1
    return outside, loops, inside


def shown(counts: Counts) -> str:
    """Counts of gates in words."""
    outside, loops, inside = counts
    within = f" outside loops, {inside} inside {counted(loops, 'loop')}" if loops else ""
    return f"{counted(outside, 'gate')}{within}"


def vectors_of(vectors: Iterable[Vector]) -> Iterator[str]:
    """The parameters that lie end to end."""
    for vector in vectors:
        names = [p.name or "(unnamed)" for p in vector.parameters]
        more = ", …" if len(names) > _NAMES else ""
        size = vector.variable.shape[0]
        yield (
            f"flat: {len(names)} parameters lie in one vector of {size:,} numbers, "
            f"{vector.variable.name}: {', '.join(names[:_NAMES])}{more}"
        )


def passes_of(graph: Graph, on: Collection[str]) -> Iterator[str]:
    """A line for each pass that changed something: the gates before and after, and the lines."""
    yield from (f"{name}: switched off" for name in NAMES if name not in on)
    before = _uses(graph)
    for name, rewritten in stages(graph, on):
        after = _uses(rewritten)
        lines = {where for _, where, *_ in (before - after) + (after - before)}
        if lines:
            old, new = count_gates(graph), count_gates(rewritten)
            what = f"{shown(old)} → {shown(new)}" if old != new else "as many gates, put otherwise"
            yield f"{name}: {what}; at {_places(lines)}"
        graph, before = rewritten, after


def _uses(graph: Graph, depth: int = 0) -> Counter[tuple[int, str | None, str, tuple[str, ...]]]:
    """The gates, each with its depth in loops, its line, and what made its inputs."""
    found: Counter[tuple[int, str | None, str, tuple[str, ...]]] = Counter()
    known = set(graph.inputs)
    for apply in graph.applies():
        makers = (v.owner if v not in known else None for v in apply.inputs)
        made = tuple(str(maker.gate) if maker else "" for maker in makers)
        found[depth, apply.where, str(apply.gate), made] += 1
        if isinstance(apply.gate, Scan):
            found += _uses(apply.gate.body, depth + 1)
    return found


def _places(lines: Collection[str | None]) -> str:
    """Lines of the user's, by file: ``at cell.py:12, 13, model.py:7``."""
    files: dict[str, list[int]] = defaultdict(list)
    for where in filter(None, lines):
        file, _, number = where.rpartition(":")
        files[Path(file).name].append(int(number))
    named = [(file, n) for file, numbers in files.items() for n in sorted(numbers)]
    parts = [
        f"{file}:{n}" if i == 0 or named[i - 1][0] != file else str(n)
        for i, (file, n) in enumerate(named[:_LINES])
    ]
    more = len(named) - _LINES
    return f"{', '.join(parts)}{f' and {more} more' if more > 0 else ''}"


def loops_of(graph: Graph, depth: int = 0) -> Iterator[str]:
    """What is left in a step of each loop, and why."""
    for apply in graph.applies():
        if not isinstance(apply.gate, Scan):
            continue
        body = apply.gate.body
        work = [a for a in body.applies() if not a.gate.view and not isinstance(a.gate, Scan)]
        products = sum(isinstance(a.gate, Matmul) for a in work)
        margin = "  " * depth
        yield (
            f"{margin}{apply.gate} over {apply.gate.length}, at {_place(apply)}: in each step "
            f"{counted(products, 'matrix product')} and "
            f"{counted(len(work) - products, 'other gate')}"
        )
        slow = [a for a in work if isinstance(a.gate, Matmul) or _is_stuck(a)]
        reasons = dict.fromkeys(_reason(apply.gate, a) for a in slow)
        yield from (f"{margin}  {reason}" for reason in reasons)
        yield from loops_of(body, depth + 1)


def _reason(scan: Scan, apply: Apply) -> str:
    """Why a gate is still done step by step."""
    needed = set(leaves(apply.outputs, scan.body.inputs))
    reached = [c for c in scan.body.inputs[: scan.carries] if c in needed]
    what = f"{apply.gate} at {_place(apply)}"
    if reached:
        names = dict.fromkeys(c.name for c in reached if c.name)
        return f"{what} waits for {', '.join(names) or 'a carry'}"
    if _is_stuck(apply):
        return f"{what} stays in the loop: its class defines no lift"
    return f"{what} waits for no carry: a pass that would move it is off, or memory is to be saved"


def _place(apply: Apply) -> str:
    return _places([apply.where])


def _is_stuck(apply: Apply) -> bool:
    """Whether it has no form for all steps at once, which keeps it in its loop."""
    return type(apply.gate).lift is Gate.lift


def programs_of(programs: Sequence[tuple[str, Program]]) -> Iterator[str]:
    """What the programs for some sizes keep in memory, and the gates that they call as objects."""
    unwritten: dict[str, None] = {}
    for _, program in programs:
        unwritten |= dict.fromkeys(program.unwritten)
    for sizes, program in programs[-_NAMES:]:
        native, team = program.native.count("\n"), "mg_team" in program.native
        shared = " that threads share" * team
        in_c = f", {counted(native, 'line')} of C{shared}," if native else ""
        yield (
            f"  the one for {sizes} has {counted(len(program.lines), 'line')}{in_c} and keeps "
            f"{mebibytes(program.memory)} in {counted(program.buffers, 'buffer')}"
        )
    if sum(bool(program.native) for _, program in programs) > _MANY:
        yield (
            "slow: each set of sizes is compiled to C once; pad them to a few, or ask for "
            'backend="numpy"'
        )
    yield from (f"slow: called, not written out: {text}" for text in unwritten)


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.2f} MiB"


def counted(n: int, what: str) -> str:
    """A number of things, in the singular or plural."""
    return f"{n} {what}{'' if n == 1 else 's'}"
