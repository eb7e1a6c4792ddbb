"""What stands on a picture: names, shapes and numbers as short text, made safe for DOT.

Graphviz reads labels in two languages. A plain one knows backslashes and entities (``&lt;``), an
HTML-like one also knows tags. A user's text may hold anything, so it passes `tidy` first and one of
`plain` and `html` last.
"""

from collections.abc import Iterable
from typing import Any

import graphviz
import numpy as np
import numpy.typing as npt

from ..dims import Size

__all__ = ["html", "plain", "show_dims", "show_number", "show_value", "tidy"]

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


def html(*lines: tuple[str, str]) -> str:
    """An HTML-like label of (text, colour) lines.

    >>> html(("x < 3", "#ff0000"))
    '<<font color="#ff0000">x &lt; 3</font>>'
    """
    shown = (f'<font color="{colour}">{_entities(text)}</font>' for text, colour in lines)
    return f"<{'<br/>'.join(shown)}>"


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def show_dims(shape: Iterable[Size]) -> str:
    """A shape as on pictures; nothing for a scalar.

    >>> from minigrad.dims import dim
    >>> show_dims((dim("T"), dim("T - 1"), 81))
    'T×(T - 1)×81'
    """
    sizes = (str(size) for size in shape)
    return "×".join(f"({size})" if " " in size else size for size in sizes)


def show_number(number: Any) -> str:
    """A number to four significant digits; integers of up to seven digits whole.

    >>> [show_number(n) for n in (-4.0, 0.73106, 3, 1234567, 2.0e-7, -0.0, True)]
    ['-4', '0.7311', '3', '1234567', '2e-7', '0', 'True']
    """
    if isinstance(number, bool | np.bool) or (isinstance(number, int) and abs(number) < 10**7):
        return str(number)
    digits, e, exponent = f"{float(number) + 0.0:.4g}".partition("e")
    return digits + e + (str(int(exponent)) if e else "")


def show_value(value: npt.ArrayLike) -> str:
    """A scalar as its number, an array as its shape and range.

    >>> show_value(3.0), show_value([[1.5, -0.25]]), show_value([0.0, 0.0])
    ('3', '1×2 in -0.25…1.5', '2 of 0')
    >>> show_value([1.0, float("nan")])
    '2 in 1…1, 1 nan'
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return show_number(array.item())
    shape = show_dims(array.shape)
    gone = np.isnan(array)
    known = array[~gone]
    if not known.size:
        return f"{shape} of nan" if array.size else shape
    low, high = show_number(known.min().item()), show_number(known.max().item())
    if gone.any():
        return f"{shape} in {low}…{high}, {gone.sum()} nan"
    return f"{shape} of {low}" if low == high else f"{shape} in {low}…{high}"
