"""Errors of the functions of elementary.h, in units in the last place (ulp)."""

import ctypes
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tests.native.compiling import call

Array = np.ndarray[Any, Any]


def _sigmoid(x: Array) -> Array:
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p,
    "tanh": np.tanh, "sigmoid": _sigmoid, "softplus": _softplus,
}  # fmt: skip
MORE_DIGITS = {np.dtype("float32"): np.float64, np.dtype("float64"): np.longdouble}

SOURCE = '#include "elementary.h"\n' + "".join(
    f"""
void {name}_{dtype}(long n, const {c} *restrict x, {c} *restrict y) {{
    #pragma omp simd
    for (long i = 0; i < n; i++) y[i] = mg_{name}(x[i]);
}}
"""
    for name in FUNCTIONS
    for dtype, c in (("float32", "float"), ("float64", "double"))
)


def ulps(found: Array, exact: Array) -> Array:
    """|found - exact| in ulps of the exact results, which are given with more digits.

    What is no finite number must be what the exact result rounds to, with its sign: else inf.
    """
    rounded, info = exact.astype(found.dtype), np.finfo(found.dtype)
    power = np.maximum(_power_of_2(exact), info.tiny)
    distance = abs(found - exact) * (1 / info.eps.astype(exact.dtype)) / power
    finite = np.isfinite(found) & np.isfinite(rounded)
    right = (found == rounded) | finite | (np.isnan(found) & np.isnan(rounded))
    right &= (np.signbit(found) == np.signbit(rounded)) | np.isnan(found)
    return np.where(right, np.where(finite, distance, 0), np.inf)


def _power_of_2(x: Array) -> Array:
    """The greatest one up to |x|."""
    if x.dtype == np.float64:
        return (x.view(np.uint64) & 0x7FF0_0000_0000_0000).view(np.float64)  # quicker than frexp
    return np.ldexp(x.dtype.type(1), np.frexp(x)[1] - 1)


def values(library: ctypes.CDLL, name: str, x: Array) -> Array:
    """The function of x, by the compiled loop."""
    y = np.empty_like(x)
    call(getattr(library, f"{name}_{x.dtype}"), x.size, x, y)
    return y


def worst(library: ctypes.CDLL, name: str, chunks: Iterable[Array]) -> tuple[float, float]:
    """The largest error of a function, and the argument where it is."""
    largest = (0.0, 0.0)
    for x in chunks:
        with np.errstate(all="ignore"):
            error = ulps(values(library, name, x), FUNCTIONS[name](x.astype(MORE_DIGITS[x.dtype])))
        at = int(error.argmax())
        largest = max(largest, (float(error[at]), float(x[at])))
    return largest


def floats(step: int, chunk: int = 1 << 15) -> Iterator[Array]:
    """Of all float32, by their bits, each `step`-th."""
    for start in range(0, 1 << 32, chunk * step):
        bits = np.arange(start, min(start + chunk * step, 1 << 32), step, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def doubles(count: int, chunk: int = 1 << 16) -> Iterator[Array]:
    """At least `count` float64: of all sizes, and more of those near 0, 1, and 710."""
    rng = np.random.default_rng(0)
    for _ in range(0, count, 4 * chunk):
        uniform = rng.uniform(-1, 1, (3, chunk))
        yield rng.integers(0, 1 << 64, chunk, dtype=np.uint64).view(np.float64)
        yield uniform[0] * 2.0 ** rng.integers(-20, 8, chunk)
        yield 1 + uniform[1] / 2
        yield uniform[2] * 750
