"""Which instructions of a plan become C functions, and the source of these."""

from collections.abc import Iterable, Mapping, Sequence

from ...gates import Astype, Elementwise
from ..memory import new_block
from ..plan import (
    Array,
    Block,
    Call,
    Copy,
    Empty,
    Instruction,
    Loop,
    Native,
    Plan,
    inputs_of,
    outputs_of,
)
from .expand import expanded
from .gates import COVERED
from .kernel import Kernel
from .layout import Layout
from .readers import Readers, without_unread
from .schedule import scheduled
from .sharing import is_worth_sharing
from .sink import sink

__all__ = ["lower"]


def lower(plan: Plan) -> str:
    """Put calls of C functions in the place of what they can do, and give their source.

    "" where there is nothing for them to do.
    """
    steps = list(expanded(plan, plan.steps))
    made = _give_places(plan, steps)
    made += [step for step in steps if isinstance(step, Empty)]  # first: they part no function
    rest = [step for step in steps if not isinstance(step, Empty)]
    plan.steps = [*made, *rest]
    plan.steps = [*made, *scheduled(plan, rest)]
    sunk = sink(plan)
    steps, kernels = _lowered(plan, made, sunk.layouts)
    if any(step in sunk.loops for step in steps):  # NumPy has no arrays of one row
        sunk.undo()
        steps, kernels = _lowered(plan, made, {})
    ends = [end for kernel in kernels for end in kernel.ends.values()]
    plan.steps = without_unread(steps, [*plan.results, *(a for end in ends for a in end.around())])
    plan.blocks = _used(plan, ends)
    functions = [kernel.function(f"kernel_{i}") for i, kernel in enumerate(kernels)]
    return "\n".join(functions)


def _lowered(
    plan: Plan, made: Sequence[Empty], layouts: Mapping[Array, Layout]
) -> tuple[list[Instruction], list[Kernel]]:
    """The steps, with calls of functions among them; and the functions."""
    readers, is_shared = Readers(plan), is_worth_sharing(plan)
    kernels: list[Kernel] = []
    known = dict(layouts)
    foreign: set[Array] = set()
    own = {*plan.arguments, *(step.array for step in made)}
    steps, rest = plan.steps[: len(made)], plan.steps[len(made) :]
    while rest:
        kernel = Kernel(plan, readers, known, own, foreign, is_shared)
        count = kernel.covers(rest)
        done, rest = rest[:count], rest[count:]
        if kernel.text:
            steps.append(_call(kernel, f"kernel_{len(kernels)}", done))
            kernels.append(kernel)
        steps += [s for s in done if isinstance(s, Call) and not s.placed]  # views, for NumPy
        known |= {a: at for a, at in kernel.layouts.items() if not at.steps and at.is_fixed}
        if rest:
            foreign.update(_may_be_views(rest[0]))
            steps.append(rest.pop(0))
    return steps, kernels


def _used(plan: Plan, ends: Sequence[Array]) -> list[Block]:
    """The blocks that are still of use: others were of what is in registers now, or one row."""
    used = {b for step in plan.steps if isinstance(step, Native) for b in step.bases}
    arrays = [a for step in plan.steps for a in (*inputs_of(step), *outputs_of(step))]
    used |= {b for a in (*plan.results, *ends, *arrays) for b in a.blocks}
    return [block for block in plan.blocks if block in used]


def _call(kernel: Kernel, name: str, done: list[Instruction]) -> Native:
    work = [s.apply for s in done if isinstance(s, Call | Copy | Loop) and s.apply]
    return Native(
        name, done, list(kernel.bases), kernel.ends, kernel.sites, work[0] if work else None
    )


def _may_be_views(step: Instruction) -> Sequence[Array]:
    """What NumPy may make as a view of memory that we do not know of."""
    if isinstance(step, Loop):
        return step.carries
    is_view = isinstance(step, Call) and not step.placed and step.gate.may_share
    return outputs_of(step) if is_view else ()


def _give_places(plan: Plan, steps: Iterable[Instruction]) -> list[Empty]:
    """Memory for results that NumPy would have allocated; it is new for those of the program."""
    kinds = (Elementwise, Astype, *COVERED)
    results, made = set(plan.results), []
    for step in steps:
        if isinstance(step, Loop):
            _give_places(plan, step.steps)
        elif isinstance(step, Call) and isinstance(step.gate, kinds) and not step.placed:
            (array,) = step.outputs
            if array in results:
                made.append(Empty(array, step.apply))
            elif array.place is None:
                array.place = new_block(plan, array.type)
            step.placed = True
    return made
