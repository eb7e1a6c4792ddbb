"""The graph: variables, the gates applied to them, and the one walk over it all.

A `Variable` is a promise of an array: a `Type` (shape and dtype), no value. It is a leaf (an input,
a `Parameter`, a `Constant`), or an output of an `Apply`: one use of a `Gate` on other variables.
Nothing here is ever changed after it was built, so graphs share their parts freely.

Operators (``x + y``, ``x[1:]``, ``x.sum()``) build gates, which live on a floor above; `functions`
hangs them on `Variable` with `method`.
"""

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from .dims import Axis, Dim, Shape, Sizes, dim, evaluate, show_shape
from .errors import ArgumentError, DTypeError, GateError, GradientError, MinigradError, ShapeError

__all__ = [
    "Apply",
    "Array",
    "Binding",
    "Constant",
    "Gate",
    "Graph",
    "Input",
    "Parameter",
    "Type",
    "Variable",
    "applies",
    "as_variables",
    "constant",
    "input",
    "inputs",
    "leaves",
    "located",
    "method",
    "parameter",
    "substitute",
]

Array = npt.NDArray[Any]
_Hung = TypeVar("_Hung")


# ---------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class Type:
    """What is known of an array before it exists: its shape and its dtype."""

    shape: Shape
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        for size in self.shape:
            if isinstance(size, int) and size < 0:
                raise ShapeError(f"the shape would be {show_shape(self.shape)}: {size} is no size")

    def __str__(self) -> str:
        return f"{self.dtype} {show_shape(self.shape)}"

    @property
    def differentiable(self) -> bool:
        """Integers and booleans have no derivative."""
        return self.dtype.kind == "f"


def as_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """`dtype` as NumPy's object. Raises DTypeError unless float32, float64, integer or bool."""
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise DTypeError(f"{dtype!r} is no dtype: {error}") from None
    if found.kind not in "iub" and found not in (np.float32, np.float64):
        raise DTypeError(
            f"dtype {found} is not supported: use float32, float64, an integer, or bool"
        )
    return found


# ---------------------------------------------------------------- where the user wrote it

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_where: ContextVar[str | None] = ContextVar("where", default=None)


def _caller() -> str | None:
    """``file:line`` of the innermost frame that is not minigrad's own."""
    if (where := _where.get()) is not None:
        return where
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


@contextmanager
def located(where: str | None) -> Iterator[None]:
    """Gates built inside say that they come from `where`: a gradient is born on its gate's line."""
    token = _where.set(where)
    try:
        yield
    finally:
        _where.reset(token)


# ---------------------------------------------------------------- variables


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
        self.where = where if owner is not None else _caller()

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
        array = np.array(value)
        if type(value) in (int, float):
            array = array.astype(_DEFAULT_DTYPE[type(value)])
        super().__init__(Type(array.shape, as_dtype(array.dtype)), name)
        self._value = array
        self.default_update = None

    def get_value(self) -> Array:
        """A copy of the array it holds."""
        return self._value.copy()

    def set_value(self, value: npt.ArrayLike) -> None:
        """Take a copy of `value`.

        Raises ShapeError or DTypeError, changing nothing, when it is not of this parameter's type.
        """
        self._value = self.checked(value)

    def checked(self, value: npt.ArrayLike) -> Array:
        """A copy of `value` in the parameter's dtype, or an error that says why it does not fit."""
        what = f"parameter {self.name or '(unnamed)'}"
        array = cast_safely(value, self.dtype, what)
        if array.shape != self.shape:
            raise ShapeError(f"{what} has shape {self.shape}, the value {array.shape}", self.where)
        return np.array(array)


def cast_safely(value: npt.ArrayLike, dtype: np.dtype[Any], what: str) -> Array:
    """`value` as an array of `dtype` where no digit can be lost; Python numbers adapt.

    Raises DTypeError otherwise, naming `what`.
    """
    if isinstance(value, Variable):
        raise ArgumentError(f"{what} needs numbers, and had the variable {value!r}")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ArgumentError(f"{what} needs an array: {error}") from None
    if np.can_cast(array.dtype, dtype, "safe") or (_weak(value) and _holds(dtype, array)):
        return array.astype(dtype, copy=False)
    raise DTypeError(
        f"{what} is {dtype} and had {array.dtype}, which could lose digits: "
        f"cast it yourself with .astype({str(dtype)!r})"
    )


