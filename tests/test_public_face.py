"""The names that other people's code calls, and what `import minigrad` brings along."""

import subprocess
import sys

import minigrad as mg

NAMES = """
input inputs parameter constant
add multiply divide exp log tanh maximum minimum abs sqrt where matmul sum mean max min argmax
reshape permute_dims broadcast_to expand_dims squeeze concat stack take astype zeros ones full
arange cumulative_sum sigmoid relu softplus softmax log_softmax logsumexp split stop_gradient clip
one_hot
grad vjp jvp jacobian hessian verify_grad
function scan associative_scan draw trace
nn optim text
gates errors random
"""


def test_the_names_of_the_contract_are_there() -> None:
    assert [name for name in NAMES.split() if not hasattr(mg, name)] == []


def test_what_is_public_is_there() -> None:
    assert [name for name in mg.__all__ if not hasattr(mg, name)] == []
    assert len(set(mg.__all__)) == len(mg.__all__)


def test_import_brings_numpy_and_the_standard_library_only() -> None:
    program = (
        "import sys, numpy; before = set(sys.modules); import minigrad; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(*sorted(new - set(sys.stdlib_module_names) - {'numpy', 'minigrad'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    found = [name for name in run.stdout.split() if "cython" not in name]  # NumPy's own
    assert found == []
