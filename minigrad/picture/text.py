"""What stands on a picture: names, shapes and numbers as short text, made safe for DOT.

Graphviz reads labels in two languages. A plain one knows backslashes and entities (``&lt;``), an
HTML-like one knows tags as well. A user's text may hold anything, so it passes `tidy` first and one
of `plain` and `html` last.
"""

from collections.abc import Iterable
from typing import Any

import graphviz
import numpy as np
import numpy.typing as npt

from ..dims import Size

__all__ = ["html", "plain", "show_dims", "show_number", "show_value", "tidy"]

_LONGEST = 40
_ROOM = '<table border="0" cellborder="0" cellspacing="0" cellpadding="3">'


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


def html(*lines: tuple[str, str]) -> str:
    """An HTML-like label of (text, colour) lines, with some room around them.

    >>> html(("x < 3", "#ff0000"))  # doctest: +ELLIPSIS
    '<<table ...><tr><td><font color="#ff0000">x &#60; 3</font></td></tr></table>>'
    """
    shown = "<br/>".join(f'<font color="{c}">{_entities(text)}</font>' for text, c in lines)
    return f"<{_ROOM}<tr><td>{shown}</td></tr></table>>"


def _entities(text: str) -> str:
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


def show_value(value: npt.ArrayLike) -> str:
    """A scalar as its number, an array as its shape and, to three digits, its range.

    >>> show_value(3.0), show_value([[1.5, -0.25]]), show_value([0.0, 0.0])
    ('3', '1×2 in -0.25…1.5', '2 of 0')
    >>> show_value([1.0, float("nan")])
    '2 of 1, 1 nan'
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return show_number(array.item())
    shape = show_dims(array.shape)
    gone = np.isnan(array)
    known = array[~gone]
    if not known.size:
        return f"{shape} of nan" if array.size else shape
    low, high = (show_number(n.item(), 3) for n in (known.min(), known.max()))
    span = f"of {low}" if low == high else f"in {low}…{high}"
    return f"{shape} {span}" + (f", {gone.sum()} nan" if gone.any() else "")
