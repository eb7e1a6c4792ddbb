"""`function`: a graph as something to call."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from operator import attrgetter, is_, itemgetter
from threading import Lock
from typing import Any

import numpy as np

from ..dims import Dim, bind_sizes, show_shape
from ..errors import ArgumentError, BackendError, DTypeError, NotFiniteError, ShapeError
from ..graph import Binding, Graph, leaves, substitute
from ..interpret import label
from ..rewrite import Vector, flat, optimise, switched_on
from ..tree import flatten, unflatten
from ..types import Array, cast_safely
from ..variables import Constant, Parameter, Variable, as_variables
from .blocks import in_blocks
from .numpy_writer import BLOCK, SMALLEST, write
from .planner import plan
from .program import Program
from .report import count_gates, loops_of, passes_of, programs_of, shown, vectors_of

__all__ = ["Function", "function"]

_KEPT = 128  # programs of one function, each with its memory

Updates = Mapping[Parameter, Any] | Iterable[tuple[Parameter, Any]]


def function(
    inputs: Any,
    outputs: Any,
    updates: Updates | None = None,
    givens: Mapping[Variable, Any] | None = None,
    name: str | None = None,
    backend: str = "auto",
    optimize: bool | Mapping[str, bool] = True,
    check_nan: bool = False,
) -> "Function":
    """Compile a graph into something to call: ``f(*arrays)`` returns what `outputs` was.

    Args:
        inputs: a Variable or a list of them, each also a nested structure, as an argument then is.
        outputs: a Variable or nested structure of them, or None.
        updates: (parameter, new value) pairs. All new values are computed from the old ones, and
            none is stored unless the whole call succeeded.
        givens: {variable: what stands in its place}.
        backend: "numpy", or "auto", which is NumPy.
        optimize: False switches all rewrites off, {"share": False} one of them.
        check_nan: raise NotFiniteError at the first gate that makes a NaN or an infinity, naming
            its line and time step. Slow.

    >>> import minigrad as mg
    >>> x, w = mg.input("x"), mg.parameter(3.0, "w")
    >>> f = mg.function([x], {"y": w * x}, updates=[(w, w + 1)])
    >>> f(2.0), f(2.0)
    ({'y': array(6., dtype=float32)}, {'y': array(8., dtype=float32)})

    Arguments are cast where no digit can be lost (Python numbers adapt), or refused. Results are
    fresh arrays. The graph is compiled once, and written as a program once for each set of sizes.

    Raises ArgumentError for an input that is missing or given twice and for updates of what is no
    parameter, DTypeError or ShapeError for an update of another type, BackendError for a backend
    that is not there.
    """
    if backend not in ("auto", "numpy"):
        raise BackendError(
            f'there is no backend {backend!r} in this version of minigrad: use "numpy" or "auto"'
        )
    return Function(inputs, outputs, updates, givens, name, optimize, check_nan)


class Function:
    """A compiled graph; made by `function`.

    Calls are safe from several threads; they take turns, since they share the program's memory.
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        updates: Updates | None,
        givens: Mapping[Variable, Any] | None,
        name: str | None,
        optimize: bool | Mapping[str, bool],
        check_nan: bool,
    ) -> None:
        self.name = name or "function"
        self._check_nan = check_nan
        trees = [inputs] if isinstance(inputs, Variable) else list(inputs)
        self._arguments = [(_argument_name(t, i), *flatten(t)) for i, t in enumerate(trees)]
        self._inputs: list[Variable] = [v for _, found, _, _ in self._arguments for v in found]
        _check_inputs(self._inputs)
        found, _, self._structure = flatten(outputs)
        results = [as_variables(v)[0] for v in found]
        changes = _checked_updates(updates)
        wanted = [*results, *changes.values()]
        if replaced := _checked_givens(givens):  # but not behind an input that is itself computed
            wanted = substitute(wanted, {v: v for v in self._inputs} | replaced)
        needed = leaves(wanted, self._inputs)
        self._check_closed(needed)
        held = [v for v in needed if isinstance(v, Parameter) and v not in set(self._inputs)]
        for p in held:
            if p.default_update is not None and p not in changes:
                changes[p] = p.default_update
                wanted.append(p.default_update)
        self._asked = Graph((*self._inputs, *held), tuple(wanted))
        self._count = len(results)
        news = dict(zip(changes, wanted[self._count :], strict=True))
        self._on = switched_on(optimize, check_nan)
        self._compile(held, wanted[: self._count], news)
        plain = all(structure is None for *_, structure in self._arguments)
        self._plain = [_plainly(v) for v in self._inputs] if plain else None
        self._flat_kind = _flat_kind(self._structure)
        self._turn = Lock()
        self._programs: dict[tuple[tuple[int, ...], ...], _Loaded] = {}
        self._latest: _Loaded | None = None
        self._planned = 0

    def _compile(
        self,
        held: Sequence[Parameter],
        results: list[Variable],
        changes: dict[Parameter, Variable],
    ) -> None:
        """The rewritten graph, from arguments and parameters to results and new values."""
        vectors: list[Vector] = []
        if "flat" in self._on:
            results, changes, vectors = flat(self._inputs, results, changes)
        self._vectors = [_Held(vector) for vector in vectors]
        in_vectors = [p for vector in vectors for p in vector.parameters]
        self._single = [p for p in held if p not in set(in_vectors)]
        self._parameters = [*self._single, *in_vectors]
        self._updated = [*changes, *in_vectors]
        inputs = (*self._inputs, *self._single, *(v.variable for v in vectors))
        outputs = (*results, *changes.values(), *(v.new for v in vectors))
        self._built = Graph(inputs, outputs)
        self._graph = optimise(self._built, self._on)

    def _check_closed(self, needed: Sequence[Variable]) -> None:
        for v in needed:
            if not isinstance(v, Constant | Parameter) and v not in set(self._inputs):
                what = f"{self.name}: {label(v)} is needed, and is no input of it"
                raise ArgumentError(what, v.where)

    # ------------------------------------------------------------ calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = (None if kwargs else self._quickly(args)) or self._given(args, kwargs)
        shapes = tuple([a.shape for a in given])
        with self._turn:
            loaded = self._programs.get(shapes)
            if loaded is not self._latest or loaded is None:
                loaded = self._turn_to(shapes)
            # All parameters are read, and below all are stored, by one call into C that runs no
            # Python code: Ctrl-C and other threads come before it or after it, and so find all
            # changed or none.
            held = self._joined(list(map(_HELD, self._parameters)))
            arrays = [*given, *held, *loaded.program.constants]
            results = _fresh(loaded(arrays), arrays)
            if self._updated:
                new = self._parted(results[self._count :])
                for p, value in zip(self._updated, new, strict=True):
                    if value.shape != p.shape:
                        raise ShapeError(
                            f"the update of {label(p)} {p.shape} has shape {value.shape}", p.where
                        )
                list(map(_STORE, self._updated, new))
                del results[self._count :]
        return self._nested(results)

    def _quickly(self, args: Sequence[Any]) -> list[Array] | None:
        """The arguments as arrays, where that needs little thought; None where it needs more."""
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

    def _nested(self, results: list[Array]) -> Any:
        """The results as the outputs were nested."""
        kind = self._flat_kind
        return kind(results) if kind else unflatten(self._structure, results)

    def _joined(self, values: list[Array]) -> list[Array]:
        """Values of parameters as the program takes them: some end to end in vectors."""
        start = len(self._single)
        joined = values[:start]
        for held in self._vectors:
            end = start + len(held.pieces)
            joined.append(held.joined(values[start:end]))
            start = end
        return joined

    def _parted(self, new: list[Array]) -> list[Array]:
        """The new values of parameters, of what the program gives."""
        start = len(new) - len(self._vectors)
        parted = new[:start]
        for held, array in zip(self._vectors, new[start:], strict=True):
            parted += held.parted(array)
        return parted

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Array]:
        """One array for each input, of its dtype and rank."""
        if kwargs:
            args = self._in_order(args, kwargs)
        if len(args) != len(self._arguments):
            wanted = ", ".join(name for name, *_ in self._arguments)
            raise ArgumentError(
                f"{self.name} takes {len(self._arguments)} arguments ({wanted}) and had {len(args)}"
            )
        arrays = []
        for value, (name, variables, paths, structure) in zip(args, self._arguments, strict=True):
            values = [value]
            if structure is not None:
                values, _, had = flatten(value)
                if had != structure:
                    raise ArgumentError(
                        f"argument {name} of {self.name} must be nested as its input is: {paths}"
                    )
            for v, item, path in zip(variables, values, paths, strict=True):
                array = cast_safely(item, v.dtype, f"argument {name}{path} of {self.name}")
                if array.ndim != v.ndim:
                    raise ShapeError(
                        f"argument {name}{path} of {self.name} needs {v.ndim} axes, "
                        f"{show_shape(v.shape)}, and had {array.ndim}, {array.shape}"
                    )
                arrays.append(array)
        return arrays

    def _in_order(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Arguments given by name, put in their places."""
        names = [name for name, *_ in self._arguments]
        rest = names[len(args) :]
        for key in kwargs:
            if rest.count(key) != 1:
                why = "was given twice" if key in names else f"is none of {names}"
                why = "is the name of several" if key in rest else why
                raise ArgumentError(f"{self.name}: the argument {key!r} {why}")
        if missing := [name for name in rest if name not in kwargs]:
            raise ArgumentError(f"{self.name}: the arguments {missing} are missing")
        return [*args, *(kwargs[name] for name in rest)]

    def _turn_to(self, shapes: tuple[tuple[int, ...], ...]) -> "_Loaded":
        """The program for these shapes, made if there is none. The latest ones are kept."""
        loaded = self._programs.pop(shapes, None)
        if loaded is None:
            loaded = self._plan(shapes)
            self._planned += 1
        self._programs[shapes] = self._latest = loaded
        while len(self._programs) > _KEPT:
            self._programs.pop(next(iter(self._programs)))
        return loaded

    def _plan(self, shapes: Sequence[tuple[int, ...]]) -> "_Loaded":
        """The program for arguments of these shapes."""
        named = [
            (f"argument {label(v)} of {self.name}", v.shape, shape)
            for v, shape in zip(self._inputs, shapes, strict=True)
        ]
        sizes = bind_sizes(named)
        graph = Graph(self._graph.inputs, self._graph.outputs, Binding(sizes))
        return _Loaded(self._written(graph), self.name)

    def _written(self, graph: Graph) -> Program:
        steps = plan(graph, SMALLEST)
        if "blocks" in self._on and not self._check_nan:
            in_blocks(steps, BLOCK)
        return write(steps, self._check_nan)

    # ------------------------------------------------------------ looking inside

    def source(self, **sizes: int) -> str:
        """The NumPy program: ``program(*inputs, *parameters, *large constants)`` returns a tuple.

        It is the one for `sizes` of the dimension names, ``f.source(T=5, B=2)``; without them, the
        one that was made last.
        """
        if not sizes and self._programs:
            return next(reversed(self._programs.values())).program.source
        named = [size for v in self._inputs for size in v.shape if isinstance(size, Dim)]
        if missing := sorted({name for size in named for name in size.names()} - sizes.keys()):
            raise ArgumentError(
                f"the program of {self.name} depends on the sizes {missing}: give them, as in "
                f".source({missing[0]}=5), or call the function first"
            )
        graph = Graph(self._graph.inputs, self._graph.outputs, Binding(sizes))
        return self._written(graph).source

    def report(self) -> str:
        """What each rewrite did and where, what is left in loops and why, what the programs keep in
        memory, and what stayed slow."""
        lines = [
            f"{self.name}: {len(self._inputs)} inputs, {len(self._parameters)} parameters, "
            f"{len(self._updated)} updates",
            f"as built: {shown(count_gates(self._asked))}",
            *vectors_of(held.vector for held in self._vectors),
            *passes_of(self._built, self._on),
            *loops_of(self._graph),
            f"programs: {self._planned} (NumPy)",
            *programs_of(loaded.program for loaded in self._programs.values()),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}" for name, *_ in self._arguments)
        return f"<{self.name}({inputs}): {self._planned} programs>"


_HELD: Callable[[Parameter], Array] = attrgetter("_value")
_STORE: Callable[[Parameter, Array], None] = vars(Parameter)["_value"].__set__


class _Held:
    """The array behind a vector of parameters, whose values are views of it until one is set."""

    def __init__(self, vector: Vector) -> None:
        self.vector = vector
        self.array: Array = np.empty(0)
        self.pieces: list[Array | None] = [None] * len(vector.parameters)

    def joined(self, values: list[Array]) -> Array:
        """The values of the parameters, end to end."""
        if not all(map(is_, values, self.pieces)):
            self.array = np.concatenate([a.reshape(-1) for a in values])
        return self.array

    def parted(self, array: Array) -> list[Array]:
        """The values of the parameters in this array, which is kept."""
        self.array, self.pieces = array, self.vector.pieces(array)
        return self.pieces  # type: ignore[return-value]  # arrays now


class _Loaded:
    """A program that can be run, and what its errors mean."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.run = program.load(self._finite)
        self.context = copy_context()  # in which NumPy does not warn of 1/0 and the like
        self.context.run(np.seterr, all="ignore")

    def __call__(self, arrays: Sequence[Array]) -> tuple[Any, ...]:
        try:
            return self.context.run(self.run, *arrays)
        except Exception as error:
            self._explain(error)
            raise

    def _finite(self, value: Any, number: int, *steps: int) -> None:
        if not np.isfinite(value).all():
            apply = self.program.checked[number]
            found = "a NaN" if np.isnan(value).any() else "an infinity"
            message = f"{self.name}: {apply.gate} made {found}{_when(steps)}"
            raise NotFiniteError(message, apply.where)

    def _explain(self, error: Exception) -> None:
        """Add the gate, time step and user's line to an error that a line of the program raised."""
        traceback, program = error.__traceback__, self.run.__code__
        while traceback is not None and traceback.tb_frame.f_code is not program:
            traceback = traceback.tb_next
        if traceback is None or getattr(error, "where", None) is not None:
            return
        line = self.program.lines[traceback.tb_lineno - 1]
        if line.apply is not None:
            steps = [traceback.tb_frame.f_locals[name] for name in line.steps]
            error.add_note(
                f"{self.name}: in {line.apply.gate}{_when(steps)}, at {line.apply.where}"
            )


def _when(steps: Sequence[int]) -> str:
    return f" in time step {', '.join(map(str, steps))}" if steps else ""


def _fresh(results: Sequence[Any], given: Sequence[Array]) -> list[Array]:
    """Arrays that share memory with nothing: views, inputs and repeated results are copied."""
    seen = set(map(id, given))
    fresh = []
    for r in results:
        if type(r) is not np.ndarray:
            array = np.array(r)
        elif r.base is not None or id(r) in seen or not r.flags.owndata:
            array = r.copy()
        else:
            array = r
        seen.add(id(r))
        fresh.append(array)
    return fresh


# ---------------------------------------------------------------- what `function` is given


def _plainly(v: Variable) -> tuple[np.dtype[Any], int, bool]:
    """What an argument must be so that nothing need be done: dtype, rank, or a Python float."""
    return v.dtype, v.ndim, not v.ndim and v.type.differentiable


def _flat_kind(structure: Any) -> Callable[[list[Array]], Any] | None:
    """What makes the outputs of a list of arrays, where they are not nested; else None."""
    if structure is None:
        return itemgetter(0)
    flat = all(child is None for child in structure.children)
    return structure.kind if flat and structure.kind in (list, tuple) else None


def _argument_name(tree: Any, place: int) -> str:
    return (tree.name if isinstance(tree, Variable) else None) or f"number {place + 1}"


def _check_inputs(inputs: Sequence[Any]) -> None:
    for i, v in enumerate(inputs):
        if not isinstance(v, Variable) or isinstance(v, Constant):
            raise ArgumentError(f"an input must be a Variable that can vary, not {v!r}")
        if any(v is other for other in inputs[:i]):
            raise ArgumentError(f"{label(v)} is an input twice", v.where)


def _checked_givens(givens: Mapping[Variable, Any] | None) -> dict[Variable, Variable]:
    found = {}
    for v, value in (givens or {}).items():
        if not isinstance(v, Variable):
            raise ArgumentError(f"givens maps variables, and {v!r} is none")
        new = as_variables(v, value)[1]
        if new.type != v.type:
            raise ArgumentError(f"givens: {label(v)} is {v.type}, what stands for it {new.type}")
        found[v] = new
    return found


def _checked_updates(updates: Updates | None) -> dict[Parameter, Variable]:
    """The parameters that change, and their new values."""
    pairs = list(updates.items() if isinstance(updates, Mapping) else updates or ())
    found: dict[Parameter, Variable] = {}
    for p, value in pairs:
        if not isinstance(p, Parameter):
            raise ArgumentError(f"only parameters can be updated, and {p!r} is none")
        if p in found:
            raise ArgumentError(f"there are two updates of {label(p)}", p.where)
        new = as_variables(p, value)[1]
        if new.dtype != p.dtype:
            raise DTypeError(
                f"the update of {label(p)} is {new.dtype}, and it is {p.dtype}: use .astype",
                new.where,
            )
        if new.ndim != p.ndim or any(
            isinstance(a, int) and a != b for a, b in zip(new.shape, p.shape, strict=True)
        ):
            raise ShapeError(
                f"the update of {label(p)} has shape {show_shape(new.shape)}, and it has "
                f"{show_shape(p.shape)}",
                new.where,
            )
        found[p] = new
    return found
