"""Variables: promises of arrays, and the leaves that graphs begin with.

A `Variable` has a `Type`, no value. It is a leaf (an input, a `Parameter`, a `Constant`), or an
output of an application of a gate. Operators (``x + y``, ``x[1:]``, ``x.sum()``) build gates, which
live on a floor above; `functions/` hangs them on `Variable` with `method`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .dims import Axis, Dim, Shape, dim
from .errors import ArgumentError, DTypeError, MinigradError, ShapeError
from .types import Array, Type, as_dtype, cast_safely, on_host
from .where import caller

if TYPE_CHECKING:
    from .graph import Apply

__all__ = [
    "Constant",
    "Input",
    "Parameter",
    "Variable",
    "as_variables",
    "constant",
    "input",
    "inputs",
    "method",
    "parameter",
    "set_values",
]

_Hung = TypeVar("_Hung")
_DEFAULT_DTYPE: dict[type, str] = {float: "float32", int: "int64", bool: "bool"}


class Variable:
    """A node of the graph. Arithmetic on it builds more graph; `eval` computes it.

    Attributes: `shape` (ints and dimension names), `dtype`, `ndim`, `name` (or None), `owner` (the
    `Apply` that makes it, None for a leaf), `index` (which of the owner's outputs), `where` (the
    user's ``file:line``).

    >>> x = input("x", ("B", 3))
    >>> (x + 1).named("y")
    <y: float32 (B, 3) = add>
    """

    __slots__ = ("__weakref__", "index", "name", "owner", "type", "where")

    def __init__(
        self,
        type: Type,
        name: str | None = None,
        owner: "Apply | None" = None,
        index: int = 0,
        where: str | None = None,
    ) -> None:
        self.type = type
        self.name = name
        self.owner = owner
        self.index = index
        self.where = where if owner is not None else caller()

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    def named(self, name: str | None) -> "Variable":
        """This same variable, with a name for pictures and errors."""
        self.name = name
        return self

    def __repr__(self) -> str:
        made = f" = {self.owner.gate}" if self.owner else f" ({type(self).__name__.lower()})"
        return f"<{self.name or 'variable'}: {self.type}{made}>"

    def __bool__(self) -> bool:
        raise ArgumentError(
            f"{self!r} has no truth value while the graph is being built: "
            "choose between values with mg.where(condition, a, b)",
            self.where,
        )

    def __len__(self) -> int:
        if self.ndim and isinstance(self.shape[0], int):
            return self.shape[0]
        raise ArgumentError(f"{self!r} has no length known while the graph is built", self.where)

    def __iter__(self) -> "Iterator[Variable]":
        return (self[i] for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise ArgumentError(f"{self!r} holds no numbers: use .eval(...) or mg.function", self.where)

    __float__ = __int__ = __index__ = __array__

    if TYPE_CHECKING:  # hung on by the floors above, see `method`

        def __add__(self, other: Any) -> "Variable": ...
        def __radd__(self, other: Any) -> "Variable": ...
        def __sub__(self, other: Any) -> "Variable": ...
        def __rsub__(self, other: Any) -> "Variable": ...
        def __mul__(self, other: Any) -> "Variable": ...
        def __rmul__(self, other: Any) -> "Variable": ...
        def __truediv__(self, other: Any) -> "Variable": ...
        def __rtruediv__(self, other: Any) -> "Variable": ...
        def __floordiv__(self, other: Any) -> "Variable": ...
        def __rfloordiv__(self, other: Any) -> "Variable": ...
        def __mod__(self, other: Any) -> "Variable": ...
        def __rmod__(self, other: Any) -> "Variable": ...
        def __pow__(self, other: Any) -> "Variable": ...
        def __rpow__(self, other: Any) -> "Variable": ...
        def __matmul__(self, other: Any) -> "Variable": ...
        def __rmatmul__(self, other: Any) -> "Variable": ...
        def __and__(self, other: Any) -> "Variable": ...
        def __or__(self, other: Any) -> "Variable": ...
        def __xor__(self, other: Any) -> "Variable": ...
        def __lt__(self, other: Any) -> "Variable": ...
        def __le__(self, other: Any) -> "Variable": ...
        def __gt__(self, other: Any) -> "Variable": ...
        def __ge__(self, other: Any) -> "Variable": ...
        # As in NumPy, == asks element by element, where `object` has one bool for an answer.
        def __eq__(self, other: Any) -> "Variable": ...  # type: ignore[override]
        def __ne__(self, other: Any) -> "Variable": ...  # type: ignore[override]
        def __hash__(self) -> int: ...
        def __neg__(self) -> "Variable": ...
        def __abs__(self) -> "Variable": ...
        def __invert__(self) -> "Variable": ...
        def __getitem__(self, key: Any) -> "Variable": ...
        def abs(self) -> "Variable": ...
        def sign(self) -> "Variable": ...
        def floor(self) -> "Variable": ...
        def ceil(self) -> "Variable": ...
        def round(self) -> "Variable": ...
        def exp(self) -> "Variable": ...
        def expm1(self) -> "Variable": ...
        def log(self) -> "Variable": ...
        def log1p(self) -> "Variable": ...
        def sqrt(self) -> "Variable": ...
        def tanh(self) -> "Variable": ...
        def sin(self) -> "Variable": ...
        def cos(self) -> "Variable": ...
        def sigmoid(self) -> "Variable": ...
        def relu(self) -> "Variable": ...
        def softplus(self) -> "Variable": ...
        def isnan(self) -> "Variable": ...
        def isinf(self) -> "Variable": ...
        def isfinite(self) -> "Variable": ...
        def clip(self, lo: Any, hi: Any) -> "Variable": ...
        def sum(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def mean(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def var(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def std(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def max(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def min(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def all(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def any(self, axis: Axis = None, keepdims: bool = False) -> "Variable": ...
        def argmax(self, axis: int | None = None, keepdims: bool = False) -> "Variable": ...
        def argmin(self, axis: int | None = None, keepdims: bool = False) -> "Variable": ...
        def cumulative_sum(self, axis: int | None = None, reverse: bool = False) -> "Variable": ...
        def softmax(self, axis: int = -1) -> "Variable": ...
        def log_softmax(self, axis: int = -1) -> "Variable": ...
        def logsumexp(self, axis: int = -1, keepdims: bool = False) -> "Variable": ...
        def astype(self, dtype: npt.DTypeLike) -> "Variable": ...
        def stop_gradient(self) -> "Variable": ...
        def one_hot(self, n: Any, dtype: npt.DTypeLike = "float32") -> "Variable": ...
        def reshape(self, shape: Any) -> "Variable": ...
        def permute_dims(self, axes: Sequence[int] | None = None) -> "Variable": ...
        def transpose(self, axes: Sequence[int] | None = None) -> "Variable": ...
        def broadcast_to(self, shape: Any) -> "Variable": ...
        def expand_dims(self, axis: int | Iterable[int]) -> "Variable": ...
        def squeeze(self, axis: Axis) -> "Variable": ...
        def flip(self, axis: Axis = None) -> "Variable": ...
        @property
        def T(self) -> "Variable": ...
        @property
        def mT(self) -> "Variable": ...
        def eval(self, values: Mapping[Any, Any] | None = None) -> Array: ...
        def _repr_svg_(self) -> str | None: ...


def method(*names: str) -> Callable[[_Hung], _Hung]:
    """Hang a function on Variable under these names: how ``x + y`` reaches a gate a floor above."""

    def hang(function: _Hung) -> _Hung:
        for name in names:
            setattr(Variable, name, function)
        return function

    return hang


class Input(Variable):
    """A named placeholder; its value is given when the graph runs."""

    __slots__ = ()


class Constant(Variable):
    """A leaf that never changes. `weak` is the bare Python number that it was made of, whose dtype
    adapts to what it meets (NEP 50); None for what has a dtype of its own."""

    __slots__ = ("value", "weak")

    def __init__(
        self, value: Array, weak: bool | int | float | None = None, name: str | None = None
    ) -> None:
        super().__init__(Type(value.shape, value.dtype), name)
        self.value = value
        self.weak = weak


class Parameter(Variable):
    """A leaf that holds an array which can be updated: a weight, an optimiser's state.

    `default_update`, where there is one, is its value after each call of a compiled function that
    reads it: the state of a random generator moves on so.
    """

    __slots__ = ("_value", "default_update")
    default_update: Variable | None

    def __init__(self, value: npt.ArrayLike, name: str | None = None) -> None:
        array = np.array(on_host(value))
        if type(value) in (int, float):
            array = array.astype(_DEFAULT_DTYPE[type(value)])
        super().__init__(Type(array.shape, as_dtype(array.dtype)), name)
        self._value = array
        self.default_update = None

    def get_value(self) -> Array:
        """A copy of the array it holds, in NumPy."""
        return np.array(on_host(self._value))

    def set_value(self, value: npt.ArrayLike) -> None:
        """Take a copy of `value`, an array of NumPy's or CuPy's.

        Raises ShapeError or DTypeError, changing nothing, when it is not of this parameter's type.
        """
        self._value = self.checked(value)

    def checked(self, value: npt.ArrayLike) -> Array:
        """A copy of `value` in the parameter's dtype, or an error that says why it does not fit."""
        what = f"parameter {self.name or '(unnamed)'}"
        array = cast_safely(on_host(value), self.dtype, what)
        if array.shape != self.shape:
            raise ShapeError(f"{what} has shape {self.shape}, the value {array.shape}", self.where)
        return np.array(array)


# ---------------------------------------------------------------- making leaves


def input(name: str, shape: Iterable[Any] = (), dtype: npt.DTypeLike = "float32") -> Input:
    """A named placeholder. `shape` holds ints and dimension names.

    >>> input("xs", ("T", "B", 81))
    <xs: float32 (T, B, 81) (input)>

    Raises ShapeError or DTypeError for a shape or dtype that is none.
    """
    if not isinstance(name, str):
        raise ArgumentError(f"an input needs a name, a str, and had {name!r}")
    if isinstance(shape, str | int | Dim):
        raise ShapeError(
            f"the shape of input {name} is a tuple, such as ({shape!r},), not {shape!r}"
        )
    return Input(Type(tuple(dim(size) for size in shape), as_dtype(dtype)), name)


def inputs(
    names: str, shape: Iterable[Any] = (), dtype: npt.DTypeLike = "float32"
) -> tuple[Input, ...]:
    """Several placeholders of one type: ``x, y, z = mg.inputs("x y z")``."""
    shape = shape if isinstance(shape, str | int | Dim) else tuple(shape)
    return tuple(input(name, shape, dtype) for name in names.replace(",", " ").split())


def parameter(value: npt.ArrayLike, name: str | None = None) -> Parameter:
    """A leaf that holds a copy of `value` and can be updated."""
    return Parameter(value, name)


_SHOWN = 3  # names in a message


def set_values(parameters: Mapping[str, Parameter], values: Mapping[str, npt.ArrayLike]) -> None:
    """Give each parameter the value of its name: all of them, or none.

    Raises ArgumentError unless the names are the same, ShapeError or DTypeError as `set_value`.
    """
    for what, names in {
        "lack": parameters.keys() - values.keys(),
        "have names that are not wanted:": values.keys() - parameters.keys(),
    }.items():
        if names:
            more = ", …" if len(names) > _SHOWN else ""
            raise ArgumentError(f"the values {what} {', '.join(sorted(names)[:_SHOWN])}{more}")
    checked = {}
    for name, p in parameters.items():
        try:
            checked[name] = p.checked(values[name])
        except MinigradError as error:
            error.message = f"{name}: {error.message}"
            raise
    for name, p in parameters.items():
        p._value = checked[name]


def constant(value: Any, dtype: npt.DTypeLike | None = None, name: str | None = None) -> Constant:
    """A leaf that never changes. A Python number without `dtype` takes part weakly (NEP 50):

    >>> input("x", dtype="float64") * constant(2.5)
    <variable: float64 () = multiply>
    """
    kind = type(value)
    weak = dtype is None and kind in _DEFAULT_DTYPE
    try:
        array = np.array(value, dtype=_DEFAULT_DTYPE[kind] if weak else dtype)
    except OverflowError as error:
        raise DTypeError(str(error)) from None
    if array.dtype.kind in "OUSV":
        shown = f"{value!r:.60}"
        raise DTypeError(f"{shown} is not supported: it is no Variable, number or array of them")
    as_dtype(array.dtype)
    array.flags.writeable = False
    return Constant(array, value if weak else None, name)


def as_variables(*operands: Any) -> tuple[Variable, ...]:
    """Operands of one gate as variables; Python numbers take the dtype that NumPy would give them.

    >>> x = input("x")
    >>> as_variables(x, 2)[1].dtype
    dtype('float32')
    """
    found = [o if isinstance(o, Variable) else constant(o) for o in operands]
    weak = [v.weak if isinstance(v, Constant) else None for v in found]
    strong = [v.dtype for v, number in zip(found, weak, strict=True) if number is None]
    numbers = [number for number in weak if number is not None]
    if not numbers or len(found) == 1:
        return tuple(found)
    try:
        # Numbers among themselves: float32 if one is a float (NumPy would take int64 and float32 to
        # float64), else int64 if one is an int, else bool.
        dtype = (
            np.result_type(*strong, *numbers)
            if strong
            else max((v.dtype for v in found), key=lambda d: "bif".index(d.kind))
        )
        return tuple(
            v if number is None or v.dtype == dtype else constant(number, dtype, v.name)
            for v, number in zip(found, weak, strict=True)
        )
    except OverflowError as error:
        raise DTypeError(str(error)) from None
