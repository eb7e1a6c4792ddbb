"""Pictures: a graph as DOT, drawn by Graphviz."""

from .diagram import draw
from .drawing import Drawing

__all__ = ["Drawing", "draw"]
