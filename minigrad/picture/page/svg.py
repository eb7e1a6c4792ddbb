"""Pictures as they stand in the page: SVG that is small, has no address in it, and whose numbers
the script can find."""

from dataclasses import fields
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..drawing import Drawing
from ..numbers import Reading
from ..sketch import Wire
from ..themes import THEMES, Theme

__all__ = ["colours", "inline"]

_NEEDLESS = ("font-family", "space", "title", "href", "width", "height", "version")


def inline(kind: str, drawing: Drawing) -> str:
    """The picture for a page. Every id in it begins with `kind`."""
    root = _plain(ElementTree.fromstring(drawing.rendered("svg")))
    found = {e.get("id"): e for e in root.iter("g") if e.get("id")}
    for wire in drawing.sketch.wires:
        if wire.key in found:
            _mark(found[wire.key], wire)
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", f"{kind}-{element.get('id')}")
    root.set("role", "group")
    root.set("aria-label", f"the graph, {kind}")
    return ElementTree.tostring(root, encoding="unicode")


def colours() -> str:
    """Style sheets with the colours of the light and the dark theme as variables, and rules that
    put them in the place of those in the pictures."""
    light, dark = _named(THEMES["light"]), _named(THEMES["dark"])
    rules = [
        f'.picture [{paint}="{colour}"] {{ {paint}: var(--{name}) }}'
        for name, colour in light.items()
        for paint in ("fill", "stroke")
    ]
    sheets = [
        f":root {{ {_variables(light)} }}",
        f"@media screen {{ :root.dark {{ {_variables(dark)} }} }}",
        *rules,
    ]
    return "\n".join(sheets) + "\n"


def _variables(colours: dict[str, str]) -> str:
    return "; ".join(f"--{name}: {colour}" for name, colour in colours.items())


def _named(theme: Theme) -> dict[str, str]:
    """The colours of a theme by name."""
    names = {f.name: f.name.replace("_", "-") for f in fields(theme) if f.name != "fills"}
    found = {name: getattr(theme, field) for field, name in names.items()}
    return found | {f"fill-{i}": colour for i, colour in enumerate(theme.fills)}


def _plain(root: Element) -> Element:
    """Without namespaces, links and titles, fonts, and the ground."""
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        element.tag = "g" if tag == "a" else tag
        for name in list(element.attrib):
            if name.rpartition("}")[2] in _NEEDLESS or element.get(name) == "start":
                del element.attrib[name]
        for title in [e for e in element if e.tag.endswith("}title")]:
            element.remove(title)
        if element.tag != "text":
            element.text = None
        element.tail = None
    graph = root[0]
    graph.remove(graph[0])
    return root


def _mark(group: Element, wire: Wire) -> None:
    """Class names for the parts of a wire's text that tell its value and its gradient."""
    texts = list(group.iter("text"))
    upright = [e for e in texts if e.get("font-style") != "italic"]
    if wire.value.text:
        before = (upright[-1].text or "").removesuffix(wire.value.text)
        alone = len(upright) == 1 and not before
        upright[-1].set("class", "value alone" if alone else "value")
        upright[-1].set("data-name", before)  # q =
    for element in texts:
        if element.get("font-style") == "italic":
            element.set("class", "gradient alone")
    _drop(group, "fill", "none")  # borders of cells that are not numbers, at this step
    cells = [e for e in group.iter("polygon") if e.get("stroke") == "none"]
    count = _cells(wire.value)
    for i, cell in enumerate(cells):
        cell.set("class", "cell value" if i < count else "cell gradient")
    for name in ("value", "gradient"):
        if _cells(getattr(wire, name)) == 1:  # one number is no picture
            _drop(group, "class", f"cell {name}")


def _cells(reading: Reading) -> int:
    return sum(map(len, reading.strip))


def _drop(group: Element, attribute: str, value: str) -> None:
    for outer in list(group.iter()):
        for inner in [e for e in outer if e.get(attribute) == value]:
            outer.remove(inner)
