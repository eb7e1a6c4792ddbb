"""Gradients kept from growing too long: by element, each by its norm, or all by their common norm.

Gradients are a Variable, or a list or dict of them, and come back so.
"""

from functools import reduce
from typing import Any

from ..errors import ArgumentError
from ..functions import add, astype, clip, minimum, negative, sqrt, square, sum
from ..groups import group
from ..tree import flatten, tree_map
from ..variables import Variable
from .arguments import Rate, rate

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]


def clip_by_value(grads: Any, limit: Rate) -> Any:
    """Each element at least -limit and at most limit, in a gradient or a list or dict of them.

    >>> import minigrad as mg
    >>> clip_by_value({"w": mg.constant([-7.0, 2.0])}, 5)["w"].eval()
    array([-5.,  2.])

    Raises ArgumentError for a limit below 0.
    """
    limit = rate("limit", limit)
    with group("clip by value"):
        return tree_map(lambda g: astype(clip(g, negative(limit), limit), g.dtype), grads)


def global_norm(grads: Any) -> Variable:
    """√ Σ g² over all elements of all gradients, a scalar.

    >>> import minigrad as mg
    >>> float(global_norm([mg.constant([1.0, 2.0]), mg.constant([2.0])]).eval())
    3.0

    Raises ArgumentError for no gradients at all.
    """
    found = flatten(grads)[0]
    if not found:
        raise ArgumentError("there is no gradient to take the norm of")
    with group("global norm"):
        return sqrt(reduce(add, (sum(square(g)) for g in found)))


def clip_by_global_norm(grads: Any, max_norm: Rate) -> Any:
    """All gradients scaled alike, so that their `global_norm` is at most `max_norm`.

        g ← g · min(1, max_norm / (norm + 10⁻⁶))

    Their direction stays (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
    neural networks", 2013; the 10⁻⁶ is PyTorch's). Where the norm
    overflows to infinity they become zeros (and what is infinite itself NaN): look at it.

    >>> import minigrad as mg
    >>> clip_by_global_norm([mg.constant([3.0, 0.0]), mg.constant([4.0])], 1.0)[1].eval().round(4)
    array([0.8])

    Raises ArgumentError for a max_norm below 0.
    """
    max_norm = rate("max_norm", max_norm)
    with group("clip by global norm"):
        scale = minimum(1.0, max_norm / (global_norm(grads) + 1e-6))
        return tree_map(lambda g: g * astype(scale, g.dtype), grads)


def clip_by_norm(grads: Any, max_norm: Rate) -> Any:
    """Each gradient scaled by itself, so that its norm is at most `max_norm`.

    The formula is that of `clip_by_global_norm`.

    >>> import minigrad as mg
    >>> clip_by_norm([mg.constant([3.0, 4.0]), mg.constant(0.5)], 1.0)[0].eval().round(4)
    array([0.6, 0.8])
    """
    with group("clip by norm"):
        return tree_map(lambda g: clip_by_global_norm(g, max_norm), grads)
