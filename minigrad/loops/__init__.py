"""Loops in the graph: `scan`, its gate and gradient, and the parallel prefix form."""

from .associative import associative_scan
from .gate import Scan
from .loop import scan

__all__ = ["Scan", "associative_scan", "scan"]
