"""Whole Jacobians and Hessians, one row of the output at a time."""

from typing import Any

from .autodiff import grad, vjp
from .dims import product
from .errors import GradientError
from .functions import eye
from .loops import scan
from .tree import tree_map
from .variables import Variable

__all__ = ["hessian", "jacobian"]


def jacobian(output: Variable, wrt: Any, unused: str = "error") -> Any:
    """d output / d wrt: for output (O…) and each variable (W…) of `wrt` an array (O…, W…).

    Row after row, by a scan over unit cotangents. Raises GradientError as `grad` does.

    >>> import minigrad as mg
    >>> x = mg.input("x", (3,))
    >>> mg.jacobian(x[:2] * x[1:], x).eval({x: [1, 2, 3]})
    array([[2., 1., 0.],
           [0., 3., 2.]], dtype=float32)
    """
    if not output.type.differentiable:
        raise GradientError(
            f"the output is {output.dtype}, and only floats have a gradient", output.where
        )
    n = product(output.shape)
    units = eye(n, output.dtype).reshape((n, *output.shape))

    def row(_: None, unit: Variable) -> tuple[None, Any]:
        return None, vjp(output, wrt, unit, unused)

    _, rows = scan(row, None, units, name="jacobian")
    return tree_map(lambda v, r: r.reshape((*output.shape, *v.shape)), wrt, rows)


def hessian(cost: Variable, wrt: Any, unused: str = "error") -> Any:
    """d² cost / d wrt²: for one variable (W…) an array (W…, W…), for a structure of variables the
    structure of such structures.

    >>> import minigrad as mg
    >>> x = mg.input("x", (2,))
    >>> mg.hessian(x[0] * x[0] * x[1], x).eval({x: [3, 5]})
    array([[10.,  6.],
           [ 6.,  0.]], dtype=float32)
    """
    first = grad(cost, wrt, unused)
    return tree_map(lambda g: jacobian(g, wrt, "zeros"), first)
