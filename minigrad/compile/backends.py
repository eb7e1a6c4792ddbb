"""Backends: in what a plan is written out, and where its arrays lie."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from ..errors import ArgumentError, BackendError
from ..types import cast_safely
from .blocks import in_blocks
from .numpy_writer import BLOCK, SMALLEST, write
from .plan import Plan
from .program import Program

__all__ = ["LANGUAGES", "Backend", "backend_named", "in_numpy", "writer_of"]


class Backend(ABC):
    """What a function asks of its backend. `shown` is what a report calls it."""

    shown: str
    smallest: ClassVar[int] = 0
    """Values of fewer bytes are given no place."""
    xp: Any = np
    """The library that makes its arrays."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    @abstractmethod
    def write(self, plan: Plan) -> Program:
        """The program of a plan."""

    def cast(self, value: Any, dtype: np.dtype[Any], what: str) -> Any:
        """An argument as an array, see `cast_safely`."""
        return cast_safely(value, dtype, what)

    def there(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """Arrays where the program reads them."""
        return arrays

    def reader(self) -> Callable[[list[Any]], list[Any]] | None:
        """What makes arrays for a program of the values of parameters; None if NumPy does."""
        return None


class _NumPy(Backend):
    smallest = SMALLEST

    def __init__(self, check_nan: bool, blocks: bool, shown: str = "NumPy") -> None:
        super().__init__(check_nan)
        self.blocks, self.shown = blocks, shown

    def write(self, plan: Plan) -> Program:
        if self.blocks:
            in_blocks(plan, BLOCK)
        return write(plan, self.check_nan)


class _C(Backend):
    shown = "C and NumPy"

    def write(self, plan: Plan) -> Program:
        c = import_module(".c", __package__)  # with compiler and cache: only where asked for
        source = c.lower(plan)
        return replace(write(plan), native=source)


class _CuPy(Backend):
    """As far as it can be written down: no GPU is asked for."""

    shown = "CuPy and CUDA"

    def __init__(self, check_nan: bool, half: str | None) -> None:
        super().__init__(check_nan)
        self.half = half

    def write(self, plan: Plan) -> Program:
        cuda = import_module(".cuda", __package__)
        source, sites = cuda.lower(plan, self.check_nan)
        program: Program = cuda.write(plan, source, sites, self.check_nan, self.half)
        return program


class _OnDevice(_CuPy):
    """Ready to run. Raises BackendError for what is missing."""

    def __init__(self, check_nan: bool, half: str | None) -> None:
        super().__init__(check_nan, half)
        cuda = import_module(".cuda", __package__)
        self.device = cuda.Device()
        self.xp = self.device.xp
        if half:
            cuda.products(half)  # it says now what is missing

    def cast(self, value: Any, dtype: np.dtype[Any], what: str) -> Any:
        return self.device.cast(value, dtype, what)

    def there(self, arrays: Sequence[Any]) -> Sequence[Any]:
        return self.device.there(arrays)

    def reader(self) -> Callable[[list[Any]], list[Any]]:
        return self.device.moved()


LANGUAGES = ("numpy", "c", "cupy", "cuda")
_HALVES = ("float16", "bfloat16")


def backend_named(name: str, check_nan: bool, blocks: bool, half: str | None) -> Backend:
    """The backend that `mg.function` is asked for.

    Raises BackendError where there is none of this name or it cannot run here, ArgumentError for
    products in 16 bits on another one than CuPy.
    """
    asked, name = name, (os.environ.get("MINIGRAD_BACKEND") or "auto") if name == "auto" else name
    if name not in ("auto", "numpy", "c", "cupy"):
        raise BackendError(
            f"there is no backend {name!r} in this version of minigrad: use "
            '"numpy", "c", "cupy" or "auto"'
        )
    if half is not None and (name != "cupy" or half not in _HALVES):
        raise ArgumentError(
            f'matmul_dtype={half!r} with the backend {asked!r}: it is "float16" or '
            '"bfloat16", and with backend="cupy" alone'
        )
    if name == "cupy":
        return _OnDevice(check_nan, half)
    if name == "numpy":
        return _NumPy(check_nan, blocks)
    if check_nan:
        return in_numpy("since check_nan goes gate by gate", check_nan, blocks)
    native = import_module("..native", __package__)  # only where it is asked for
    if name == "auto" and (why := native.why_not()):
        return in_numpy(f"since {why}", check_nan, blocks)
    native.needed_compiler()
    return _C(check_nan)


def in_numpy(why: str, check_nan: bool, blocks: bool) -> Backend:
    """NumPy in the place of C."""
    return _NumPy(check_nan, blocks, f"NumPy alone, {why}")


def writer_of(language: str, check_nan: bool, blocks: bool, half: str | None) -> Backend:
    """The backend whose program is in this one of LANGUAGES, to write with it."""
    if language == "numpy":
        return _NumPy(check_nan, blocks)
    return _C(check_nan) if language == "c" else _CuPy(check_nan, half)
