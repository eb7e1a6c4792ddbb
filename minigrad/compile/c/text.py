"""What C is called and how it is written: types, numbers, and what is not covered."""

from functools import cache
from typing import Any

import numpy as np

from ...types import Array

__all__ = ["C_TYPES", "Uncovered", "cast", "conversion", "literal"]

C_TYPES = {
    "float32": "float",
    "float64": "double",
    "bool": "uint8_t",
    **{f"{u}int{n}": f"{u}int{n}_t" for u in ("", "u") for n in (8, 16, 32, 64)},
}


class Uncovered(Exception):
    """An instruction that is left to NumPy."""


def cast(text: str, dtype: np.dtype[Any]) -> str:
    """A value as another type; a bool is 0 or 1."""
    return f"({text}) != 0" if dtype.kind == "b" else f"({C_TYPES[dtype.name]})({text})"


@cache
def conversion(source: np.dtype[Any], target: np.dtype[Any]) -> str:
    """A number {0} before it is cast as NumPy casts it; "" where that cannot be said.

    Of a float that no integer holds C says nothing, and processors differ. Where NumPy makes the
    least int32 or int64 of it, and of that what the target holds, so does this.
    """
    if source.kind != "f" or target.kind not in "iu":
        return "{0}"
    bits = 64 if target.itemsize == 8 else 32
    if target.name in ("uint32", "uint64"):
        return ""
    least = np.array(-(2 ** (bits - 1))).astype(target)
    outside = np.array([np.nan, np.inf, -np.inf, 2.0 ** (bits - 1), -(2.0**bits)], source)
    with np.errstate(invalid="ignore"):
        found = [np.repeat(outside, n).astype(target) for n in (1, 33)]  # by numbers, by vectors
    if any((numbers != least).any() for numbers in found):
        return ""
    fits = f"({{0}} >= -0x1p{bits - 1}) & ({{0}} < 0x1p{bits - 1})"
    return f"{fits} ? (int{bits}_t){{0}} : INT{bits}_MIN"


def literal(value: Array) -> str:
    """A single number, of the dtype that it has: floats in hexadecimal, so that no bit is lost."""
    number = value.reshape(-1)[0].item()
    if value.dtype.kind == "f":
        special = {np.inf: "INFINITY", -np.inf: "-INFINITY"}.get(number, "NAN")
        text = number.hex() if np.isfinite(number) else special
    elif number == -(2**63):
        text = "(-9223372036854775807ll - 1)"
    else:
        text = f"{int(number)}{'ull' if value.dtype.kind == 'u' else 'll'}"
    return f"(({C_TYPES[value.dtype.name]}){text})"
