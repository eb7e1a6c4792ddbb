"""Layers without memory: Linear, Embedding, Dropout, LayerNorm, BatchNorm, and Sequential, a chain.

Each works on the last axis (or on single elements), so that the same layer serves one step (B,
features) and all steps at once (T, B, features). `rng` gives the initial values: a NumPy generator
(share one between layers), or a seed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dims import product
from ..errors import ArgumentError, DTypeError
from ..functions import astype, mean, sqrt, square, take
from ..gates import Extent
from ..random import Generator
from ..variables import Parameter, Variable, as_variables
from . import init
from .module import Buffer, Module, features

__all__ = ["BatchNorm", "Dropout", "Embedding", "LayerNorm", "Linear", "Sequential"]

Rng = np.random.Generator | int | None
_STANDARD_NORMAL = partial(init.normal, std=1.0)


class Linear(Module):
    """y = x W + b:  x (…, in) → y (…, out), with W (in, out) and b (out,).

    Args:
        bias: whether there is a b.
        weight_init: the start of W; b starts as zeros.

    >>> import minigrad as mg
    >>> Linear(4, 5, rng=0)(mg.input("x", ("T", "B", 4))).shape
    (T, B, 5)

    Raises ShapeError or DTypeError for an x that is not floats (…, in).
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        bias: bool = True,
        rng: Rng = None,
        dtype: npt.DTypeLike = "float32",
        weight_init: init.Init = init.glorot_uniform,
    ) -> None:
        values = weight_init((input_size, output_size), np.random.default_rng(rng), dtype)
        self.weight = Parameter(values, "weight")
        self.bias = Parameter(np.zeros(output_size, dtype), "bias") if bias else None

    def __call__(self, x: Any) -> Variable:
        y = features(x, len(self.weight), self) @ self.weight  # (…, in) @ (in, out)
        return y if self.bias is None else y + self.bias


class Embedding(Module):
    """A learned vector for each of n things: ids (…) → rows (…, size) of the weight (n, size).

    The same as a Linear without bias on one-hot rows, but it multiplies nothing (Bengio et al., "A
    neural probabilistic language model", 2003).

    Args:
        count: n.
        weight_init: the start of the weight; N(0, 1) if not given.

    >>> import minigrad as mg
    >>> Embedding(81, 16, rng=0)(mg.input("ids", ("T", "B"), "int64")).shape
    (T, B, 16)

    Raises DTypeError when the ids are not integers; IndexError, when it runs, for an id ≥ n (a
    negative one counts from the end).
    """

    def __init__(
        self,
        count: int,
        size: int,
        rng: Rng = None,
        dtype: npt.DTypeLike = "float32",
        weight_init: init.Init = _STANDARD_NORMAL,
    ) -> None:
        values = weight_init((count, size), np.random.default_rng(rng), dtype)
        self.weight = Parameter(values, "weight")

    def __call__(self, ids: Any) -> Variable:
        return take(self.weight, ids)


class Dropout(Module):
    """While training, each element is dropped with probability p, and what stays is scaled up:

        y = x ⊙ m / (1 - p),   m ~ Bernoulli(1 - p)

    so that the mean of y is x, and nothing needs to be scaled when the network is used (`.eval()`,
    where y = x). (Srivastava et al., "Dropout", 2014.)

    Args:
        p: the share that is dropped, 0 ≤ p < 1.
        rng: the `mg.random.Generator` that draws the masks, or what its seed is drawn from, as in
            every layer.
        each_step: inside the step of a scan, whether the mask is new at each step, or one for all
            of them (variational dropout: Gal and Ghahramani, "A theoretically grounded application
            of dropout in recurrent neural networks", 2016).

    >>> import minigrad as mg
    >>> import numpy as np
    >>> y = Dropout(0.5, rng=0)(np.ones(1000)).eval()
    >>> np.unique(y)
    array([0., 2.])

    Raises ArgumentError for another p, DTypeError for an x that is not of floats.
    """

    def __init__(self, p: float = 0.5, rng: Rng | Generator = None, each_step: bool = True) -> None:
        if not isinstance(p, int | float) or not 0 <= p < 1:
            raise ArgumentError(f"the share p that dropout drops is in 0 ≤ p < 1, and not {p!r}")
        self.p, self.each_step = p, each_step
        self.rng = as_generator(rng)

    def __call__(self, x: Any) -> Variable:
        (x,) = as_variables(x)
        if not x.type.differentiable:
            raise DTypeError(f"Dropout needs x of floats, and had {x.type}", x.where)
        if self.p == 0 or not self.training:
            return x
        kept = self.rng.bernoulli(1 - self.p, x.shape, self.each_step)
        return x * (astype(kept, x.dtype) * (1 / (1 - self.p))).named("mask")


def as_generator(rng: Rng | Generator) -> Generator:
    """A generator for masks: `rng` itself, or a new one whose seed is drawn from it."""
    if isinstance(rng, Generator):
        return rng
    return Generator(int(np.random.default_rng(rng).integers(2**40)))


