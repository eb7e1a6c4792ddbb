"""What tests of the compiler share."""

import importlib

import pytest

from tests.machine import BLOCK, SMALLEST


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, and places for small arrays."""
    function = importlib.import_module("minigrad.compile.function")
    monkeypatch.setattr(function, "BLOCK", BLOCK)
    monkeypatch.setattr(function, "SMALLEST", SMALLEST)
