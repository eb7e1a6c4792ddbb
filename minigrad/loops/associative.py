"""The parallel prefix form of a loop whose step is associative."""

from collections.abc import Callable
from typing import Any

from ..dims import Size, log2_ceil
from ..errors import ScanError
from ..functions import arange, concat, flip, greater_equal, maximum, moveaxis, stack, take, where
from ..functions.reductions import front_axis
from ..tree import flatten, tree_map, unflatten
from ..variables import Variable, as_variables
from .loop import scan

__all__ = ["associative_scan"]

Op = Callable[[list[Variable], list[Variable]], list[Variable]]


def associative_scan(
    op: Callable[[Any, Any], Any], xs: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All prefixes of `xs` under an associative `op`: x0, op(x0, x1), op(op(x0, x1), x2), …

    `xs` is a Variable or a nested structure of them, alike along `axis`; `op(a, b)` takes two such
    structures with any number of elements along `axis` and gives a third, element by element. With
    `reverse` the prefixes start from the end: …, op(x_{n-1}, x_{n-2}), x_{n-1}.

    The depth is log n, not n. A size that is an int is halved again and again (Blelloch, "Prefix
    sums and their applications", 1990; about 2n applications of op); a named one is doubled in a
    loop of ⌈log₂ n⌉ steps (Hillis and Steele, "Data parallel algorithms", 1986; n each).

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

    def combine(a: list[Variable], b: list[Variable]) -> list[Variable]:
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
    done = _halved(combine, rows, size) if isinstance(size, int) else _doubled(combine, rows, size)
    return unflatten(structure, [moveaxis(back(x), 0, front_axis(axis, x.ndim, x)) for x in done])


def _halved(op: Op, xs: list[Variable], size: int) -> list[Variable]:
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


def _doubled(op: Op, xs: list[Variable], size: Size) -> list[Variable]:
    """After turn k each place holds the op of the 2^k elements that end there."""
    place = arange(size)

    def turn(carry: tuple[list[Variable], Variable], _: None) -> tuple[Any, None]:
        ys, reach = carry
        source = maximum(place - reach, 0)
        combined = op([take(y, source) for y in ys], ys)
        inside = greater_equal(place, reach)
        chosen = [
            where(inside.expand_dims(tuple(range(1, y.ndim))), new, y)
            for new, y in zip(combined, ys, strict=True)
        ]
        return (chosen, reach * 2), None

    (done, _), _ = scan(turn, (xs, as_variables(1)[0]), length=log2_ceil(size), name="prefixes")
    return list(done)
