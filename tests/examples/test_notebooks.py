"""The notebooks in examples/ run, and show what they showed when they were stored."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.examples.loading import EXAMPLES

FILES = sorted(EXAMPLES.glob("*.ipynb"))
LARGEST = 400_000  # bytes
LOCAL = r"/tmp|/home|/root|/Users|[A-Z]:\\\\|ipykernel_\d|<dc:date>"
FONTS = r"(Fontconfig warning: .*\n?)+"  # what a machine's own settings of fonts may give rise to

each = pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)


def stored(file: Path) -> Any:
    return nbformat.reads(file.read_text("utf-8"), as_version=4)


def executed(file: Path) -> Any:
    """The notebook after a fresh run, from the first cell to the last."""
    notebook, place = stored(file), {"metadata": {"path": str(EXAMPLES.parent)}}
    return NotebookClient(notebook, timeout=60, coalesce_streams=True, resources=place).execute()


def outputs(notebook: Any) -> list[list[Any]]:
    """What each cell shows."""
    cells = [cell.get("outputs", []) for cell in notebook.cells]
    return [[o for o in cell if not re.fullmatch(FONTS, o.get("text", ""))] for cell in cells]


def kinds(notebook: Any) -> list[list[tuple[str, ...]]]:
    """Of which kind each output is: a stream, by its name, or a value, in these forms."""
    return [
        [(o.output_type, o.get("name", ""), *sorted(o.get("data", {}))) for o in cell]
        for cell in outputs(notebook)
    ]


def printed(notebook: Any) -> str:
    return "".join(o.get("text", "") for cell in outputs(notebook) for o in cell)


# ---------------------------------------------------------------- what they claim


def by_hand_is_as_traced(text: str) -> None:
    assert text.count("same: True") == 4
    assert "same: False" not in text
    pairs = re.findall(r"by hand +([-\d.]+) +traced +([-\d.]+)$", text, re.M)
    assert pairs == [(a, a) for a in ("-0.1966", "0.3932", "-0.3932", "-0.5898", "0.1966")]
    assert "σ (1 - σ) = 0.196611933241\nby hand   = 0.196611933241\n" in text
    assert "sum:    5.0\ntraced: 5.0\n" in text
    assert "before:   -12.0\nafter:    -12.041024\nexpected: -12.041\n" in text
    assert "by hand: dw 0.60646  du -0.555764\ntraced:  dw 0.60646  du -0.555764\n" in text
    assert "by hand: [0.084546, 0.337909, 1.0]\ntraced:  [0.084546, 0.337909, 1.0]\n" in text
    assert float(re.findall("first of 30 states: (.*)", text)[0]) < 1e-12


def the_lstm_remembers(text: str) -> None:
    assert "equal to 1e-6 at all 20 steps: True" in text
    first = re.findall(r"last step .*first step +(\S+)$", text, re.M)
    near_one, half, shut, plain = map(float, first)
    assert near_one > 1 > 1e-4 > max(half, plain)
    assert shut < 1e-20
    right = dict(re.findall(r"^(\S.*\S) +right on 1000 new sequences: ([\d.]+)%", text, re.M))
    assert float(right["LSTM"]) > 95
    assert float(right["plain RNN"]) < 60
    gates = re.findall(r"^(\w+) gate .*letter ([\d.]+) +elsewhere ([\d.]+)$", text, re.M)
    at, elsewhere = {name: (float(a), float(b)) for name, a, b in gates}["forget"]
    assert at + 0.1 < elsewhere
    loops = re.findall(r"^scan .*, at In\[4\]:5: in each step 1 matrix product", text, re.M)
    assert len(loops) == 2


CLAIMS: dict[str, Callable[[str], None]] = {
    "backpropagation_by_hand": by_hand_is_as_traced,
    "inside_an_lstm": the_lstm_remembers,
}


# ---------------------------------------------------------------- tests


def test_the_list_of_them_is_complete() -> None:
    assert [f.stem for f in FILES] == sorted(CLAIMS)
    listed = re.findall(r"\]\((\w+)\.ipynb\)", (EXAMPLES / "README.md").read_text("utf-8"))
    assert sorted(listed) == sorted(CLAIMS)


@each
def test_it_runs_and_shows_what_is_stored(file: Path) -> None:
    """Trained numbers may differ from machine to machine; what is claimed of them may not."""
    kept, found = stored(file), executed(file)
    shown = [kind for cell in kinds(found) for kind in cell]
    assert {name for _, name, *_ in shown} == {"", "stdout"}  # and no stderr
    assert kinds(found) == kinds(kept)
    CLAIMS[file.stem](printed(kept))
    CLAIMS[file.stem](printed(found))


@each
def test_what_is_stored_is_small_and_of_no_machine(file: Path) -> None:
    page, notebook = file.read_text("utf-8"), stored(file)
    nbformat.validate(notebook)
    assert len(page.encode()) < LARGEST
    assert re.findall(LOCAL, page) == []
    assert not any("image/png" in kind for cell in kinds(notebook) for kind in cell)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    assert all(cell.metadata == {} for cell in notebook.cells)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == [*range(1, len(counts) + 1)]


@each
def test_its_cells_are_short(file: Path) -> None:
    cells = stored(file).cells
    assert cells[0].source.startswith("# ")
    assert max(len(cell.source.splitlines()) for cell in cells) <= 25
