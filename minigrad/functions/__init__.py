"""What users call: functions that turn operands into gates, and operators on Variables."""

from . import elementwise, indexing, reductions, shape
from .elementwise import *
from .indexing import *
from .numpy_protocol import *  # exports no name: it hangs NumPy's protocol on Variable
from .reductions import *
from .shape import *

__all__ = [
    *elementwise.__all__,
    *indexing.__all__,
    *reductions.__all__,
    *shape.__all__,
]
