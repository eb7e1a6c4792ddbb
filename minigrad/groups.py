"""Groups of gates that have a name, for pictures: every application remembers the one it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import ParamSpec, TypeVar

from .errors import ArgumentError

__all__ = ["Group", "current", "entered", "group", "mirrored"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Group:
    """A part of the graph with a name, perhaps inside another. Two of one name are two groups."""

    name: str
    outer: Group | None = None

    @property
    def path(self) -> tuple[Group, ...]:
        """The groups around it, the outermost first, and itself at the end."""
        found = [self]
        while (outer := found[-1].outer) is not None:
            found.append(outer)
        return tuple(reversed(found))

    def __repr__(self) -> str:
        return f"<group {' / '.join(g.name for g in self.path)}>"


_current: ContextVar[Group | None] = ContextVar("current", default=None)


def current() -> Group | None:
    """The group that gates built now belong to."""
    return _current.get()


@contextmanager
def entered(group: Group | None) -> Iterator[None]:
    """Gates built inside belong to this group that there is already, or to none."""
    token = _current.set(group)
    try:
        yield
    finally:
        _current.reset(token)


def group(name: str) -> _Opening:
    """Gates built inside ``with mg.group(name):`` belong together: pictures fold them to one node.

    Groups may be nested, and stand in the step of a scan. Each `with` makes a new one. A function
    decorated with ``@mg.group(name)`` makes one at each call.

    >>> import minigrad as mg
    >>> x, w, b = mg.inputs("x w b")
    >>> with mg.group("neuron"):
    ...     a = w * x + b
    ...     with mg.group("activation"):
    ...         y = mg.sigmoid(a)
    >>> a.owner.group, y.owner.group
    (<group neuron>, <group neuron / activation>)

    The gates of a gradient are in a group "gradient", and there in groups named as those of the
    gates that they are the gradient of:

    >>> mg.grad(y, x).owner.group
    <group gradient / neuron>

    Raises ArgumentError for a name that is no text, or blank.
    """
    if not isinstance(name, str) or not name.strip():
        raise ArgumentError(f"a group has a name, and not {name!r}")
    return _Opening(name)


class _Opening:
    """What opens a new group of this name, each time it is entered.

    Unlike what `contextmanager` makes it can be entered again, and a bad name is refused at the
    call.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Group:
        group = Group(self.name, _current.get())
        _current.set(group)
        return group

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        group = _current.get()
        _current.set(group.outer if group else None)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def grouped(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return grouped


# ---------------------------------------------------------------- gradients


Twin = Callable[[Group | None], Group]
_twin: ContextVar[Twin | None] = ContextVar("twin", default=None)


@contextmanager
def mirrored(name: str) -> Iterator[Twin]:
    """Gates built inside belong to a new group of this name. What is given says for each group
    of gates its twin there: the group for what is made of these gates.

    Inside another one it is that one: the way back of a loop belongs to the gradient around it.
    Groups that are open around it have no twins, since it is in them already.
    """
    if (twin := _twin.get()) is not None:
        yield twin
        return
    whole = Group(name, current())
    twins: dict[Group | None, Group] = dict.fromkeys((None, *whole.path), whole)

    def twin_of(group: Group | None) -> Group:
        for inner in group.path if group else ():
            if inner not in twins:
                made = Group(inner.name, twins[inner.outer])
                twins[inner] = twins[made] = made  # what is made of the twins' gates belongs to it
        return twins[group]

    token = _twin.set(twin_of)
    try:
        with entered(whole):
            yield twin_of
    finally:
        _twin.reset(token)
