"""CUDA kernels without a GPU: their source compiled as C++, its blocks run one after another.

Kernels whose threads wait for each other run with a few real threads and a barrier; in others, one
thread is run after another.
"""

import ctypes
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

_COMPILER = shutil.which("g++") or shutil.which("clang++")
needs_compiler = pytest.mark.skipif(_COMPILER is None, reason="no C++ compiler on the PATH")

_THREADS = 4  # of a block whose threads wait for each other: a power of two

_RUNNER = """
#include <barrier>
#include <memory>
#include <thread>
#include <vector>
struct Index { unsigned x; };
__thread Index threadIdx, blockIdx, blockDim;
static std::unique_ptr<std::barrier<>> threads_of_block;

extern "C" void host_sync() { threads_of_block->arrive_and_wait(); }

using Kernel = void(const long long *);

extern "C" void host_run(Kernel *kernel, const long long *given, unsigned blocks, unsigned threads,
                         int waits) {
    if (!waits) {
        blockDim.x = threads;
        for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
            for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) kernel(given);
        return;
    }
    threads_of_block = std::make_unique<std::barrier<>>(threads);
    std::vector<std::jthread> running;
    for (unsigned id = 0; id < threads; ++id)
        running.emplace_back([=] {
            threadIdx.x = id, blockDim.x = threads;
            for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) kernel(given), host_sync();
        });
}
"""

_SHIM = """
#define __CUDACC__
#define __device__
#define __global__
#define __shared__ static
#define __syncthreads host_sync
struct Index { unsigned x; };
extern __thread Index threadIdx, blockIdx, blockDim;
extern "C" void host_sync();
template <class T> T atomicAdd(T *p, T x) { T old = *p; *p += x; return old; }
template <class T> void atomicAdd(unsigned long long *p, T x) { *p += x; }
"""


def _built(source: str, name: str, mode: int = ctypes.DEFAULT_MODE) -> ctypes.CDLL:
    folder = Path(mkdtemp())
    file, library = folder / f"{name}.cpp", folder / f"{name}.so"
    file.write_text(source, "utf-8")
    command = [_COMPILER or "", "-std=c++20", "-O1", "-ffp-contract=off", "-w"]
    run = subprocess.run(
        [*command, "-shared", "-fPIC", "-pthread", "-o", library, file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded = ctypes.CDLL(str(library), mode=mode)
    shutil.rmtree(folder)
    return loaded


@cache
def _runner() -> ctypes.CDLL:
    return _built(_RUNNER, "runner", ctypes.RTLD_GLOBAL)


class Module:
    """The kernels of a CUDA source."""

    def __init__(self, source: str) -> None:
        _runner()
        kernels = re.findall(
            r'extern "C" __global__ void (\w+)\((.*?)\) \{(.*?)^\}', source, re.M | re.S
        )
        self._waits = {name: "__syncthreads" in body for name, _, body in kernels}
        calls = [_call(name, given.split(",")) for name, given, _ in kernels]
        self._library = _built("\n".join([_SHIM, source, *calls]), "kernels")

    def run(self, name: str, blocks: int, threads: int, given: list[int]) -> None:
        """Run a kernel on pointers and numbers."""
        arguments = (ctypes.c_longlong * len(given))(*given)
        waits = self._waits[name]
        function: Any = getattr(self._library, f"host_{name}")
        _runner().host_run(function, arguments, blocks, _THREADS if waits else threads, int(waits))


def _call(name: str, given: list[str]) -> str:
    """A function that calls a kernel with what is in an array."""
    kinds = [text.replace("__restrict__", "").strip().rpartition(" ")[0] for text in given]
    stars = ["*" if "*" in text else "" for text in given]
    casts = [
        f"({kind.replace('*', '').strip()} {star})given[{i}]"
        for i, (kind, star) in enumerate(zip(kinds, stars, strict=True))
    ]
    body = f"{name}({', '.join(casts)});"
    return f'extern "C" void host_{name}(const long long *given) {{ {body} }}'
