"""`import minigrad`: what it brings, what it leaves alone, and that its front page is true."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg

ROOT = Path(mg.__file__).parents[1]
LOADED = """
import json, sys, time
import numpy.random
before = set(sys.modules)
start = time.perf_counter()
import minigrad
seconds = time.perf_counter() - start
after = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps({"seconds": seconds, "loaded": sorted(after)}))
"""


def run(code: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_import_needs_numpy_and_the_standard_library_only() -> None:
    found = run(LOADED)
    print(f"import minigrad, beyond NumPy: {found['seconds'] * 1000:.0f} ms")
    foreign = set(found["loaded"]) - sys.stdlib_module_names - {"minigrad", "numpy"}
    assert foreign == set()


def test_import_loads_nothing_of_the_c_backend() -> None:
    code = "import sys, minigrad; print([m for m in sys.modules if 'minigrad.native' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_resolves() -> None:
    assert len(set(mg.__all__)) == len(mg.__all__)
    for name in mg.__all__:
        assert getattr(mg, name) is not None
        assert name in dir(mg)


def test_the_names_of_the_contract_are_there() -> None:
    names = """
        input inputs parameter constant function scan associative_scan draw trace grad vjp jvp
        jacobian hessian verify_grad nn optim text errors gates
        add subtract multiply divide exp log tanh maximum minimum abs sqrt where matmul sum mean max
        min argmax reshape permute_dims broadcast_to expand_dims squeeze concat stack take astype
        zeros ones full arange cumulative_sum sigmoid relu softplus softmax log_softmax logsumexp
        split stop_gradient clip one_hot
    """
    assert not set(names.split()) - set(mg.__all__)


def test_lazy_names_are_the_things_themselves() -> None:
    from minigrad.picture import Drawing, draw
    from minigrad.tracing import Trace, trace

    assert (mg.Drawing, mg.draw, mg.Trace, mg.trace) == (Drawing, draw, Trace, trace)
    assert mg.text.CharRNN.__module__ == "minigrad.text.model"


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'minigrad' has no attribute 'tensor'"):
        mg.tensor  # noqa: B018  # looking is the test


def test_the_example_of_the_front_page() -> None:
    code = [line[4:] for line in (mg.__doc__ or "").splitlines() if line.startswith("    ")]
    assert len(code) == 4
    namespace: dict[str, Any] = {}
    exec("\n".join(code[:-1]), namespace)
    assert eval(code[-1], namespace) == -4
