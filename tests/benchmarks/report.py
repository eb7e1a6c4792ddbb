"""Tables, on the screen and in Markdown."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as Shown

PACKAGES = ("minigrad", "numpy", "torch", "jax", "pytensor", "autograd", "micrograd")
ON_A_GPU = ("minigrad", "numpy", "cupy", "cupy-cuda12x", "cupy-cuda13x", "torch", "jax")


@dataclass
class Table:
    """A title, what is to be said about it, and cells of text."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self, console: Console) -> None:
        shown = Shown(title=self.title, title_justify="left", box=box.SIMPLE_HEAD)
        for i, column in enumerate(self.columns):
            shown.add_column(column, justify="right" if i else "left")
        for row in self.rows:
            shown.add_row(*row)
        console.print(shown)
        for note in self.notes:
            console.print(f"  {note}", highlight=False)

    def markdown(self) -> str:
        def line(cells: list[str]) -> str:
            return "| " + " | ".join(cells) + " |"

        rule = line(["---", *["---:"] * (len(self.columns) - 1)])
        lines = [f"### {self.title}", "", line(self.columns), rule, *map(line, self.rows)]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])


def duration(seconds: float) -> str:
    """Three digits: 1.23 s, 45.6 ms, 789 µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.3g} µs"


def machine(gpu: bool = False) -> str:
    """The processor, or GPU and processor, and the versions of all that is compared."""
    model = platform.processor() or platform.machine()
    flags = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        found = {key.strip(): value.strip() for key, value in lines.items()}
        model = found.get("model name", model)
        flags = ", AVX-512" if "avx512f" in found.get("flags", "") else ""
    python = f"Python {platform.python_version()}"
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if _decides(name)]
    versions = [f"{name} {v}" for name in (ON_A_GPU if gpu else PACKAGES) if (v := _version(name))]
    facts = [
        *([_gpu()] if gpu else []),
        f"{model}{flags}, {os.cpu_count()} cores",
        sys.platform,
        ", ".join([python, *versions]),
    ]
    return "; ".join([*facts, *settings]) + "."


def _gpu() -> str:
    """The first GPU and its driver, as nvidia-smi says them."""
    if program := shutil.which("nvidia-smi"):
        command = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if said.returncode == 0:
            return said.stdout.splitlines()[0].replace(", ", ", driver ")
    return "no GPU found"


def _decides(name: str) -> bool:
    """Whether a variable picks the kernels of OpenBLAS, which may differ twofold in speed."""
    return name.startswith("OPENBLAS_") and not name.endswith("_THREADS")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def write(file: Path, title: str, text: str) -> None:
    """Put `text` between the two markers of this title in a Markdown file, or at its end."""
    first, last = f"<!-- {title}: start -->", f"<!-- {title}: end -->"
    page = file.read_text("utf-8") if file.exists() else "# Benchmarks\n"
    before, found, rest = page.partition(first)
    if found:
        _, _, after = rest.partition(last)
    else:
        before, after = page.rstrip("\n") + "\n\n", "\n"
    file.write_text(f"{before}{first}\n## {title}\n\n{text}\n{last}{after}", "utf-8")
