"""What users call: functions that turn operands into gates, and operators on Variables."""

from . import elementwise, indexing, numpy_protocol, reductions, shape
from .elementwise import *
from .indexing import *
from .reductions import *
from .shape import *

__all__ = [
    *elementwise.__all__,
    *indexing.__all__,
    *reductions.__all__,
    *shape.__all__,
]
