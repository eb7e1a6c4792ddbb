"""Names in a program: for arrays, after what the user calls them, none of them taken."""

import builtins
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from .plan import Array

__all__ = ["Names"]

_OWN = "np cp program finite gates native cuda contiguous outside check product"
_RESERVED = {*keyword.kwlist, *dir(builtins), *_OWN.split()}


class Names:
    """What arrays are called. Several may have one name, such as the input and output of a gate
    that does nothing."""

    def __init__(self) -> None:
        self.of: dict[Array, str] = {}
        self._called: dict[str, list[Array]] = defaultdict(list)
        self._taken = set(_RESERVED)
        self._last: Counter[str] = Counter()  # number behind each base of a name
        self._dead: set[Array] = set()

    def fresh(self, hint: str | None = None) -> str:
        """A name that is not taken, after `hint` where that makes an identifier."""
        base = re.sub(r"\W", "_", hint or "v", flags=re.ASCII)
        base = f"v_{base}" if base[0].isdigit() else base
        name = base if hint else ""
        while not name or name in self._taken:
            self._last[base] += 1
            name = f"{base}{'_' if hint else ''}{self._last[base]}"
        self._taken.add(name)
        return name

    def give(self, array: Array, name: str) -> str:
        """Let an array be called so from here on."""
        self.of[array] = name
        self._called[name].append(array)
        return name

    def end(self, arrays: Iterable[Array]) -> list[str]:
        """Arrays that nothing mentions any more: the names that no other array has, in order."""
        arrays = [a for a in arrays if a in self.of]
        self._dead.update(arrays)
        names = {self.of[a] for a in arrays}
        return sorted(n for n in names if all(a in self._dead for a in self._called[n]))
