"""Graphviz, which lays pictures out: the `dot` program, or the engine inside pygraphviz."""

import shutil

import graphviz

from ..errors import PictureError

__all__ = ["render"]


def render(source: str, format: str) -> bytes:
    """DOT text as a picture in `format`. Raises PictureError when nothing here can do it."""
    if shutil.which("dot"):
        return _by_dot(source, format)
    try:
        from pygraphviz import AGraph
    except ImportError:
        raise PictureError(
            f"a picture as {format} needs Graphviz: install it (its `dot` program), or the extra "
            'minigrad[draw], in a checkout with: pip install ".[draw]"; '
            '.source and .save("f.dot") work without'
        ) from None
    try:
        return bytes(AGraph(string=source).draw(format=format, prog="dot"))
    except ValueError as error:
        raise PictureError(f"pygraphviz could not draw this as {format}: {error}") from error


def _by_dot(source: str, format: str) -> bytes:
    try:
        return graphviz.pipe("dot", format, source.encode(), quiet=True)
    except graphviz.CalledProcessError as error:
        why = (error.stderr or b"").decode(errors="replace").strip()
        raise PictureError(f"dot could not draw this as {format}: {why}") from error
