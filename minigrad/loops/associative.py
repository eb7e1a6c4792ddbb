"""The parallel prefix form of a loop whose step is associative."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dims import Size, dim
from ..errors import ScanError
from ..functions import (
    arange,
    concat,
    flip,
    greater_equal,
    maximum,
    moveaxis,
    stack,
    take,
    where,
    zeros,
)
from ..functions.reductions import front_axis
from ..gates import Extent
from ..tree import flatten, tree_map, unflatten
from ..variables import Variable, as_variables, constant
from .loop import scan

__all__ = ["associative_scan"]

Values = list[Variable]
Op = Callable[[Values, Values], Values]
_CHUNK = 8


def associative_scan(
    op: Callable[[Any, Any], Any], xs: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All prefixes of `xs` under an associative `op`: x0, op(x0, x1), op(op(x0, x1), x2), …

    `xs` is a Variable or a nested structure of them, alike along `axis`; `op(a, b)` takes two such
    structures with any number of elements along `axis` and gives a third, element by element. With
    `reverse` the prefixes start from the end: …, op(x_{n-1}, x_{n-2}), x_{n-1}.

    What is done at once is long, and what is done one after the other short. A size that is an int
    is halved again and again, to a depth of log n (Blelloch, "Prefix sums and their applications",
    1990); a named one is cut into chunks of 8, which leaves loops of n / 8 steps and of fewer than
    8. Both are about 2n applications of op.

    A linear recurrence h_t = a_t h_{t-1} + b_t:

    >>> import minigrad as mg
    >>> a, b = mg.inputs("a b", (4,))
    >>> _, h = mg.associative_scan(lambda p, q: (q[0] * p[0], q[0] * p[1] + q[1]), (a, b))
    >>> h.eval({a: [1, 2, 2, 2], b: [1, 1, 1, 1]})
    array([ 1.,  3.,  7., 15.], dtype=float32)

    Raises ScanError when the leaves of `xs` differ along `axis`, or op changes their types.
    """
    leaves, _, structure = flatten(tree_map(lambda x: as_variables(x)[0], xs))
    if not leaves:
        raise ScanError("associative_scan needs at least one array")
    moved = [moveaxis(x, front_axis(axis, x.ndim, x), 0) for x in leaves]
    sizes = {x.shape[0] for x in moved}
    if len(sizes) > 1:
        raise ScanError(f"associative_scan: the sizes along axis {axis} differ: {sizes}")

    def back(x: Variable) -> Variable:
        return flip(x, 0) if reverse else x

    def combine(a: Values, b: Values) -> Values:
        """op with `axis` in front, its result held against the type of b."""
        places = [[moveaxis(x, 0, front_axis(axis, x.ndim, x)) for x in side] for side in (a, b)]
        result = op(*(unflatten(structure, side) for side in places))
        found = [moveaxis(x, front_axis(axis, x.ndim, x), 0) for x in flatten(result)[0]]
        if [x.type for x in found] != [x.type for x in b]:
            raise ScanError(
                f"op made {[str(x.type) for x in found]} of {[str(x.type) for x in b]}: it must "
                "keep shapes and dtypes"
            )
        return found

    (size,) = sizes
    rows = [back(x) for x in moved]
    done = _halved(combine, rows, size) if isinstance(size, int) else _chunked(combine, rows, size)
    return unflatten(structure, [moveaxis(back(x), 0, front_axis(axis, x.ndim, x)) for x in done])


def _halved(op: Op, xs: Values, size: int) -> Values:
    """The prefixes of n from those of n // 2 neighbouring pairs.

    Those of the pairs are every second result, and one more op each gives those between.
    """
    if size < 2:
        return xs
    pairs = op([x[: size - 1 : 2] for x in xs], [x[1::2] for x in xs])
    odd = _halved(op, pairs, size // 2)
    even = [x[:1] for x in xs]
    if size > 2:
        between = op([o[: (size - 1) // 2] for o in odd], [x[2::2] for x in xs])
        even = [concat([e, b]) for e, b in zip(even, between, strict=True)]
    return [_interleaved(e, o, size) for e, o in zip(even, odd, strict=True)]


def _interleaved(even: Variable, odd: Variable, size: int) -> Variable:
    """e0, o0, e1, o1, … of which `even` may have one more."""
    half = size // 2
    woven = stack([even[:half], odd], axis=1).reshape((2 * half, *odd.shape[1:]))
    return woven if size % 2 == 0 else concat([woven, even[half:]])


def _chunked(op: Op, xs: Values, size: Size) -> Values:
    """Prefixes of chunks of K elements, side by side; of their totals; and both put together.

    x0 x1 x2 | x3 x4 x5 | x6      →   in each chunk  p0 p1 p2 | p3 p4 p5,  totals p2 p5
    totals' prefixes q0 q1        →   p0 p1 p2 | q0·p3 q0·p4 q0·p5,  then  q1·x6
    """
    count = size // _CHUNK
    main = [x[: count * _CHUNK].reshape((count, _CHUNK, *x.shape[1:])) for x in xs]
    inside = [[x[:, 0] for x in main]]
    for k in range(1, _CHUNK):
        inside.append(op(inside[-1], [x[:, k] for x in main]))
    totals, last = _one_by_one(op, inside[-1], None)
    chunk = arange(count)
    before = [take(q, maximum(chunk - 1, 0)) for q in totals]  # of chunk 0: any, it is not used
    whole = [_where(greater_equal(chunk, 1), op(before, p), p) for p in inside[:-1]]
    columns = zip(*whole, totals, strict=True)
    done = [stack(c, axis=1).reshape((count * _CHUNK, *c[0].shape[1:])) for c in columns]
    any_chunk = greater_equal(Extent(dim(count), np.dtype(np.int64))(), 1)
    rest, _ = _one_by_one(op, [x[count * _CHUNK :] for x in xs], (last, any_chunk))
    return [concat([d, r]) for d, r in zip(done, rest, strict=True)]


def _one_by_one(
    op: Op, xs: Values, before: tuple[Values, Variable] | None
) -> tuple[Values, Values]:
    """The prefixes in a loop, after what was before, if anything was; and the last of them."""
    nothing = [zeros(x.shape[1:], x.dtype) for x in xs], constant(False)

    def step(carry: tuple[Values, Variable], row: Values) -> tuple[Any, Values]:
        old, some = carry
        valid = [where(some, o, x) for o, x in zip(old, row, strict=True)]  # op of nothing else
        both = op([v.expand_dims(0) for v in valid], [x.expand_dims(0) for x in row])
        new = [where(some, b[0], x) for b, x in zip(both, row, strict=True)]
        return (new, constant(True)), new

    (last, _), ys = scan(step, before or nothing, xs, name="prefixes")
    return list(ys), list(last)


def _where(condition: Variable, xs: Values, ys: Values) -> Values:
    """Rows of xs where the condition (n,) holds, and of ys where not."""
    return [
        where(condition.expand_dims(tuple(range(1, x.ndim))), x, y)
        for x, y in zip(xs, ys, strict=True)
    ]
