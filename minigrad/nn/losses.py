"""Losses: how far a prediction is from its target, as scalars to minimise.

Each takes ``reduce="mean"`` (of all single losses), ``"sum"`` or ``"none"`` (the single losses),
and `weights`, one for each single loss (bool or numbers, which broadcast): 0 leaves a finite
loss out, such as that of padding, and the mean is then Σ w·loss / Σ w. A mean of nothing is NaN.

They raise ShapeError where shapes differ (nothing but `weights` is broadcast), DTypeError for
targets of a wrong kind, ArgumentError for another `reduce`.
"""

from typing import Any

from ..dims import show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..functions import (
    argmax,
    astype,
    broadcast_to,
    equal,
    expand_dims,
    log_softmax,
    mean,
    softplus,
    square,
    squeeze,
    sum,
    take_along_axis,
)
from ..groups import group
from ..variables import Variable, as_variables

__all__ = [
    "accuracy",
    "half_squared_error",
    "mean_squared_error",
    "negative_log_likelihood",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]


def softmax_cross_entropy(
    logits: Any, targets: Any, reduce: str = "mean", weights: Any = None
) -> Variable:
    """-log softmax(logits)[target], in nats, without overflow for logits of any size.

    logits (…, V); targets are classes, integers (…), or one-hot rows and other distributions p
    (…, V), for which it is -Σ p log softmax(logits). The single losses are (…). The gradient of one
    is softmax(logits) - onehot(target). (Bishop, "Pattern recognition and machine learning", 2006,
    section 4.3.4.)

    >>> softmax_cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [0, 1], reduce="none").eval().round(2)
    array([6.9e-01, 1.0e+03])

    A class ≥ V raises IndexError when it runs, also where its weight is 0; a negative one counts
    from the end.
    """
    (logits,) = as_variables(logits)
    with group("softmax cross-entropy"):
        return negative_log_likelihood(log_softmax(logits), targets, reduce, weights)


def negative_log_likelihood(
    log_probabilities: Any, targets: Any, reduce: str = "mean", weights: Any = None
) -> Variable:
    """-log p[target] for log-probabilities (…, V), such as `log_softmax` gives.

    Targets as for `softmax_cross_entropy`: classes (…), or distributions (…, V).

    >>> import minigrad as mg
    >>> round(float(negative_log_likelihood(mg.log([[0.5, 0.25, 0.25]]), [2]).eval()), 4)
    1.3863
    """
    (log_p,) = as_variables(log_probabilities)
    (targets,) = as_variables(targets)
    with group("negative log-likelihood"):
        if log_p.ndim and targets.ndim == log_p.ndim:
            return _reduced(-sum(_like(log_p, targets) * log_p, axis=-1), reduce, weights)
        targets = _classes(log_p, targets)
        picked = take_along_axis(log_p, expand_dims(targets, targets.ndim), axis=-1)  # (…, 1)
        return _reduced(-squeeze(picked, -1), reduce, weights)


def sigmoid_cross_entropy(
    logits: Any, targets: Any, reduce: str = "mean", weights: Any = None
) -> Variable:
    """Binary cross-entropy -t log σ(x) - (1 - t) log(1 - σ(x)) of logits x for targets 0 ≤ t ≤ 1.

    Both have one shape, as have the single losses. Computed with log σ(x) = -softplus(-x), which
    does not overflow; the gradient is σ(x) - t.

    >>> sigmoid_cross_entropy([0.0, 1000.0, -1000.0], [1, 1, 0], reduce="none").eval().round(4)
    array([0.6931, 0.    , 0.    ])
    """
    (x,) = as_variables(logits)
    with group("sigmoid cross-entropy"):
        t = _like(x, targets)
        return _reduced(t * softplus(-x) + (1 - t) * softplus(x), reduce, weights)


def half_squared_error(
    prediction: Any, targets: Any, reduce: str = "mean", weights: Any = None
) -> Variable:
    """½ (y - t)², whose gradient is y - t. Both have one shape, as have the single losses.

    >>> half_squared_error([1.0, 2.0], [1.0, 5.0], reduce="none").eval()
    array([0. , 4.5])
    """
    (y,) = as_variables(prediction)
    with group("half squared error"):
        return _reduced(0.5 * square(y - _like(y, targets)), reduce, weights)


def mean_squared_error(
    prediction: Any, targets: Any, reduce: str = "mean", weights: Any = None
) -> Variable:
    """(y - t)². Both have one shape, as have the single losses.

    >>> float(mean_squared_error([1.0, 2.0], [1.0, 5.0]).eval())
    4.5
    """
    (y,) = as_variables(prediction)
    with group("mean squared error"):
        return _reduced(square(y - _like(y, targets)), reduce, weights)


def accuracy(logits: Any, targets: Any, weights: Any = None) -> Variable:
    """The share of classes that are guessed right: no loss, and without a gradient.

    logits (…, V), or any scores; targets are classes, integers (…). The guess is the greatest, the
    first of equals. `weights` (…) count as in a mean of losses.

    >>> float(accuracy([[0.1, 2.0], [3.0, 0.2]], [1, 1]).eval())
    0.5
    """
    logits, targets = as_variables(logits)[0], as_variables(targets)[0]
    with group("accuracy"):
        targets = _classes(logits, targets)
        right = astype(equal(argmax(logits, axis=-1), targets), "float32")
        return _reduced(right, "mean", weights)


def _classes(predictions: Variable, targets: Variable) -> Variable:
    """Integers (…) for predictions (…, V), or an error that says why they are none."""
    if targets.shape != predictions.shape[:-1]:
        raise ShapeError(
            f"targets for predictions {show_shape(predictions.shape)} are classes "
            f"{show_shape(predictions.shape[:-1])}, or for a loss distributions "
            f"{show_shape(predictions.shape)}, and these are {show_shape(targets.shape)}",
            targets.where,
        )
    if targets.dtype.kind not in "iu":
        raise DTypeError(f"classes are integers, and these are {targets.dtype}", targets.where)
    return targets


def _like(prediction: Variable, targets: Any) -> Variable:
    """Targets in the dtype of the prediction. (Broadcast, (B, 1) against (B,) would be (B, B).)"""
    (targets,) = as_variables(targets)
    if targets.shape != prediction.shape:
        raise ShapeError(
            f"targets have the shape of the prediction, {show_shape(prediction.shape)}, and these "
            f"are {show_shape(targets.shape)}",
            targets.where,
        )
    return astype(targets, prediction.dtype)


def _reduced(losses: Variable, reduce: str, weights: Any) -> Variable:
    """Single losses as `reduce` says, each counted as often as its weight."""
    if reduce not in ("mean", "sum", "none"):
        raise ArgumentError(f'reduce is "mean", "sum" or "none", and not {reduce!r}')
    if weights is None:
        return losses if reduce == "none" else (mean if reduce == "mean" else sum)(losses)
    (weights,) = as_variables(weights)
    weights = broadcast_to(astype(weights, losses.dtype), losses.shape)
    if reduce == "none":
        return weights * losses
    total = sum(weights * losses)
    return total / sum(weights) if reduce == "mean" else total
