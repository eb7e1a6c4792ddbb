"""The gates, one class each. All that is known of a gate stands in its class."""

from . import (
    arithmetic,
    choice,
    composite,
    creation,
    indexing,
    linear,
    random,
    reductions,
    shape,
    transcendental,
)
from .arithmetic import *
from .choice import *
from .composite import *
from .creation import *
from .elementwise import Elementwise
from .indexing import *
from .linear import *
from .random import *
from .reductions import *
from .shape import *
from .transcendental import *

__all__ = [
    "Elementwise",
    *arithmetic.__all__,
    *choice.__all__,
    *composite.__all__,
    *creation.__all__,
    *indexing.__all__,
    *linear.__all__,
    *random.__all__,
    *reductions.__all__,
    *shape.__all__,
    *transcendental.__all__,
]
