"""Every gate in C: as interpreted, of inputs that lie in memory anyhow, in loops and outside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

import minigrad as mg
from minigrad import Variable, gates
from minigrad.compile.c import lower
from minigrad.compile.plan import Call, Empty, Native
from minigrad.compile.planner import plan
from minigrad.graph import Binding, Graph
from minigrad.interpret import evaluate
from minigrad.native import find_blas, find_compiler
from tests.differential import assert_close
from tests.gates.cases import CASES, SIZES, Case
from tests.helpers import Array

pytestmark = [
    pytest.mark.skipif(find_compiler() is None, reason="no C compiler here"),
    pytest.mark.skipif(find_blas() is None, reason="no BLAS that C can call"),
]

LEFT_TO_NUMPY = (gates.Power, gates.Extent)
"""Powers of integers, of which NumPy refuses those below 0, and a size that is a result."""


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def left_to_numpy(inputs: Sequence[Variable], outputs: Sequence[Variable]) -> list[str]:
    """The gates that C does not do."""
    steps = plan(Graph(tuple(inputs), tuple(outputs), Binding({})), 0)
    lower(steps)
    return [
        str(step.gate) if isinstance(step, Call) else type(step).__name__
        for step in steps.steps
        if not isinstance(step, Native | Empty)
        and not (isinstance(step, Call) and step.gate.view and not step.placed)
    ]


def assert_right_in_c(
    outputs: Sequence[Variable], values: dict[Variable, Array], tolerance: float = 2e-6
) -> None:
    """C does all of it, and what it gives is what the interpreter says."""
    inputs = list(values)
    assert left_to_numpy(inputs, outputs) == []
    found = mg.function(inputs, list(outputs), backend="c", optimize=False)(*values.values())
    for i, (v, *pair) in enumerate(zip(outputs, found, evaluate(outputs, values), strict=True)):
        assert_close(*pair, tolerance, f"output {i}: {v!r} of {v.owner}")


# ---------------------------------------------------------------- how inputs lie in memory


@dataclass(frozen=True)
class Look:
    """An array that holds another: what is stored of it, and how it is looked at."""

    stored: Callable[[Array], Array]
    seen: Callable[[Variable], Variable]


def _with_gaps(a: Array) -> Array:
    wide = np.ones([2 * n for n in a.shape], a.dtype)
    wide[tuple(slice(None, None, 2) for _ in a.shape)] = a
    return wide


LOOKS = {
    "as it is": Look(lambda a: a, lambda x: x),
    "transposed": Look(lambda a: a.T, lambda x: x.permute_dims(tuple(range(x.ndim))[::-1])),
    "reversed": Look(lambda a: np.flip(a), lambda x: _flipped(x)),
    "with gaps": Look(_with_gaps, lambda x: x[(slice(None, None, 2),) * x.ndim]),
}


def _flipped(x: Variable) -> Variable:
    for axis in range(x.ndim):
        x = x.flip(axis=axis)
    return x


def _repeated(a: Array) -> Array:
    """Its first element everywhere, in a single place."""
    return a[(slice(0, 1),) * a.ndim]


def covered(case: Case) -> bool:
    if isinstance(case.gate, gates.Power):
        return any(t.differentiable for t in case.types())
    return not isinstance(case.gate, LEFT_TO_NUMPY)


def by_module() -> dict[str, list[Case]]:
    """The cases of the table, by the file that their gates are in."""
    found: dict[str, list[Case]] = {}
    for case in filter(covered, CASES):
        found.setdefault(type(case.gate).__module__.rpartition(".")[2], []).append(case)
    return found


def is_elementwise(case: Case) -> bool:
    return isinstance(case.gate, gates.Elementwise)


def of_gate(case: Case, sizes: str, inputs: Sequence[Variable]) -> list[Variable]:
    found = case.gate.bind(Binding(SIZES[sizes]))(*inputs)
    return list(found) if isinstance(found, tuple) else [found]


@pytest.mark.parametrize("sizes", ["usual", "ones"])
@pytest.mark.parametrize("module", by_module())
def test_every_gate_of_inputs_that_lie_anyhow(module: str, sizes: str) -> None:
    """Each case is seen in one way, the next in the next; the table has several of each gate."""
    values: dict[Variable, Array] = {}
    outputs: list[Variable] = []
    cases = [case for case in by_module()[module] if sizes in case.fits]
    for i, case in enumerate(cases):
        for name in ("as it is", [*LOOKS][1 + i % (len(LOOKS) - 1)]):
            look = LOOKS[name]
            inputs = []
            for array in case.arrays(SIZES[sizes]):
                stored = np.ascontiguousarray(look.stored(array)).reshape(look.stored(array).shape)
                x = mg.input(f"x{len(values)}", stored.shape, stored.dtype)
                values[x] = stored
                inputs.append(look.seen(x))
            outputs += of_gate(case, sizes, inputs)
    assert_right_in_c(outputs, values)


@pytest.mark.parametrize("module", [m for m, c in by_module().items() if not is_elementwise(c[0])])
def test_every_gate_in_a_loop(module: str) -> None:
    """Of rows that are new at each step, and of what is broadcast from one element."""
    sizes, steps = "usual", 3
    values: dict[Variable, Array] = {}
    cases = [case for case in by_module()[module] if sizes in case.fits]
    rows, fixed = [], []
    for case in cases:
        seeds = [case.arrays(SIZES[sizes], seed) for seed in range(steps)]
        for arrays in zip(*seeds, strict=True):
            rows.append(mg.input(f"x{len(values)}", np.stack(arrays).shape, arrays[0].dtype))
            values[rows[-1]] = np.stack(arrays)
        for array in seeds[0]:
            x = mg.input(f"x{len(values)}", _repeated(array).shape, array.dtype)
            values[x] = _repeated(array)
            fixed.append(x.broadcast_to(array.shape))

    def step(count: Variable, xs: list[Variable]) -> tuple[Variable, list[Variable]]:
        found, at = [], 0
        for case in cases:
            inputs = slice(at, at + len(case.inputs))
            found += of_gate(case, sizes, xs[inputs]) + of_gate(case, sizes, fixed[inputs])
            at += len(case.inputs)
        return count + 1, found

    _, ys = mg.scan(step, mg.constant(0), rows, length=steps)
    assert_right_in_c(ys, values)


def test_what_is_left_to_numpy() -> None:
    """Each gate of the table but these, and casts of floats to uint32 and uint64."""
    x, n = mg.input("x", (3,)), mg.input("n", (3,), "int64")
    assert left_to_numpy([n], [n**n]) == ["power"]
    assert left_to_numpy([], [gates.Extent(3, np.dtype("int64"))()]) == ["extent"]
    assert left_to_numpy([x], [x.astype("uint32"), x.astype("uint64")]) == ["astype"] * 2
    assert left_to_numpy([n], [n < n.astype("uint64")]) == ["less"]
    missing = {getattr(gates, name) for name in gates.__all__} - {type(c.gate) for c in CASES}
    assert missing == {gates.Elementwise, gates.composite.Composite}


TABLE, IDS = mg.input("table", (4, 3)), mg.input("ids", (2,), "int64")
PICKED = {
    "take": mg.take(TABLE, IDS, axis=0),
    "take of columns": mg.take(TABLE.mT, IDS, axis=1),
    "take along": gates.TakeAlong(0)(TABLE[:, :2], IDS.expand_dims(0)),
    "scatter": gates.ScatterAdd(1, 4)(TABLE.mT[:, :2], IDS),
    "scatter along": gates.ScatterAddAlong(1, 4)(TABLE[:1, :2], IDS.expand_dims(0)),
}


@pytest.mark.parametrize("kind", PICKED)
def test_an_index_outside_is_an_error_with_the_users_line(kind: str) -> None:
    f = mg.function([TABLE, IDS], PICKED[kind], backend="c")
    rows = np.ones((4, 3), "float32")
    for right in ([0, 3], [-4, -1]):
        f(rows, right)
    for wrong in ([0, 4], [-5, 0], [2**40, 0]):
        with pytest.raises(IndexError, match=r"size 4\n.*test_c_gates.py:\d+"):
            f(rows, wrong)


def test_views_of_what_is_empty() -> None:
    x = mg.input("x", (0, 3), "float64")
    views = [x.mT, x[:, ::2].reshape((-1,)), x.flip(axis=1), x.broadcast_to((2, 0, 3))]
    outputs = [mg.concat([v.reshape((-1,)), mg.ones(2, "float64")]) for v in views]
    assert_right_in_c([*outputs, x.sum(), x.sum(axis=0), x.mean(axis=0)], {x: np.zeros((0, 3))})


def test_a_subclass_that_computes_otherwise_is_left_to_numpy() -> None:
    class Range(gates.Max):
        def forward(self, xp, x, out=None):
            return x.max(self.axes) - x.min(self.axes)

    class Cold(gates.Softmax):
        def forward(self, xp, x, out=None):
            return x * 0

    x = mg.input("x", (2, 3))
    f = mg.function([x], [Range((1,))(x), Cold(1)(x)], backend="c")
    top, cold = f([[1.0, 5, 2], [0, -1, 3]])
    np.testing.assert_array_equal(top, [4, 4])
    np.testing.assert_array_equal(cold, np.zeros((2, 3)))


def test_a_product_of_rows_that_are_one_row() -> None:
    x, w = mg.input("x", (1, 3)), mg.input("w", (3, 4))
    y = mg.broadcast_to(x, (5, 1, 3)) @ w
    values = {x: np.array([[1, 2, 3]], "float32"), w: np.arange(12, dtype="float32").reshape(3, 4)}
    assert_right_in_c([y], values)
