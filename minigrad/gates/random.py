"""Random numbers as pure functions of a key: the same key gives the same draw, wherever and
whenever it is computed, in the forward pass, on the way back, and on any backend.

The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", 2014): number i of a key is mix(key + i · γ), so that all of them can be computed at
once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..dims import Shape, broadcast, product
from ..errors import DTypeError
from ..graph import Gate
from ..types import Type
from ..variables import Variable
from .elementwise import aligned

__all__ = ["FoldIn", "Uniform"]

_GAMMA = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio, made odd


def _mix(z: Any) -> Any:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    return z ^ (z >> 31)


def _need_key(key: Type) -> None:
    if key.dtype != np.uint64:
        raise DTypeError(f"a random key is uint64, and this is {key.dtype}")


@dataclass(frozen=True)
class FoldIn(Gate):
    """A new key from a key and a number, such as a time step: mix(mix(key) + (number + 1) · γ)."""

    symbol: ClassVar[str] = "key"
    verb = "makes a new key"

    def infer(self, key: Type, number: Type) -> Type:
        _need_key(key)
        if number.dtype.kind not in "iu":
            raise DTypeError(f"the number that makes a new key is {number.dtype}, not an integer")
        return Type(broadcast(key.shape, number.shape), key.dtype)

    def lift(self, lifted: Sequence[bool], *inputs: Variable) -> Any:
        return self(*aligned(lifted, inputs))

    def forward(self, xp: Any, key: Any, number: Any, out: Any = None) -> Any:
        return _mix(_mix(key) + (number.astype("uint64") + 1) * _GAMMA)


@dataclass(frozen=True)
class Uniform(Gate):
    """Uniform in [0, 1), on a grid of 2⁻²⁴ (float32) or 2⁻⁵³ (float64): key () → `shape`."""

    shape: Shape
    dtype: np.dtype[Any]
    symbol: ClassVar[str] = "rand"
    verb = "draws numbers in 0…1"

    def infer(self, key: Type) -> Type:
        _need_key(key)
        if self.dtype.kind != "f":
            raise DTypeError(
                f"random numbers are float32 or float64, not {self.dtype}: use .astype"
            )
        return Type((*key.shape, *self.shape), self.dtype)

    def lift(self, lifted: Sequence[bool], key: Variable) -> Any:
        return self(key)

    def scratch(self, key: Type) -> tuple[Type, ...]:
        words = Type((*key.shape, self._words), key.dtype)
        return words, words

    @property
    def _words(self) -> Any:
        """How many words there are; each has the bits of two numbers."""
        return (product(self.shape) + 1) // 2

    def forward(self, xp: Any, key: Any, out: Any = None, scratch: Any = None) -> Any:
        """Each word gives two numbers. float32 takes the upper 24 bits of its half, float64 all 32
        and 21 of a second word: so both draw the same number, up to rounding."""
        sizes, count = (*key.shape, *self.shape), product(self.shape)
        if out is None:
            out = xp.empty(sizes, self.dtype)
        if 0 in sizes:
            return out
        z, spare = scratch or [xp.empty((*key.shape, self._words), key.dtype) for _ in range(2)]
        bits = _fill(xp, key, 0, z, spare).view("uint32")[..., :count]
        bits = xp.reshape(bits, sizes)
        if self.dtype == np.float32:
            xp.copyto(out, xp.right_shift(bits, 8, out=bits))
            return xp.multiply(out, 2.0**-24, out=out)
        low, spare = (xp.empty((*key.shape, count), key.dtype) for _ in range(2))
        low = xp.reshape(_fill(xp, key, self._words, low, spare) >> 43, sizes)
        return xp.add(bits * 2.0**-32, low * 2.0**-53, out=out)


def _fill(xp: Any, key: Any, start: int, z: Any, spare: Any) -> Any:
    """`z` (…, n) filled with the numbers of each key after the first `start`: in place, as long
    arrays are better not made anew."""
    z[...] = _GAMMA
    z[..., 0] = key + (start + 1) * _GAMMA % 2**64
    xp.cumsum(z, axis=-1, out=z)  # key + i · γ
    xp.right_shift(z, 30, out=spare)
    xp.bitwise_xor(z, spare, out=z)
    xp.multiply(z, 0xBF58476D1CE4E5B9, out=z)
    xp.right_shift(z, 27, out=spare)
    xp.bitwise_xor(z, spare, out=z)
    xp.multiply(z, 0x94D049BB133111EB, out=z)
    xp.right_shift(z, 31, out=spare)
    return xp.bitwise_xor(z, spare, out=z)
