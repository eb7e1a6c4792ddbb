"""Graphviz, which lays pictures out: the `dot` program, or the engine inside pygraphviz."""

import ctypes
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import graphviz

from ..errors import PictureError

__all__ = ["measure", "render"]

_NOTHING = 2  # AGMAX, the level of what Graphviz prints


def render(source: str, format: str, settled: bool = False) -> bytes:
    """DOT text as a picture in `format`; where it is `settled`, it says itself where all lies.

    Raises PictureError when nothing here can do it.
    """
    if shutil.which("dot"):
        return _by_dot(source, format, settled)
    try:
        from pygraphviz import AGraph, _graphviz
    except ImportError:
        raise PictureError(
            "a picture needs Graphviz: install it (its `dot` program), or the extra "
            'minigrad[draw], in a checkout with: pip install ".[draw]"; '
            '.source and .save("f.dot") work without'
        ) from None
    try:
        with _strict(_graphviz.__file__):
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
        picture: bytes = graphviz.pipe(format=format, data=source.encode(), quiet=True, **engine)
        if format == "svg":  # where there is no colour, Graphviz 2 writes what SVG does not know
            picture = picture.replace(b'="transparent"', b'="none"')
        return picture
    except graphviz.CalledProcessError as error:
        why = (error.stderr or b"").decode(errors="replace").strip()
        raise PictureError(f"dot could not draw this as {format}: {why}") from error


@contextmanager
def _strict(library: str) -> Iterator[None]:
    """What Graphviz would only print about an error, in a label say, and draw on, is raised as a
    ValueError; its warnings are dropped, as those of the program are."""
    try:
        cgraph = ctypes.CDLL(library)
        cgraph.aglasterr.restype = ctypes.c_char_p
        printed = cgraph.agseterr(_NOTHING)
    except (OSError, AttributeError):  # Windows finds only what a library itself exports
        yield
        return
    cgraph.agreseterrors()
    try:
        yield
    except ValueError as error:
        if not cgraph.agerrors():
            raise
        raise ValueError(_last(cgraph)) from error
    else:
        if cgraph.agerrors():
            raise ValueError(_last(cgraph))
    finally:
        cgraph.agseterr(printed)


def _last(cgraph: ctypes.CDLL) -> str:
    """The last error, on one line."""
    words: bytes = cgraph.aglasterr() or b""
    return " ".join(words.decode(errors="replace").split())
