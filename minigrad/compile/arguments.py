"""What a function is called with: casts, order, names, nesting."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..dims import show_shape
from ..errors import ArgumentError, ShapeError
from ..interpret import label
from ..tree import flatten
from ..types import Array, cast_safely
from ..variables import Constant, Variable

__all__ = ["Arguments"]

Cast = Callable[[Any, np.dtype[Any], str], Array]


class Arguments:
    """The inputs of a function, each a Variable or nested structure of them; `cast` makes arrays of
    what it is given, safely.

    Raises ArgumentError for what is no input, or one twice.
    """

    def __init__(self, inputs: Any, name: str, cast: Cast = cast_safely) -> None:
        self.name, self._cast = name, cast
        trees = [inputs] if isinstance(inputs, Variable) else list(inputs)
        self._trees = [(_argument_name(t, i), *flatten(t)) for i, t in enumerate(trees)]
        self.names = [name for name, *_ in self._trees]
        self.variables: list[Variable] = [v for _, found, _, _ in self._trees for v in found]
        _check_inputs(self.variables)
        self._plain = None
        if all(structure is None for *_, structure in self._trees):
            self._plain = [_plainly(v) for v in self.variables]

    def __call__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Array]:
        """One array for each input, of its dtype and rank."""
        return (None if kwargs else self._quickly(args)) or self._with_care(args, kwargs)

    def _quickly(self, args: Sequence[Any]) -> list[Array] | None:
        """The same where it takes little thought: for floats and for arrays of the right dtype and
        rank. None where it takes more."""
        if self._plain is None or len(args) != len(self._plain):
            return None
        arrays = []
        for value, (dtype, ndim, is_float) in zip(args, self._plain, strict=True):
            if type(value) is np.ndarray and value.dtype is dtype and value.ndim == ndim:
                arrays.append(value)
            elif is_float and type(value) is float:
                arrays.append(np.array(value, dtype))
            else:
                return None
        return arrays

    def _with_care(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Array]:
        """The same for any arguments, with an error for what does not fit."""
        if kwargs:
            args = self._in_order(args, kwargs)
        if len(args) != len(self._trees):
            rest = self.names[len(args) :]
            missing = f": {', '.join(rest)} missing" if rest else ""
            raise ArgumentError(
                f"{self.name} takes {len(self._trees)} arguments ({', '.join(self.names)}) and had "
                f"{len(args)}{missing}"
            )
        arrays = []
        for value, (name, variables, paths, structure) in zip(args, self._trees, strict=True):
            values = [value]
            if structure is not None:
                values, _, had = flatten(value)
                if had != structure:
                    raise ArgumentError(
                        f"argument {name} of {self.name} must be nested as its input is: {paths}"
                    )
            for v, item, path in zip(variables, values, paths, strict=True):
                array = self._cast(item, v.dtype, f"argument {name}{path} of {self.name}")
                if array.ndim != v.ndim:
                    raise ShapeError(
                        f"argument {name}{path} of {self.name} needs {v.ndim} axes, "
                        f"{show_shape(v.shape)}, and had {array.ndim}, {array.shape}"
                    )
                arrays.append(array)
        return arrays

    def _in_order(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Arguments given by name, put in their places."""
        names = self.names
        rest = names[len(args) :]
        for key in kwargs:
            if rest.count(key) != 1:
                why = "was given twice" if key in names else f"is none of {names}"
                why = "is the name of several" if key in rest else why
                raise ArgumentError(f"{self.name}: the argument {key!r} {why}")
        if missing := [name for name in rest if name not in kwargs]:
            raise ArgumentError(f"{self.name}: the arguments {missing} are missing")
        return [*args, *(kwargs[name] for name in rest)]


def _argument_name(tree: Any, place: int) -> str:
    return (tree.name if isinstance(tree, Variable) else None) or f"number {place + 1}"


def _plainly(v: Variable) -> tuple[np.dtype[Any], int, bool]:
    """What an argument must be so that nothing need be done: dtype, rank, or a Python float."""
    return v.dtype, v.ndim, not v.ndim and v.type.differentiable


def _check_inputs(inputs: Sequence[Any]) -> None:
    for i, v in enumerate(inputs):
        if not isinstance(v, Variable) or isinstance(v, Constant):
            raise ArgumentError(f"an input must be a Variable that can vary, not {v!r}")
        if any(v is other for other in inputs[:i]):
            raise ArgumentError(f"{label(v)} is an input twice", v.where)
