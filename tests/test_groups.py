"""Groups: which gates belong to which, in loops, in gradients, and after rewrites."""

import contextlib
import contextvars
import inspect
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.errors import ArgumentError
from minigrad.graph import Apply, applies, substitute
from minigrad.groups import Group, current, entered
from minigrad.loops import Scan
from minigrad.nn import losses


def group_of(v: mg.Variable) -> Group | None:
    assert v.owner is not None
    return v.owner.group


def path(group: Group | None) -> str:
    return " / ".join(g.name for g in group.path) if group else ""


def paths(*outputs: mg.Variable) -> list[str]:
    """The groups of all that `outputs` are made of, each once, in order."""
    return list(dict.fromkeys(path(apply.group) for apply in applies(outputs)))


def scans(*outputs: mg.Variable) -> list[Apply]:
    return [apply for apply in applies(outputs) if isinstance(apply.gate, Scan)]


def paths_inside(apply: Apply) -> list[str]:
    """The groups in the body of a scan."""
    assert isinstance(apply.gate, Scan)
    return list(dict.fromkeys(path(inner.group) for inner in apply.gate.body.applies()))


# ---------------------------------------------------------------- opening


def test_groups_are_nested_as_they_are_opened() -> None:
    x = mg.input("x")
    before = mg.sin(x)
    with mg.group("outer") as outer:
        first = mg.sin(x)
        with mg.group("inner") as inner:
            second = mg.sin(x)
        third = mg.sin(x)
    after = mg.sin(x)
    assert [group_of(v) for v in (before, first, second, third, after)] == [
        None, outer, inner, outer, None
    ]  # fmt: skip
    assert inner.path == (outer, inner)
    assert outer.outer is None
    assert repr(inner) == "<group outer / inner>"


def test_each_with_makes_a_new_group() -> None:
    found = []
    opening = mg.group("twice")
    for again in (opening, opening, mg.group("twice")):
        with again as group:
            found.append(group)
    with opening as outer, opening as inner:
        assert inner.path == (outer, inner)
    assert len({*found, outer, inner}) == 5
    assert {group.name for group in found} == {"twice"}
    assert found[0] != found[1]


def test_each_call_of_a_decorated_function_makes_a_new_group() -> None:
    @mg.group("square")
    def square(x: Any, times: int = 1) -> Any:
        """x²"""
        return times * x * x

    x = mg.input("x")
    one, other = square(x), square(x, times=3)
    assert path(group_of(one)) == path(group_of(other)) == "square"
    assert group_of(one) is not group_of(other)
    assert (square.__name__, square.__doc__) == ("square", "x²")
    assert list(inspect.signature(square).parameters) == ["x", "times"]
    assert one.where == f"{__file__}:{inspect.getsourcelines(square)[1] + 3}"


@pytest.mark.parametrize("name", ["", " ", None, 3, lambda x: x])
def test_a_group_has_a_name(name: Any) -> None:
    with pytest.raises(ArgumentError, match="a group has a name") as caught:
        mg.group(name)
    assert __file__ in str(caught.value)


def test_an_exception_leaves_no_group_open() -> None:
    x = mg.input("x", (3,))

    @mg.group("function")
    def fails() -> None:
        raise KeyError

    with pytest.raises(mg.errors.ShapeError), mg.group("outer"), mg.group("inner"):
        x + mg.input("y", (4,))
    with pytest.raises(KeyError):
        fails()
    with pytest.raises(ZeroDivisionError):
        mg.scan(mg.group("step")(lambda h, u: (h, 1 / 0)), 0.0, x)
    assert current() is None


def test_a_rule_that_fails_leaves_no_gradient_open() -> None:
    class Failing(mg.Gate):
        def infer(self, x: Any) -> Any:
            return x

    x = mg.input("x")
    with pytest.raises(mg.errors.GradientError, match="no gradient rule"):
        mg.grad(Failing()(x), x)
    assert current() is None
    with mg.group("later"):
        y = mg.sin(x)
    assert path(group_of(mg.grad(y, x))) == "gradient / later"


def test_a_group_can_be_entered_again_and_left() -> None:
    x = mg.input("x")
    with mg.group("a") as a:
        pass
    with mg.group("b") as b:
        with entered(a):
            inside = mg.sin(x)
        with entered(None):
            outside = mg.sin(x)
        assert current() is b
    assert group_of(inside) is a
    assert group_of(outside) is None


