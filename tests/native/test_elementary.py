"""The functions of elementary.h: right to 2 ulp, and at what is no usual number exactly.

All 2^32 float32, and 10 million float64: ``python -m tests.native``.
"""

import subprocess

import numpy as np
import pytest

from tests.native.compiling import COMPILER, THIS_MACHINE, build, needs_compiler
from tests.native.ulps import FUNCTIONS, SOURCE, doubles, floats, values, worst

pytestmark = needs_compiler

MACHINES = {"this machine": THIS_MACHINE, "any machine, without FMA": ["-O2"]}
INF, NAN = np.inf, np.nan
TINY = {"float32": 2.0**-149, "float64": 2.0**-1074}
NORMAL = {"float32": 2.0**-126, "float64": 2.0**-1022}


@pytest.fixture(scope="module", params=MACHINES)
def library(request, tmp_path_factory):
    return build(SOURCE, tmp_path_factory.mktemp("native"), *MACHINES[request.param])[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_is_right_to_2_ulp(library, name):
    error, at = worst(library, name, floats(step=4093))
    assert error <= 2, at


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_is_right_to_2_ulp(library, name):
    error, at = worst(library, name, doubles(200_000))
    assert error <= 2, at


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_usual_number(library, name, dtype):
    """`worst` is inf where an infinity, NaN or the sign of a zero is wrong."""
    tiny, normal = TINY[dtype], NORMAL[dtype]
    sizes = np.array([0, tiny, 3 * tiny, normal - tiny, normal, 1, np.finfo(dtype).max, INF, NAN])
    error, at = worst(library, name, [np.concatenate([sizes, -sizes]).astype(dtype)])
    assert error <= 2, at


EDGES = {  # the greatest argument with a finite result, the least with one that is not 0
    ("exp", "float32"): (88.72283172607422, -103.97207641601562),
    ("exp", "float64"): (709.782712893384, -745.1332191019411),
    ("expm1", "float32"): (88.72283172607422, None),
    ("expm1", "float64"): (709.782712893384, None),
    ("sigmoid", "float32"): (None, -103.97207641601562),
    ("sigmoid", "float64"): (None, -745.1332191019411),
    ("softplus", "float32"): (None, -103.97207641601562),
    ("softplus", "float64"): (None, -745.1332191019411),
}


@pytest.mark.parametrize(("name", "dtype"), EDGES)
def test_results_overflow_and_vanish_where_they_should(library, name, dtype):
    greatest, least = EDGES[name, dtype]
    if greatest is not None:
        x = np.array(greatest, dtype)
        y = values(library, name, np.array([x, np.nextafter(x, np.array(INF, dtype))]))
        assert np.isfinite(y[0])
        assert y[1] == INF
    if least is not None:
        x = np.array(least, dtype)
        y = values(library, name, np.array([x, np.nextafter(x, np.array(-INF, dtype))]))
        assert y.tolist() == [TINY[dtype], 0]


def test_a_compiler_makes_vector_code_of_every_loop(tmp_path):
    version = subprocess.run([str(COMPILER), "--version"], capture_output=True, text=True).stdout
    if "Free Software Foundation" not in version:
        pytest.skip("only gcc says what it does by -fopt-info-vec")
    _, said = build(SOURCE, tmp_path, *THIS_MACHINE, "-fopt-info-vec-optimized")
    lines = [i for i, line in enumerate(SOURCE.splitlines(), 1) if "for (" in line]
    for line in lines:
        assert f"source.c:{line}:" in said
