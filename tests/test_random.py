"""Random draws: the same wherever one draw is used, new where it should be, and rightly spread."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, DTypeError, ShapeError
from minigrad.interpret import evaluate
from minigrad.random import Generator
from tests.helpers import needs_function, precise

MANY = 20_000
DRAWS: dict[str, Any] = {
    "uniform": lambda r: r.uniform((MANY,)),
    "uniform of float64": lambda r: r.uniform((MANY,), dtype="float64"),
    "uniform in bounds": lambda r: r.uniform((MANY,), -3.0, 5.0),
    "normal": lambda r: r.normal((MANY,)),
    "normal, moved": lambda r: r.normal((MANY,), 2.0, 3.0),
    "bernoulli": lambda r: r.bernoulli(0.3, (MANY,)),
    "categorical": lambda r: r.categorical(mg.zeros((MANY, 4))),
}
MOMENTS = {
    # mean, standard deviation
    "uniform": (0.5, 12**-0.5),
    "uniform of float64": (0.5, 12**-0.5),
    "uniform in bounds": (1.0, 8 * 12**-0.5),
    "normal": (0.0, 1.0),
    "normal, moved": (2.0, 3.0),
    "bernoulli": (0.3, 0.21**0.5),
    "categorical": (1.5, 1.25**0.5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_mean_and_deviation(name: str) -> None:
    found = DRAWS[name](Generator(7)).eval()
    mean, deviation = MOMENTS[name]
    assert found.shape == (MANY,)
    assert abs(found.mean() - mean) < 4 * deviation / MANY**0.5
    assert abs(found.std() / deviation - 1) < 0.03


@pytest.mark.parametrize("name", DRAWS)
def test_neighbours_and_draws_do_not_hang_together(name: str) -> None:
    rng = Generator(7)
    a, b = (v.eval().astype("float64") for v in (DRAWS[name](rng), DRAWS[name](rng)))
    for lag in (1, 2, 3, 64):
        assert abs(np.corrcoef(a[lag:], a[:-lag])[0, 1]) < 4 / MANY**0.5
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / MANY**0.5


def test_seeds_side_by_side_do_not_hang_together() -> None:
    draws = [Generator(seed).uniform((MANY,)).eval() for seed in (0, 1, 2, 2**40, 2**62)]
    correlations = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlations).max() < 4 / MANY**0.5
    assert not np.intersect1d(
        *(Generator(s).uniform((50,), dtype="float64").eval() for s in (0, 1))
    ).size


def test_uniform_fills_its_range_evenly() -> None:
    counts = np.histogram(Generator(3).uniform((MANY,)).eval(), bins=20, range=(0, 1))[0]
    expected = MANY / 20
    assert ((counts - expected) ** 2 / expected).sum() < 45  # χ² of 19: above 45 once in 1000
    assert Generator(3).uniform((MANY,)).eval().max() < 1


def test_categorical_frequencies_are_the_softmax() -> None:
    logits = np.float32([[0, 1, -1], [2, 2, -np.inf]])
    rows = mg.broadcast_to(mg.constant(logits), (MANY, 2, 3))
    found = Generator(1).categorical(rows).eval()
    assert found.shape == (MANY, 2)
    assert found.dtype == np.int64
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for row in range(2):
        frequencies = np.bincount(found[:, row], minlength=3) / MANY
        np.testing.assert_allclose(frequencies, p[row], atol=4 * 0.5 / MANY**0.5)


def test_categorical_along_another_axis() -> None:
    logits = np.log(np.float64([[0.0001, 0.9999, 0.5], [0.9999, 0.0001, 0.5]]))
    assert Generator(0).categorical(mg.constant(logits), axis=0).eval()[:2].tolist() == [1, 0]


def test_a_probability_for_each() -> None:
    p = mg.broadcast_to(mg.constant([0.0, 0.25, 1.0]), (MANY, 3))
    found = Generator(2).bernoulli(p).eval()
    assert found.dtype == np.bool_
    np.testing.assert_allclose(found.mean(axis=0), [0, 0.25, 1], atol=0.02)
    assert Generator(2).bernoulli(mg.constant([0.5]), (4, 3)).shape == (4, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_dtypes(dtype: str) -> None:
    rng = Generator()
    for v in (rng.uniform(("B", 3), dtype=dtype), rng.normal(("B", 3), dtype=dtype)):
        assert v.shape == ("B", 3)
        assert v.dtype == dtype
        assert v.eval({mg.input("x", ("B",)): np.zeros(2, "float32")}).shape == (2, 3)
    assert rng.uniform().eval().shape == ()
    assert rng.uniform(4).eval().shape == (4,)
    assert rng.uniform((0, 3)).eval().shape == (0, 3)


# ---------------------------------------------------------------- the same, and anew


def test_a_seed_repeats() -> None:
    a, b, c = (Generator(seed).normal((5,)).eval() for seed in (3, 3, 4))
    assert (a == b).all()
    assert (a != c).all()


def test_each_draw_of_a_generator_is_another() -> None:
    rng = Generator()
    a, b = rng.uniform((100,)), rng.uniform((100,))
    x, y = evaluate([a, b])
    assert not np.intersect1d(x, y).size
    assert (evaluate([a])[0] == x).all()


def test_a_draw_is_the_same_on_the_way_back() -> None:
    """Dropout: the gradient is zero just where the value is."""
    x = mg.input("x", (100,))
    mask = Generator().bernoulli(0.5, (100,)).astype("float32")
    y = (x * mask).sum()
    value, gradient = evaluate([x * mask, mg.grad(y, x)], {x: np.ones(100, "float32")})
    assert (value == gradient).all()
    assert 20 < value.sum() < 80


def test_a_draw_may_scale_what_is_differentiated() -> None:
    low = mg.input("low")
    draw = Generator().uniform((50,), low, 3.0)
    at = {low: 1.0}
    assert float(mg.grad(draw.mean(), low).eval(at)) == pytest.approx(
        float(1 - (draw.eval(at).mean() - 1) / 2), rel=1e-5
    )


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "unroll=2": {"unroll": 2},
    "unroll=True": {"unroll": True},
    "checkpoint=2": {"checkpoint": 2},
    "checkpoint=sqrt": {"checkpoint": "sqrt"},
    "truncate": {"truncate": (2, 3)},
}


def noisy(reverse: bool = False, **options: Any) -> list[np.ndarray]:
    """A loop with two draws a step, a loop with draws in it, draws outside, and a gradient."""
    rng = Generator(5)
    x = mg.input("x", (5,))
    fixed = rng.uniform((3,))

    def inner(g: mg.Variable, _: None) -> Any:
        u = rng.uniform()
        return g + u, u

    def step(h: mg.Variable, x: mg.Variable) -> Any:
        a = rng.uniform((3,))
        last, us = mg.scan(inner, mg.zeros(()), length=2)
        b = rng.uniform((3,))
        h = h * x * a + b * last + fixed
        return h, (a, b, us, h, fixed)

    last, ys = mg.scan(step, mg.zeros((3,)), x, reverse=reverse, **options)
    gradient = mg.grad(last.sum() + (ys[3] ** 2).sum(), x, unused="zeros")
    plain = gradient if "truncate" not in options else mg.zeros_like(x)
    return precise([last, *ys, rng.uniform((2,)), plain], {x: np.linspace(0.5, 1, 5)})


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("reverse", [False, True])
def test_unrolled_checkpointed_and_looped_steps_draw_the_same(option: str, reverse: bool) -> None:
    right = noisy(reverse)
    found = noisy(reverse, **OPTIONS[option])
    if option == "truncate":
        found, right = found[:-1], right[:-1]
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_each_step_draws_anew_and_what_is_drawn_outside_stays() -> None:
    _, a, b, us, _, fixed, after, _ = noisy()
    numbers = np.concatenate([a.ravel(), b.ravel(), us.ravel(), fixed[0], after])
    assert len(np.unique(numbers)) == len(numbers) == 15 + 15 + 10 + 3 + 2
    assert (fixed == fixed[0]).all()


def test_two_loops_draw_differently() -> None:
    rng = Generator()
    _, first = mg.scan(lambda c, _: (c, rng.uniform()), None, length=20)
    _, second = mg.scan(lambda c, _: (c, rng.uniform()), None, length=20)
    assert not np.intersect1d(*evaluate([first, second])).size


@needs_function
def test_each_call_draws_anew_and_the_state_can_be_put_back() -> None:
    rng = Generator(1)
    a = rng.uniform((3,))
    _, b = mg.scan(lambda c, _: (c, rng.uniform()), None, length=4)
    f = mg.function([], [a, a, b])
    state = rng.state.get_value()
    first, second = f(), f()
    assert (first[0] == first[1]).all()
    assert (first[0] != second[0]).all()
    assert (first[2] != second[2]).all()
    rng.state.set_value(state)
    for again, before in zip(f(), first, strict=True):
        assert (again == before).all()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Generator(-1), ArgumentError, "a seed is an int"),
        (lambda: Generator(1.5), ArgumentError, "a seed is an int"),
        (lambda: Generator(2**63), ArgumentError, "a seed is an int"),
        (lambda: Generator().uniform((-1,)), ShapeError, "-1 is no size"),
        (lambda: Generator().uniform((2,), dtype="int64"), DTypeError, "float"),
        (lambda: Generator().bernoulli(mg.zeros((3,)), (2,)), ShapeError, "broadcast"),
        (lambda: Generator().categorical(mg.zeros((2,)), axis=1), ShapeError, "no axis 1"),
    ],
)
def test_errors(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
