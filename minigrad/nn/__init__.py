"""Networks: modules, layers, recurrent cells and the loop over them, losses, initial values."""

from . import cells, init, layers, linear_recurrence, losses, module, recurrent, stacks
from .cell import Cell, state_inputs
from .cells import *
from .layers import *
from .linear_recurrence import *
from .module import *
from .recurrent import *
from .stacks import *

__all__ = [
    "Cell",
    "init",
    "losses",
    "state_inputs",
    *cells.__all__,
    *layers.__all__,
    *linear_recurrence.__all__,
    *module.__all__,
    *recurrent.__all__,
    *stacks.__all__,
]
