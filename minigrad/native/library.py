"""C functions of a program, bound to its memory."""

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from ..types import Array
from .blas import find_blas
from .compiler import load

__all__ = ["Library", "elementary", "header"]

# Where an array keeps the pointer to its data, and its flags. NumPy's C API promises this order
# (data, nd, dimensions, strides, base, descr, flags, behind the head of every object): the macros
# that extension modules are compiled with read it. From Python a pointer takes 3 µs to ask for.
_DATA = object.__basicsize__
_FLAGS = _DATA + 6 * ctypes.sizeof(ctypes.c_void_p)
_PLAIN = 0x0101  # contiguous, and aligned


def elementary() -> str:
    """The functions that scalar expressions of gates call; in C, with real.h in its place."""
    return (files(__package__) / "elementary.h").read_text(encoding="utf-8")


@cache
def header() -> str:
    """What C source begins with: the functions that scalar expressions of gates call, and
    ``mg_data(array, &plain)``, which finds the data of an array and notes that it is not plain."""
    real = (files(__package__) / "real.h").read_text(encoding="utf-8")
    text = elementary().replace('#include "real.h"', real)
    return f"""{text}
static inline char *mg_data(const char *array, int *plain) {{
    *plain &= (*(const int *)(array + {_FLAGS}) & {_PLAIN}) == {_PLAIN};
    return *(char *const *)(array + {_DATA});
}}
"""


class Library:
    """The functions of a C source. Each takes one pointer, to a table: of sgemm and dgemm of BLAS,
    of NumPy arrays that come at each call, and of memory.

    A function returns 0, or -1 if an array is not plain, or the number of one of its `sites`, a
    gate that found an index outside of an axis of so many places: then IndexError is raised.
    """

    def __init__(self, source: str, sites: Mapping[str, Sequence[tuple[str, int]]]) -> None:
        # The user's lines are no part of what is compiled: an edit above them moves them.
        self._library, self._sites = load(re.sub("  // .*", "", source)), sites

    def __call__(self, name: str, count: int, kept: Sequence[Array]) -> Callable[..., None]:
        """A function that is given `count` arrays at each call, and has memory that is `kept`."""
        function, sites = getattr(self._library, name), self._sites[name]
        function.restype = ctypes.c_long
        table = (ctypes.c_void_p * (2 + count + len(kept)))()
        if blas := find_blas():
            table[0], table[1] = blas.sgemm, blas.dgemm
        for i, memory in enumerate(kept):
            table[2 + count + i] = memory.ctypes.data
        pointer, arrays = ctypes.byref(table), [np.ndarray] * count

        def call(*given: Array, _kept: Sequence[Array] = kept) -> None:
            site = -1
            if list(map(type, given)) == arrays:
                table[2 : 2 + count] = list(map(id, given))
                site = function(pointer)
            if site < 0:
                plain = [np.require(a, requirements=["C", "A"]) for a in given]
                table[2 : 2 + count] = list(map(id, plain))
                site = function(pointer)
            if site:
                gate, size = sites[site - 1]
                raise IndexError(f"an index is outside of its axis, of size {size}, in {gate}")

        return call
