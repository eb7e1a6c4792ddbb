"""A plan written out as C: fused loops, products by BLAS, whole loops without Python."""

from ...native import Library
from .lower import lower

__all__ = ["Library", "lower"]
