"""docs/gallery.md and docs/gallery/ are what docs/gallery.py writes, and can be read on a page."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib")

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = sorted(DOCS.glob("gallery/*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
WIDTH, LEAST = 850, 9  # pixels: of a page on GitHub, and of letters
NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


def texts(picture):
    """The words of a picture, and its numbers. Those of figures are drawn, and are not here."""
    said = "\n".join("".join(t.itertext()) for t in ElementTree.parse(picture).iter(f"{SVG}text"))
    return re.sub(NUMBER, "#", said), [float(n) for n in re.findall(NUMBER, said)]


def letters(picture):
    """The height of the smallest letters on a page, which makes wide pictures smaller."""
    root = ElementTree.parse(picture).getroot()
    sizes = [float(text.get("font-size")) for text in root.iter(f"{SVG}text")]
    points = float(root.get("width").removesuffix("pt"))
    return min(sizes) * min(4 / 3, WIDTH / points)


def test_the_page_and_its_pictures_are_what_the_script_writes_now(tmp_path):
    command = [sys.executable, str(DOCS / "gallery.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    page = (tmp_path / "gallery.md").read_text("utf-8")
    assert page == (DOCS / "gallery.md").read_text("utf-8")
    stored, made = ({file.name for file in (d / "gallery").iterdir()} for d in (DOCS, tmp_path))
    assert made == stored
    for picture in PICTURES:
        words, numbers = texts(picture)
        new_words, new_numbers = texts(tmp_path / "gallery" / picture.name)
        assert new_words == words, picture.name
        assert new_numbers == pytest.approx(numbers, rel=2e-3, abs=1e-6), picture.name


def test_every_file_is_shown_on_the_page_and_the_other_way_round():
    page = (DOCS / "gallery.md").read_text("utf-8")
    shown = set(re.findall(r"gallery/([\w-]+\.\w+)", page)) - {"gallery.md", "gallery.py"}
    assert shown == {file.name for file in (DOCS / "gallery").iterdir()}


def test_a_picture_loads_nothing_from_anywhere():
    for picture in PICTURES:
        for element in ElementTree.parse(picture).iter():
            links = [v for name, v in element.attrib.items() if name.endswith("href")]
            assert all(link.startswith(("#", "data:")) for link in links), picture.name


def test_the_pictures_are_small():
    assert sum(picture.stat().st_size for picture in PICTURES) < 3_000_000


def test_letters_can_be_read_on_the_page_or_the_page_says_to_click():
    page = (DOCS / "gallery.md").read_text("utf-8")
    small = {p.name for p in PICTURES if texts(p)[0] and letters(p) < LEAST}
    for part in page.split("```python\n")[1:]:
        code, _, below = part.partition("```")
        for name in re.findall(r"gallery/([\w-]+\.svg)", below):
            assert name not in small or "full size" in code, name
