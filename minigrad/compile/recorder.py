"""Writing a gate down: run its `forward` with stand-ins for arrays, and keep the calls it makes.

    def forward(self, xp, x, out=None):            t = np.negative(x)
        return xp.exp(xp.negative(x))        →     y = np.exp(t)

So `forward` states a gate's numbers once, for the interpreter, for the program text, and for
whatever array library `xp` stands for. It works for any forward that only calls `xp`, operators and
methods of its arrays; one that looks at their elements, or calls other libraries on them, cannot be
written down.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dims import Shape

__all__ = ["Code", "Recorder", "Unwritable", "literal"]


class Unwritable(TypeError):
    """A forward did something with a stand-in that cannot be written as source."""


class Recorder:
    """Takes down lines. It stands for `xp`: ``recorder.tanh(x)`` is the line ``t = np.tanh(x)``, or
    that of another `module`."""

    def __init__(self, fresh_name: Callable[[], str], module: str = "np") -> None:
        self._lines: list[str] = []
        self._fresh = fresh_name
        self._module = module

    def __getattr__(self, name: str) -> "Code":
        if name.startswith("_"):
            raise AttributeError(name)
        return Code(self, f"{self._module}.{name}")

    def _assign(self, expression: str) -> "Code":
        name = self._fresh()
        self._lines.append(f"{name} = {expression}")
        return Code(self, name)


class Code:
    """A stand-in for an array or function: a piece of source that has a name."""

    __array_ufunc__ = None  # np.tanh(stand_in) must fail, not call np.tanh on an object array
    __iter__ = None

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise Unwritable("its forward calls NumPy itself, not xp")

    def __init__(
        self,
        recorder: Recorder,
        text: str,
        shape: Shape | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        self._recorder = recorder
        self._text = text
        if shape is not None:
            self.shape, self.dtype, self.ndim = shape, dtype, len(shape)

    def __getattr__(self, name: str) -> "Code":
        if name.startswith("_"):
            raise AttributeError(name)
        return Code(self._recorder, f"{self._text}.{name}")

    def __call__(self, *arguments: Any, **options: Any) -> "Code":
        written = [literal(a) for a in arguments]
        options = {k: v for k, v in options.items() if not (k == "out" and v is None)}
        written += [f"{k}={literal(v)}" for k, v in options.items()]
        call = f"{self._text}({', '.join(written)})"
        if isinstance(out := options.get("out"), Code):
            self._recorder._lines.append(call)
            return out
        return self._recorder._assign(call)

    def __getitem__(self, key: Any) -> "Code":
        return self._recorder._assign(f"{self._text}[{_key(key)}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        self._recorder._lines.append(f"{self._text}[{_key(key)}] = {literal(value)}")

    def _name(self) -> str:
        """What it is called where it is used; an attribute of an array gets a name first."""
        module = f"{self._recorder._module}."
        named = self._text.isidentifier() or self._text.startswith(module)
        return self._text if named else self._recorder._assign(self._text)._text

    def __bool__(self) -> bool:
        raise Unwritable("its forward branches on the elements of an array")

    __hash__ = object.__hash__

    def __neg__(self) -> "Code":
        return self._recorder._assign(f"-{self._text}")

    def __abs__(self) -> "Code":
        return self._recorder._assign(f"abs({self._text})")

    def __invert__(self) -> "Code":
        return self._recorder._assign(f"~{self._text}")

    def _binary(self, symbol: str, left: Any, right: Any) -> "Code":
        first = literal(left)
        first = f"({first})" if first.startswith("-") else first  # -2 ** x is -(2 ** x)
        return self._recorder._assign(f"{first} {symbol} {literal(right)}")


def _operator(symbol: str, swapped: bool = False) -> Callable[[Code, Any], Code]:
    if swapped:
        return lambda self, other: self._binary(symbol, other, self)
    return lambda self, other: self._binary(symbol, self, other)


def _in_place(symbol: str) -> Callable[[Code, Any], Code]:
    """``x += y`` changes an array, which all its views see, but binds a number anew: a new name."""

    def change(self: Code, other: Any) -> Code:
        result = self._recorder._assign(self._text)
        self._recorder._lines.append(f"{result._text} {symbol}= {literal(other)}")
        return result

    return change


for _name, _symbol in {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
}.items():
    setattr(Code, f"__{_name}__", _operator(_symbol))
    setattr(Code, f"__r{_name}__", _operator(_symbol, swapped=True))
    setattr(Code, f"__i{_name}__", _in_place(_symbol))
for _name, _symbol in {
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
}.items():
    setattr(Code, f"__{_name}__", _operator(_symbol))


def literal(value: Any) -> str:
    """`value` as source. Raises Unwritable for what has no literal."""
    if isinstance(value, Code):
        return value._name()
    if isinstance(value, np.dtype):
        return f"np.{value.name}"
    if isinstance(value, type) and issubclass(value, np.generic | bool | int | float):
        return f"np.{np.dtype(value).name}"
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({literal(value.item())})"
    if isinstance(value, float) and not np.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, slice):
        return f"slice({literal(value.start)}, {literal(value.stop)}, {literal(value.step)})"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if value is Ellipsis:
        return "..."
    raise Unwritable(f"its forward uses a {type(value).__name__}")


def _key(key: Any) -> str:
    """An index as it is written between brackets."""
    items = key if isinstance(key, tuple) else (key,)

    def item(k: Any) -> str:
        if not isinstance(k, slice):
            return literal(k)
        parts = ["" if p is None else literal(p) for p in (k.start, k.stop)]
        return ":".join(parts) + ("" if k.step in (None, 1) else f":{literal(k.step)}")

    return ", ".join(map(item, items)) or "()"