def _weak(value: Any) -> bool:
    """Python's own numbers, alone or nested in lists, carry no precision that anyone chose."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, list | tuple) or type(value) in (bool, int, float)


def _holds(dtype: np.dtype[Any], array: Array) -> bool:
    """Whether Python numbers can become `dtype`: floats any number, integers what fits them."""
    if dtype.kind == "f" or not array.size:
        return array.dtype.kind in "biuf"
    if dtype.kind not in "iu" or array.dtype.kind not in "biu":
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= array.min() and array.max() <= limits.max)


# ---------------------------------------------------------------- making leaves

_DEFAULT_DTYPE: dict[type, str] = {float: "float32", int: "int64", bool: "bool"}


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


def constant(value: Any, dtype: npt.DTypeLike | None = None, name: str | None = None) -> Constant:
    """A leaf that never changes. A Python number without `dtype` takes part weakly (NEP 50):

    >>> input("x", dtype="float64") * constant(2.5)
    <variable: float64 () = multiply>
    """
    kind = type(value)
    weak = dtype is None and kind in _DEFAULT_DTYPE
    array = np.array(value, dtype=_DEFAULT_DTYPE[kind] if weak else dtype)
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


# ---------------------------------------------------------------- gates


@dataclass(frozen=True)
class Binding:
    """What turns symbolic settings of gates into numbers: sizes for names, and for `precise` runs
    float64 in place of float32."""

    sizes: Sizes
    precise: bool = False

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return evaluate(value, self.sizes)
        if isinstance(value, tuple):
            return tuple(self(item) for item in value)
        if isinstance(value, np.dtype):
            return np.dtype(np.float64) if self.precise and value == np.float32 else value
        if isinstance(value, Type):
            return Type(self(value.shape), self(value.dtype))
        if isinstance(value, Graph):
            return replace(value, binding=self)
        return value


@dataclass(frozen=True)
class Gate:
    """An operation. All that is known of it stands on its class; its static settings are fields.

    A gate of your own needs three rules. `forward` is written against ``xp``, which is NumPy, CuPy,
    or a recorder that writes the calls down as source; `vjp` is written with Variables, so that the
    gradient can be differentiated again:

    >>> class Cube(Gate):
    ...     symbol = "x³"
    ...     def infer(self, x):
    ...         return x
    ...     def forward(self, xp, x, out=None):
    ...         return xp.multiply(x * x, x, out=out)
    ...     def vjp(self, cotangent, output, x):
    ...         return cotangent * 3 * x * x
    >>> Cube()(input("x", ("B",)))
    <variable: float32 (B,) = cube>
    """

    symbol: ClassVar[str] = "?"
    """What stands in its circle on pictures."""
    view: ClassVar[bool] = False
    """True when forward only looks at its input in another way: cheap to do again, never stored."""

    commutative: ClassVar[bool] = False
    """True when its two inputs may change places: a picture may draw them in either order."""

    def infer(self, *types: Any, **_: Any) -> Any:
        """``infer(*types)``: the `Type` of the output, from those of the inputs.

        For a gate with several outputs it is a tuple of them. Raises ShapeError or DTypeError; the
        gate's name and the user's line are added on the way.
        """
        raise GateError(f"{type(self).__name__} defines no infer(*types)")

    def forward(self, xp: Any, *arrays: Any, **out: Any) -> Any:
        """``forward(xp, *arrays, out=None)``: the value, into `out` if it is given and usable."""
        raise GateError(f"{type(self).__name__} defines no forward(xp, *arrays, out=None)")

    def vjp(self, *cotangent_output_inputs: Any, **_: Any) -> Any:
        """``vjp(cotangent, output, *inputs)``: a cotangent for each input, or None.

        For a gate with several outputs, cotangent and output are tuples; an output that nobody
        uses has the cotangent None.
        """
        raise GradientError(f"{self} has no gradient rule: define vjp(cotangent, output, *inputs)")

    def pullback(
        self, apply: "Apply", cotangents: Sequence[Variable | None], needed: Sequence[bool]
    ) -> Sequence[Variable | None]:
        """`vjp` as autodiff calls it; `needed` says for which inputs anyone asks."""
        if apply.single:
            result = self.vjp(cotangents[0], apply.outputs[0], *apply.inputs)
        else:
            result = self.vjp(tuple(cotangents), apply.outputs, *apply.inputs)
        return result if isinstance(result, tuple | list) else (result,)

    def lift(self, lifted: Sequence[bool], *inputs: Variable) -> Any:
        """This gate for all steps at once: the inputs marked in `lifted` have one more axis in front,
        and so has each output. None (the default) says that there is no such form."""
        return None

    def bind(self, binding: Binding) -> "Gate":
        """The same gate with numbers in place of dimension names."""
        bound = {f.name: binding(getattr(self, f.name)) for f in fields(self)}
        return replace(self, **bound) if bound else self

    def __call__(self, *operands: Any) -> Any:
        """Apply it: a Variable, or a tuple of them for a gate with several outputs."""
        apply = Apply(self, as_variables(*operands))
        return apply.outputs[0] if apply.single else apply.outputs

    def __str__(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class Apply:
    """One use of a gate: its inputs, its outputs, and the user's line that asked for it."""

    __slots__ = ("gate", "inputs", "outputs", "single", "where")

    def __init__(self, gate: Gate, inputs: Sequence[Variable], where: str | None = None) -> None:
        self.gate = gate
        self.inputs = tuple(inputs)
        self.where = where or _caller()
        try:
            types = gate.infer(*(v.type for v in self.inputs))
        except MinigradError as error:
            if error.where is None:
                error.where, error.message = self.where, f"{gate}: {error.message}"
            raise
        self.single = isinstance(types, Type)
        self.outputs: tuple[Variable, ...] = tuple(
            Variable(type, None, self, index, self.where)
            for index, type in enumerate((types,) if self.single else types)
        )

    def on(self, inputs: Sequence[Variable], gate: Gate | None = None) -> tuple[Variable, ...]:
        """The outputs of the same application on other inputs, or by another gate.

        Names and line are kept.
        """
        apply = Apply(gate or self.gate, inputs, self.where)
        for new, old in zip(apply.outputs, self.outputs, strict=False):
            new.name = old.name
        return apply.outputs

    def __repr__(self) -> str:
        return f"<{self.gate} at {self.where}>"


