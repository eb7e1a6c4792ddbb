"""Networks: modules, layers, recurrent cells and the loop over them, losses, initial values."""

from . import cells, init, layers, losses, module, recurrent
from .cells import *
from .layers import *
from .module import *
from .recurrent import *

__all__ = [
    "init",
    "losses",
    *cells.__all__,
    *layers.__all__,
    *module.__all__,
    *recurrent.__all__,
]
