"""What stands on a picture: names, shapes and numbers as short text, made safe for DOT.

Graphviz reads labels in two languages. A plain one knows backslashes and entities (``&lt;``), an
HTML-like one knows tags as well. A user's text may hold anything, so it passes `tidy` first and one
of `plain` and `entities` last.
"""

from collections.abc import Iterable
from typing import Any

import graphviz
import numpy as np
import numpy.typing as npt

from ..dims import Size
from ..types import Array

__all__ = ["entities", "plain", "show_dims", "show_number", "show_range", "show_value", "tidy"]

_LONGEST = 40


def tidy(text: str, longest: int = _LONGEST) -> str:
    """One printable line of at most `longest` characters.

    >>> tidy("two\\nlines")
    'two lines'
    >>> tidy("a" * 300, longest=5)
    'aaaa…'
    """
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if c.isprintable() else " " for c in short)


def plain(*lines: str) -> str:
    """A plain label that shows these lines as they are.

    >>> print(plain("a&b", "c:\\\\d"))
    a&amp;b\\nc:\\\\d
    """
    escaped = (graphviz.escape(line.replace("&", "&amp;")) for line in lines)
    return graphviz.nohtml("\\n".join(escaped))


def entities(text: str) -> str:
    """Text inside an HTML-like label."""
    text = text.replace("\\", r"\\")  # here too: \N would be the node's name
    for character in "&<>":
        text = text.replace(character, f"&#{ord(character)};")
    return text


def show_dims(shape: Iterable[Size]) -> str:
    """A shape as on pictures; nothing for a scalar.

    >>> from minigrad.dims import dim
    >>> show_dims((dim("T"), dim("T - 1"), 81))
    'T×(T - 1)×81'
    """
    sizes = (str(size) for size in shape)
    return "×".join(f"({size})" if " " in size else size for size in sizes)


def show_number(number: Any, digits: int = 4) -> str:
    """A number to so many digits; whole numbers of up to seven digits in full.

    >>> [show_number(n) for n in (-4.0, 0.73106, 3, 1234567, 2.0e-7, -0.0, True)]
    ['-4', '0.7311', '3', '1234567', '2e-7', '0', 'True']
    """
    if isinstance(number, int) and abs(number) < 10**7:  # bool is one of them
        return str(number)
    mantissa, e, exponent = f"{float(number) + 0.0:.{digits}g}".partition("e")
    return mantissa + (f"e{int(exponent)}" if e else "")


def show_range(array: Array) -> str:
    """The least and the greatest number of an array, to three digits; "" where there is none.

    >>> show_range(np.array([1.5, -0.25])), show_range(np.zeros(2))
    ('-0.25…1.5', '0')
    >>> show_range(np.array([1.0, float("nan")]))
    '1, 1 nan'
    """
    gone = np.isnan(array)
    known = array[~gone]
    if not known.size:
        return "nan" if array.size else ""
    low, high = (show_number(n.item(), 3) for n in (known.min(), known.max()))
    span = low if low == high else f"{low}…{high}"
    return span + (f", {gone.sum()} nan" if gone.any() else "")


def show_value(value: npt.ArrayLike) -> str:
    """A scalar as its number, an array as its shape and range.

    >>> show_value(3.0), show_value([[1.5, -0.25]]), show_value([0.0, 0.0])
    ('3', '1×2 in -0.25…1.5', '2 of 0')
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return show_number(array.item())
    if array.size == 1:
        return f"[{show_number(array.item())}]"
    shape, span = show_dims(array.shape), show_range(array)
    return f"{shape} {'in' if '…' in span else 'of'} {span}" if span else shape
