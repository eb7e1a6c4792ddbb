"""Symbolic dimensions: a size is an int, or a polynomial in dimension names such as ``T*B - 1``.

A `Dim` is kept in one canonical form, so that two equal sizes are equal objects whatever way they
were computed: ``Dim("T") + 1 - 1 == Dim("T")``. What is constant is an int, never a `Dim`.
"""

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, reduce

from .errors import ShapeError

__all__ = [
    "Axis",
    "Dim",
    "Shape",
    "Size",
    "Sizes",
    "bind_sizes",
    "broadcast",
    "dim",
    "evaluate",
    "isqrt",
    "product",
    "show_shape",
]

# An atom is a dimension name or an integer function of sizes that is no polynomial:
# ("//", T, 2) is a floor division, ("isqrt", T) the integer part of a square root.
Atom = str | tuple["str | Size", ...]
Monomial = tuple[Atom, ...]  # a product of atoms, sorted; () is the number 1


class Dim:
    """A size that is known by name only. Supports ``+ - * //`` with ints and other sizes.

    Equal to its own text too, so that shapes can be compared with what was written:

    >>> T, B = Dim("T"), Dim("B")
    >>> (T - 1) * B
    B*T - B
    >>> (T, B, 81) == ("T", "B", 81)
    True
    >>> (T * B) // B == T
    True
    """

    __slots__ = ("_text", "terms")

    def __init__(self, terms: str | Mapping[Monomial, int]) -> None:
        self.terms: dict[Monomial, int] = {(terms,): 1} if isinstance(terms, str) else dict(terms)
        self._text = _text(self.terms)

    def __repr__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and other != self._text:
            try:
                other = dim(other)
            except ShapeError:
                return False
        return isinstance(other, Dim | str) and str(other) == self._text

    def __add__(self, other: "Size") -> "Size":
        total = dict(self.terms)
        for monomial, factor in _terms(other).items():
            total[monomial] = total.get(monomial, 0) + factor
        return _size(total)

    def __mul__(self, other: "Size") -> "Size":
        total: dict[Monomial, int] = {}
        for a, m in self.terms.items():
            for b, n in _terms(other).items():
                monomial = tuple(sorted(a + b, key=str))
                total[monomial] = total.get(monomial, 0) + m * n
        return _size(total)

    def __neg__(self) -> "Size":
        return self * -1

    def __sub__(self, other: "Size") -> "Size":
        return self + -1 * other

    def __rsub__(self, other: "Size") -> "Size":
        return -1 * self + other

    def __floordiv__(self, other: "Size") -> "Size":
        return _divide(self, other)

    def __rfloordiv__(self, other: "Size") -> "Size":
        return _divide(other, self)

    def __mod__(self, other: "Size") -> "Size":
        return self - (self // other) * other

    __radd__ = __add__
    __rmul__ = __mul__

    def names(self) -> set[str]:
        """The dimension names in it.

        >>> sorted(dim("T*B - 1").names())
        ['B', 'T']
        """
        found: set[str] = set()
        for atom in (atom for monomial in self.terms for atom in monomial):
            if isinstance(atom, str):
                found.add(atom)
            else:
                found.update(*(part.names() for part in atom[1:] if isinstance(part, Dim)))
        return found


Size = int | Dim
Shape = tuple[Size, ...]
Sizes = Mapping[str, int]
Axis = int | Iterable[int] | None  # one axis, several, or all of them


def _terms(size: Size) -> dict[Monomial, int]:
    return size.terms if isinstance(size, Dim) else {(): int(size)}


def _size(terms: Mapping[Monomial, int]) -> Size:
    kept = {monomial: factor for monomial, factor in terms.items() if factor}
    if not kept:
        return 0
    return kept[()] if set(kept) == {()} else Dim(kept)


def _text(terms: Mapping[Monomial, int]) -> str:
    def atom(a: Atom) -> str:
        if isinstance(a, str):
            return a
        if a[0] != "//":
            return f"{a[0]}({', '.join(map(str, a[1:]))})"
        above, below = map(str, a[1:])
        above = f"({above})" if " " in above else above
        below = f"({below})" if " " in below or "*" in below else below  # T//(2*B)
        return f"({above}//{below})"

    text = ""
    for monomial in sorted(terms, key=lambda m: (-len(m), str(m))):  # highest degree first
        factor = terms[monomial]
        parts = ([str(abs(factor))] if abs(factor) != 1 or not monomial else []) + [
            atom(a) for a in monomial
        ]
        sign = (" - " if factor < 0 else " + ") if text else ("-" if factor < 0 else "")
        text += sign + "*".join(parts)
    return text


def _divide(a: Size, b: Size) -> Size:
    """a // b: polynomial long division where that is exact, else an atom.

    (T*B - B) // B → T - 1;  T // 2 → the atom ("//", T, 2)
    """
    if b == 0:
        raise ShapeError(f"cannot divide the size {a} by 0")
    quotient: Size = 0
    rest = a
    lead_b = max(_terms(b), key=lambda m: (len(m), str(m)))
    while rest != 0:
        lead = max(_terms(rest), key=lambda m: (len(m), str(m)))
        monomial = list(lead)
        for atom in lead_b:
            if atom not in monomial:
                return _size({(("//", a, b),): 1})
            monomial.remove(atom)
        factor, left = divmod(_terms(rest)[lead], _terms(b)[lead_b])
        if left:
            return _size({(("//", a, b),): 1})
        step = _size({tuple(monomial): factor})
        quotient, rest = quotient + step, rest - step * b
    return quotient


def isqrt(size: Size) -> Size:
    """The integer part of the square root, at least 1: the stride of ``checkpoint="sqrt"``.

    >>> isqrt(30), isqrt(Dim("T"))
    (5, isqrt(T))
    """
    return _size({(("isqrt", size),): 1}) if isinstance(size, Dim) else max(1, math.isqrt(size))


_ATOMS: dict[str, Callable[..., int]] = {
    "//": lambda a, b: a // b,
    "isqrt": lambda a: max(1, math.isqrt(a)),
}


@lru_cache(maxsize=4096)
def _parse(text: str) -> Size:
    def visit(node: ast.expr) -> Size:
        match node:
            case ast.Name(name):
                return Dim(name)
            case ast.Constant(int(number)) if not isinstance(number, bool):
                return number
            case ast.UnaryOp(ast.USub(), operand):
                return -visit(operand)
            case ast.BinOp(left, ast.Add(), right):
                return visit(left) + visit(right)
            case ast.BinOp(left, ast.Sub(), right):
                return visit(left) - visit(right)
            case ast.BinOp(left, ast.Mult(), right):
                return visit(left) * visit(right)
            case ast.BinOp(left, ast.FloorDiv(), right):
                return visit(left) // visit(right)
            case ast.Call(ast.Name("isqrt"), [argument], []):
                return isqrt(visit(argument))
        raise SyntaxError

    try:
        return visit(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        raise ShapeError(
            f"{text!r} is no dimension: write a name, or names and ints joined by + - * //"
        ) from None


def dim(size: object) -> Size:
    """The size that an int, a `Dim` or a text such as ``"T-1"`` means.

    >>> dim("T-1") + 1, dim("2*3")
    (T, 6)

    Raises ShapeError for anything else, and for negative ints.
    """
    if isinstance(size, Dim):
        return size
    if isinstance(size, str):
        return _parse(size)
    try:
        number = int(size.__index__())  # type: ignore[attr-defined]
    except AttributeError:
        raise ShapeError(f"{size!r} is no size: a shape holds ints and dimension names") from None
    if number < 0 or isinstance(size, bool):
        raise ShapeError(f"{size!r} is no size: sizes are whole numbers from 0 up")
    return number


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none.

    >>> product(("T", 3, 2)[1:]), product((Dim("T"), 2))
    (6, 2*T)
    """
    start: Size = 1
    return reduce(lambda a, b: a * b, sizes, start)


def evaluate(size: Size, sizes: Sizes) -> int:
    """The number a size stands for, when its names have the given sizes.

    >>> evaluate(dim("T*B - 1"), {"T": 4, "B": 3})
    11

    Raises ShapeError when it is negative or a name has no size.
    """
    value = _evaluate(size, sizes)
    if value < 0:
        bound = ", ".join(f"{n}={sizes[n]}" for n in _named(size)) or "no names in it"
        raise ShapeError(f"the size {size} is {value} with {bound}: it must not be negative")
    return value


def _evaluate(size: Size, sizes: Sizes) -> int:
    if isinstance(size, int):
        return size
    try:
        return sum(
            factor * math.prod(_atom(atom, sizes) for atom in monomial)
            for monomial, factor in size.terms.items()
        )
    except KeyError as missing:
        raise ShapeError(f"dimension {missing.args[0]} has no size here") from None


def _atom(atom: Atom, sizes: Sizes) -> int:
    if isinstance(atom, str):
        return sizes[atom]
    name, *arguments = atom
    return _ATOMS[str(name)](*(_evaluate(a, sizes) for a in arguments if not isinstance(a, str)))


def broadcast(*shapes: Shape) -> Shape:
    """The shape that shapes broadcast to. Equal sizes agree, a literal 1 stretches, nothing else.

    >>> broadcast((Dim("B"), 1), (Dim("H"),))
    (B, H)

    Raises ShapeError for sizes that differ, also for names that differ: ``B`` is not ``T``.
    """
    rank = max(map(len, shapes), default=0)
    result: list[Size] = []
    for column in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        wide = [size for size in column if size != 1]
        if any(size != wide[0] for size in wide):
            shown = " with ".join(map(show_shape, shapes))
            raise ShapeError(
                f"cannot broadcast {shown}: {' is not '.join(str(s) for s in dict.fromkeys(wide))}"
                " (sizes must be equal, or a literal 1)"
            )
        result.append(wide[0] if wide else 1)
    return tuple(result)


def show_shape(shape: Iterable[Size]) -> str:
    """A shape as it is written in messages: ``(T, B, 81)``, ``(3,)``, ``()``."""
    return str(tuple(shape))


def bind_sizes(shapes: Iterable[tuple[str, Shape, tuple[int, ...]]]) -> dict[str, int]:
    """The size of every dimension name, from (label, declared shape, actual shape) of each array.

    >>> bind_sizes([("x", (Dim("T"), 3), (5, 3)), ("y", (Dim("T") - 1,), (4,))])
    {'T': 5}

    Raises ShapeError naming the array and axis whose size contradicts the others.
    """
    sizes: dict[str, int] = {}
    source: dict[str, str] = {}
    pending: list[tuple[str, Size, int]] = []
    for label, declared, actual in shapes:
        if len(declared) != len(actual):
            raise ShapeError(
                f"{label} needs {len(declared)} axes, {show_shape(declared)}, and had "
                f"{len(actual)}, {actual}"
            )
        for axis, (size, number) in enumerate(zip(declared, actual, strict=True)):
            place = f"axis {axis} of {label}"
            if isinstance(size, Dim) and size.terms == {(str(size),): 1} and str(size) not in sizes:
                sizes[str(size)], source[str(size)] = number, place
            else:
                pending.append((place, size, number))
    count = -1
    while count != len(pending):  # what one axis tells may help with another
        count = len(pending)
        pending = [item for item in pending if not _settled(*item, sizes, source)]
    return sizes


def _settled(
    place: str, size: Size, number: int, sizes: dict[str, int], source: dict[str, str]
) -> bool:
    """Hold one axis against the sizes known so far, or learn its one unknown name from it.

    False, and nothing done, while it has several unknown names.
    """
    unknown = set(_named(size)) - set(sizes)
    if len(unknown) > 1:
        return False
    if unknown and isinstance(size, Dim):
        name = unknown.pop()
        sizes[name], source[name] = _solve(size, name, number, sizes, place), place
    elif (needed := evaluate(size, sizes)) != number:
        why = ", ".join(f"{n}={sizes[n]} by {source[n]}" for n in _named(size))
        raise ShapeError(
            f"{place} has size {number} and needs {size}" + (f" = {needed} ({why})" if why else "")
        )
    return True


def _named(size: Size) -> list[str]:
    return sorted(size.names()) if isinstance(size, Dim) else []


def _solve(size: Dim, name: str, number: int, sizes: Sizes, place: str) -> int:
    """The value of one unknown name for which `size` is `number`: T = 5 for T - 1 = 4."""
    at_0, at_1 = (_evaluate(size, {**sizes, name: n}) for n in (0, 1))
    slope = at_1 - at_0
    found = (number - at_0) // slope if slope else 0
    if found < 0 or _evaluate(size, {**sizes, name: found}) != number:
        raise ShapeError(f"{place} has size {number}, which is {size} for no whole {name}")
    return found
