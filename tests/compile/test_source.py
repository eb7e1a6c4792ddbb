"""The generated program: it runs alone with NumPy, and can be read."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError
from tests.helpers import Array

THIS = Path(__file__).name


def run_alone(source: str, arrays: Mapping[str, Any]) -> list[Array]:
    """The results of a program by itself, its arguments found by name."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    program = namespace["program"]
    return list(program(*(arrays[name] for name in inspect.signature(program).parameters)))


def network() -> tuple[list[mg.Variable], list[mg.Variable], list[mg.Parameter]]:
    """Two loops, the gradients of their parameters, and integers to look up."""
    ids, h0 = mg.input("ids", ("T", "B"), "int64"), mg.input("h0", ("B", 3), "float64")
    rng = np.random.default_rng(0)
    E, W, U = (
        mg.parameter(rng.normal(size=shape), name)
        for name, shape in {"E": (5, 2), "W": (2, 3), "U": (3, 3)}.items()
    )

    def step(h: mg.Variable, i: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
        h = mg.tanh(mg.take(E, i) @ W + h @ U).named("h")
        return h, mg.log_softmax(h)

    _, forward = mg.scan(step, h0, ids)
    _, backward = mg.scan(step, h0, ids, reverse=True)
    cost = -(forward + backward).mean(axis=1).sum()
    parameters = [E, W, U]
    return [ids, h0], [cost, forward, *mg.grad(cost, parameters)], parameters


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(("T", "B"), [(4, 2), (1, 1)])
def test_it_runs_alone(T: int, B: int, optimize: bool) -> None:
    inputs, outputs, parameters = network()
    f = mg.function(inputs, outputs, backend="numpy", optimize=optimize)
    rng = np.random.default_rng(1)
    arrays = {"ids": rng.integers(0, 5, (T, B)), "h0": rng.normal(size=(B, 3))}
    expected = f(**arrays)
    held = {p.name or "": p.get_value() for p in parameters}
    source = f.source()
    assert "minigrad" not in source
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)]
    assert [ast.unparse(node) for node in imported] == ["import numpy as np"]
    for found, right in zip(run_alone(source, {**arrays, **held}), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_it_is_that_of_the_sizes_that_are_asked_for_or_of_the_last_call() -> None:
    x = mg.input("x", ("T", "B"))
    _, sums = mg.scan(lambda s, row: (s + row, s + row), mg.zeros(("B",)), x)
    f = mg.function([x], sums)
    with pytest.raises(
        ArgumentError, match=r"sizes \['B', 'T'\]: give them, as in .source\(B=5, T=5\)"
    ):
        f.source()
    with pytest.raises(ArgumentError, match=r"the sizes \['B'\]"):
        f.source(T=2)
    assert "range(5)" in f.source(T=5, B=2)
    assert "programs: 0 planned" in f.report()
    f(np.ones((7, 2), "float32"))
    f(np.ones((8, 2), "float32"))
    assert "range(8)" in f.source()
    assert f.source(T=7, B=2).replace("7", "8") == f.source().replace("7", "8")


def test_without_names_of_sizes_nothing_need_be_said() -> None:
    x = mg.input("x", (3,), "float64")
    source = mg.function([x], x * 2).source()
    (found,) = run_alone(source, {"x": np.arange(3.0)})
    assert found.tolist() == [0, 2, 4]


def test_it_shows_names_and_the_users_lines() -> None:
    x, w = mg.input("x", ("T",)), mg.parameter(2.0, "w")
    first = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    energy = mg.tanh(x * w).named("energy")

    def step(total: mg.Variable, e: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
        return total + mg.sin(e), total

    last, _ = mg.scan(step, 0.0, energy)
    lines = mg.function([x], last).source(T=3).splitlines()
    assert any("def program(x, w):" in line for line in lines)
    assert any("energy = np.tanh(" in line for line in lines)
    for number in (first, first + 3, first + 5):  # the line, the step, the loop
        assert any(line.endswith(f"# {THIS}:{number}") for line in lines), number


def source_lines(x: mg.Variable, output: mg.Variable) -> list[str]:
    return [line.split("#")[0].strip() for line in mg.function([x], output).source().splitlines()]


def test_values_that_are_not_needed_at_one_time_share_their_memory() -> None:
    x = mg.input("x", (1000,), "float64")
    lines = source_lines(x, mg.sum(mg.sin(mg.cos(mg.tanh(x))) * x))
    assert sum(line.startswith("memory") for line in lines) == 1
    assert [line for line in lines if line.endswith(", out=b)")][:3] == [
        "np.tanh(x, out=b)",
        "np.cos(b, out=b)",
        "np.sin(b, out=b)",
    ]


def test_a_new_array_that_is_not_needed_any_more_is_deleted() -> None:
    x = mg.input("x", (1000,), "float64")
    picked = mg.take(x, np.array([1, 2])).named("picked")
    lines = source_lines(x, mg.sum(picked) + 1)
    assert "del picked" in lines
    assert "del x" not in lines  # an argument belongs to the caller


NAMES = [
    *("lambda", "None", "np", "numpy", "program", "gates", "finite", "t", "v", "v1", "c", "c1"),
    *("print", "float", "x y", "ä", "1st", "α·β", "", "_", "__debug__", "self", "x", "x", "x_1"),
]


def test_no_name_gets_in_the_way() -> None:
    """Of inputs, of results, and of what is in a loop."""
    inputs = [mg.input(name, (), "float64") for name in NAMES]
    results = [(v * 2).named(v.name) for v in inputs]
    total: Any = mg.constant(np.float64(0)).named("x")
    for v in results:
        total, _ = mg.scan(
            lambda h, x, v=v: ((h + x * v).named(v.name), None),
            total.named(v.name),
            (mg.arange(2) * v).named(v.name),
        )
    f = mg.function(inputs, [*results, total])
    values = np.arange(1.0, len(NAMES) + 1)
    expected = [*(2 * values), sum((2 * values) ** 2)]
    assert f(*values) == pytest.approx(expected)
    program: dict[str, Any] = {}
    exec(f.source(), program)
    assert list(program["program"](*values)) == pytest.approx(expected)


def test_small_constants_stand_in_it_and_large_ones_are_arguments() -> None:
    x = mg.input("x", (), "float64")
    small = {"small": np.array([[1.5, -np.inf], [np.nan, 0.1]]), "one": np.float32(0.1)}
    large = {"large": np.arange(100, dtype="uint64"), "none": np.zeros((0, 3), "int8")}
    constants = [mg.constant(a, name=name) for name, a in {**small, **large}.items()]
    f = mg.function([x], [x, *constants])
    header = next(line for line in f.source().splitlines() if line.startswith("def"))
    assert header == "def program(x, large):"
    found = run_alone(f.source(), {"x": 1.0, "large": large["large"]})
    for a, b, c in zip(found[1:], f(1.0)[1:], [*small.values(), *large.values()], strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, c)
        assert np.asarray(a).dtype == b.dtype == c.dtype


# ---------------------------------------------------------------- the report


def test_the_report_says_what_was_done() -> None:
    inputs, outputs, _ = network()
    f = mg.function(inputs, outputs[0], updates={}, name="cost", optimize={"share": False})
    f(np.zeros((3, 2), "int64"), np.zeros((2, 3)))
    report = f.report()
    for text in (
        "cost: 2 inputs, 3 parameters with what optimisers remember, 0 updates",
        "as built: ",
        "share: switched off",
        "programs: 1 planned, 1 kept (",
    ):
        assert text in report
    assert "called, not written out" not in report


def test_rewrites_can_be_switched_off() -> None:
    x = mg.input("x", (3,), "float64")
    y = mg.sin(x) * mg.sin(x) + (mg.constant(1.0) + 1.0)

    def count(optimize: Any) -> int:
        return mg.function([x], y, optimize=optimize).source().count("np.sin(")

    assert count(True) == count({}) == count({"fold": False}) == 1
    assert count(False) == count({"share": False}) == 2
    assert "merge" not in mg.function([x], y).report()
    assert "merge: switched off" in mg.function([x], y, optimize=False).report()


def test_one_that_looks_for_nans_runs_alone_too() -> None:
    x = mg.input("x", (3,), "float64")
    source = mg.function([x], mg.log(x), check_nan=True).source()
    assert run_alone(source, {"x": np.ones(3)})[0].tolist() == [0, 0, 0]
    with pytest.raises(FloatingPointError, match="gate 0 made"):
        run_alone(source, {"x": np.full(3, np.inf)})


_PROGRAM = """
import minigrad as mg
net, xs = mg.nn.LSTM(3, 4, num_layers=2, rng=0), mg.input("xs", ("T", "B", 3))
cost = (net(xs)[0] ** 2).sum()
f = mg.function([xs], cost, mg.optim.Adam().updates(cost, net.parameters()))
print(f.source(T=5, B=2))
"""


def test_a_program_is_the_same_in_every_process() -> None:
    command = [sys.executable, "-c", _PROGRAM]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first
    assert first == second
