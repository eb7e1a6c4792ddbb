"""The source of CUDA kernels: what they do together, and that NVIDIA's compiler takes them."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from tests.compile.cuda.networks import every_gate, lstm
from tests.compile.cuda.nvrtc import compiled, needs_nvrtc
from tests.test_random_graphs import Choices, constants, grow, leaves, with_gradients

OPTIONS = ("--std=c++17", "--fmad=false")  # as CuPy is given


def kernels(f: Any, **sizes: int) -> list[str]:
    """The kernels of a function."""
    return f.source("cuda", **sizes).split('extern "C" __global__ void ')[1:]  # type: ignore[no-any-return]


def launches(f: Any, **sizes: int) -> list[str]:
    """The lines of its program that launch one."""
    lines = f.source("cupy", **sizes).splitlines()
    return [line.strip() for line in lines if line.strip().startswith("kernel_") and "((" in line]


def test_elementwise_gates_are_one_kernel_with_a_thread_for_each_element() -> None:
    x, y = mg.input("x", (50, 20)), mg.input("y", (20,))
    (kernel,) = kernels(mg.function([x, y], mg.tanh(x * y + x) * 2))
    assert "mg_tanh" in kernel
    assert "if (e >= 1000) return;" in kernel
    assert "__syncthreads" not in kernel


def test_softmax_is_one_kernel_with_a_block_for_each_row() -> None:
    x = mg.input("x", (7, 33))
    f = mg.function([x], mg.log_softmax(x * 3))
    (kernel,) = kernels(f)
    assert kernel.count("blockDim.x / 2") == 2  # the largest, and the sum
    assert launches(f)[0].startswith("kernel_0((7,), (64,), (x, ")


def test_a_few_long_rows_are_left_to_cupy() -> None:
    x = mg.input("x", (2, 100_000))
    f = mg.function([x], mg.sum(mg.exp(x), axis=1))
    assert "blockDim.x / 2" not in "".join(kernels(f))
    assert ".sum(axis=(1,)" in f.source("cupy")


def test_a_step_of_a_loop_is_a_product_and_a_kernel_that_is_told_the_step() -> None:
    xs, h0 = mg.input("xs", ("T", "B", 4)), mg.input("h0", ("B", 4))
    u = mg.parameter(np.eye(4, dtype="float32"), "u")
    _, hs = mg.scan(lambda h, x: (mg.tanh(x + h @ u),) * 2, h0, xs)
    f = mg.function([xs, h0], hs)
    step = f.source("cupy", T=5, B=2).partition("    for t")[2].splitlines()
    assert "cp.dot(h0_1, u, out=" in step[1]
    assert "kernel_0((1,), (32,), (xs, " in step[2]
    assert step[2].partition("#")[0].rstrip().endswith(", t))")
    assert "const int64_t t0" in kernels(f, T=5, B=2)[0]


def test_a_gate_that_finds_an_index_outside_is_named() -> None:
    x, ids = mg.input("x", (7,)), mg.input("ids", (2,), "int64")
    source = mg.function([x, ids], mg.take(x, ids, axis=0)).source("cupy")
    assert "of size 7, in take at" in source
    assert "    check(outside)\n    return" in source


def test_it_can_be_seen_without_a_gpu() -> None:
    f = mg.function([], mg.parameter(1.0, "w") * 2, name="f")
    assert "kernel_0 = cuda('kernel_0')" in f.source("cupy")
    assert "__global__ void kernel_0(" in f.source("cuda")


@needs_nvrtc
@pytest.mark.parametrize("sizes", ["usual", "ones"])
def test_nvrtc_takes_the_kernels_of_every_gate(sizes: str) -> None:
    _, outputs, values = every_gate(sizes)
    f = mg.function(list(values), [v for made in outputs for v in made], optimize=False)
    assert len(kernels(f)) > 100
    assert ".visible .entry kernel_0(" in compiled(f.source("cuda"), OPTIONS)


@needs_nvrtc
def test_nvrtc_takes_a_training_step_of_an_lstm() -> None:
    inputs, loss, _, updates = lstm()
    f = mg.function(inputs, loss, updates)
    source = f.source("cuda", T=4, B=3)
    assert compiled(source, OPTIONS).count(".visible .entry") == len(launches(f, T=4, B=3))


@needs_nvrtc
@pytest.mark.parametrize("seed", range(4))
def test_nvrtc_takes_random_loops(seed: int) -> None:
    values = leaves("float32", {"T": 3, "B": 2})
    numbers = [int(n) for n in np.random.default_rng(seed).integers(0, 1000, 60)]
    pool = grow(Choices(numbers), [*values, *constants("float32")], count=12, loops=1)
    inputs = [v for v in values if not isinstance(v, mg.variables.Parameter)]
    f = mg.function(inputs, with_gradients(pool[-3:], values))
    compiled(f.source("cuda", T=3, B=2), OPTIONS)
