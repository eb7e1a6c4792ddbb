"""The lines of a C function, while it is written."""

from dataclasses import dataclass, field

from ...graph import Apply
from ...where import short
from ..expressions import one_line

__all__ = ["Writing"]


@dataclass(kw_only=True)
class Writing:
    """Its lines so far, how deep the next one stands, and the steps of the loops that are open."""

    text: list[str] = field(default_factory=list)
    depth: int = 1
    times: list[str] = field(default_factory=list)
    serial: int = 0
    last: str = ""

    def fresh(self, stem: str) -> str:
        self.serial += 1
        return f"{stem}{self.serial}"

    def line(self, text: str, apply: Apply | None = None) -> None:
        """A line; behind it the name of what is made, and the user's line where that is new."""
        notes = [v.name for v in apply.outputs if v.name] if apply else []
        where = short(apply.where) if apply else ""
        if where and where != self.last:
            notes.append(where)
            self.last = where
        text = f"{text}  // {one_line(', '.join(notes))}" if notes else text
        self.text.append("    " * self.depth + text)

    def close(self, count: int) -> None:
        for _ in range(count):
            self.depth -= 1
            self.line("}")
