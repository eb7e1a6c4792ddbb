"""Optimisers: from a cost, or its gradients, to new values of parameters, as graphs.

``optimiser.updates(cost, parameters)`` is a list of (parameter, new value), for the `updates` of
`mg.function`. What an optimiser remembers from one update to the next (a running mean, a count) are
parameters too, its slots: their new values are in the list, and `state()` names them for
checkpoints. A dtype never changes: a float32 parameter has float32 slots and a float32 new value.

In the formulas p is a parameter, g its gradient, η the learning rate `lr`; ← is what an update
does, all of it elementwise, and slots start as zeros.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autodiff import grad
from ..dims import show_shape
from ..errors import ArgumentError, ShapeError
from ..functions import astype, sqrt, square
from ..graph import leaves
from ..groups import group
from ..variables import Parameter, Variable, as_variables, set_values
from .arguments import Rate, number, rate

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]

Updates = list[tuple[Parameter, Variable]]
Slot = Callable[[str], Parameter]


class Optimizer(ABC):
    """What all of them share: parameters matched with gradients, and slots.

    Args:
        lr: the learning rate η, a number or a scalar Variable, such as a schedule (`cosine` …).

    An optimiser of your own states its `rule`:

    >>> import minigrad as mg
    >>> class SignDescent(Optimizer):
    ...     def rule(self, p, g, lr, slot):
    ...         return [(p, p - lr * mg.sign(g))]
    >>> w = mg.parameter(3.0, "w")
    >>> [(_, new)] = SignDescent(lr=0.5).updates(w * w, [w])
    >>> new.eval()
    array(2.5, dtype=float32)

    Raises ArgumentError for an lr that is neither, or negative.
    """

    def __init__(self, lr: Rate) -> None:
        self.lr = rate("lr", lr)
        self._names: dict[Parameter, str] = {}
        self._slots: dict[str, Parameter] = {}

    @abstractmethod
    def rule(self, p: Parameter, g: Variable, lr: Rate, slot: Slot) -> Updates:
        """New values for p and its slots; ``slot(name)`` is a parameter like p, zeros at first."""

    def updates(
        self, cost_or_grads: Any, parameters: Mapping[str, Parameter] | Iterable[Parameter]
    ) -> Updates:
        """(parameter, new value) for all `parameters` and the slots, for one `mg.function`.

        `cost_or_grads` is a scalar cost, or gradients: a dict with the keys of `parameters`, or a
        list in their order. Slots belong to their parameter: another call for it uses the same.

        Raises ArgumentError where there are none, or gradients and parameters do not match,
        ShapeError for a gradient of another shape, GradientError for a parameter that the cost does
        not depend on.
        """
        named = _named(parameters)
        grads = _gradients(cost_or_grads, named)
        with group(type(self).__name__):
            found = self._shared(named.values())
            for name, p in named.items():
                self._register(name, p)
                lr = astype(self.lr, p.dtype) if isinstance(self.lr, Variable) else self.lr
                found += self.rule(p, grads[name], lr, partial(self._slot, p))
            return [(p, astype(new, p.dtype)) for p, new in found]

    def state(self) -> dict[str, Parameter]:
        """What a checkpoint must hold: the slots made so far, as ``<parameter>.<slot>``, and what a
        schedule counts and remembers, as ``lr.<name>``.

        A parameter is called by its key in the dict that was given, or by its place in the list.
        """
        scheduled: dict[str, Parameter] = {}
        for p in leaves([self.lr]) if isinstance(self.lr, Variable) else []:
            if isinstance(p, Parameter):
                name = f"lr.{p.name or 'rate'}"
                scheduled[f"{name}.{len(scheduled)}" if name in scheduled else name] = p
        return self._slots | scheduled

    def load_state(self, values: Mapping[str, npt.ArrayLike]) -> None:
        """Take the values of a `state`, by name: all of them, or none. Ask for `updates` first:
        they make the slots.

        Raises ArgumentError for names that are missing or too many, ShapeError or DTypeError for
        values that do not fit.
        """
        set_values(self.state(), values)

    def _shared(self, parameters: Iterable[Parameter]) -> Updates:
        """The updates of slots that belong to all `parameters` of one call."""
        return []

    def _register(self, name: str, p: Parameter) -> None:
        if p not in self._names and name in self._names.values():
            raise ArgumentError(
                f"two parameters are called {name!r}, and so would be their slots: give all of "
                "them in one dict, or each part its own optimiser"
            )
        self._names.setdefault(p, name)

    def _slot(self, p: Parameter, name: str) -> Parameter:
        key = f"{self._names[p]}.{name}"
        if key not in self._slots:
            self._slots[key] = Parameter(np.zeros_like(p.get_value()), key)
        return self._slots[key]


class SGD(Optimizer):
    """Gradient descent, with momentum μ:

        v ← μ v + g
        p ← p - η v               plain: μ = 0, where v is g
        p ← p - η (g + μ v)       nesterov

    (Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Nesterov,
    1983.) As in PyTorch; Sutskever et al. ("On the importance of initialization and momentum in
    deep learning", 2013) have the rate inside, v ← μ v - η g, which differs only while η changes.

    >>> import minigrad as mg
    >>> w = mg.parameter(3.0, "w")
    >>> [(_, new)] = SGD(lr=0.1).updates(w * w, [w])
    >>> new.eval()
    array(2.4, dtype=float32)

    Raises ArgumentError unless 0 ≤ momentum < 1, and for nesterov without momentum.
    """

    def __init__(self, lr: Rate = 1e-3, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(lr)
        self.momentum, self.nesterov = number("momentum", momentum, 1), nesterov
        if nesterov and not momentum:
            raise ArgumentError("nesterov needs a momentum, such as 0.9")

    def rule(self, p: Parameter, g: Variable, lr: Rate, slot: Slot) -> Updates:
        if not self.momentum:
            return [(p, p - lr * g)]
        v = slot("v")
        new_v = self.momentum * v + g
        step = g + self.momentum * new_v if self.nesterov else new_v
        return [(v, new_v), (p, p - lr * step)]


class Adagrad(Optimizer):
    """A rate for each element, that falls with all the gradients it has seen:

        s ← s + g²
        p ← p - η g / (√s + ε)

    (Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.) Defaults as in PyTorch. Karpathy's min-char-rnn has √(s + 1e-8) below.

    >>> import minigrad as mg
    >>> w = mg.parameter(3.0, "w")
    >>> [(s, new_s), (_, new)] = Adagrad(lr=0.5).updates(w * w, [w])
    >>> new_s.eval(), new.eval()
    (array(36., dtype=float32), array(2.5, dtype=float32))
    """

    def __init__(self, lr: Rate = 0.01, eps: float = 1e-10) -> None:
        super().__init__(lr)
        self.eps = number("eps", eps, 1)

    def rule(self, p: Parameter, g: Variable, lr: Rate, slot: Slot) -> Updates:
        s = slot("s")
        new_s = s + square(g)
        return [(s, new_s), (p, p - lr * g / (sqrt(new_s) + self.eps))]


class RMSprop(Optimizer):
    """Gradients divided by their running root mean square:

        s ← α s + (1 - α) g²
        p ← p - η g / (√s + ε)

    (Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012.) Defaults as in
    PyTorch; the lecture has α = 0.9, Karpathy's char-rnn 0.95 and η = 0.002.

    Args:
        decay: α, in 0 ≤ α < 1.
    """

    def __init__(self, lr: Rate = 0.01, decay: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__(lr)
        self.decay, self.eps = number("decay", decay, 1), number("eps", eps, 1)

    def rule(self, p: Parameter, g: Variable, lr: Rate, slot: Slot) -> Updates:
        s = slot("s")
        new_s = self.decay * s + (1 - self.decay) * square(g)
        return [(s, new_s), (p, p - lr * g / (sqrt(new_s) + self.eps))]


class Adam(Optimizer):
    """The running mean of gradients, divided by their running root mean square:

        t ← t + 1
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        p ← p - η m̂ / (√v̂ + ε)       m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    m̂ and v̂ make up for the start at zero (Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015). Defaults as in the paper and PyTorch. The count t is the slot ``step``,
    one for all parameters; the factors that come of it are computed in float64.

    >>> import minigrad as mg
    >>> w = mg.parameter(3.0, "w")
    >>> adam = Adam(lr=0.5)
    >>> news = adam.updates(w * w, {"w": w})
    >>> list(adam.state())
    ['step', 'w.m', 'w.v']
    >>> news[-1][1].eval()
    array(2.5, dtype=float32)

    Raises ArgumentError unless 0 ≤ β < 1.
    """

    def __init__(
        self, lr: Rate = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        super().__init__(lr)
        self.beta1, self.beta2 = number("beta1", beta1, 1), number("beta2", beta2, 1)
        self.eps = number("eps", eps, 1)
        self._slots["step"] = Parameter(0, "step")
        self._counted: set[Parameter] = set()

    def _shared(self, parameters: Iterable[Parameter]) -> Updates:
        if self._counted and self._counted != set(parameters):
            raise ArgumentError(
                f"{type(self).__name__} counts the updates of all its parameters together: give "
                "them in one call, or each part an optimiser of its own"
            )
        self._counted = set(parameters)
        t = self._slots["step"]
        return [(t, t + 1)]

    def rule(self, p: Parameter, g: Variable, lr: Rate, slot: Slot) -> Updates:
        m, v = slot("m"), slot("v")
        t = astype(self._slots["step"] + 1, "float64")
        rate = astype(lr / (1 - self.beta1**t), p.dtype)  # η / (1 - β₁ᵗ)
        rest = astype(1 - self.beta2**t, p.dtype)
        new_m = self.beta1 * m + (1 - self.beta1) * g
        new_v = self.beta2 * v + (1 - self.beta2) * square(g)
        return [(m, new_m), (v, new_v), (p, p - rate * new_m / (sqrt(new_v / rest) + self.eps))]


class AdamW(Adam):
    """Adam, and each step takes a share of the parameter away, apart from its gradient:

        p ← p - η λ p - η m̂ / (√v̂ + ε)

    (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.) As in PyTorch η
    multiplies λ; in the paper only its schedule does. Defaults as in PyTorch.

    Args:
        weight_decay: λ, from 0 up.
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps)
        self.weight_decay = number("weight_decay", weight_decay)

    def rule(self, p: Parameter, g: Variable, lr: Rate, slot: Slot) -> Updates:
        *slots, (_, new) = super().rule(p, g, lr, slot)
        return [*slots, (p, new - lr * self.weight_decay * p)]


