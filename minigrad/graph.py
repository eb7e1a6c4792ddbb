"""The graph: gates, their applications to variables, and the one walk over it all.

A `Gate` is an operation; an `Apply` is one use of it; a `Graph` is a piece of graph as a function.
Nothing here is ever changed after it was built, so graphs share their parts freely.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from .dims import Dim, Sizes, evaluate
from .errors import GateError, GradientError, MinigradError
from .groups import Group, current, entered
from .notation import Notation, call
from .types import Type
from .variables import Variable, as_variables
from .where import caller, located

__all__ = [
    "Apply",
    "Binding",
    "Gate",
    "Graph",
    "applies",
    "dependents",
    "instead_of",
    "leaves",
    "substitute",
]


_BUILT_IN = f"{__name__.rpartition('.')[0]}.gates."


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
    >>> import minigrad as mg
    >>> Cube()(mg.input("x", ("B",)))
    <variable: float32 (B,) = cube>
    """

    symbol: ClassVar[str] = "?"
    """What stands in its circle on pictures."""
    view: ClassVar[bool] = False
    """True for what is cheaper to do again than to store: another look at the input, a cast."""
    repeats: ClassVar[bool] = False
    """True for a view that shows an element in several places, so that none can be written to."""
    allocates: ClassVar[bool] = False
    """True when `forward` makes a new array even if it is given `out`."""
    keeps_order: ClassVar[bool] = False
    """True for a view whose elements lie in memory in the same order as those of its input."""
    commutative: ClassVar[bool] = False
    """True when its two inputs may change places: a picture may draw them in either order."""
    verb: ClassVar[str] = ""
    """What it does to its inputs, in a few words: "multiplies"."""
    lesson: ClassVar[str] = ""
    """What it does to a gradient, in words: "swaps its inputs"."""
    notation: ClassVar[Notation | None] = None
    """How it is written in formulas; None for a call, ``cube(x)``."""

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

    def lift(self, lifted: Sequence[bool], *inputs: Any, **_: Any) -> Any:
        """This gate for all steps at once: inputs marked in `lifted` have one more axis in front.

        So has each output. None, the default, says that there is no such form.
        """
        return None

    def shares(self, contiguous: bool) -> bool:
        """Whether the output always lies in the memory of its input, given whether that is
        contiguous."""
        return False

    def in_place(self) -> bool:
        """Whether `out` may be one of the arrays that forward reads."""
        return False

    def scratch(self, *types: Any) -> tuple[Type, ...]:
        """The types of arrays that `forward` can work in, where it is given them as `scratch`: a
        compiled function keeps such memory, where new arrays would cost more than the work."""
        return ()

    def formula(self, *types: Type) -> Notation | tuple[Notation, ...]:
        """`notation`, where it depends on settings or on the types of the inputs; for a gate with
        several outputs one for each."""
        return self.notation or call(str(self), count=len(types))

    def bind(self, binding: Binding) -> "Gate":
        """The same gate with numbers in place of dimension names."""
        bound = {f.name: binding(getattr(self, f.name)) for f in fields(self)}
        return replace(self, **bound) if bound else self

    def __call__(self, *operands: Any) -> Any:
        """Apply it: a Variable, or a tuple of them for a gate with several outputs."""
        apply = Apply(self, as_variables(*operands))
        return apply.outputs[0] if apply.single else apply.outputs

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of minigrad's own, which keep to their rules: results of the inferred
        types, that share memory with inputs only if the gate is a view."""
        return type(self).__module__.startswith(_BUILT_IN)

    @property
    def may_share(self) -> bool:
        """Whether an output may lie in the memory of an input: of a user's gate nobody knows."""
        return self.view or not self.is_built_in

    def __str__(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class Apply:
    """One use of a gate: its inputs, its outputs, the user's line that asked for it, and the group
    that it is in.

    Line and group are those of now, or of the application `like`, in whose place it stands.
    """

    __slots__ = ("gate", "group", "inputs", "outputs", "single", "where")

    def __init__(self, gate: Gate, inputs: Sequence[Variable], like: "Apply | None" = None) -> None:
        self.gate = gate
        self.inputs = tuple(inputs)
        self.where: str | None = (like.where if like else None) or caller()
        self.group: Group | None = like.group if like else current()
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

        Names, line and group are kept.
        """
        apply = Apply(gate or self.gate, inputs, self)
        for new, old in zip(apply.outputs, self.outputs, strict=False):
            new.name = old.name
        return apply.outputs

    def __repr__(self) -> str:
        return f"<{self.gate} at {self.where}>"


@contextmanager
def instead_of(apply: Apply) -> Iterator[None]:
    """Gates built inside have the line and the group of this application."""
    with located(apply.where), entered(apply.group):
        yield


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
    """`outputs`, computed with each key of `replacements` replaced by its value.

    A key that is its own value is an edge: what lies behind it is left as it is."""
    new = dict(replacements)
    outputs = list(outputs)
    for apply in applies(outputs, new.copy()):
        if any(new.get(v, v) is not v for v in apply.inputs):
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
