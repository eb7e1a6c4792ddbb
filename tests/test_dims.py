"""Sizes with names: their arithmetic, the broadcasting rule, and finding their numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.dims import (
    Dim,
    Size,
    bind_sizes,
    broadcast,
    dim,
    evaluate,
    isqrt,
    product,
)
from minigrad.errors import ShapeError

T, B, H = Dim("T"), Dim("B"), Dim("H")

names = st.sampled_from([T, B, H])
numbers = st.integers(-4, 4)


def _combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Sums, differences, products and floor divisions of `parts`."""
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        st.tuples(parts, st.integers(1, 4)).map(lambda p: p[0] // p[1]),
        st.tuples(parts, names).map(lambda p: p[0] // p[1]),
    )


sizes = st.recursive(names | numbers, _combined, max_leaves=6)
polynomials = st.recursive(
    names | numbers,
    lambda parts: (
        st.tuples(parts, parts).map(lambda p: p[0] + p[1])
        | st.tuples(parts, parts).map(lambda p: p[0] * p[1])
    ),
    max_leaves=6,
)
bindings = st.fixed_dictionaries({name: st.integers(1, 9) for name in "TBH"})


def number(size: Size, binding: dict[str, int]) -> int:
    """The number that a size stands for, negative ones too."""
    return evaluate(size + 10**9, binding) - 10**9


# ---------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (T + 0, "T"),
        (T - 1, "T - 1"),
        (1 + T, "T + 1"),
        (1 - T, "-T + 1"),
        (T * B, "B*T"),
        (2 * (T + B) - B, "B + 2*T"),
        ((T + 1) * (T - 1), "T*T - 1"),
        (T // 2, "(T//2)"),
        (T // (2 * B), "(T//(2*B))"),
        ((T + 1) // 2, "((T + 1)//2)"),
        (7 // T, "(7//T)"),
        (isqrt(T), "isqrt(T)"),
    ],
)
def test_a_size_reads_as_it_is_written(size: Size, text: str) -> None:
    assert repr(size) == text
    assert size == text


@pytest.mark.parametrize(
    ("size", "plain"),
    [
        (T - T, 0),
        (T * 0, 0),
        (T + 3 - T, 3),
        ((T * B) // B, T),
        ((T * B - B) // B, T - 1),
        ((T * B + 2 * T) // (B + 2), T),
        ((6 * T) // 3, 2 * T),
        ((4 * T + 2) // 2, 2 * T + 1),
        (T // T, 1),
        (0 // T, 0),
        (T % T, 0),
        ((3 * T) % 3, 0),
        (T - (T // 2) * 2, T % 2),
    ],
)
def test_equal_sizes_are_equal_however_they_came_about(size: Size, plain: Size) -> None:
    assert size == plain
    assert type(size) is type(plain)


@given(sizes, sizes, bindings)
def test_arithmetic_is_that_of_the_numbers(a: Size, b: Size, binding: dict[str, int]) -> None:
    x, y = number(a, binding), number(b, binding)
    assert number(a + b, binding) == x + y
    assert number(a - b, binding) == x - y
    assert number(a * b, binding) == x * y
    if y and b != 0:
        assert number(a // b, binding) == x // y


@given(polynomials, polynomials)
def test_what_was_multiplied_divides_out(a: Size, b: Size) -> None:
    if b != 0:
        assert (a * b) // b == a


@given(sizes)
def test_the_text_of_a_size_means_that_size(size: Size) -> None:
    if isinstance(size, Dim):
        assert dim(repr(size)) == size
        assert hash(dim(repr(size))) == hash(size)


def test_a_size_equals_its_text_and_no_other() -> None:
    assert T == "T"
    assert T - 1 == "T-1"
    assert (T, B, 81) == ("T", "B", 81)
    assert T != "B"
    assert T != "no size!"
    assert T != 1
    assert T != None  # noqa: E711
    assert len({T, Dim("T"), T + 1 - 1}) == 1


def test_division_by_zero_is_an_error() -> None:
    with pytest.raises(ShapeError, match="cannot divide the size T by 0"):
        T // 0


@pytest.mark.parametrize(
    ("size", "found"), [(0, 1), (1, 1), (3, 1), (4, 2), (8, 2), (9, 3), (30, 5)]
)
def test_isqrt(size: int, found: int) -> None:
    assert isqrt(size) == evaluate(isqrt(T), {"T": size}) == found


def test_product() -> None:
    assert product([]) == 1
    assert product([2, T, 3]) == 6 * T
    assert product([T, 0]) == 0


# ---------------------------------------------------------------- what is a size


@pytest.mark.parametrize("text", ["T", "T-1", "T*B", "2*T + 1", "(T + 1)//2", "-T + 9", "isqrt(T)"])
def test_a_size_from_text(text: str) -> None:
    assert number(dim(text), {"T": 4, "B": 3}) == eval(text, {"T": 4, "B": 3, "isqrt": isqrt})


@pytest.mark.parametrize("wrong", ["", "T B", "T/2", "T**2", "3.5", "f(T)", "T.x", "True", "T = 3"])
def test_text_that_is_no_size_is_refused(wrong: str) -> None:
    with pytest.raises(ShapeError, match="is no dimension: write a name"):
        dim(wrong)


@pytest.mark.parametrize("wrong", [-1, 2.5, None, True, [3]])
def test_what_is_no_size_is_refused(wrong: object) -> None:
    with pytest.raises(ShapeError, match="is no size"):
        dim(wrong)


# ---------------------------------------------------------------- numbers for names


def test_evaluate() -> None:
    assert evaluate(dim("T*B - 1"), {"T": 4, "B": 3}) == 11
    assert evaluate(7, {}) == 7


def test_a_name_without_a_size_is_an_error() -> None:
    with pytest.raises(ShapeError, match="dimension B has no size here"):
        evaluate(T * B, {"T": 4})


def test_a_size_below_zero_is_an_error() -> None:
    with pytest.raises(ShapeError, match="the size T - 3 is -1 with T=2"):
        evaluate(T - 3, {"T": 2})


@pytest.mark.parametrize(
    ("declared", "actual", "found"),
    [
        ([("T", 3)], [(5, 3)], {"T": 5}),
        ([("T", 3), ("T-1",)], [(5, 3), (4,)], {"T": 5}),
        ([("T-1",), ("T", 3)], [(4,), (5, 3)], {"T": 5}),
        ([("T-1",)], [(4,)], {"T": 5}),
        ([("2*T + 1",)], [(7,)], {"T": 3}),
        ([("T*B",), ("B",)], [(12,), (3,)], {"T": 4, "B": 3}),
        ([("T*B",), ("B-1",)], [(12,), (2,)], {"T": 4, "B": 3}),
        ([("T+B",), ("T-1",), ("B-1",)], [(7,), (3,), (2,)], {"T": 4, "B": 3}),
        ([("T",)], [(0,)], {"T": 0}),
        ([()], [()], {}),
    ],
)
def test_bind_sizes(declared: Any, actual: Any, found: dict[str, int]) -> None:
    shapes = [tuple(map(dim, shape)) for shape in declared]
    assert bind_sizes(zip("abc", shapes, actual, strict=False)) == found


@pytest.mark.parametrize(
    ("declared", "actual", "message"),
    [
        ([("T", 3)], [(5,)], r"a needs 2 axes, \(T, 3\), and had 1, \(5,\)"),
        ([("T", 3)], [(5, 4)], "axis 1 of a has size 4 and needs 3"),
        (
            [("T",), ("T",)],
            [(5,), (4,)],
            r"axis 0 of b has size 4 and needs T = 5 \(T=5 by axis 0 of a\)",
        ),
        ([("2*T",)], [(5,)], r"axis 0 of a has size 5, which is 2\*T for no whole T"),
        ([("T+3",)], [(2,)], "axis 0 of a has size 2, which is T [+] 3 for no whole T"),
        (
            [("T+B",), ("T-1",), ("B-1",)],
            [(8,), (3,), (2,)],
            r"axis 0 of a has size 8 and needs B [+] T = 7",
        ),
    ],
)
def test_sizes_that_contradict_each_other(declared: Any, actual: Any, message: str) -> None:
    shapes = [tuple(map(dim, shape)) for shape in declared]
    with pytest.raises(ShapeError, match=message):
        bind_sizes(zip("abc", shapes, actual, strict=False))


# ---------------------------------------------------------------- broadcasting


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        ([], ()),
        ([()], ()),
        ([(B, H), ()], (B, H)),
        ([(B, 1), (H,)], (B, H)),
        ([(1, B), (T, 1, 1), (H, 1, B)], None),
        ([(1, B), (T, 1, 1), (T, H, B)], (T, H, B)),
        ([(T + 1,), ("T+1",)], (T + 1,)),
        ([(0,), (1,)], (0,)),
        ([(2,), (3,)], None),
        ([(B,), (T,)], None),
        ([(B,), (2,)], None),
        ([(T,), (T - 1,)], None),
    ],
)
def test_broadcast(shapes: Any, result: Any) -> None:
    shapes = [tuple(map(dim, shape)) for shape in shapes]
    if result is not None:
        assert broadcast(*shapes) == result
    else:
        with pytest.raises(ShapeError, match="cannot broadcast"):
            broadcast(*shapes)


def test_the_broadcasting_error_shows_both_shapes_and_what_differs() -> None:
    with pytest.raises(ShapeError, match=r"\(B, H\) with \(T, 1\): B is not T .*literal 1"):
        broadcast((B, H), (T, 1))
