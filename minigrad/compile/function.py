"""`function`: a graph as something to call."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from threading import RLock
from typing import Any

from ..dims import Dim, bind_sizes
from ..errors import (
    ArgumentError,
    CompileError,
    NotFiniteError,
    ReentryError,
)
from ..graph import Binding, Graph, leaves, substitute
from ..interpret import label
from ..markup import preformatted
from ..rewrite import Vector, flat, optimise, switched_on
from ..tree import Structure, flatten, unflatten
from ..types import Array
from ..variables import Constant, Parameter, Variable, as_variables
from .arguments import Arguments
from .backends import LANGUAGES, Backend, backend_named, in_numpy, writer_of
from .given import Updates, checked_givens, checked_updates
from .loaded import Loaded, not_finite
from .planner import plan
from .program import Program
from .report import (
    count_gates,
    counted,
    loops_of,
    mebibytes,
    passes_of,
    programs_of,
    shown,
    vectors_of,
)
from .state import State

__all__ = ["Function", "function"]

_KEPT = 128  # programs of one function, the latest, each with its memory
_MEMORY = 2**30  # bytes that these may keep, but for one


def function(
    inputs: Any,
    outputs: Any,
    updates: Updates | None = None,
    givens: Mapping[Variable, Any] | None = None,
    name: str | None = None,
    backend: str = "auto",
    optimize: bool | Mapping[str, bool] = True,
    check_nan: bool = False,
    matmul_dtype: str | None = None,
) -> "Function":
    """Compile a graph into something to call: ``f(*arrays)`` returns what `outputs` was.

    Args:
        inputs: a Variable or a list of them, each also a nested structure, as an argument then is.
        outputs: a Variable or nested structure of them, or None.
        updates: (parameter, new value) pairs. All new values are computed from the old ones, and
            none is stored unless the whole call succeeded.
        givens: {variable: what stands in its place}.
        backend: "numpy"; "c", which does in C what it covers, and the rest in NumPy, and needs a C
            compiler; "cupy", which runs on a GPU: parameters stay there, arguments may lie there,
            and results do; or "auto", which is what the environment's MINIGRAD_BACKEND says, or C
            where a compiler is, else NumPy.
        optimize: False switches all rewrites off, {"share": False} one of them.
        check_nan: raise NotFiniteError at the first gate that makes a NaN or an infinity, naming
            its line and time step. Slow.
        matmul_dtype: "float16" or "bfloat16", with "cupy": products of float32 matrices round their
            operands to 16 bits, and add up in float32.

    >>> import minigrad as mg
    >>> x, w = mg.input("x"), mg.parameter(3.0, "w")
    >>> f = mg.function([x], {"y": w * x}, updates=[(w, w + 1)])
    >>> f(2.0), f(2.0)
    ({'y': array(6., dtype=float32)}, {'y': array(8., dtype=float32)})

    Arguments are cast where no digit can be lost (Python numbers adapt), or refused. Results are
    fresh arrays. The graph is compiled once, and written as a program once for each set of sizes.

    Raises ArgumentError for an input that is missing or given twice and for updates of what is no
    parameter, DTypeError or ShapeError for an update of another type, BackendError for a backend
    that is not there. Where the C compiler fails, a warning shows what it said, and NumPy does all.
    """
    return Function(
        inputs, outputs, updates, givens, name, backend, optimize, check_nan, matmul_dtype
    )


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
        backend: str,
        optimize: bool | Mapping[str, bool],
        check_nan: bool,
        matmul_dtype: str | None,
    ) -> None:
        self.name = name or "function"
        self._on = switched_on(optimize, check_nan)
        self._how = check_nan, "blocks" in self._on, matmul_dtype
        self._backend = backend_named(backend, *self._how)
        self._arguments = Arguments(inputs, self.name, self._backend.cast)
        self._inputs = self._arguments.variables
        found, _, structure = flatten(outputs)
        self._nested = _nesting(structure)
        results = [as_variables(v)[0] for v in found]
        self._count = len(results)
        changes, wanted, held = self._wanted(results, checked_updates(updates), givens)
        self._asked = Graph((*self._inputs, *held), tuple(wanted))
        news = dict(zip(changes, wanted[self._count :], strict=True))
        self._updated = list(changes)
        self._compile(held, wanted[: self._count], news)
        self._turn = RLock()
        self._is_running = False
        self._programs: dict[tuple[tuple[int, ...], ...], Loaded] = {}
        self._latest: Loaded | None = None
        self._planned = 0

    def _wanted(
        self,
        results: list[Variable],
        changes: dict[Parameter, Variable],
        givens: Mapping[Variable, Any] | None,
    ) -> tuple[dict[Parameter, Variable], list[Variable], list[Parameter]]:
        """The updates with those by default; results and new values; the parameters they need."""
        replaced = checked_givens(givens)
        edge = {v: v for v in self._inputs}  # nothing changes behind an input that is computed
        while True:  # default updates may need further parameters
            wanted = [*results, *changes.values()]
            wanted = substitute(wanted, edge | replaced) if replaced else wanted
            needed = leaves(wanted, edge)
            held = [v for v in needed if isinstance(v, Parameter) and v not in edge]
            defaults = {p: new for p in held if (new := p.default_update) is not None}
            if defaults.keys() <= changes.keys():
                break
            changes = defaults | changes
        self._check_closed(needed)
        return changes, wanted, held

    def _compile(
        self,
        held: Sequence[Parameter],
        results: list[Variable],
        changes: dict[Parameter, Variable],
    ) -> None:
        """The rewritten graph, from arguments and parameters to results and new values."""
        self._vectors: list[Vector] = []
        if "flat" in self._on:
            results, changes, self._vectors = flat(self._inputs, results, changes)
        in_vectors = {p for vector in self._vectors for p in vector.parameters}
        single = [p for p in held if p not in in_vectors]
        backend = self._backend
        self._state = State(single, list(changes), self._vectors, backend.xp, backend.reader())
        inputs = (*self._inputs, *single, *(v.variable for v in self._vectors))
        outputs = (*results, *changes.values(), *(v.new for v in self._vectors))
        self._built = Graph(inputs, outputs)
        self._graph = optimise(self._built, self._on)

    def _check_closed(self, needed: Sequence[Variable]) -> None:
        for v in needed:
            if not isinstance(v, Constant | Parameter) and v not in set(self._inputs):
                what = f"{self.name}: {label(v)} is needed, and is no input of it"
                raise ArgumentError(what, v.where)

    # ------------------------------------------------------------ calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._backend.there(self._arguments(args, kwargs))
        shapes = tuple([a.shape for a in given])
        with self._turn:
            if self._is_running:
                raise ReentryError(f"{self.name} is called while it runs, by its own thread")
            try:
                self._is_running = True
                loaded = self._programs.get(shapes)
                if loaded is None or loaded is not self._latest:
                    loaded = self._turn_to(shapes)
                held, rooms = self._state.read(), self._state.rooms()
                arrays = [*given, *held, *rooms, *loaded.constants]
                try:
                    results = _fresh(loaded(arrays), arrays, self._backend.xp)
                except NotFiniteError as error:
                    self._note_what_came_in(error, [*given, *held])
                    raise
                if self._state.updated:
                    self._state.store(results[self._count :])
                    del results[self._count :]
            finally:
                self._is_running = False
        return self._nested(results)

    def _note_what_came_in(self, error: NotFiniteError, arrays: Sequence[Array]) -> None:
        """The gate that `check_nan` blames may only hand on what it was given."""
        for v, array in zip(self._graph.inputs, arrays, strict=True):
            if v.type.differentiable and (found := not_finite(array)):
                error.add_note(f"{self.name}: {label(v)} held {found} before the call")

    def _turn_to(self, shapes: tuple[tuple[int, ...], ...]) -> Loaded:
        """The program for these shapes, made if there is none. The latest ones are kept."""
        loaded = self._programs.pop(shapes, None)
        if loaded is None:
            loaded = self._plan(shapes)
            self._planned += 1
        self._programs[shapes] = self._latest = loaded
        while len(self._programs) > _KEPT or (len(self._programs) > 1 and self._memory() > _MEMORY):
            self._programs.pop(next(iter(self._programs)))
        return loaded

    def _memory(self) -> int:
        """Bytes that the programs keep."""
        return sum(loaded.program.memory for loaded in self._programs.values())

    def _plan(self, shapes: Sequence[tuple[int, ...]]) -> Loaded:
        """The program for arguments of these shapes."""
        named = [
            (f"argument {label(v)} of {self.name}", v.shape, shape)
            for v, shape in zip(self._inputs, shapes, strict=True)
        ]
        sizes = bind_sizes(named)
        try:
            return self._loaded(sizes)
        except CompileError as error:
            warnings.warn(f"{self.name} runs in NumPy alone: {error.message}", stacklevel=4)
            why, *_ = error.message.split("\n")
            self._backend = in_numpy(f"since C cannot be compiled: {why}", *self._how[:2])
            return self._loaded(sizes)

    def _loaded(self, sizes: Mapping[str, int]) -> Loaded:
        program = self._written(sizes, self._backend)
        return Loaded(program, self.name, sizes, self._backend.there(program.constants))

    def _written(self, sizes: Mapping[str, int], backend: Backend) -> Program:
        """The program for these sizes."""
        outputs = self._graph.outputs
        unfilled = len(outputs) - len(self._vectors)
        results, filled = outputs[:unfilled], outputs[unfilled:]
        graph = Graph(self._graph.inputs, results, Binding(sizes))
        return backend.write(plan(graph, backend.smallest, filled))

    # ------------------------------------------------------------ looking inside

    @property
    def graph(self) -> dict[str, Variable]:
        """What it computes, as it was asked for, by name: results, and new values of parameters.
        This is what `mg.draw` draws of it."""
        found: dict[str, Variable] = {}
        for i, v in enumerate(self._asked.outputs):
            name = v.name or f"out[{i}]"
            if i >= self._count:
                name = f"new {self._updated[i - self._count].name or 'value'}"
            found[name if name not in found else f"{name} [{i}]"] = v
        return found

    def source(self, language: str = "numpy", **sizes: int) -> str:
        """The program in NumPy, a function that returns a tuple; or what of it is in C ("c"),
        without the functions of ``minigrad/native/elementary.h`` that it calls; or that of CuPy
        calls ("cupy") and the kernels that it launches ("cuda"), also without a GPU.

        Its arguments are those of the function, its parameters, room for the new values of those
        that lie in a vector, and large constants. It is the one for `sizes` of the dimension names,
        ``f.source(T=5, B=2)``; without them, the one that was used last.
        """
        if language not in LANGUAGES:
            raise ArgumentError(f"the source is in one of {LANGUAGES}, and not in {language!r}")
        writer = writer_of(language, *self._how)
        program = self._written(self._asked_sizes(sizes), writer)
        return {"c": program.native, "cuda": program.cuda}.get(language, program.source)

    def _asked_sizes(self, sizes: Mapping[str, int]) -> Mapping[str, int]:
        """Sizes for a program to show."""
        if not sizes and self._latest is not None:
            return self._latest.sizes
        named = [size for v in self._inputs for size in v.shape if isinstance(size, Dim)]
        known = {name for size in named for name in size.names()}
        for name, value in sizes.items():
            if name not in known or not isinstance(value, int) or value < 0:
                what = f"{name}={value!r} is no size of {self.name}"
                raise ArgumentError(f"{what}: it depends on {sorted(known)}")
        if missing := sorted(known - sizes.keys()):
            example = ", ".join(f"{name}=5" for name in sorted(known))
            raise ArgumentError(
                f"the program of {self.name} depends on the sizes {missing}: give them, as in "
                f".source({example}), or call the function first"
            )
        return sizes

    def report(self) -> str:
        """What each rewrite did and where, what is left in loops and why, what the programs keep in
        memory, and what stayed slow."""
        with self._turn:
            kept, memory = list(self._programs.values()), self._memory()
        state = self._state
        lines = [
            f"{self.name}: {counted(len(self._inputs), 'input')}, "
            f"{counted(len(state.parameters), 'parameter')} with what optimisers remember, "
            f"{counted(len(state.updated), 'update')}",
            f"as built: {shown(count_gates(self._asked))}",
            *vectors_of(self._vectors),
            *passes_of(self._built, self._on),
            *loops_of(self._graph),
            f"programs: {self._planned} planned, {len(kept)} kept ({self._backend.shown}), with "
            f"{mebibytes(memory)} from call to call",
            *programs_of([(loaded.shown_sizes, loaded.program) for loaded in kept]),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return preformatted(self.report())

    def __repr__(self) -> str:
        inputs = ", ".join(self._arguments.names)
        return f"<{self.name}({inputs}): {self._planned} programs>"


def _fresh(results: Sequence[Any], given: Sequence[Array], xp: Any) -> list[Array]:
    """Arrays of NumPy's or CuPy's that share memory with nothing: views, inputs and repeated
    results are copied."""
    seen = set(map(id, given))
    fresh = []
    for r in results:
        if type(r) is not xp.ndarray:
            array = xp.array(r)
        elif r.base is not None or id(r) in seen or not r.flags.owndata:
            array = r.copy()
        else:
            array = r
        seen.add(id(r))
        fresh.append(array)
    return fresh


def _nesting(structure: Structure | None) -> Callable[[list[Array]], Any]:
    """What nests results as the outputs were; quickly where they are hardly nested."""
    if structure is None:
        return itemgetter(0)
    if structure.kind in (list, tuple) and not any(structure.children):
        return structure.kind
    return partial(unflatten, structure)