def standardised(x: Variable, epsilon: float) -> Variable:
    """(x - μ) / √(σ² + ε), with the mean and variance of each vector of the last axis."""
    centred = x - mean(x, axis=-1, keepdims=True)
    variance = mean(square(centred), axis=-1, keepdims=True)  # (…, 1)
    return centred / sqrt(variance + epsilon)


class LayerNorm(Module):
    """Each vector of the last axis with mean 0 and variance 1, then scaled and shifted as learned:

        y = (x - μ) / √(σ² + ε) ⊙ g + b

    x (…, n) → y (…, n), with g and b (n,), which start as ones and zeros; μ and σ² are mean and
    variance over n (Ba, Kiros and Hinton, "Layer normalization", 2016).

    >>> import minigrad as mg
    >>> y = LayerNorm(4)(mg.constant([[1.0, 2.0, 3.0, 4.0]])).eval()
    >>> float(y.mean().round(6)), float(y.std().round(3))
    (0.0, 1.0)

    Raises ShapeError or DTypeError for an x that is not floats (…, n).
    """

    def __init__(self, size: int, epsilon: float = 1e-5, dtype: npt.DTypeLike = "float32") -> None:
        self.epsilon = epsilon
        self.weight = Parameter(np.ones(size, dtype), "weight")
        self.bias = Parameter(np.zeros(size, dtype), "bias")

    def __call__(self, x: Any) -> Variable:
        x = features(x, len(self.weight), self)
        return standardised(x, self.epsilon) * self.weight + self.bias


class BatchNorm(Module):
    """Each feature with mean 0 and variance 1 over all else, then scaled and shifted as learned:

        y = (x - μ) / √(σ² + ε) ⊙ g + b

    x (…, n) → y (…, n), with g and b (n,), which start as ones and zeros. While training, μ and σ²
    are mean and variance over all axes but the last; in use (`.eval()`) they are their running
    means, which `Module.updates` of a network in training moves on:

        running ← (1 - m) · running + m · that of the batch

    with σ² unbiased there, Σ (x - μ)² / (N - 1), as in PyTorch (Ioffe and Szegedy, "Batch
    normalization", 2015). It belongs around loops, on (T, B, n): inside a step its statistics would
    be one step's, and cannot be moved on.

    Args:
        momentum: m, in 0 < m ≤ 1.

    >>> import minigrad as mg
    >>> net, x = BatchNorm(2), mg.input("x", ("B", 2))
    >>> y = net.train()(x)
    >>> train = mg.function([x], y, net.updates())
    >>> train([[0.0, 1.0], [4.0, 5.0]]).round(2)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> net.running_mean.get_value().round(2)
    array([0.2, 0.3], dtype=float32)

    Raises ShapeError or DTypeError for an x that is not floats (…, n), ArgumentError for another m.
    The running variance of a single vector is NaN, as there is none.
    """

    def __init__(
        self,
        size: int,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        dtype: npt.DTypeLike = "float32",
    ) -> None:
        if not isinstance(momentum, int | float) or not 0 < momentum <= 1:
            raise ArgumentError(f"the momentum is in 0 < m ≤ 1, and not {momentum!r}")
        self.momentum, self.epsilon = momentum, epsilon
        self.weight = Parameter(np.ones(size, dtype), "weight")
        self.bias = Parameter(np.zeros(size, dtype), "bias")
        self.running_mean = Buffer(np.zeros(size, dtype), "running_mean")
        self.running_var = Buffer(np.ones(size, dtype), "running_var")
        self._updates: list[tuple[Parameter, Variable]] = []

    def __call__(self, x: Any) -> Variable:
        x = features(x, len(self.weight), self)
        centre, variance = self._of_batch(x) if self.training else self._running
        return (x - centre) / sqrt(variance + self.epsilon) * self.weight + self.bias

    @property
    def _running(self) -> tuple[Buffer, Buffer]:
        return self.running_mean, self.running_var

    def _of_batch(self, x: Variable) -> tuple[Variable, Variable]:
        """μ and σ² (n,) of x (…, n)."""
        others = tuple(range(x.ndim - 1))
        centre = mean(x, axis=others)
        variance = mean(square(x - centre), axis=others)
        count = Extent(product(x.shape[:-1]), x.dtype)()
        unbiased = variance * (count / (count - 1))
        self._updates = [
            (p, ((1 - self.momentum) * p + self.momentum * new).stop_gradient())
            for p, new in zip(self._running, (centre, unbiased), strict=True)
        ]
        return centre, variance

    def _own_updates(self) -> list[tuple[Parameter, Variable]]:
        return self._updates


class Sequential(Module):
    """One layer after the other; a function such as `mg.tanh` is a layer too.

    >>> import minigrad as mg
    >>> Sequential(Linear(4, 5, rng=0), mg.tanh, Linear(5, 3, rng=1))
    Sequential()
      layers.0: Linear(weight (4, 5), bias (5,))
      layers.1: tanh
      layers.2: Linear(weight (5, 3), bias (3,))
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        self.layers = layers

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x
