"""`.ci/sanitize` runs a command watched by sanitizers: what they are there to catch, they catch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SANITIZE = Path(__file__).parents[2] / ".ci" / "sanitize"
NONE = 77  # what it is told to end with where the compiler has no sanitizers

PAST_THE_END = """
import ctypes
from minigrad.native import load

source = '''#include <stdlib.h>
double last(int n) {
    double *x = malloc(n * sizeof *x);
    for (int i = 0; i < n; ++i) x[i] = i;
    double found = x[n - FIRST];
    free(x);
    return found;
}'''
last = load(source, ["-DFIRST=%d"]).last
last.restype = ctypes.c_double
print(last(5))
"""
IN_LOOPS = """
import numpy as np
import minigrad as mg
from minigrad.compile.c.lines import Lines

nest = Lines.nest
Lines.nest = lambda self, shape, *more, **named: nest(
    self, [n + %d for n in shape], *more, **named
)
x = mg.input("x", (6,))
print(mg.function([x], mg.exp(x) * 2, backend="c")(np.zeros(6, "float32")).sum())
"""
IN_PRODUCTS = """
import ctypes
import numpy as np
from tests.watched import products

x = np.ones(12, "float32")
sgemm = ctypes.CFUNCTYPE(None)(products().sgemm)
one, size, at = ctypes.c_float(1), ctypes.c_int64, ctypes.c_void_p(x.ctypes.data)
y = np.ones(12, "float32")
sgemm(101, 111, 111, size(3), size(%d), size(2), one, at, size(2), at, size(4), one,
      ctypes.c_void_p(y.ctypes.data), size(4))
print(y.sum())
"""
IN_TEAMS = """
import numpy as np
import pytest
import minigrad as mg
from minigrad.compile.c import sharing
from tests.in_teams import share_everything

share_everything(pytest.MonkeyPatch(), 2)
if %d:
    sharing._Memory.meets = lambda self, other: False
x = mg.input("x", (64, 64))
last, _ = mg.scan(lambda c, _: (mg.tanh(c[::-1]) * 0, None), x, length=50)
print(mg.function([x], last, backend="c")(np.ones((64, 64), "float32")).sum())
"""
UNALIGNED = """
import ctypes
from minigrad.native import load

source = "double at(char *x, int i) { return *(double *)(x + i); }"
at = load(source).at
at.restype = ctypes.c_double
print(at(ctypes.create_string_buffer(64), %d))
"""


def watched(script: str, watch: str = "addresses") -> subprocess.CompletedProcess[str]:
    """A script, run by `.ci/sanitize`."""
    found = subprocess.run(
        [SANITIZE, sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env=os.environ | {"SKIPPED": str(NONE), "WATCH": watch}, timeout=120,
    )  # fmt: skip
    if found.returncode == NONE:
        pytest.skip(found.stdout.strip())
    return found


@pytest.mark.parametrize(
    ("script", "right", "wrong", "said", "report"),
    [
        (PAST_THE_END, 1, 0, "4.0", "heap-buffer-overflow"),
        (IN_LOOPS, 0, 1, "12.0", "heap-buffer-overflow"),
        (IN_PRODUCTS, 4, 5, "36.0", "heap-buffer-overflow"),
        (UNALIGNED, 8, 4, "0.0", "misaligned address"),
    ],
    ids=["a read past the end", "a loop that is one too long", "a product", "an unaligned read"],
)
def test_what_is_wrong_ends_the_run(
    script: str, right: int, wrong: int, said: str, report: str
) -> None:
    passes = watched(script % right)
    assert (passes.returncode, passes.stdout.strip()) == (0, said), passes.stderr
    fails = watched(script % wrong)
    assert fails.returncode not in (0, NONE)
    assert report in fails.stderr


def test_a_member_that_does_not_wait_ends_the_run() -> None:
    passes = watched(IN_TEAMS % 0, "threads")
    assert (passes.returncode, passes.stdout.strip()) == (0, "0.0"), passes.stderr
    fails = watched(IN_TEAMS % 1, "threads")
    assert fails.returncode not in (0, NONE)
    assert "data race" in fails.stderr
