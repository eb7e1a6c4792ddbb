"""Memory that a program uses again at every call: raw blocks, and arrays laid over them.

A block is taken for a value and given back when nothing looks at it any more; a later value of any
type that fits may then have it. All blocks are made when the program is loaded, so that a call
allocates little, and a step of a loop nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..dims import product
from ..types import Type

__all__ = ["Memory", "Place", "size_of"]


@dataclass(frozen=True)
class Place:
    """An array laid over a block: the names of both."""

    block: str
    name: str


def size_of(type: Type) -> int:
    """The bytes of an array whose sizes are numbers."""
    return int(product(type.shape)) * type.dtype.itemsize  # type: ignore[arg-type]


@dataclass
class Memory:
    """The blocks of one program."""

    fresh: Callable[[str], str]
    """Makes names."""
    lines: list[str] = field(default_factory=list)
    """The source that makes blocks and arrays."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each block."""
    static: dict[str, bool] = field(default_factory=dict)
    """Arrays that lie at one place for good, and whether they are contiguous."""
    _free: dict[int, list[str]] = field(default_factory=dict)
    _arrays: dict[tuple[str, Type], str] = field(default_factory=dict)

    def take(self, type: Type) -> Place:
        """An array of this type over a block that is free, or a new one."""
        size = size_of(type)
        free = self._free.get(size)
        if free:
            block = free.pop()
        else:
            block = self.fresh("memory")
            self.sizes[block] = size
            self.lines.append(f"{block} = np.empty({size}, np.uint8)")
        return Place(block, self._array(block, type))

    def _array(self, block: str, type: Type) -> str:
        if (block, type) not in self._arrays:
            name = self._arrays[block, type] = self.fresh("b")
            self.lines.append(f"{name} = {block}.view(np.{type.dtype.name}).reshape({type.shape})")
            self.static[name] = True
        return self._arrays[block, type]

    def give(self, block: str) -> None:
        """What was in a block is not needed any more."""
        self._free.setdefault(self.sizes[block], []).append(block)

    def part(self, whole: Place, key: str) -> Place:
        """Some rows of an array, a view made once: ``whole[key]``."""
        name = self.fresh("b")
        self.lines.append(f"{name} = {whole.name}[{key}]")
        self.static[name] = True
        return Place(whole.block, name)

    def rows(self, array: Place, reverse: bool) -> str:
        """The rows of an array in the order in which a loop goes through them, made once."""
        name = self.fresh("rows")
        self.lines.append(f"{name} = list({array.name}{'[::-1]' if reverse else ''})")
        return name