def test_groups_may_be_nested_as_deep_as_one_likes() -> None:
    x = mg.input("x")
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(mg.group("deep")) for _ in range(1100)]
        y = x * x
    assert group_of(y) is opened[-1]
    assert opened[-1].path == tuple(opened)
    twin = group_of(mg.grad(y, x))
    assert path(twin) == " / ".join(["gradient", *["deep"] * 1100])


def test_threads_and_contexts_have_groups_of_their_own() -> None:
    seen = []

    def look() -> None:
        seen.append(current())
        with mg.group("in the thread"):
            seen.append(current())

    with mg.group("here") as here:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        contextvars.copy_context().run(mg.group("left open").__enter__)
        assert current() is here
    assert seen[0] is None
    assert path(seen[1]) == "in the thread"


# ---------------------------------------------------------------- loops


def step(h: Any, x: Any) -> Any:
    with mg.group("cell"):
        h = mg.tanh(h + x)
    return h, mg.sin(h)


def test_a_loop_and_its_body_belong_to_the_group_around() -> None:
    with mg.group("layer"):
        _, ys = mg.scan(step, 0.0, mg.input("xs", ("T",)))
    (loop,) = scans(ys)
    assert path(loop.group) == "layer"
    assert paths_inside(loop) == ["layer / cell", "layer"]


def test_each_step_of_an_unrolled_loop_is_a_group_of_its_own() -> None:
    with mg.group("layer"):
        last, _ = mg.scan(step, 0.0, mg.input("xs", (3,)), unroll=True)
    cells = {apply.group for apply in applies([last]) if path(apply.group) == "layer / cell"}
    assert len(cells) == 3
    assert len({cell.outer for cell in cells if cell}) == 1


# ---------------------------------------------------------------- gradients


def two_groups(x: Any) -> Any:
    with mg.group("a"):
        y = mg.sin(x)
        with mg.group("b"):
            y = y * mg.exp(y)
    return mg.cos(y)


def test_a_gradient_mirrors_the_groups_of_its_gates() -> None:
    x = mg.input("x")
    dx = mg.grad(two_groups(x), x)
    made = [apply for apply in applies([dx]) if path(apply.group).startswith("gradient")]
    assert {path(apply.group) for apply in made} == {"gradient", "gradient / a", "gradient / a / b"}
    assert len({apply.group for apply in made}) == 3
    assert path(group_of(dx)) == "gradient / a"


def test_each_call_makes_one_gradient() -> None:
    x, z = mg.inputs("x z")
    y = two_groups(x * z)
    dx, dz = mg.grad(y, [x, z])
    (again,) = mg.vjp([y], [x], [1.0])

    def gradients(v: mg.Variable) -> set[Group]:
        return {a.group.path[0] for a in applies([v]) if path(a.group).startswith("gradient")}

    assert len(gradients(dx)) == 1
    assert gradients(dx) == gradients(dz)
    assert gradients(dx).isdisjoint(gradients(again))


def test_a_gradient_is_in_the_group_that_asks_for_it() -> None:
    x = mg.input("x")
    with mg.group("training") as training:
        dx = mg.grad(two_groups(x), x)
    found = {a.group for a in applies([dx]) if "gradient" in path(a.group)}
    assert {path(group) for group in found} == {
        f"training / gradient{below}" for below in ("", " / a", " / a / b")
    }
    assert {group.path[0] for group in found if group} == {training}


def test_a_gradient_of_a_gradient_mirrors_the_first() -> None:
    x = mg.input("x")
    with mg.group("cube"):
        y = x**3
    second = mg.grad(mg.grad(y, x), x)
    assert paths(second) == ["gradient / cube", "gradient / gradient / cube"]


def test_forward_mode_is_one_group() -> None:
    x = mg.input("x")
    dy = mg.jvp(two_groups(x), x, mg.constant(1.0, "float32"))
    assert {path.partition(" / ")[0] for path in paths(dy)} == {"a", "tangent"}
    assert "tangent / a / b" in paths(dy)
    assert not any("gradient" in path for path in paths(dy))


