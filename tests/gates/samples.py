"""What cases of gates are made of: sizes, random inputs, and the `Case` itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.dims import Dim, Sizes, dim
from minigrad.graph import Binding, Gate
from minigrad.types import Array, Type

T, B, H, K, V = (Dim(name) for name in "TBHKV")

SIZES: dict[str, dict[str, int]] = {
    "usual": {"T": 5, "B": 3, "H": 4, "K": 2, "V": 7},
    "empty": {"T": 0, "B": 3, "H": 4, "K": 2, "V": 7},
    "ones": {"T": 1, "B": 1, "H": 1, "K": 1, "V": 1},
}


@dataclass(frozen=True)
class Sample:
    """A random array: its type, and what fills it, given (generator, shape, sizes)."""

    type: Type
    fill: Callable[[np.random.Generator, tuple[int, ...], Sizes], Array]


def _sample(shape: tuple[Any, ...], dtype: str, fill: Callable[..., Any]) -> Sample:
    return Sample(Type(tuple(map(dim, shape)), np.dtype(dtype)), fill)


def real(*shape: Any, low: float = -2.0, high: float = 2.0, dtype: str = "float32") -> Sample:
    """Floats between two bounds."""
    return _sample(shape, dtype, lambda rng, s, _: rng.uniform(low, high, s))


def positive(*shape: Any, dtype: str = "float32") -> Sample:
    """Floats from 0.5 to 2."""
    return real(*shape, low=0.5, high=2.0, dtype=dtype)


def uneven(*shape: Any, dtype: str = "float32") -> Sample:
    """Floats far from whole numbers and from halves, where a floor or a rounding jumps."""
    return _sample(
        shape, dtype, lambda rng, s, _: rng.integers(-3, 3, s) + rng.uniform(0.1, 0.4, s)
    )


def odd(*shape: Any, dtype: str = "float32") -> Sample:
    """Floats among which NaN and both infinities are common."""
    kinds = [0.0, -1.5, 2.0, np.nan, np.inf, -np.inf]
    return _sample(shape, dtype, lambda rng, s, _: rng.choice(kinds, s))


def whole(*shape: Any, low: int = -4, high: int = 5, dtype: str = "int64") -> Sample:
    """Integers from `low` up to, not including, `high`."""
    return _sample(shape, dtype, lambda rng, s, _: rng.integers(low, high, s))


def some(*shape: Any) -> Sample:
    """Booleans."""
    return _sample(shape, "bool", lambda rng, s, _: rng.integers(0, 2, s))


def places(size: Dim, *shape: Any, negative: bool = False, dtype: str = "int64") -> Sample:
    """Indices into an axis of `size`; with `negative` also those counted from its end."""
    return _sample(
        shape,
        dtype,
        lambda rng, s, sizes: rng.integers(-sizes[str(size)] * negative, sizes[str(size)], s),
    )


def key(*shape: Any) -> Sample:
    """Keys of random draws."""
    return _sample(shape, "uint64", lambda rng, s, _: rng.integers(0, 2**63, s))


@dataclass(frozen=True)
class Case:
    """A gate, inputs for it, and NumPy's function that it should equal at the usual sizes."""

    gate: Gate
    inputs: tuple[Sample, ...]
    like: Callable[..., Any] | None = None
    fits: tuple[str, ...] = ("usual", "empty", "ones")

    def types(self) -> list[Type]:
        """The types of the inputs, with dimension names."""
        return [sample.type for sample in self.inputs]

    def arrays(self, sizes: Sizes, seed: int = 7) -> list[Array]:
        """The inputs, in numbers, the same at each call."""
        rng, bind = np.random.default_rng(seed), Binding(sizes)
        made = [(s.type.dtype, s.fill(rng, bind(s.type.shape), sizes)) for s in self.inputs]
        return [np.asarray(array).astype(dtype) for dtype, array in made]

    def __str__(self) -> str:
        types = ", ".join(map(str, self.types()))
        return f"{self.gate!r} of {types}".replace("(), ", "")


def case(gate: Gate, *inputs: Sample, like: Any = None, fits: str = "usual empty ones") -> Case:
    return Case(gate, inputs, like, tuple(fits.split()))
