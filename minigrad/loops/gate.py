"""Scan, the gate that is a loop, and its way back, which is made of scans again."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..autodiff import pull
from ..dims import Size
from ..errors import ScanError
from ..functions import arange, flip, logical_not, where, zeros_like
from ..gates import Extent
from ..graph import Apply, Gate, Graph, dependents, leaves
from ..interpret import run
from ..types import Type
from ..variables import Constant, Input, Variable

__all__ = ["Scan", "everywhere"]


@dataclass(frozen=True)
class Scan(Gate):
    """A loop whose step is the graph `body`.

    body:   carry (×carries), x_t (×sequences), invariants  →  new carry (×carries), y_t …
    gate:   init  (×carries), xs  (×sequences), invariants  →  last carry (×carries), ys …

    xs and ys are stacked along a first axis of size `length`. `truncate` is truncated BPTT and
    changes the gradient only; `recompute` runs the loop again on the way back instead of keeping
    what it computed.
    """

    body: Graph
    carries: int
    sequences: int
    length: Size
    reverse: bool = False
    truncate: tuple[int, int] | None = None
    recompute: bool = False
    name: str | None = None
    symbol: ClassVar[str] = "scan"

    def parts(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The carries, sequences and invariants among the inputs, of the gate or of its body."""
        end = self.carries + self.sequences
        return list(inputs[: self.carries]), list(inputs[self.carries : end]), list(inputs[end:])

    def stacked(self, type: Type) -> Type:
        """The type of what has one row of `type` for each step."""
        return Type((self.length, *type.shape), type.dtype)

    def infer(self, *types: Type) -> tuple[Type, ...]:
        carries, xs, invariants = self.parts([self.body.type_of(v) for v in self.body.inputs])
        expected = carries + [self.stacked(x) for x in xs] + invariants
        for had, needs, v in zip(types, expected, self.body.inputs, strict=True):
            if had != needs:
                raise ScanError(f"{v.name or 'an input'} is {had}, and the step needs {needs}")
        results = [self.body.type_of(v) for v in self.body.outputs]
        new, ys = results[: self.carries], results[self.carries :]
        for v, before, after in zip(self.body.inputs, carries, new, strict=False):
            if before != after:
                raise ScanError(f"{v.name or 'a carry'} enters as {before} and leaves as {after}")
        return (*new, *map(self.stacked, ys))

    def forward(self, xp: Any, *arrays: Any, out: Any = None) -> Any:
        carry, xs, invariants = self.parts(arrays)
        types = [self.stacked(self.body.type_of(v)) for v in self.body.outputs[self.carries :]]
        ys = [np.empty(t.shape, t.dtype) for t in types]  # type: ignore[type-var]  # bound: ints
        steps = range(int(self.length))  # type: ignore[arg-type]  # bound: an int
        for t in reversed(steps) if self.reverse else steps:
            try:
                results = run(self.body, [*carry, *(x[t] for x in xs), *invariants])
            except Exception as error:
                error.add_note(f"in time step {t} of {self}")
                raise
            carry = results[: self.carries]
            for y, row in zip(ys, results[self.carries :], strict=True):
                y[t] = row
        return (*carry, *ys)

    def __str__(self) -> str:
        return f"scan {self.name}" if self.name else "scan"

    # ------------------------------------------------------------ parts of the loop

    def needed_carries(self, outputs: Iterable[Variable]) -> list[int]:
        """The carries that `outputs` of the body need, by way of any number of steps."""
        old, new = self.body.inputs[: self.carries], self.body.outputs[: self.carries]
        found: dict[int, None] = {}
        wanted = list(outputs)
        while True:
            needs = set(leaves(wanted, self.body.inputs))
            more = [j for j in range(self.carries) if old[j] in needs and j not in found]
            if not more:
                return sorted(found)
            found |= dict.fromkeys(more)
            wanted += [new[j] for j in more]

    def passed(
        self, needed: Sequence[bool], seeded: Collection[int], outputs: Sequence[Variable]
    ) -> tuple[set[Variable], list[int]]:
        """What in a step depends on the inputs that are `needed`, and the carries that a cotangent
        passes: those that do, and lead to one of the outputs that have a cotangent (`seeded`).

        `outputs` are those of the body, or what stands for them.
        """
        inputs, n = self.body.inputs, self.carries
        varied = {v for v, need in zip(inputs, needed, strict=True) if need}
        while True:
            reached = dependents(outputs, varied)
            more = {
                inputs[j]
                for j in range(n)
                if outputs[j] in reached and outputs[j].type.differentiable
            }
            if more <= varied:
                break
            varied |= more
        leading = set(self.needed_carries(self.body.outputs[i] for i in seeded))
        leading |= {i for i in seeded if i < n}
        return reached, [j for j in range(n) if j in leading and inputs[j] in varied]

    def narrowed(self, wanted: Sequence[int]) -> tuple["Scan", list[int], list[int]]:
        """The scan for only these outputs: the gate, and by index the inputs and outputs it has.

        Carries that the wanted outputs need are kept, and are outputs too.
        """
        results = [self.body.outputs[i] for i in wanted]
        carries = {i for i in wanted if i < self.carries} | set(self.needed_carries(results))
        places = sorted(carries | set(wanted))
        outputs = tuple(self.body.outputs[i] for i in places)
        read = set(leaves(outputs, self.body.inputs))
        picks = [
            i
            for i, v in enumerate(self.body.inputs)
            if i in carries or (i >= self.carries and v in read)
        ]
        body = replace(self.body, inputs=tuple(self.body.inputs[i] for i in picks), outputs=outputs)
        end = self.carries + self.sequences
        rows = sum(self.carries <= i < end for i in picks)
        return replace(self, body=body, carries=len(carries), sequences=rows), picks, places

    def emit(self, inputs: Sequence[Variable], values: Sequence[Variable]) -> list[Variable]:
        """Variables of the body for all steps, stacked: a scan of only what they need.

        (h, x → tanh(x + h), …), [x + h]  →  the rows of x + h
        """
        n = self.carries
        body = replace(self.body, outputs=(*self.body.outputs[:n], *values))
        gate, picks, places = replace(self, body=body).narrowed(range(n, n + len(values)))
        rows = Apply(gate, [inputs[i] for i in picks]).outputs[len(places) - len(values) :]
        for row, v in zip(rows, values, strict=True):
            row.name = v.name
        return list(rows)

    # ------------------------------------------------------------ the way back

    def pullback(
        self, apply: Apply, cotangents: Sequence[Variable | None], needed: Sequence[bool]
    ) -> Sequence[Variable | None]:
        """A scan that emits what the way back needs, and one the other way that uses it."""
        way_back = _WayBack(self, apply, cotangents, needed)
        if self.truncate is None:
            return way_back.run(cotangents)
        total: list[Variable | None] = [None] * len(apply.inputs)
        for lane in self._lanes(cotangents):
            for i, ct in enumerate(way_back.run(*lane)):
                old = total[i]
                total[i] = ct if old is None else old if ct is None else old + ct
        return total

    def _lanes(
        self, cotangents: Sequence[Variable | None]
    ) -> list[tuple[list[Variable | None], Variable]]:
        """Truncated BPTT as several ways back, each with part of the cotangents and a mask of cuts.

        Steps are counted as they run. Block n holds steps n·k1 … n·k1 + k1 - 1; the cotangents of
        what it puts out go back to step (n+1)·k1 - k2 at the earliest. Such windows overlap when k2
        is greater than k1, so the blocks are dealt out in turn to ⌈k2/k1⌉ lanes, within which no
        two do.

        k1=2, k2=4, lane 0 (blocks 0, 2):  steps 0 1 | 4 5   windows 0-1 | 2-5   a cut before 2
        """
        assert self.truncate is not None
        k1, k2 = self.truncate
        count = -(-k2 // k1)
        step = arange(self.length)
        step = flip(step) if self.reverse else step
        steps = Extent(self.length, np.dtype(np.int64))()
        last_block = Extent(-(-self.length // k1), np.dtype(np.int64))() + (count - 1)
        lanes = []
        for lane in range(count):
            block = step // k1
            here: list[Variable | None] = []
            for i, ct in enumerate(cotangents):
                mine = (last_block if i < self.carries else block) % count == lane
                if ct is None or count == 1:
                    here.append(ct)
                else:
                    rows = mine.expand_dims(tuple(range(mine.ndim, ct.ndim)))
                    here.append(where(rows, ct, zeros_like(ct)))
            # The window of block n begins after this step when (n+1)·k1 - k2 = step + 1.
            end = step + (1 + k2)
            begins = (end % k1 == 0) & ((end // k1 - 1) % count == lane)
            lanes.append((here, logical_not(begins & (step + 1 < steps))))
        return lanes


class _WayBack:
    """The reversed scan of a scan, but for the cotangents that it starts from."""

    def __init__(
        self,
        gate: Scan,
        apply: Apply,
        cotangents: Sequence[Variable | None],
        needed: Sequence[bool],
    ) -> None:
        self.gate, self.apply = gate, apply
        body, n = gate.body, gate.carries
        self.seeded = [i for i, ct in enumerate(cotangents) if ct is not None]
        _, self.active = gate.passed(needed, self.seeded, body.outputs)
        # Cotangents of one step: of its new carries, coming from the step after it, and of its ys.
        self.carried = {j: _like(body.outputs[j]) for j in self.active}
        self.given = {i: _like(body.outputs[i]) for i in self.seeded if i >= n}
        self.keep = Input(Type((), np.dtype(np.bool_)), "keep")
        self.results = self._step(
            [i for i in range(len(needed)) if (i in self.carried if i < n else needed[i])]
        )
        self.residuals = self._residuals()

    def _step(self, wanted: Sequence[int]) -> dict[int, Variable]:
        """One step back: the cotangents of those inputs of the body that are wanted."""
        body = self.gate.body
        seeds: dict[Variable, Variable] = {}
        for i, ct in [*self.carried.items(), *self.given.items()]:
            if self.gate.truncate and i in self.carried:
                ct = where(self.keep, ct, zeros_like(ct))
            v = body.outputs[i]
            seeds[v] = seeds[v] + ct if v in seeds else ct
        found = pull(body.applies(), seeds, [body.inputs[i] for i in wanted])
        results = {i: found[v] for i in wanted if (v := body.inputs[i]) in found}
        return results | {j: zeros_like(body.inputs[j]) for j in self.carried if j not in results}

    def _residuals(self) -> list[Variable]:
        """Where the step back is cut off from the forward step: what it reads from there.

        Kept is what the step computed by real work, and whole inner loops; views of it, and new
        expressions of it, are computed again.
        """
        own = {*self.carried.values(), *self.given.values(), self.keep}
        backward = dependents(self.results.values(), own)
        forward = {v for apply in self.gate.body.applies() for v in apply.outputs}
        inputs = set(self.gate.body.inputs)
        kept: dict[Variable, None] = {}
        seen = own.copy()
        stack = list(self.results.values())[::-1]
        while stack:
            v = stack.pop()
            if v in seen or isinstance(v, Constant):
                continue
            seen.add(v)
            if v.owner is None or v in inputs:
                kept[v] = None
                continue
            gate = v.owner.gate
            work = v in forward and not gate.view
            loop = isinstance(gate, Scan) and not gate.recompute
            if (work or loop) and v not in backward:
                kept[v] = None
            else:
                stack.extend(reversed(v.owner.inputs))
        return list(kept)

    def run(
        self, cotangents: Sequence[Variable | None], keep: Variable | None = None
    ) -> list[Variable | None]:
        """The cotangents of the scan's inputs from those of its outputs; either may hold None."""
        gate, inputs = self.gate, self.apply.inputs
        total: list[Variable | None] = [None] * len(inputs)
        if not self.results:
            return total
        init = [
            ct if (ct := cotangents[j]) is not None else zeros_like(self.apply.outputs[j])
            for j in self.active
        ]
        stacked, fixed = self._feeds()
        stacked |= {v: ct for i, v in self.given.items() if (ct := cotangents[i]) is not None}
        if keep is not None:
            stacked[self.keep] = keep
        emitted = [i for i in self.results if i not in self.carried]
        back = Scan(
            Graph(
                (*self.carried.values(), *stacked, *fixed),
                tuple(self.results[i] for i in [*self.active, *emitted]),
            ),
            carries=len(self.active),
            sequences=len(stacked),
            length=gate.length,
            reverse=not gate.reverse,
            recompute=gate.recompute,
            name=f"gradient of {gate.name}" if gate.name else "gradient",
        )
        outputs = Apply(back, [*init, *stacked.values(), *fixed.values()]).outputs
        for i, ct in zip([*self.active, *emitted], outputs, strict=True):
            invariant = i >= gate.carries + gate.sequences
            total[i] = ct.sum(axis=0) if invariant else ct
        return total

    def _feeds(self) -> tuple[dict[Variable, Variable], dict[Variable, Variable]]:
        """What feeds the residuals of each step: sequences, and what does not vary over time."""
        gate, inputs = self.gate, self.apply.inputs
        outer = dict(zip(gate.body.inputs, inputs, strict=True))
        carries, xs, _ = map(set, gate.parts(gate.body.inputs))
        rows = [v for v in self.residuals if v in carries or (v.owner and v not in outer)]
        stacked = dict(zip(rows, gate.emit(inputs, rows), strict=True)) if rows else {}
        stacked |= {v: outer[v] for v in self.residuals if v in xs}
        fixed = {v: outer.get(v, v) for v in self.residuals if v not in stacked}
        return stacked, fixed


def everywhere(
    order: Iterable[Apply], loops: tuple[Apply, ...] = ()
) -> Iterator[tuple[Apply, tuple[Apply, ...]]]:
    """The applications of a walk, each loop followed by those in its body, and the loops that each
    is in, the outermost first."""
    for apply in order:
        yield apply, loops
        if isinstance(apply.gate, Scan):
            yield from everywhere(apply.gate.body.applies(), (*loops, apply))


def _like(v: Variable) -> Variable:
    """A stand-in for the cotangent of v."""
    return Input(v.type, f"d{v.name}" if v.name else "d")
