"""C functions of a program, bound to its memory."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from ..types import Array
from .blas import find_blas
from .compiler import load

__all__ = ["Library", "header"]


@cache
def header() -> str:
    """What C source begins with: the functions that scalar expressions of gates call."""
    here = files(__package__)
    text = (here / "elementary.h").read_text(encoding="utf-8")
    return text.replace('#include "real.h"', (here / "real.h").read_text(encoding="utf-8"))


class Library:
    """The functions of a C source. Each takes one pointer, to a table of pointers: those of BLAS,
    sgemm and dgemm, and then its own.

    A function returns 0, or the number of one of its `sites`, a gate that found an index outside of
    an axis of so many places: then IndexError is raised.
    """

    def __init__(self, source: str, sites: Mapping[str, Sequence[tuple[str, int]]]) -> None:
        self._library, self._sites = load(source), sites

    def __call__(
        self, name: str, places: Sequence[int], kept: Sequence[Array]
    ) -> Callable[..., None]:
        """A function with pointers to the memory that is `kept`; the others, whose `places` in its
        table are given, come at each call."""
        function, sites = getattr(self._library, name), self._sites[name]
        function.restype = ctypes.c_long
        count = len(places) + len(kept)
        table = (ctypes.c_void_p * (count + 2))()
        if blas := find_blas():
            table[0], table[1] = blas.sgemm, blas.dgemm
        fixed = [i for i in range(count) if i not in set(places)]
        for i, memory in zip(fixed, kept, strict=True):
            table[i + 2] = memory.ctypes.data
        slots = [i + 2 for i in places]
        pointer = ctypes.byref(table)

        def call(*given: Array, _kept: Sequence[Array] = kept) -> None:
            held = []  # as long as the function runs
            for slot, array in zip(slots, given, strict=True):
                if type(array) is not np.ndarray or not array.flags.c_contiguous:
                    array = np.ascontiguousarray(array)
                    held.append(array)
                table[slot] = array.__array_interface__["data"][0]
            if site := function(pointer):
                gate, size = sites[site - 1]
                raise IndexError(f"an index is outside of its axis, of size {size}, in {gate}")

        return call
