"""Graphviz, which lays pictures out: the `dot` program, or the engine inside pygraphviz."""

import json
import shutil
from typing import Any

import graphviz

from ..errors import PictureError

__all__ = ["measure", "render"]


def render(source: str, format: str, settled: bool = False) -> bytes:
    """DOT text as a picture in `format`; where it is `settled`, it says itself where all lies.

    Raises PictureError when nothing here can do it.
    """
    if shutil.which("dot"):
        return _by_dot(source, format, settled)
    try:
        from pygraphviz import AGraph
    except ImportError:
        raise PictureError(
            f"a picture as {format} needs Graphviz: install it (its `dot` program), or the extra "
            'minigrad[draw], in a checkout with: pip install ".[draw]"; '
            '.source and .save("f.dot") work without'
        ) from None
    try:
        graph = AGraph(string=source)
        return bytes(graph.draw(format=format, prog="nop2" if settled else "dot"))
    except ValueError as error:
        raise PictureError(f"pygraphviz could not draw this as {format}: {error}") from error


def measure(source: str) -> dict[str, Any]:
    """Where everything in a DOT text comes to lie, as Graphviz's own JSON, in points."""
    found: dict[str, Any] = json.loads(render(source, "json"))
    return found


def _by_dot(source: str, format: str, settled: bool) -> bytes:
    engine: dict[str, Any] = {"engine": "neato", "neato_no_op": 2} if settled else {"engine": "dot"}
    try:
        return graphviz.pipe(format=format, data=source.encode(), quiet=True, **engine)
    except graphviz.CalledProcessError as error:
        why = (error.stderr or b"").decode(errors="replace").strip()
        raise PictureError(f"dot could not draw this as {format}: {why}") from error
