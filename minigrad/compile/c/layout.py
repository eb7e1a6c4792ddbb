"""Where arrays lie: every view of an array is the same memory with other strides.

    b = a.reshape(4, 6)[:, ::2]        b is a, from byte 0, with strides (24, 8)

No gate tells this. Its `forward` is run on an array of these strides, and NumPy tells where the
result begins and what its strides are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

import numpy as np

from ...gates import Index
from ...graph import Gate
from ...types import Array, Type
from ..plan import Array as PlanArray
from ..plan import Block

__all__ = ["Layout", "laid_out", "viewed"]


@dataclass(frozen=True)
class Layout:
    """Element (i, j) is at ``base + offset + t·step + i·strides[0] + j·strides[1]``, in bytes.

    `base` is some memory of `size` bytes, or a pointer that a loop has, by its name; `steps` are
    what the counters of loops add.
    """

    type: Type
    base: PlanArray | Block | str
    size: int
    strides: tuple[int, ...]
    offset: int = 0
    steps: tuple[tuple[str, int], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape  # type: ignore[return-value]  # a plan's sizes are numbers

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same in all of a call."""
        return not isinstance(self.base, str)

    def with_axis(self, axis: int) -> "Layout":
        """With one more axis, of size 1."""
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        strides = (*self.strides[:axis], 0, *self.strides[axis:])
        return replace(self, type=Type(shape, self.type.dtype), strides=strides)

    def over(self, shape: Sequence[int]) -> "Layout":
        """Broadcast to a shape: what is repeated has a stride of 0."""
        missing = len(shape) - len(self.shape)
        strides = (0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True))
        wide = Type(tuple(shape), self.type.dtype)
        return replace(self, type=wide, strides=(*(0,) * missing, *strides))

    def transposed(self) -> "Layout":
        """A matrix, the other way round."""
        return replace(
            self, type=Type(self.shape[::-1], self.type.dtype), strides=self.strides[::-1]
        )

    def merged(self, last: int) -> "Layout | None":
        """With so many of the last axes as one; None where that is no view."""
        kept, gone = self.shape[: len(self.shape) - last], self.shape[len(self.shape) - last :]
        return self._seen(lambda a: a.reshape((*kept, prod(gone))))

    def rows_merged(self) -> "Layout | None":
        """With all axes but the last as one; None where that is no view."""
        rows, last = prod(self.shape[:-1]), self.shape[-1]
        return self._seen(lambda a: a.reshape((rows, last)))

    def row(self, counter: str) -> "Layout":
        """The row that belongs to a step."""
        inner = Type(self.shape[1:], self.type.dtype)
        steps = (*self.steps, *([(counter, self.strides[0])] if self.strides[0] else ()))
        return replace(self, type=inner, strides=self.strides[1:], steps=steps)

    def mine(self) -> "Layout":
        """From the first of those places of the first axis on that a member of a team has."""
        return replace(self, steps=(*self.steps, (f"FIRST({self.shape[0]})", self.strides[0])))

    def part(self, axis: int, start: int, stop: int, shape: tuple[int, ...]) -> "Layout | None":
        """Places of an axis, in another shape perhaps; None where that is no view."""
        cut = self.slice(axis, start, stop)
        return cut if cut.shape == shape else cut._seen(lambda a: a.reshape(shape))

    def slice(self, axis: int, start: int, stop: int) -> "Layout":
        """Places of an axis."""
        sizes = (*self.shape[:axis], stop - start, *self.shape[axis + 1 :])
        offset = self.offset + start * self.strides[axis]
        return replace(self, type=Type(sizes, self.type.dtype), offset=offset)

    def _seen(self, look: "Callable[[Array], Array]") -> "Layout | None":
        found = _looked(self, lambda a: (look(a),))
        return found[0] if found else None


def laid_out(type: Type, base: PlanArray | Block | str, size: int) -> Layout:
    """A contiguous array at the beginning of some memory."""
    strides = []
    step = type.dtype.itemsize
    for n in reversed(type.shape):
        strides.append(step)
        step *= int(n)  # type: ignore[arg-type]  # bound: a number
    return Layout(type, base, size, tuple(reversed(strides)))


def viewed(gate: Gate, layout: Layout) -> Sequence[Layout] | None:
    """The outputs of a gate that only looks at its input; None where it makes a copy."""
    if isinstance(gate, Index) and not any(isinstance(item, tuple) for item in gate.items):
        places = zip(gate.items, layout.strides, strict=True)  # NumPy gives a number, no view
        offset = layout.offset + sum(int(i) * s for i, s in places)  # type: ignore
        return [replace(layout, type=Type((), layout.type.dtype), strides=(), offset=offset)]

    def look(array: Array) -> Sequence[Array]:
        found = gate.forward(np, array)
        return found if isinstance(found, tuple | list) else (found,)

    return _looked(layout, look)


def _looked(layout: Layout, look: "Callable[[Array], Sequence[Array]]") -> Sequence[Layout] | None:
    memory = _memory(layout.size)
    place = (memory, _start(layout), layout.strides) if 0 not in layout.shape else ()
    array = np.ndarray(layout.shape, layout.type.dtype, *place)
    first = array.__array_interface__["data"][0]
    found = []
    for view in look(array):
        if view.size and not np.may_share_memory(view, memory):
            return None
        there = view.__array_interface__["data"][0] if view.size else first
        type = Type(view.shape, view.dtype)
        offset = layout.offset + there - first
        found.append(replace(layout, type=type, strides=view.strides, offset=offset))
    return found


def _start(layout: Layout) -> int:
    """Where the dummy begins: inside the memory whatever the step of a loop is."""
    steps = zip(layout.shape, layout.strides, strict=True)
    below = sum((n - 1) * s for n, s in steps if n and s < 0)
    return -below


@lru_cache(maxsize=8)
def _memory(size: int) -> Array:
    """Memory that nobody reads or writes, so that it costs nothing."""
    return np.empty(max(size, 1), np.uint8)
