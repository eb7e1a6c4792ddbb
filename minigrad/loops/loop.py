"""`scan`: a loop in the graph, from a step function."""

from collections.abc import Callable, Sequence
from typing import Any

from ..dims import Size, dim, isqrt
from ..errors import ArgumentError, ScanError
from ..functions import arange, concat, stack, zeros
from ..graph import Apply, Graph, applies, dependents
from ..random import Loop
from ..tree import flatten, tree_map, unflatten
from ..types import Type
from ..variables import Constant, Input, Variable, as_variables, constant
from .gate import Scan

__all__ = ["scan"]

Step = Callable[[Any, Any], tuple[Any, Any]]


def scan(
    step: Step,
    init: Any,
    xs: Any = None,
    length: Any = None,
    reverse: bool = False,
    unroll: bool | int = 1,
    truncate: tuple[int, int] | None = None,
    checkpoint: str | int | None = None,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Loop `step(carry, x) -> (carry, y)` over the first axis of `xs`. It means:

        ys = []
        for x in (reversed(xs) if reverse else xs):
            carry, y = step(carry, x)
            ys.append(y)                     # put back in the order of xs when reverse
        return carry, stack(ys)

    carry, x and y are Variables or nested tuples, lists and dicts of them (None: nothing). Each
    leaf of `xs` is (T, …), and so is each leaf of ys; the carry keeps its shapes and dtypes. `step`
    is called once, with placeholders; it may use any variable from outside. What it makes of those
    alone is computed once, before the loop.

    Args:
        length: T, where there are no `xs` to tell it.
        unroll: True writes the steps out instead of looping (T must be an int), a number that many
            steps in each turn of the loop.
        truncate: (k1, k2) with k2 ≥ k1 is truncated back-propagation through time (Williams and
            Peng, 1990): the gradient of what the steps from (n-1)·k1 up to n·k1 put out flows back
            to step n·k1 - k2 at the earliest. The initial carry is cut from no step.
        checkpoint: a stride, or "sqrt" for √T: keep only the carry of every so many steps, and run
            the steps between again on the way back.

    >>> import minigrad as mg
    >>> last, sums = mg.scan(lambda total, x: (total + x, total + x), 0.0, mg.input("xs", ("T",)))
    >>> sums.eval({"xs": [1, 2, 3]})
    array([1., 3., 6.], dtype=float32)

    Raises ScanError when the step's result has not this form, the carry's leaf that changes named.
    """
    if not callable(step):
        raise ArgumentError(f"the step of scan must be a function (carry, x) -> ..., not {step!r}")
    init, xs = tree_map(_variable, init), tree_map(_variable, xs)
    size = _length(xs, length)
    unroll = unroll or 1
    _check_options(unroll, truncate, checkpoint, size)
    loop = Loop()

    def timed(carry: Any, row: tuple[Variable, Any]) -> tuple[Any, Any]:
        with loop.step(row[0]):
            return step(carry, row[1])

    rows = (arange(size), xs)  # the time step is one more sequence, dropped where no draw needs it
    if unroll is True:
        return _written_out(timed, init, rows, reverse, int(size))  # type: ignore[arg-type]  # checked
    if checkpoint is not None:
        stride = checkpoint if isinstance(checkpoint, int) else isqrt(size)

        def inner(carry: Any, turn: Any) -> tuple[Any, Any]:
            return _loop(timed, carry, turn, stride, reverse, recompute=True, name=name)

        return _in_turns(inner, timed, init, rows, size, stride, reverse, name)
    if unroll > 1:

        def some(carry: Any, turn: Any) -> tuple[Any, Any]:
            return _written_out(timed, carry, turn, reverse, unroll)

        return _in_turns(some, timed, init, rows, size, unroll, reverse, name)
    pair = None if truncate is None else (truncate[0], truncate[1])
    return _loop(timed, init, rows, size, reverse, truncate=pair, name=name)


def _variable(leaf: Any) -> Variable:
    """A leaf as a Variable. A number is strong from here on, as the carry that stands for it is."""
    (v,) = as_variables(leaf)
    return constant(v.value, name=v.name) if isinstance(v, Constant) else v


def _length(xs: Any, length: Any) -> Size:
    """The number of steps, on which all of `xs` and `length` must agree."""
    found: dict[Size, str] = {} if length is None else {dim(length): "length"}
    found_in, paths, _ = flatten(xs)
    for x, path in zip(found_in, paths, strict=True):
        if x.ndim == 0:
            raise ScanError(f"xs{path} is a scalar: scan runs along the first axis", x.where)
        found.setdefault(x.shape[0], f"xs{path}")
    if len(found) != 1:
        shown = ", ".join(f"{size} from {source}" for size, source in found.items())
        raise ScanError(
            f"scan needs one number of steps, and had {shown}"
            if found
            else "scan needs xs, or a length, to know its number of steps"
        )
    return next(iter(found))


def _check_options(unroll: Any, truncate: Any, checkpoint: Any, size: Size) -> None:
    if unroll is not True and (not isinstance(unroll, int) or unroll < 1):
        raise ArgumentError(f"unroll is True or a number of steps from 1 up, not {unroll!r}")
    if unroll is True and not isinstance(size, int):
        raise ScanError(f"unroll=True needs a number of steps known now, and it is {size}")
    if (
        sum(option not in (None, 1) or option is True for option in (unroll, truncate, checkpoint))
        > 1
    ):
        raise ArgumentError("unroll, truncate and checkpoint exclude each other: choose one")
    if (
        checkpoint is not None
        and checkpoint != "sqrt"
        and not (isinstance(checkpoint, int) and checkpoint >= 1)
    ):
        raise ArgumentError(f'checkpoint is "sqrt" or a stride from 1 up, not {checkpoint!r}')
    if truncate is not None:
        match truncate:
            case (int(k1), int(k2)) if 1 <= k1 <= k2:
                return
        raise ArgumentError(f"truncate is two ints (k1, k2) with 1 ≤ k1 ≤ k2, not {truncate!r}")


def _written_out(step: Step, carry: Any, xs: Any, reverse: bool, length: int) -> tuple[Any, Any]:
    """The steps one after the other, without a loop."""
    before = carry
    ys: list[Any] = []
    for t in reversed(range(length)) if reverse else range(length):
        carry, y = _result(step(carry, tree_map(lambda x, t=t: x[t], xs)), before)
        ys.append(y)
    if not ys:  # one step is made to learn what y would be
        _, y = _result(step(carry, tree_map(_row, xs)), before)
        return carry, tree_map(lambda v: zeros((0, *v.shape), v.dtype), y)
    rows = ys[::-1] if reverse else ys
    return carry, tree_map(lambda *column: stack(column), *rows)


def _in_turns(
    turn: Step, step: Step, init: Any, xs: Any, size: Size, k: Size, reverse: bool, name: str | None
) -> tuple[Any, Any]:
    """A loop over turns of k steps each, and a plain loop over the size % k steps that remain.

    `turn` takes k rows at once: xs (T, …) → (T // k, k, …) and T % k rows that run last.
    """
    turns = size // k
    rest = size - turns * k
    main = slice(rest, None) if reverse else slice(None, turns * k)
    remaining = slice(None, rest) if reverse else slice(turns * k, None)
    grouped = tree_map(lambda x: x[main].reshape((turns, k, *x.shape[1:])), xs)
    carry, ys = _loop(turn, init, grouped, turns, reverse, name=name)
    ys = tree_map(lambda y: y.reshape((turns * k, *y.shape[2:])), ys)
    if rest == 0:
        return carry, ys
    carry, last = _loop(step, carry, tree_map(lambda x: x[remaining], xs), rest, reverse, name=name)
    order = (lambda a, b: concat([b, a])) if reverse else (lambda a, b: concat([a, b]))
    return carry, tree_map(order, ys, last)


def _loop(
    step: Step,
    init: Any,
    xs: Any,
    size: Size,
    reverse: bool,
    truncate: tuple[int, int] | None = None,
    recompute: bool = False,
    name: str | None = None,
) -> tuple[Any, Any]:
    """The loop as one Scan gate. What the step makes of outer variables alone stays outside."""
    inits, paths, structure = flatten(init)
    rows = flatten(xs)[0]
    carries = [
        Input(v.type, v.name or _last_key(path) or "carry")
        for v, path in zip(inits, paths, strict=True)
    ]
    places = flatten(tree_map(_row, xs))[0]
    before = unflatten(structure, carries)
    carry, y = _result(step(before, unflatten(flatten(xs)[2], places)), before)
    ys, _, ys_structure = flatten(y)
    outputs = [*flatten(carry)[0], *ys]
    kept, invariants = _read(outputs, carries, places)
    gate = Scan(
        Graph((*carries, *(places[i] for i in kept), *invariants), tuple(outputs)),
        len(carries),
        len(kept),
        size,
        reverse,
        truncate,
        recompute,
        name,
    )
    results = Apply(gate, [*inits, *(rows[i] for i in kept), *invariants]).outputs
    for result, v in zip(results, outputs, strict=True):
        result.name = v.name
    last = unflatten(structure, list(results[: len(carries)]))
    return last, unflatten(ys_structure, list(results[len(carries) :]))


def _row(x: Variable) -> Variable:
    """A placeholder for one row of x."""
    return Input(Type(x.shape[1:], x.dtype), f"{x.name}_t" if x.name else "x_t")


def _last_key(path: str) -> str:
    """The innermost key of a leaf's path, if it is a name: "['h']" → "h"."""
    return path.rpartition("['")[2].partition("']")[0] if path.endswith("']") else ""


def _read(
    outputs: Sequence[Variable], carries: Sequence[Variable], places: Sequence[Variable]
) -> tuple[list[int], list[Variable]]:
    """Which of the rows a step reads, and which outer variables: those on its edge, each once."""
    inside = dependents(outputs, {*carries, *places})
    read = dict.fromkeys(outputs)
    for apply in applies(outputs):
        if apply.outputs[0] in inside:
            read |= dict.fromkeys(apply.inputs)
    kept = [i for i, v in enumerate(places) if v in read]
    return kept, [v for v in read if v not in inside and not isinstance(v, Constant)]


def _result(result: Any, before: Any) -> tuple[Any, Any]:
    """A step's (carry, y) with Variables for leaves, its carry held against what entered."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ScanError(f"the step must return a pair (carry, y), and returned {result!r}")
    had, needs = flatten(result[0]), flatten(before)
    if had[2] != needs[2]:
        raise ScanError(
            f"the carry enters the step with the leaves {needs[1]} and leaves it with {had[1]}: "
            "both must be nested alike"
        )
    carry = []
    for new, old, path in zip(had[0], needs[0], had[1], strict=True):
        # A Python number takes the dtype of the carry that it becomes.
        (new,) = as_variables(old, new)[1:]
        if new.type != old.type:
            raise ScanError(
                f"carry{path} enters the step as {old.type} and leaves it as {new.type}: it must "
                "keep its shape and dtype (start it as it will be, or use .astype, .broadcast_to)",
                new.where,
            )
        carry.append(new)
    return unflatten(needs[2], carry), tree_map(_variable, result[1])
