"""A run folder to look into, of a training that is compiled once."""

from functools import cache
from pathlib import Path
from typing import Any

from minigrad.text import RunFolder, Settings, Source, Training, Vocabulary

TEXT = "ab\né汉" * 20
SETTINGS = Settings(cell="gru", hidden=3, layers=1, length=7, batch=2, lr=0.25, seed=5)
SOURCE = Source(("/a/text", "-"), "0123")
LETTERS = Vocabulary.of(TEXT)
FIRST = ["checkpoint.safetensors", "config.json", "weights.safetensors"]


@cache
def _compiled(settings: Settings) -> tuple[Training, Any, Any]:
    t = Training(TEXT, settings)
    parts, facts = t.checkpoint()
    first = {part: {n: p.get_value() for n, p in named.items()} for part, named in parts.items()}
    return t, first, facts


def training(settings: Settings = SETTINGS) -> Training:
    """As new: there is one for the same settings."""
    t, parts, facts = _compiled(settings)
    t.restore(parts, facts)
    return t


def made(path: Path) -> RunFolder:
    return RunFolder.create(path, training(), SOURCE)
