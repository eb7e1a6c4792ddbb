"""Graph → program → something to call."""

from .function import Function, function

__all__ = ["Function", "function"]
