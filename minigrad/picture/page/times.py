"""From which moment on each value and each gradient of a run is known."""

from collections.abc import Mapping, Sequence

from ...graph import Apply, applies
from ...loops.gate import Scan, everywhere
from ...types import Array
from ...variables import Variable
from ..numbers import At
from ..words.walk import Moment

__all__ = ["Times"]


class Times:
    """Positions in a story: 0 before its first moment, k when k moments have passed."""

    def __init__(
        self, cost: Variable, moments: Sequence[Moment], values: Mapping[Variable, Array]
    ) -> None:
        self.cost, self.values, self.end = cost, values, len(moments)
        self.turn = sum(not m.back for m in moments)
        self.made: dict[tuple[Apply, At], int] = {}
        self.back: dict[tuple[Apply, At], int] = {}
        self.complete: dict[tuple[Variable, At], int] = {(cost, ()): min(self.turn + 1, self.end)}
        for position, moment in enumerate(moments, 1):
            if not moment.back:
                self.made[moment.apply, moment.at] = position
                continue
            self.back[moment.apply, moment.at] = position
            for v in moment.shown:
                self.complete[v, self._own(v, moment.at)] = position
        self.entering: dict[Variable, tuple[Apply, int]] = {}
        self._enter()
        self._values: dict[tuple[Variable, At], int] = {}

    def _enter(self) -> None:
        for apply, _ in everywhere(applies([self.cost])):
            gate = apply.gate
            if isinstance(gate, Scan):
                varying = gate.body.inputs[: gate.carries + gate.sequences]
                for i, v in enumerate(varying):
                    if v.owner is None:  # a loop on the way back reads rows of another one's step
                        self.entering.setdefault(v, (apply, i))

    def _own(self, v: Variable, at: At) -> At:
        """The steps of the loops around a variable, among those of a place that it is seen from."""
        return at[: self.values[v].ndim - v.ndim] if v in self.values else at

    def _length(self, loop: Apply) -> int:
        """How many steps a loop has: a row of its first variable with one for each."""
        gate = loop.gate
        assert isinstance(gate, Scan)
        inner = [*gate.body.inputs[: gate.carries + gate.sequences], *gate.body.outputs]
        array, v = next((self.values[v], v) for v in inner if v in self.values)
        return array.shape[array.ndim - v.ndim - 1]

    # ------------------------------------------------------------ values

    def value(self, v: Variable, at: At) -> int:
        """From where on a value is known: the moment of the gate that makes it."""
        waiting = [(v, self._own(v, at))]
        while waiting:
            key = waiting[-1]
            source = self._source(*key)
            if isinstance(source, int):
                self._values[key] = source
            elif source not in self._values:
                waiting.append(source)
                continue
            else:
                self._values[key] = self._values[source]
            waiting.pop()
        return self._values[v, self._own(v, at)]

    def _source(self, v: Variable, at: At) -> int | tuple[Variable, At]:
        """The position at which a value is made, or the value that it is or is a part of."""
        if v in self.entering:
            loop, i = self.entering[v]
            assert isinstance(loop.gate, Scan)
            before = at[-1] + (1 if loop.gate.reverse else -1)
            if i < loop.gate.carries and 0 <= before < self._length(loop):
                return self._seen(loop.gate.body.outputs[i], (*at[:-1], before))
            return self._seen(loop.inputs[i], at[:-1])
        if v.owner is None:
            return 0
        gate = v.owner.gate
        if isinstance(gate, Scan):
            last = 0 if gate.reverse else self._length(v.owner) - 1
            return self._seen(gate.body.outputs[v.index], (*at, last))
        return self.made.get((v.owner, at), 0)

    def _seen(self, v: Variable, at: At) -> tuple[Variable, At]:
        return v, self._own(v, at)

    # ------------------------------------------------------------ gradients

    def gradient(self, v: Variable, at: At) -> int:
        """From where on a gradient is known: the moment that completes it, or, where a loop does,
        that before the first one that reads it. What no gradient goes to is told at the end."""
        if (v, at) in self.complete:
            return self.complete[v, at]
        read = self._first_back(v, at)
        return self.end if read is None else max(read - 1, self.turn + 1)

    def _first_back(self, v: Variable, at: At) -> int | None:
        if v in self.entering:
            loop, i = self.entering[v]
            assert isinstance(loop.gate, Scan)
            before = at[-1] + (1 if loop.gate.reverse else -1)
            if i < loop.gate.carries and 0 <= before < self._length(loop):
                made = loop.gate.body.outputs[i]
                return self._first_back(made, (*at[:-1], before)) if made.owner else None
            return None
        if v.owner is None:
            return None
        if isinstance(v.owner.gate, Scan):
            inner = set(v.owner.gate.body.applies())
            here = len(at)
            found = [
                p
                for (apply, place), p in self.back.items()
                if apply in inner and place[:here] == at
            ]
            return min(found, default=None)
        return self.back.get((v.owner, at))
