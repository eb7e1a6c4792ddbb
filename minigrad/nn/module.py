"""`Module`: what holds parameters, and knows their names."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import isfunction, signature
from typing import Any, Self

import numpy.typing as npt

from ..dims import show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..groups import group
from ..random import Generator
from ..variables import Parameter, Variable, as_variables, set_values

__all__ = ["Buffer", "Module"]


class Buffer(Parameter):
    """A parameter that belongs to a module's state, and that no gradient changes: the running mean
    of a `BatchNorm`."""

    __slots__ = ()


class Module:
    """A part of a network.

    Its attributes are parameters, random generators, other modules, or lists, tuples and dicts of
    them; those that begin with _ are left out. A subclass sets them in `__init__`, and says in
    `__call__` what it computes:

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

    What a call builds is a group (`mg.group`) with the name of the class, and of the attribute by
    which the module around holds it: "scales.0: Scale".
    """

    training: bool = True

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if isfunction(call := vars(cls).get("__call__")):
            cls.__call__ = _grouped(call)  # type: ignore[method-assign]  # not that of `type`

    def parameters(self) -> dict[str, Parameter]:
        """What training changes: the float parameters by dotted name, in the order of definition.

        One that is used in several places has the name of the first.
        """
        return {
            name: p
            for name, p in self.state().items()
            if p.type.differentiable and not isinstance(p, Buffer)
        }

    def state(self) -> dict[str, Parameter]:
        """What a checkpoint holds: parameters, buffers, and ``<name>.state`` of random generators.

        Raises ArgumentError when two parameters would have one name.
        """
        found: dict[str, Parameter] = {}
        for name, parameter in _parameters(self, "", set()):
            if name in found:
                raise ArgumentError(f"two parameters of {type(self).__name__} are called {name!r}")
            found[name] = parameter
        return found

    def load_state(self, values: Mapping[str, npt.ArrayLike]) -> None:
        """Take the values of a `state`, by name: all of them, or none.

        >>> import minigrad as mg
        >>> one, other = mg.nn.Linear(2, 3), mg.nn.Linear(2, 3)
        >>> other.load_state({name: p.get_value() for name, p in one.state().items()})
        >>> bool((other.weight.get_value() == one.weight.get_value()).all())
        True

        Raises ArgumentError for names that are missing or too many, ShapeError or DTypeError for
        values that do not fit.
        """
        set_values(self.state(), values)

    def updates(self) -> list[tuple[Parameter, Variable]]:
        """New values that its parts ask for when they are trained, for the `updates` of
        `mg.function`: the running statistics of `BatchNorm`, as of its latest call alone."""
        return [pair for module in _modules(self, set()) for pair in module._own_updates()]

    def _own_updates(self) -> list[tuple[Parameter, Variable]]:
        return []

    def train(self) -> Self:
        """Build for training from now on, in all sub-modules too. Returns itself."""
        return self._set_training(True)

    def eval(self) -> Self:
        """Build for use from now on, in all sub-modules too. Returns itself."""
        return self._set_training(False)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """What is built inside is for use; after it each sub-module is as it was."""
        before = {module: module.training for module in _modules(self, set())}
        self.eval()
        try:
            yield
        finally:
            for module, training in before.items():
                module.training = training

    def _set_training(self, training: bool) -> Self:
        for module in _modules(self, set()):
            module.training = training
        return self

    def __repr__(self) -> str:
        """Its parameters, the settings that are not the usual ones, and its parts."""
        settings, parts = [], []
        usual = {
            p.name: p.default
            for kind in reversed(type(self).__mro__[:-1])  # a setting may belong to a base class
            for p in signature(kind).parameters.values()
        }
        for name, value in _members(self):
            if isinstance(value, Parameter):
                settings.append(f"{name} {show_shape(value.shape)}")
            elif isinstance(value, bool | int | float | str) and name != "training":
                if name not in usual or value != usual[name]:
                    settings.append(f"{name}={value!r}")
            elif isinstance(value, Module):
                parts.append(f"{name}: {value!r}")
            elif callable(value):
                parts.append(f"{name}: {getattr(value, '__name__', value)}")
        lines = [f"{type(self).__name__}({', '.join(settings)})", *parts]
        return "\n".join(lines).replace("\n", "\n  ")


_open: ContextVar[Module | None] = ContextVar("open", default=None)


@contextmanager
def call_of(module: Module) -> Iterator[None]:
    """Gates built inside are those of a call of this module."""
    around = _open.get()
    held = () if around is None else (n for n, value in _members(around) if value is module)
    name = type(module).__name__
    name = next((f"{attribute}: {name}" for attribute in held), name)
    token = _open.set(module)
    try:
        with group(name):
            yield
    finally:
        _open.reset(token)


def _grouped(call: Callable[..., Any]) -> Callable[..., Any]:
    """A `__call__` that opens the group of its module."""

    @wraps(call)
    def grouped(self: Module, /, *args: Any, **kwargs: Any) -> Any:
        if type(self).__call__ is not grouped:  # super().__call__, inside it
            return call(self, *args, **kwargs)
        with call_of(self):
            return call(self, *args, **kwargs)

    return grouped


def _members(module: Module) -> Iterator[tuple[str, Any]]:
    """What the attributes of a module hold, and the lists, tuples and dicts in them, one by one."""
    stack = [item for item in vars(module).items() if not item[0].startswith("_")][::-1]
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


def features(x: Any, size: int, layer: Module, name: str = "x") -> Variable:
    """`x` (…, size) as a Variable.

    Raises DTypeError when it is not of floats, ShapeError when its last size is another.
    """
    (x,) = as_variables(x)
    what = f"{type(layer).__name__} needs {name}"
    if not x.type.differentiable:
        raise DTypeError(
            f"{what} of floats, and had {x.type}: turn classes into features with mg.one_hot or an "
            "Embedding, numbers with .astype",
            x.where,
        )
    if x.ndim == 0 or x.shape[-1] != size:
        raise ShapeError(f"{what} (…, {size}), and had {show_shape(x.shape)}", x.where)
    return x
