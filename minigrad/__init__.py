"""minigrad: a symbolic autodiff micro-framework.

    import minigrad as mg
    x, y, z = mg.inputs("x y z")
    f = (x + y) * z
    mg.grad(f, x).eval({x: -2, y: 5, z: -4})

The public face is this flat list of names; the gates are in `mg.gates`, the errors in `mg.errors`.
"""

from . import errors, functions, gates, random
from .autodiff import grad, jvp, vjp
from .functions import *
from .graph import (
    Apply,
    Constant,
    Gate,
    Parameter,
    Type,
    Variable,
    constant,
    input,
    inputs,
    parameter,
)
from .jacobian import hessian, jacobian
from .loops import associative_scan, scan

__version__ = "0.1.0"

__all__ = [
    "Apply",
    "Constant",
    "Gate",
    "Parameter",
    "Type",
    "Variable",
    "associative_scan",
    "constant",
    "errors",
    "gates",
    "grad",
    "hessian",
    "input",
    "inputs",
    "jacobian",
    "jvp",
    "parameter",
    "random",
    "scan",
    "vjp",
    *functions.__all__,
]
