"""C functions of a program, bound to its memory."""

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from ..types import Array
from . import packed, team
from .blas import find_blas
from .compiler import load

__all__ = ["FIRST_ARRAY", "IndexOutside", "Library", "elementary"]

# Where an array keeps the pointer to its data, and its flags. NumPy's C API promises this order
# (data, nd, dimensions, strides, base, descr, flags, behind the head of every object): the macros
# that extension modules are compiled with read it. From Python a pointer takes 3 µs to ask for.
_DATA = object.__basicsize__
_FLAGS = _DATA + 6 * ctypes.sizeof(ctypes.c_void_p)
_PLAIN = 0x0101  # contiguous, and aligned

FIRST_ARRAY = 7  # of the arrays in a function's table
_MOST = 64  # numbers that tell what is wrong


def elementary() -> str:
    """The functions that scalar expressions of gates call; in C, with real.h in its place."""
    return (files(__package__) / "elementary.h").read_text(encoding="utf-8")


@cache
def _header() -> str:
    """What is compiled before the functions of a program: those that scalar expressions of gates
    call, ``mg_data(array, &plain)``, which finds the data of an array and notes that it is not
    plain, and the types of products."""
    real = (files(__package__) / "real.h").read_text(encoding="utf-8")
    text = elementary().replace('#include "real.h"', real)
    return f"""{text}
static inline char *mg_data(const char *array, int *plain) {{
    *plain &= (*(const int *)(array + {_FLAGS}) & {_PLAIN}) == {_PLAIN};
    return *(char *const *)(array + {_DATA});
}}

typedef void sgemm_t(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t,
                     const float *, int64_t, float, float *, int64_t);
typedef void dgemm_t(int, int, int, int64_t, int64_t, int64_t, double, const double *, int64_t,
                     const double *, int64_t, double, double *, int64_t);

{packed.TYPES}
{team.TYPES}
"""


Site = tuple[str, str | None, int]
"""A gate, the user's line, and the size of an axis of which it may find an index outside."""


class IndexOutside(IndexError):
    """An index that C found outside of its axis: in which gate, at which of the user's lines, and
    in which steps of the loops around."""

    def __init__(
        self, index: int, size: int, gate: str, where: str | None, steps: tuple[int, ...]
    ) -> None:
        super().__init__(f"index {index} is out of bounds for an axis of size {size}")
        self.gate, self.at, self.steps = gate, where, steps


class Library:
    """The functions of a C source. Each takes one pointer, to a table: of sgemm and dgemm of BLAS,
    what it finds wrong, products with packed matrices, a team of threads, two functions that tell
    and set how many of them BLAS has, NumPy arrays that come at each call, and memory.

    A function returns 0, or -1 if an array is not plain, or the number of one of its `sites`, a
    gate that found an index outside of an axis of so many places: then IndexError is raised.
    """

    def __init__(self, source: str, sites: Mapping[str, Sequence[Site]]) -> None:
        # The user's lines are no part of what is compiled: an edit above them moves them.
        self._library = load(_header() + re.sub("  // .*", "", source))
        self._sites = sites
        self._packed = packed.packed_products() if "packed->" in source else None
        self._team = team.team() if "mg_team" in source else None

    def __call__(self, name: str, count: int, kept: Sequence[Array]) -> Callable[..., None]:
        """A function that is given `count` arrays at each call, and has memory that is `kept`."""
        function, sites = getattr(self._library, name), self._sites[name]
        function.restype = ctypes.c_long
        table = (ctypes.c_void_p * (FIRST_ARRAY + count + len(kept)))()
        if blas := find_blas():
            table[0], table[1] = blas.sgemm, blas.dgemm
            table[5], table[6] = blas.threads
        found = (ctypes.c_int64 * _MOST)()
        table[2] = ctypes.addressof(found)
        table[3], table[4] = self._packed, self._team
        for i, memory in enumerate(kept):
            table[FIRST_ARRAY + count + i] = memory.ctypes.data
        pointer, arrays = ctypes.byref(table), [np.ndarray] * count

        def call(*given: Array, _kept: Sequence[Array] = kept) -> None:
            site = -1
            if list(map(type, given)) == arrays:
                table[FIRST_ARRAY : FIRST_ARRAY + count] = list(map(id, given))
                site = function(pointer)
            if site < 0:
                plain = [np.require(a, requirements=["C", "A"]) for a in given]
                table[FIRST_ARRAY : FIRST_ARRAY + count] = list(map(id, plain))
                site = function(pointer)
            if site:
                gate, where, size = sites[site - 1]
                index, steps = found[0], found[2 : 2 + found[1]]
                raise IndexOutside(index, size, gate, where, tuple(steps))

        return call
