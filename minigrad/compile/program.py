"""A program: lines of NumPy source that know which gate and user's line they come from."""

import linecache
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from ..graph import Apply
from ..types import Array
from .called import CalledGate

__all__ = ["Line", "Program"]

_COMMENT_COLUMN = 60
_serial = count(1)


@dataclass
class Line:
    """A line of source, how deep it is indented, the application it belongs to, the counters of the
    loops it is in, and the names that the user gave to what it makes."""

    text: str
    depth: int = 1
    apply: Apply | None = None
    steps: tuple[str, ...] = ()
    made: str = ""


@dataclass
class Program:
    """Source of ``program(*inputs, *constants) -> outputs``, and what is needed to run it."""

    lines: list[Line]
    constants: list[Array]
    gates: list[CalledGate]
    unwritten: list[str]
    """Gates that could not be written as source and are called as objects: where, and why."""
    memory: int
    """Bytes that it keeps from call to call."""
    buffers: int
    """The number of blocks that these are in."""
    checked: list[Apply]
    """With check_nan, the applications that ``finite`` is told the numbers of."""
    native: str = ""
    """C source of the functions that it calls."""
    cuda: str = ""
    """CUDA source of the kernels that it launches."""
    half: str | None = None
    """The dtype that a GPU rounds the operands of products to."""
    sites: dict[str, list[tuple[str, str | None, int]]] = field(default_factory=dict)
    """By function, the gates at which it may find an index outside of an axis of so many places."""

    @property
    def source(self) -> str:
        """The whole text, with the user's lines as comments."""
        text = []
        last = None
        for line in self.lines:
            code = "    " * line.depth + line.text
            where = line.apply.where if line.apply else None
            note = line.made
            if where and where != last:
                file, _, number = where.rpartition(":")
                note = f"{note}{', ' if note else ''}{Path(file).name}:{number}"
            if note:
                code = f"{code:<{_COMMENT_COLUMN}}  # {note}"
            last = where or last
            text.append(code.rstrip())
        return "\n".join(text) + "\n"

    def load(self, finite: Callable[..., None]) -> Callable[..., tuple[Array, ...]]:
        """The function itself. A traceback through it shows its source, as that of a file would."""
        source = self.source
        filename = f"<minigrad program {next(_serial)}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        namespace: dict[str, Any] = {"gates": self.gates}
        if self.native:
            c = import_module(".c", __package__)  # loaded already: it has written the source
            namespace["native"] = c.Library(self.native, self.sites)
        if self.cuda:
            namespace["cuda"] = import_module(".cuda", __package__).compiled(self.cuda)
        if self.half:
            namespace["product"] = import_module(".cuda", __package__).products(self.half)
        exec(compile(source, filename, "exec"), namespace)
        namespace["finite"] = finite
        program: Callable[..., tuple[Array, ...]] = namespace["program"]
        weakref.finalize(program, linecache.cache.pop, filename, None)
        return program
