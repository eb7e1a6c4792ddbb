"""`Module`: what holds parameters, and knows their names."""

from collections.abc import Iterator
from typing import Any, Self

from ..dims import show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..random import Generator
from ..variables import Parameter, Variable, as_variables

__all__ = ["Module"]


class Module:
    """A part of a network.

    Its attributes are parameters, random generators, other modules, or lists, tuples and dicts of
    them. A subclass sets them in `__init__`, and says in `__call__` what it computes:

    >>> import minigrad as mg
    >>> import numpy as np
    >>> class Scale(Module):
    ...     def __init__(self, size):
    ...         self.gain = mg.parameter(np.ones(size, "float32"), "gain")
    ...
    ...     def __call__(self, x):
    ...         return x * self.gain
    >>> class Net(Module):
    ...     def __init__(self):
    ...         self.scales = [Scale(2), Scale(3)]
    >>> list(Net().parameters())
    ['scales.0.gain', 'scales.1.gain']
    >>> Net()
    Net()
      scales.0: Scale(gain (2,))
      scales.1: Scale(gain (3,))

    `training` says whether what is built now is for training (dropout drops) or for use. It is read
    when a graph is built: to change it later does not change graphs, or functions, that are there.
    """

    training: bool = True

    def parameters(self) -> dict[str, Parameter]:
        """What training changes: the float parameters by dotted name, in the order of definition.

        One that is used in several places has the name of the first.
        """
        return {name: p for name, p in self.state().items() if p.type.differentiable}

    def state(self) -> dict[str, Parameter]:
        """What a checkpoint holds: all parameters, and ``<name>.state`` of random generators.

        Raises ArgumentError when two parameters would have one name.
        """
        found: dict[str, Parameter] = {}
        for name, parameter in _parameters(self, "", set()):
            if name in found:
                raise ArgumentError(f"two parameters of {type(self).__name__} are called {name!r}")
            found[name] = parameter
        return found

    def train(self) -> Self:
        """Build for training from now on, in all sub-modules too. Returns itself."""
        return self._set_training(True)

    def eval(self) -> Self:
        """Build for use from now on, in all sub-modules too. Returns itself."""
        return self._set_training(False)

    def _set_training(self, training: bool) -> Self:
        for module in _modules(self, set()):
            module.training = training
        return self

    def __repr__(self) -> str:
        settings, parts = [], []
        for name, value in _members(self):
            if isinstance(value, Parameter):
                settings.append(f"{name} {show_shape(value.shape)}")
            elif isinstance(value, bool | int | float | str) and name != "training":
                settings.append(f"{name}={value!r}")
            elif isinstance(value, Module):
                parts.append(f"{name}: {value!r}")
            elif callable(value):
                parts.append(f"{name}: {getattr(value, '__name__', value)}")
        lines = [f"{type(self).__name__}({', '.join(settings)})", *parts]
        return "\n".join(lines).replace("\n", "\n  ")


def _members(module: Module) -> Iterator[tuple[str, Any]]:
    """What the attributes of a module hold, and the lists, tuples and dicts in them, one by one."""
    stack = [*vars(module).items()][::-1]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack += [(f"{name}.{key}", item) for key, item in value.items()][::-1]
        elif isinstance(value, list | tuple):
            stack += [(f"{name}.{i}", item) for i, item in enumerate(value)][::-1]
        else:
            yield name, value


def _parameters(module: Module, prefix: str, seen: set[int]) -> Iterator[tuple[str, Parameter]]:
    """All parameters below a module, each once."""
    seen.add(id(module))
    for name, value in _members(module):
        if isinstance(value, Generator):
            name, value = f"{name}.state", value.state
        if id(value) in seen:
            continue
        if isinstance(value, Module):
            yield from _parameters(value, f"{prefix}{name}.", seen)
        elif isinstance(value, Parameter):
            seen.add(id(value))
            yield prefix + name, value


def _modules(module: Module, seen: set[int]) -> Iterator[Module]:
    """A module and all below it, each once."""
    seen.add(id(module))
    yield module
    for _, value in _members(module):
        if isinstance(value, Module) and id(value) not in seen:
            yield from _modules(value, seen)


def features(x: Any, weight: Parameter, layer: Module, name: str = "x") -> Variable:
    """`x` (…, n) as a Variable that can be multiplied with `weight` (n, …).

    Raises DTypeError when it is not of floats, ShapeError when its last size is not n.
    """
    (x,) = as_variables(x)
    what = f"{type(layer).__name__} needs {name}"
    if not x.type.differentiable:
        raise DTypeError(
            f"{what} of floats, and had {x.type}: turn classes into features with mg.one_hot or an "
            "Embedding, numbers with .astype",
            x.where,
        )
    if x.ndim == 0 or x.shape[-1] != weight.shape[0]:
        raise ShapeError(
            f"{what} (…, {weight.shape[0]}), for its {weight.name} {show_shape(weight.shape)}, and "
            f"had {show_shape(x.shape)}",
            x.where,
        )
    return x
