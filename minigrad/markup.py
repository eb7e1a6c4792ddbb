"""HTML for notebooks: tables and text, all of it escaped, without scripts and style sheets."""

import html
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["preformatted", "table"]

_TEXT = "font-family:monospace;white-space:pre-wrap"
_SCROLLED = "max-height:32em;overflow:auto"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], colours: Mapping[str, str] | None = None
) -> str:
    """A table with a name at the left of each row; `colours` are those of columns by their head.

    >>> table(["", "value"], [["x < y", "3"]])  # doctest: +ELLIPSIS
    '<div ...><table><thead><tr><th ...></th><th ...>value</th></tr></thead>...x &lt; y</th>...
    """
    styles = [
        f"text-align:{'right' if i else 'left'}" + (f";color:{found}" if found else "")
        for i, found in enumerate((colours or {}).get(name, "") for name in head)
    ]
    top = _row(["th"] * len(head), styles, head)
    kinds = ["th", *["td"] * (len(head) - 1)]
    body = "".join(_row(kinds, styles, row) for row in rows)
    grid = f"<table><thead>{top}</thead><tbody>{body}</tbody></table>"
    return f'<div style="{_SCROLLED}">{grid}</div>'


def _row(kinds: Sequence[str], styles: Sequence[str], cells: Sequence[str]) -> str:
    shown = "".join(
        f'<{kind} style="{style}">{html.escape(cell)}</{kind}>'
        for kind, style, cell in zip(kinds, styles, cells, strict=True)
    )
    return f"<tr>{shown}</tr>"


def preformatted(text: str) -> str:
    """Text as it stands, its long lines wrapped."""
    return f'<pre style="{_TEXT};{_SCROLLED}">{html.escape(text)}</pre>'
