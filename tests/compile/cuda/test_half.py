"""Products of matrices that are rounded to 16 bits, by a stand-in for cuBLAS."""

import sys
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.compile.cuda import products
from minigrad.errors import ArgumentError, BackendError
from tests.compile.cuda.host import needs_compiler
from tests.compile.cuda.networks import batch, lstm


def rounded(x: Any) -> Any:
    return x.astype("float16").astype("float32")


@pytest.mark.parametrize("turned", ["", "a", "b", "a and b"])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 3, 1), (5, 1, 2), (2, 0, 3)])
def test_operands_may_lie_either_way(cupy: Any, sizes: tuple[int, int, int], turned: str) -> None:
    m, k, n = sizes
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)).astype("float32"), rng.normal(size=(k, n)).astype("float32")
    x, y = cupy.asarray(a), cupy.asarray(b)
    if "a" in turned.split():
        x = cupy.asarray(np.ascontiguousarray(a.T)).transpose((1, 0))
    if "b" in turned.split():
        y = cupy.asarray(np.ascontiguousarray(b.T)).transpose((1, 0))
    found = products("float16")(x, y).get()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, rounded(a) @ rounded(b), rtol=1e-6, atol=1e-6)


@needs_compiler
def test_the_sum_is_not_rounded(cupy: Any) -> None:
    x = mg.input("x", (2, 2048))
    f = mg.function([x], x @ x.mT, matmul_dtype="float16")
    a = np.ones((2, 2048), "float32")
    a[0, 0] = 2  # 2049 and 2051 are no numbers of float16
    assert f(a).get().tolist() == [[2051, 2049], [2049, 2048]]
    tenth = np.full((2, 2048), 0.1, "float32")
    np.testing.assert_allclose(f(tenth).get(), rounded(tenth) @ rounded(tenth).T, rtol=1e-5)


@needs_compiler
def test_what_a_loop_multiplies_by_is_rounded_before_it(cupy: Any) -> None:
    inputs, loss, _, updates = lstm()
    train = mg.function(inputs, loss, updates, matmul_dtype="float16")
    *same, plain = lstm()
    precise = mg.function(same[0], same[1], plain, backend="numpy")
    for step in range(4):
        found, expected = float(train(*batch(step)).get()), float(precise(*batch(step)))
        assert found == pytest.approx(expected, rel=2e-3)
        assert found != expected
    lines = train.source("cupy").splitlines()
    first = next(i for i, line in enumerate(lines) if "    for t" in line)
    assert "half = product.rounded(weight_hh)" in "\n".join(lines[:first])
    assert "product(h_1, half, out=" in lines[first + 1]


def test_other_backends_and_dtypes_are_refused(cupy: Any) -> None:
    with pytest.raises(ArgumentError, match='with backend="cupy" alone'):
        mg.function([], mg.constant(1.0), backend="numpy", matmul_dtype="float16")
    with pytest.raises(ArgumentError, match='it is "float16" or "bfloat16"'):
        mg.function([], mg.constant(1.0), matmul_dtype="float8")


def test_bfloat16_needs_its_dtype(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(BackendError, match="pip install ml_dtypes"):
        products("bfloat16")
