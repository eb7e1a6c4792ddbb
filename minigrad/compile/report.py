"""What became of a graph: the text of ``f.report()``."""

from collections.abc import Iterable, Iterator

from ..gates import Matmul
from ..graph import Apply, Gate, Graph
from ..loops import Scan
from .program import Program

__all__ = ["loops_of", "programs_of"]


def loops_of(graph: Graph, depth: int = 0) -> Iterator[str]:
    """A line for each loop that is left: what is in a step of it."""
    for apply in graph.applies():
        if not isinstance(apply.gate, Scan):
            continue
        body = apply.gate.body.applies()
        work = [a for a in body if not a.gate.view and not isinstance(a.gate, Scan)]
        products = sum(isinstance(a.gate, Matmul) for a in work)
        yield (
            f"{'  ' * depth}{apply.gate} over {apply.gate.length}, at {apply.where}: in each step "
            f"{_count(products, 'matrix product')} and {_count(len(work) - products, 'other gate')}"
            f"{_stuck(body)}"
        )
        yield from loops_of(apply.gate.body, depth + 1)


def _stuck(body: Iterable[Apply]) -> str:
    """The gates of a step that have no form for all steps at once, which keeps them there."""
    names = {
        str(a.gate) for a in body if not isinstance(a.gate, Scan) and type(a.gate).lift is Gate.lift
    }
    return f"; {', '.join(sorted(names))} cannot leave a loop: no lift" if names else ""


def programs_of(programs: Iterable[Program]) -> Iterator[str]:
    """What the programs keep in memory, and which gates they call as objects."""
    unwritten: dict[str, None] = {}
    for program in programs:
        kept = program.memory / 2**20
        yield f"a program of {len(program.lines)} lines keeps {kept:.2f} MiB from call to call"
        unwritten |= dict.fromkeys(program.unwritten)
    yield from (f"called, not written out: {text}" for text in unwritten)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
