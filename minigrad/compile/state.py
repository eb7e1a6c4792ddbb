"""The parameters of a function: all are read at once, and all are stored at once, or none."""

import sys
from collections.abc import Callable, Sequence
from operator import attrgetter, is_
from sys import getrefcount
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..interpret import label
from ..rewrite import Vector
from ..types import Array, on_host
from ..variables import Parameter

__all__ = ["State"]


_Whole = tuple[Array, Sequence[Any]]  # a vector, and the pieces of it that are parameters


def _references(array: Array, pieces: Sequence[Array]) -> int:
    """How often a vector and its pieces are referred to, in this Python."""
    return getrefcount(array) + sum(map(getrefcount, pieces))


def _references_of_one_owner() -> tuple[int, int]:
    """What that is where one tuple alone knows them: without pieces, and for each piece more."""
    array = np.empty(1)
    few: _Whole = (array, [])
    many: tuple[Array, list[Array]] = (np.empty(1), [])
    del array
    many[1].append(many[0][:].reshape(1))
    alone = _references(*few)
    return alone, _references(*many) - alone


_ALONE, _EACH = _references_of_one_owner()
_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()  # without it the number means little

# Each of these, mapped over a list, is one call into C that runs no Python code: Ctrl-C and other
# threads come before it or after it, and so find all parameters changed or none.
_HELD: Callable[[Parameter], Array] = attrgetter("_value")
_STORE: Callable[[Parameter, Array], None] = vars(Parameter)["_value"].__set__


def _in_numpy(values: list[Array]) -> list[Array]:
    """Values that NumPy reads: a function on a GPU may have left them there."""
    return values if _NUMPY.issuperset(map(type, values)) else list(map(on_host, values))


_NUMPY = {np.ndarray}


class State:
    """The parameters that a program reads and those that it updates; some lie in vectors.

    A program takes and gives single ones first, then the vectors. They are arrays of `xp`: `here`
    makes such of values that another function may have stored.
    """

    def __init__(
        self,
        single: Sequence[Parameter],
        changed: Sequence[Parameter],
        vectors: Sequence[Vector],
        xp: Any = np,
        here: Callable[[list[Any]], list[Any]] | None = None,
    ) -> None:
        in_vectors = [p for vector in vectors for p in vector.parameters]
        self.parameters = [*single, *in_vectors]
        self.updated = [*changed, *in_vectors]
        self._singles = len(single)
        self._vectors = [_Held(vector, xp) for vector in vectors]
        self._here = here or _in_numpy

    def read(self) -> list[Array]:
        """The values that a program takes."""
        values = self._here(list(map(_HELD, self.parameters)))
        start = self._singles
        taken = values[:start]
        for held in self._vectors:
            end = start + len(held.pieces)
            taken.append(held.joined(values[start:end]))
            start = end
        return taken

    def rooms(self) -> list[Array]:
        """Arrays that a program may write the new vectors into."""
        return [held.room() for held in self._vectors]

    def store(self, new: Sequence[Array]) -> None:
        """Keep the values that a program gave, the single ones and the vectors, or none.

        Raises ShapeError for another shape.
        """
        for p, value in zip(self.updated, new, strict=False):  # those in vectors have their shapes
            if value.shape != p.shape:
                raise ShapeError(
                    f"the update of {label(p)} {p.shape} has shape {value.shape}", p.where
                )
        values = list(new)
        for held in self._vectors:
            values += held.parted()
        list(map(_STORE, self.updated, values))


class _Held:
    """The array behind a vector of parameters, whose values are views of it until one is set."""

    def __init__(self, vector: Vector, xp: Any) -> None:
        self.xp, self.places = xp, vector.places
        self.array: Array = np.empty(0)
        self.pieces: Sequence[Array | None] = [None] * len(self.places)
        self.spare: _Whole | None = None  # the values before
        self.next: _Whole = (self.array, [])  # those to come

    def joined(self, values: list[Array]) -> Array:
        """The values of the parameters, end to end."""
        if not all(map(is_, values, self.pieces)):
            whole = self.xp.concatenate([a.reshape(-1) for a in values])
            self.array, self.pieces = whole, [None] * len(self.places)  # it has none as yet
        return self.array

    def room(self) -> Array:
        """Memory for new values: of the values before the last ones, if nobody looks at them.

        Fresh pages must be zeroed by the system, which costs more than the update itself.
        """
        spare, self.spare = self.spare, None
        if spare is None or not _GIL or _references(*spare) > _ALONE + len(spare[1]) * _EACH:
            array = self.xp.empty(self.array.shape, self.array.dtype)
            spare = array, [array[start:end].reshape(shape) for start, end, shape in self.places]
        self.next = spare
        return spare[0]

    def parted(self) -> Sequence[Array]:
        """The values of the parameters in the room, which is kept."""
        array, pieces = self.next
        # One store of three: were the array kept without its pieces, it would pass for values that
        # nobody has stored yet.
        self.spare, self.array, self.pieces = (self.array, self.pieces), array, pieces
        return pieces
