"""minigrad: a symbolic autodiff micro-framework.

    import minigrad as mg
    x, y, z = mg.inputs("x y z")
    f = (x + y) * z
    mg.grad(f, x).eval({x: -2, y: 5, z: -4})

The public face is this flat list of names, and `mg.nn`, `mg.optim`, `mg.text`, `mg.checkpoint`; the
gates are in `mg.gates`, the errors in `mg.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors, functions, gates, nn, optim, random
from .autodiff import grad, jvp, vjp
from .compile import Function, function
from .functions.elementwise import *  # one by one: mypy cannot read functions.__all__
from .functions.indexing import *
from .functions.reductions import *
from .functions.shape import *
from .graph import Apply, Gate
from .groups import group
from .jacobians import hessian, jacobian
from .loops import associative_scan, scan
from .types import Type
from .variables import Constant, Parameter, Variable, constant, input, inputs, method, parameter
from .verify import verify_grad

if TYPE_CHECKING:
    from . import checkpoint, text
    from .picture import Drawing, draw
    from .picture.words.explain import Explanation, explain
    from .tracing import Trace, trace

__version__ = "0.1.0"

__all__ = [
    "Apply",
    "Constant",
    "Drawing",
    "Explanation",
    "Function",
    "Gate",
    "Parameter",
    "Trace",
    "Type",
    "Variable",
    "associative_scan",
    "checkpoint",
    "constant",
    "draw",
    "errors",
    "explain",
    "function",
    "gates",
    "grad",
    "group",
    "hessian",
    "input",
    "inputs",
    "jacobian",
    "jvp",
    "nn",
    "optim",
    "parameter",
    "random",
    "scan",
    "text",
    "trace",
    "verify_grad",
    "vjp",
    *functions.__all__,
]

# Loaded when first asked for, since they need more than NumPy: ``import minigrad`` stays quick.
_LAZY = {
    "Drawing": "picture",
    "Explanation": "picture.words.explain",
    "Trace": "tracing",
    "checkpoint": "",
    "draw": "picture",
    "explain": "picture.words.explain",
    "text": "",
    "trace": "tracing",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not _LAZY[name]:
        return import_module(f".{name}", __name__)
    value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    return value


@method("_repr_svg_")
def _svg_of(v: Variable) -> str | None:
    """A Variable shows its graph in a notebook: it is hung on here, where `picture` may wait until
    it is asked for."""
    return import_module(".picture.diagram", __name__).svg_of(v)


def __dir__() -> list[str]:
    return sorted(__all__)