# ---------------------------------------------------------------- arguments


def _named(parameters: Mapping[str, Parameter] | Iterable[Parameter]) -> dict[str, Parameter]:
    """Parameters by name: the dict's keys, or the places in a list."""
    if isinstance(parameters, Variable):
        raise ArgumentError(f"parameters are a list or a dict of them, and not {parameters!r}")
    if isinstance(parameters, Mapping):
        named = dict(parameters)
    else:
        named = {str(i): p for i, p in enumerate(parameters)}
    if not named:
        raise ArgumentError(
            "there are no parameters to update: a Module knows those that are its attributes, or "
            "in its lists, tuples, dicts and modules"
        )
    for name, p in named.items():
        if not isinstance(p, Parameter):
            raise ArgumentError(
                f"{name} must be a parameter, and is {p!r} "
                "(module.parameters() is a dict: pass it, or its values)"
            )
    if len(set(named.values())) < len(named):
        raise ArgumentError(f"a parameter is given twice among {', '.join(named)}")
    return named


def _gradients(cost_or_grads: Any, named: dict[str, Parameter]) -> dict[str, Variable]:
    """The gradient of each parameter, taken from a cost, a dict or a list."""
    if isinstance(cost_or_grads, Variable):
        return dict(zip(named, grad(cost_or_grads, list(named.values())), strict=True))
    if isinstance(cost_or_grads, Mapping):
        found = dict(cost_or_grads)
    else:
        found = {str(i): g for i, g in enumerate(cost_or_grads)}
        if len(found) == len(named):
            found = dict(zip(named, found.values(), strict=True))
    if set(found) != set(named):
        raise ArgumentError(
            f"gradients are for the parameters {', '.join(named)}, and these are for "
            f"{', '.join(map(str, found))}"
        )
    for name, p in named.items():
        (found[name],) = as_variables(found[name])
        if found[name].shape != p.shape:
            raise ShapeError(
                f"the gradient of {name} needs its shape {show_shape(p.shape)}, and has "
                f"{show_shape(found[name].shape)}"
            )
    return found
