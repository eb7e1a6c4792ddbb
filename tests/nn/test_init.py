"""Initial values have the distribution that their formula says."""

from functools import partial

import numpy as np
import pytest

from minigrad.errors import ShapeError
from minigrad.nn import init

# name: (function, variance for a weight of (200, 300), largest size there can be)
RANDOM = {
    "uniform": (init.uniform, 0.08**2 / 3, 0.08),
    "uniform, limit": (partial(init.uniform, limit=0.5), 0.25 / 3, 0.5),
    "normal": (init.normal, 0.01**2, np.inf),
    "normal, std": (partial(init.normal, std=2.0), 4.0, np.inf),
    "glorot_uniform": (init.glorot_uniform, 2 / 500, np.sqrt(6 / 500)),
    "glorot_normal": (init.glorot_normal, 2 / 500, np.inf),
    "he_uniform": (init.he_uniform, 2 / 200, np.sqrt(6 / 200)),
    "he_normal": (init.he_normal, 2 / 200, np.inf),
}


@pytest.mark.parametrize("name", RANDOM)
def test_variance_and_bounds(name: str) -> None:
    start, variance, largest = RANDOM[name]
    values = start((200, 300), np.random.default_rng(0), "float64")
    assert values.shape == (200, 300)
    assert abs(values.mean()) < 4 * np.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.02)
    assert np.abs(values).max() <= largest


EVERY = [*(f for f, _, _ in RANDOM.values()), init.zeros, init.ones, init.orthogonal, init.identity]


@pytest.mark.parametrize("start", EVERY)
def test_dtype_and_seed(start: init.Init) -> None:
    a, b = (start((3, 4), np.random.default_rng(5), "float64") for _ in range(2))
    assert a.dtype == np.float64
    np.testing.assert_array_equal(a, b)
    single = start((3, 4), np.random.default_rng(5), "float32")
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, a, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    q = init.orthogonal(shape, np.random.default_rng(1), "float64", gain=2.0)
    assert q.shape == shape
    short = q if shape[0] <= shape[1] else q.T
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-12)


def test_orthogonal_is_spread_evenly() -> None:
    """Without the signs of R's diagonal the first entry would always be negative."""
    rng = np.random.default_rng(2)
    firsts = [init.orthogonal((3, 3), rng)[0, 0] for _ in range(400)]
    assert abs(np.mean(firsts)) < 0.1


def test_identity_zeros_ones() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(init.identity((2, 3), rng, gain=0.5), [[0.5, 0, 0], [0, 0.5, 0]])
    np.testing.assert_array_equal(init.zeros((2, 3), rng), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.ones((2,), rng), [1, 1])


@pytest.mark.parametrize("start", [init.orthogonal, init.identity])
def test_needs_a_matrix(start: init.Init) -> None:
    with pytest.raises(ShapeError, match=r"makes a matrix, and the shape is \(2, 3, 4\)"):
        start((2, 3, 4), np.random.default_rng(0), "float32")


def test_needs_fans() -> None:
    with pytest.raises(ShapeError, match=r"last two sizes of a weight, and its shape is \(3,\)"):
        init.glorot_uniform((3,), np.random.default_rng(0))
