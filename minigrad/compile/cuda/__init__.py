"""A plan written out as calls of CuPy, and as CUDA kernels what elementwise gates share."""

from .device import Device, compiled, products
from .lower import lower
from .writer import write

__all__ = ["Device", "compiled", "lower", "products", "write"]