@pytest.mark.parametrize("truncate", [None, (1, 2)])
def test_the_way_back_of_a_loop_is_in_one_gradient(truncate: tuple[int, int] | None) -> None:
    xs = mg.input("xs", ("T",))
    with mg.group("layer"):
        last, ys = mg.scan(step, 0.0, xs, truncate=truncate)
    dx = mg.grad(last + ys.sum(), xs)
    (whole,) = {a.group.path[0] for a in applies([dx]) if a.group and a.group.name == "gradient"}
    back = [loop for loop in scans(dx) if str(loop.gate) == "scan gradient"]
    assert len(back) == (2 if truncate else 1)
    for loop in back:
        assert path(loop.group) == "gradient / layer"
        assert set(paths_inside(loop)) == {"gradient / layer", "gradient / layer / cell"}
        assert {a.group.path[0] for a in loop.gate.body.applies()} == {whole}  # type: ignore[attr-defined, union-attr]


def test_what_the_way_back_reads_is_made_by_the_same_gates_again() -> None:
    xs = mg.input("xs", ("T",))
    with mg.group("layer"):
        last, _ = mg.scan(step, 0.0, xs)
    again, _ = scans(mg.grad(last, xs))
    assert path(again.group) == "gradient / layer"
    assert paths_inside(again) == ["layer / cell"]


# ---------------------------------------------------------------- rebuilt graphs


def test_what_is_rebuilt_stays_in_its_group() -> None:
    x, z = mg.inputs("x z")
    y = two_groups(x)
    with mg.group("elsewhere"):
        (rebuilt,) = substitute([y], {x: z})
    had, has = applies([y]), applies([rebuilt])
    assert [a.group for a in has] == [a.group for a in had]
    assert rebuilt is not y


def test_equal_gates_of_two_groups_are_computed_once() -> None:
    x = mg.input("x", (3,))
    with mg.group("one"):
        a = mg.sin(x)
    with mg.group("other"):
        b = mg.sin(x)
    f = mg.function([x], a * b)
    f(np.ones(3, "float32"))
    assert f.source().count("sin(") == 1


def test_a_compiled_function_does_not_depend_on_groups() -> None:
    def source(group: Callable[[str], Any]) -> str:
        x, w = mg.input("x", (2, 3)), mg.parameter(np.ones((3, 3), "float32"), "w")
        with group("layer"):
            y = mg.tanh(x @ w)
            with group("square"):
                cost = (y * y).sum()
        f = mg.function([x], cost, [(w, w - mg.grad(cost, w))])
        f(np.ones((2, 3), "float32"))
        return f.source()

    assert source(mg.group) == source(lambda name: contextlib.nullcontext())


# ---------------------------------------------------------------- what the library groups


x, targets = mg.input("x", ("B", 3)), mg.input("targets", ("B",), "int64")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            lambda: losses.softmax_cross_entropy(x, targets),
            "softmax cross-entropy / negative log-likelihood",
        ),
        (lambda: losses.negative_log_likelihood(x, targets), "negative log-likelihood"),
        (lambda: losses.sigmoid_cross_entropy(x, x), "sigmoid cross-entropy"),
        (lambda: losses.half_squared_error(x, x), "half squared error"),
        (lambda: losses.mean_squared_error(x, x), "mean squared error"),
        (lambda: losses.accuracy(x, targets), "accuracy"),
        (lambda: optim.clip_by_value([x], 1.0)[0], "clip by value"),
        (lambda: optim.clip_by_norm([x], 1.0)[0], "clip by norm / clip by global norm"),
        (lambda: optim.clip_by_global_norm([x], 1.0)[0], "clip by global norm"),
        (lambda: optim.global_norm([x]), "global norm"),
        (lambda: optim.step(1.0, every=2), "step schedule"),
        (lambda: optim.exponential(1.0, 0.5), "exponential schedule"),
        (lambda: optim.cosine(1.0, 10), "cosine schedule"),
        (lambda: optim.warmup(10), "warm-up"),
    ],
)
def test_losses_clipping_and_schedules(made: Callable[[], mg.Variable], expected: str) -> None:
    output = made()
    assert path(group_of(output)) == expected
    assert all(paths(output))
    assert re.match(re.escape(__file__), str(output.where))


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW])
def test_updates_are_in_the_group_of_their_optimiser(kind: type[optim.Optimizer]) -> None:
    w = mg.parameter(3.0, "w")
    news = [new for _, new in kind(0.1).updates(w * w, {"w": w})]
    assert {path(group_of(new)) for new in news} == {kind.__name__}
    assert set(paths(*news)) <= {kind.__name__, "", "gradient"}
