"""A stand-in for CuPy, for the tests that ask for it."""

import sys

import pytest

from tests.compile.cuda import stand_in


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> object:
    """CuPy by the stand-in, and the backend that functions have."""
    module = stand_in.module()
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setenv("MINIGRAD_BACKEND", "cupy")
    return module
