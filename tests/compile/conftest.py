"""What tests of the compiler share."""

import importlib

import pytest

from tests.machine import BLOCK, SMALLEST


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy, with blocks of a few rows, and places for small arrays."""
    backends = importlib.import_module("minigrad.compile.backends")
    monkeypatch.setattr(backends, "BLOCK", BLOCK)
    monkeypatch.setattr(backends._NumPy, "smallest", SMALLEST)
    monkeypatch.setenv("MINIGRAD_BACKEND", "numpy")
