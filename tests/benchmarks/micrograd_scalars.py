"""micrograd: one Python object for each number."""

from collections.abc import Callable

from micrograd.engine import Value


def circuit(case: None = None) -> Callable[[], float]:
    """(x + y) · z and its gradients, traced anew at each call."""

    def step() -> float:
        x, y, z = Value(-2.0), Value(5.0), Value(-4.0)
        f = (x + y) * z
        f.backward()
        return f.data

    return step
