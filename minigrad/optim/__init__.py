"""Optimisers, their learning rates, and what keeps gradients from growing too long."""

from . import clipping, optimizers, schedules
from .clipping import *
from .optimizers import *
from .schedules import *

__all__ = [*clipping.__all__, *optimizers.__all__, *schedules.__all__]
