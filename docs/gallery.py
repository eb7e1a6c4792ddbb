"""Write docs/gallery.md and the pictures in docs/gallery/: every kind of picture, and its code.

    python docs/gallery.py [--out DIR]

An entry is a generator function in gallery_graphs.py or gallery_figures.py. Its docstring is the
title and the text, its body the code on the page, and each picture that it yields stands below the
code up to there, as in a notebook.
"""

import argparse
import ast
import html
import inspect
import os
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import gallery_figures
import gallery_graphs
import matplotlib

import minigrad as mg
from minigrad.picture import plots
from minigrad.picture.page import Page

START = """\
# Gallery

Every kind of picture that minigrad draws, with the code that draws it: `python docs/gallery.py`
runs this code and writes this page, and so do the tests. The pictures have the colours of the page,
light or dark. In a notebook a drawing shows itself; elsewhere `.save("name.svg")` writes it to a
file, as svg, png, pdf or dot. What is wider than the page opens in full size at a click.
"""
PICTURE = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="gallery/{dark}">
  <img alt="{alt}" src="gallery/{light}">
</picture>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out.resolve()
    folder = out / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)  # for entries that write a file
    for old in (*folder.glob("*.svg"), *folder.glob("*.html")):
        old.unlink()
    page = [START]
    for module in (gallery_graphs, gallery_figures):
        start = code_block(imports(module))
        for title, entries in module.CHAPTERS.items():
            page += [f"## {title}\n", start, *(part for entry in entries for part in shown(entry))]
            start = ""
    (out / "gallery.md").write_text("\n".join(filter(None, page)), "utf-8")


def shown(entry: Callable[[], Iterator[Any]]) -> Iterator[str]:
    """The parts of an entry, as Markdown. Its pictures are written to files."""
    title, _, text = inspect.getdoc(entry).partition("\n")
    yield f"### {title}\n\n{text.strip()}\n"
    results = list(entry())
    dark: list[Any] = [None] * len(results)
    if any(hasattr(result, "figure") for result in results):
        with matplotlib.rc_context(plots.style("dark")):
            dark = list(entry())
    for number, (code, *pair) in enumerate(zip(cells(entry), results, dark, strict=True), 1):
        yield code_block(code)
        yield output(entry.__name__, number, title, *pair)


def output(name: str, number: int, title: str, result: Any, dark: Any) -> str:
    """What a piece of code gave, as Markdown."""
    name = f"{name.replace('_', '-')}-{number}"
    if isinstance(result, mg.Explanation):
        return result.markdown + "\n"
    if isinstance(result, Page):
        here = str(Path(__file__).parent) + os.sep
        Path(f"{name}.html").write_text(result.html.replace(here, ""), "utf-8")
        return (
            f"The page: [{name}.html](gallery/{name}.html), to be saved and opened in a browser.\n"
        )
    light = f"{name}.svg"
    if isinstance(result, mg.Drawing):
        Path(light).write_text(small(result.rendered("svg")), "utf-8")
        dark = replace(result, theme="dark").rendered("svg") if result.theme == "light" else None
    else:
        Path(light).write_text(small(plots.as_svg(result)), "utf-8")
        dark = plots.as_svg(dark)
    alt = html.escape(title)
    if dark is None:
        return f"![{alt}](gallery/{light})\n"
    Path(f"{name}-dark.svg").write_text(small(dark), "utf-8")
    return PICTURE.format(alt=alt, light=light, dark=f"{name}-dark.svg")


# ---------------------------------------------------------------- code


def cells(entry: Callable[[], Iterator[Any]]) -> Iterator[str]:
    """The body of an entry, cut after each `yield`, and without that word."""
    source = textwrap.dedent(inspect.getsource(entry))
    lines = source.splitlines()
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    doc, *statements = function.body
    start = doc.end_lineno
    for statement in statements:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
            first = statement.lineno - 1
            lines[first] = lines[first].replace("yield ", "", 1)
            code = textwrap.dedent("\n".join(lines[start : statement.end_lineno])).strip("\n")
            code = re.sub(r"\n\n(?=def )", "\n\n\n", code)  # two lines around an outer function
            yield re.sub(r"(\n    return .*\n)\n(?=\S)", r"\1\n\n", code)
            start = statement.end_lineno


def imports(module: ModuleType) -> str:
    """The imports that the code of the entries of a module needs."""
    tree = ast.parse(inspect.getsource(module))
    found = [ast.unparse(s) for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
    return "\n".join(line for line in found if not line.endswith(("import Iterator", "import Any")))


def code_block(code: str) -> str:
    return f"```python\n{code}\n```\n"


# ---------------------------------------------------------------- SVG


def small(svg: bytes) -> str:
    """An SVG without what a reader of the page does not see: comments, facts about the file,
    tooltips (which name lines of files here), and more than two digits of a place."""
    text = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->", "", svg.decode(), flags=re.S)
    text = re.sub(r"<metadata>.*?</metadata>|<title>.*?</title>", "", text, flags=re.S)
    text = re.sub(r"<a xlink:title=.*?>|</a>", "", text, flags=re.S)
    text = re.sub(r"(?<=\d\.\d\d)\d+(?=[ ,\"A-Za-z])", "", text)
    return re.sub(r"\n\s*\n+", "\n", text).strip() + "\n"


if __name__ == "__main__":
    main()
