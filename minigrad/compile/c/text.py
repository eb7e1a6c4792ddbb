"""What C is called and how it is written: types, numbers, and what is not covered."""

from typing import Any

import numpy as np

from ...types import Array

__all__ = ["C_TYPES", "Uncovered", "cast", "literal"]

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
