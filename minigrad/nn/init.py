"""Initial values for weights: functions ``init(shape, rng, dtype="float32")`` that give an array.

`rng` is a NumPy generator, ``np.random.default_rng(seed)``. A weight is (…, in, out), so that its
fans are the last two sizes. Settings come after the dtype; fix them with `functools.partial`:

>>> from functools import partial
>>> init = partial(uniform, limit=0.1)
>>> bool(abs(init((3, 4), np.random.default_rng(0))).max() <= 0.1)
True

Raises ShapeError where a shape has no fans, or is no matrix.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ..dims import show_shape
from ..errors import ShapeError
from ..types import Array

__all__ = [
    "Init",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "normal",
    "ones",
    "orthogonal",
    "recurrent_uniform",
    "uniform",
    "zeros",
]

Init = Callable[[Sequence[int], np.random.Generator, npt.DTypeLike], Array]


def zeros(
    shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32"
) -> Array:
    """All 0: the usual start of a bias."""
    return np.zeros(shape, dtype)


def ones(shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32") -> Array:
    """All 1: the start of a gain."""
    return np.ones(shape, dtype)


def uniform(
    shape: Sequence[int],
    rng: np.random.Generator,
    dtype: npt.DTypeLike = "float32",
    limit: float = 0.08,
) -> Array:
    """U(-limit, limit). The default limit is that of Karpathy's char-rnn."""
    return rng.uniform(-limit, limit, shape).astype(dtype)


def recurrent_uniform(
    shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32"
) -> Array:
    """U(-1/√n, 1/√n) for (…, n): the start of recurrent layers in PyTorch."""
    return uniform(shape, rng, dtype, 1 / np.sqrt(max(1, shape[-1])))


def normal(
    shape: Sequence[int],
    rng: np.random.Generator,
    dtype: npt.DTypeLike = "float32",
    std: float = 0.01,
) -> Array:
    """N(0, std²). The default deviation is that of Karpathy's min-char-rnn."""
    return (std * rng.standard_normal(shape)).astype(dtype)


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) < 2:
        raise ShapeError(
            f"fans are the last two sizes of a weight, and its shape is {show_shape(shape)}"
        )
    return shape[-2], shape[-1]


def glorot_uniform(
    shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32"
) -> Array:
    """U(-a, a) with a = √(6 / (in + out)), so that the variance is 2 / (in + out).

    It keeps the variance of values on the way forward, and of gradients on the way back, about
    equal from layer to layer (Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", 2010).
    """
    return uniform(shape, rng, dtype, np.sqrt(6 / max(1, sum(_fans(shape)))))


def glorot_normal(
    shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32"
) -> Array:
    """N(0, 2 / (in + out)): `glorot_uniform` with a normal distribution (same paper)."""
    return normal(shape, rng, dtype, np.sqrt(2 / max(1, sum(_fans(shape)))))


def he_uniform(
    shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32"
) -> Array:
    """U(-a, a) with a = √(6 / in): the variance 2 / in, for layers that relu follows.

    relu drops half of the variance (He et al., "Delving deep into rectifiers", 2015).
    """
    return uniform(shape, rng, dtype, np.sqrt(6 / max(1, _fans(shape)[0])))


def he_normal(
    shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = "float32"
) -> Array:
    """N(0, 2 / in): `he_uniform` with a normal distribution (same paper)."""
    return normal(shape, rng, dtype, np.sqrt(2 / max(1, _fans(shape)[0])))


def orthogonal(
    shape: Sequence[int],
    rng: np.random.Generator,
    dtype: npt.DTypeLike = "float32",
    gain: float = 1.0,
) -> Array:
    """A random matrix with orthonormal columns (rows, where it is wide), times `gain`.

    Applied again and again it neither blows up nor dies out (Saxe, McClelland and Ganguli, "Exact
    solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013). Evenly
    spread over all such matrices: the Q of a normal matrix's QR, with the signs of R's diagonal
    moved into it (Mezzadri, "How to generate random matrices from the classical compact groups",
    2007).

    >>> q = orthogonal((3, 3), np.random.default_rng(0), "float64")
    >>> np.allclose(q.T @ q, np.eye(3))
    True
    """
    rows, columns = _matrix("orthogonal", shape)
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0, -1, 1)
    return (gain * (q if rows >= columns else q.T)).astype(dtype)


def identity(
    shape: Sequence[int],
    rng: np.random.Generator,
    dtype: npt.DTypeLike = "float32",
    gain: float = 1.0,
) -> Array:
    """The unit matrix times `gain`: with relu, a recurrent layer that starts by remembering all
    (Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear
    units", 2015).
    """
    rows, columns = _matrix("identity", shape)
    return (gain * np.eye(rows, columns)).astype(dtype)


def _matrix(name: str, shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) != 2:
        raise ShapeError(f"{name} makes a matrix, and the shape is {show_shape(shape)}")
    return shape[0], shape[1]
