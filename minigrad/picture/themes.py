"""The colours of pictures: for light pages, for dark ones, and for print in grey."""

from dataclasses import dataclass

from ..errors import ArgumentError

__all__ = ["THEMES", "Theme", "theme_called"]


@dataclass(frozen=True)
class Theme:
    """What is drawn in which colour, as ``#rrggbb``.

    A value stands above its wire and a gradient below it, so that a picture can be read without
    colours too.
    """

    page: str
    ink: str
    """Symbols, names in boxes, and the lines around them."""
    wire: str
    quiet: str
    """Names and shapes on wires, titles."""
    value: str
    gradient: str
    gate: str
    input: str
    parameter: str
    row: str
    delay: str
    frame: str
    """The line around a loop, a step, or a group."""
    fills: tuple[str, str]
    """The ground of frames, in turns by depth."""
    low: str
    """0 in heat strips; large numbers have the colour `value` or `gradient`, and negative ones the
    following two. (In grey only how large they are can be seen.)"""
    value_below: str
    gradient_below: str
    nan: str
    """A cell of a heat strip that is not a number."""


THEMES = {
    "light": Theme(
        page="#ffffff",
        ink="#333333",
        wire="#777777",
        quiet="#5f6368",
        value="#0a58ca",
        gradient="#c62828",
        gate="#fff7e0",
        input="#eef4ff",
        parameter="#e8f5e9",
        row="#fdfdfd",
        delay="#eceff1",
        frame="#b0bec5",
        fills=("#fafafa", "#f3f5f6"),
        low="#e9ecf0",
        value_below="#c77700",
        gradient_below="#00796b",
        nan="#ff00ff",
    ),
    "dark": Theme(
        page="#16191d",
        ink="#e6e6e6",
        wire="#8c949c",
        quiet="#a6adb4",
        value="#79b0ff",
        gradient="#ff8a80",
        gate="#4a3f1c",
        input="#1d3557",
        parameter="#1f4426",
        row="#24292e",
        delay="#37414a",
        frame="#566069",
        fills=("#1d2126", "#252a30"),
        low="#3c444d",
        value_below="#e0a458",
        gradient_below="#4db6ac",
        nan="#ff00ff",
    ),
    "grey": Theme(
        page="#ffffff",
        ink="#000000",
        wire="#6e6e6e",
        quiet="#4d4d4d",
        value="#000000",
        gradient="#5c5c5c",
        gate="#ffffff",
        input="#e9e9e9",
        parameter="#cfcfcf",
        row="#fefefe",
        delay="#dddddd",
        frame="#9a9a9a",
        fills=("#fafafa", "#f2f2f2"),
        low="#e6e6e6",
        value_below="#000000",
        gradient_below="#5c5c5c",
        nan="#ffffff",
    ),
}


def theme_called(name: str) -> Theme:
    """The theme of this name. Raises ArgumentError for another one."""
    if name not in THEMES:
        raise ArgumentError(f"a theme is one of {', '.join(THEMES)}, not {name!r}")
    return THEMES[name]
