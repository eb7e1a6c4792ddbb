"""C sources of tests: compiled by the C compiler on the PATH, and loaded."""

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from minigrad.native import compiler

HEADERS = Path(mg.__file__).parent / "native"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fwrapv"]
THIS_MACHINE = list(compiler.FLAGS)  # as programs are compiled

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler on the PATH")


def build(source: str, folder: Path, *flags: str) -> tuple[ctypes.CDLL, str]:
    """The library that a source is compiled to, and what the compiler said."""
    file, library = folder / "source.c", folder / "library.so"
    file.write_text(source, "utf-8")
    command = [COMPILER or "", *FLAGS, *flags, f"-I{HEADERS}", "-shared", "-fPIC"]
    run = subprocess.run(
        [*command, "-o", library, file, "-lm"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return ctypes.CDLL(str(library)), run.stderr


def call(function: Any, size: int, *arrays: Any) -> None:
    """``function(size, pointers of the arrays…)``."""
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    function(ctypes.c_long(size), *pointers)