# ---------------------------------------------------------------- walking


def applies(outputs: Iterable[Variable], known: Collection[Variable] = ()) -> list[Apply]:
    """All applications that `outputs` need, each after those it needs itself.

    The walk stops at the variables in `known`. It keeps its own stack, so that an expression
    20,000 gates deep meets no recursion limit."""
    known = known if isinstance(known, dict) else set(known)
    order: list[Apply] = []
    done: set[Apply] = set()
    stack = [v.owner for v in outputs if v.owner is not None and v not in known][::-1]
    while stack:
        apply = stack[-1]
        if apply in done:
            stack.pop()
            continue
        waiting = [
            v.owner
            for v in apply.inputs
            if v.owner is not None and v.owner not in done and v not in known
        ]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            done.add(stack.pop())
            order.append(apply)
    return order


def leaves(outputs: Iterable[Variable], known: Collection[Variable] = ()) -> list[Variable]:
    """The leaves that `outputs` need, and those of `known` that they need, each once, in order."""
    outputs, known = list(outputs), set(known)
    found = {v: None for v in outputs if v.owner is None or v in known}
    for apply in applies(outputs, known):
        found |= {v: None for v in apply.inputs if v.owner is None or v in known}
    return list(found)


def dependents(outputs: Iterable[Variable], sources: Collection[Variable]) -> set[Variable]:
    """`sources`, and all that `outputs` are made of that depends on one of them."""
    found = set(sources)
    for apply in applies(outputs, found.copy()):
        if any(v in found for v in apply.inputs):
            found.update(apply.outputs)
    return found


def substitute(
    outputs: Iterable[Variable], replacements: Mapping[Variable, Variable]
) -> list[Variable]:
    """`outputs`, computed with each key of `replacements` replaced by its value."""
    new = dict(replacements)
    outputs = list(outputs)
    for apply in applies(outputs, new.copy()):
        if any(v in new for v in apply.inputs):
            rebuilt = apply.on([new.get(v, v) for v in apply.inputs])
            new.update((o, r) for o, r in zip(apply.outputs, rebuilt, strict=True) if o not in new)
    return [new.get(v, v) for v in outputs]


@dataclass(frozen=True, eq=False)
class Graph:
    """A piece of graph as a function: `outputs` from `inputs`, which may be any variables.

    What lies behind an input is not part of it. The body of a scan is one, and so is what the
    compiler takes.
    """

    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    binding: Binding | None = None

    def type_of(self, variable: Variable) -> Type:
        """The type of one of its variables, in numbers where the graph is bound to sizes."""
        return self.binding(variable.type) if self.binding else variable.type

    def applies(self) -> list[Apply]:
        """The applications between inputs and outputs, in order."""
        return applies(self.outputs, self.inputs)
