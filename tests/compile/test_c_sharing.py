"""A team of threads does the work of a function: who meets where, and what may go wrong."""

import ctypes
import os
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import Variable
from minigrad.native import find_blas, find_compiler
from tests.helpers import Array
from tests.in_teams import share_everything

pytestmark = [
    pytest.mark.skipif(find_compiler() is None, reason="no C compiler here"),
    pytest.mark.skipif(find_blas() is None, reason="no BLAS that C can call"),
]
B, H, T = 7, 24, 5
MEMBERS = 3
h, w = mg.input("h", (B, H), "float64"), mg.input("w", (H, H), "float64")
xs = mg.input("xs", (T, B, H), "float64")
RNG = np.random.default_rng(0)
AT = [RNG.normal(size=(B, H)), RNG.normal(size=(H, H)) / 4, RNG.normal(size=(T, B, H))]


@pytest.fixture(autouse=True)
def team(monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    return share_everything(monkeypatch, MEMBERS)


def compiled(*outputs: Variable) -> mg.Function:
    return mg.function([h, w, xs], list(outputs), backend="c")


def lines(*outputs: Variable) -> list[str]:
    """The lines of C, of a function that is right."""
    f = compiled(*outputs)
    expected = mg.function([h, w, xs], list(outputs), backend="numpy")(*AT)
    for _ in range(3):
        for found, should in zip(f(*AT), expected, strict=True):
            np.testing.assert_allclose(found, should, rtol=1e-9)
    return f.source("c").splitlines()


def meetings_in_loops(*outputs: Variable) -> int:
    """How many there are in loops, all of which have shares in what they do."""
    inside = [line.strip() for line in lines(*outputs) if line.startswith("        ")]
    assert any("FIRST(" in line for line in inside)
    return inside.count("MEET;")


# ---------------------------------------------------------------- where members meet


def test_a_loop_over_time_meets_nobody() -> None:
    last, hs = mg.scan(lambda a, x: (mg.tanh(a @ w + x), a), h, xs)
    assert meetings_in_loops(last, hs) == 0


def test_nor_does_its_way_back() -> None:
    last, _ = mg.scan(lambda a, x: (mg.tanh(a @ w + x), a), h, xs)
    assert meetings_in_loops(*mg.grad((last * last).sum(), [h, w, xs])) == 0


def test_nor_with_gates_that_are_parts_of_one_product() -> None:
    def step(a: Variable, x: Variable) -> tuple[Variable, None]:
        z = a @ w + x
        return mg.tanh(z[:, : H // 2]).broadcast_to((B, H // 2)) @ w[: H // 2] * mg.sigmoid(z), None

    last, _ = mg.scan(step, h, xs)
    assert meetings_in_loops(last) == 0


def test_what_reads_other_rows_comes_behind_a_meeting() -> None:
    last, _ = mg.scan(lambda a, x: (mg.tanh(a[::-1] + x), None), h, xs)
    assert meetings_in_loops(last) > 0


def test_a_mean_over_the_batch_is_of_the_first_member() -> None:
    last, _ = mg.scan(lambda a, x: (mg.tanh(a - a.mean(axis=0) + x), None), h, xs)
    text = "\n".join(lines(last))
    assert "if (!member) {" in text
    assert meetings_in_loops(last) >= 2


def test_a_weight_is_packed_by_all() -> None:
    last, _ = mg.scan(lambda a, x: (mg.tanh(a @ w + x), None), h, xs)
    packing = [line for line in lines(last) if "packed->pack_double(" in line]
    assert [line.count("FIRST") for line in packing] == [1]


def test_little_work_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert not any("team" in line for line in lines(mg.tanh(h @ w)))


def test_much_work_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    a, b = mg.input("a", (256, 256)), mg.input("b", (256, 256))
    f = mg.function([a, b], mg.tanh(a @ b), backend="c")
    f(*np.ones((2, 256, 256), "float32"))
    assert "of C that threads share" in f.report()


def test_what_goes_ahead_of_a_loop_is_in_no_block_before_it() -> None:
    n = (h[0, 0] * w[0, 0]).broadcast_to((1, H))
    (a, b), _ = mg.scan(
        lambda c, x: ((c[0] * 2, mg.tanh(c[1] @ w + x + c[0])), None), (mg.zeros_like(n), h), xs
    )
    lines(a + n, b)


@pytest.mark.parametrize(("rows", "most"), [(8, 2), (40, 10)])
def test_each_member_has_a_few_rows_of_a_batch(
    rows: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    a, v = mg.input("a", (rows, 256)), mg.input("v", (256, 256))
    last, _ = mg.scan(lambda a, _: (mg.tanh(a @ v), None), a, length=20)
    assert f"p[5], p[6], {most})" in mg.function([a, v], last, backend="c").source("c")


# ---------------------------------------------------------------- what may go wrong


def test_what_is_not_covered_leaves_the_block_of_one_member_whole() -> None:
    ids = mg.input("ids", (3,), "uint64")  # C takes no index that int64 does not hold
    x = mg.input("x", (5, 4), "float64")
    f = mg.function([x, ids], x.sum(axis=0)[ids], backend="c")
    source = f.source("c")
    assert source.count("{") == source.count("}")
    np.testing.assert_array_equal(f(np.ones((5, 4)), np.array([0, 3, 3], "uint64")), [5, 5, 5])


def test_an_index_outside_ends_all_members_and_the_team_lives_on() -> None:
    ids = mg.input("ids", (B,), "int64")
    f = mg.function([h, w, ids], mg.tanh(mg.tanh(h @ w)[ids] @ w), backend="c")
    good, bad = np.arange(B), np.full(B, B)
    for _ in range(5):
        assert f(*AT[:2], good).shape == (B, H)
        with pytest.raises(IndexError, match=f"index {B} is out of bounds for an axis of size {B}"):
            f(*AT[:2], bad)


def test_blas_has_one_thread_meanwhile_and_its_own_again(team: ctypes.CDLL) -> None:
    compiled(mg.tanh(h @ w))(*AT)
    assert (team.fewest_asked(), team.told()) == (1, MEMBERS)


def test_who_comes_while_the_team_works_does_it_alone() -> None:
    last, hs = mg.scan(lambda a, x: (mg.tanh(a @ w + x), a), h, xs)
    functions = [compiled(last, hs) for _ in range(4)]
    expected = functions[0](*AT)
    wrong: list[Array] = []

    def call(f: mg.Function) -> None:
        for _ in range(200):
            wrong.extend(a for a, b in zip(f(*AT), expected, strict=True) if not (a == b).all())

    threads = [threading.Thread(target=call, args=[f]) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_a_team_of_its_own() -> None:
    f = compiled(mg.tanh(h @ w))
    expected = f(*AT)[0]
    child = os.fork()
    if not child:
        os._exit(0 if all((f(*AT)[0] == expected).all() for _ in range(20)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (f(*AT)[0] == expected).all()
