"""Types of arrays: shape and dtype, and the casts that lose nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .dims import Shape, show_shape
from .errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Array", "Type", "as_dtype", "cast_safely", "on_host"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Type:
    """What is known of an array before it exists: its shape and its dtype."""

    shape: Shape
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        for size in self.shape:
            if isinstance(size, int) and size < 0:
                raise ShapeError(f"the shape would be {show_shape(self.shape)}: {size} is no size")

    def __str__(self) -> str:
        return f"{self.dtype} {show_shape(self.shape)}"

    @property
    def differentiable(self) -> bool:
        """Integers and booleans have no derivative."""
        return self.dtype.kind == "f"


def as_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """`dtype` as NumPy's object. Raises DTypeError unless float32, float64, integer or bool."""
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise DTypeError(f"{dtype!r} is no dtype: {error}") from None
    if found.kind not in "iub" and found not in (np.float32, np.float64):
        raise DTypeError(
            f"dtype {found} is not supported: use float32, float64, an integer, or bool"
        )
    return found


def on_host(value: Any) -> Any:
    """An array of CuPy's as one of NumPy's; anything else as it is."""
    on_gpu = hasattr(value, "__cuda_array_interface__") and hasattr(value, "get")
    return value.get() if on_gpu else value


def cast_safely(value: npt.ArrayLike, dtype: np.dtype[Any], what: str) -> Array:
    """`value` as an array of `dtype` where no digit can be lost; Python numbers adapt.

    Raises DTypeError otherwise, naming `what`.
    """
    try:
        array = np.asarray(value)
    except ArgumentError:  # from a Variable's __array__
        raise ArgumentError(f"{what} needs numbers, and had the variable {value!r}") from None
    except ValueError as error:
        raise ArgumentError(f"{what} needs an array: {error}") from None
    if np.can_cast(array.dtype, dtype, "safe") or (_weak(value) and _holds(dtype, array)):
        return array.astype(dtype, copy=False)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{what} is {dtype} and had {array.dtype}, which is none of its numbers")
    raise DTypeError(
        f"{what} is {dtype} and had {array.dtype}, which could lose digits: "
        f"cast it yourself with .astype({str(dtype)!r})"
    )


def _weak(value: Any) -> bool:
    """Python's own numbers, alone or nested in lists, carry no precision that anyone chose."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, list | tuple) or type(value) in (bool, int, float)


def _holds(dtype: np.dtype[Any], array: Array) -> bool:
    """Whether Python numbers can become `dtype`: floats any number, integers what fits them."""
    if dtype.kind == "f" or not array.size:
        return array.dtype.kind in "biuf"
    if dtype.kind not in "iu" or array.dtype.kind not in "biu":
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= array.min() and array.max() <= limits.max)
