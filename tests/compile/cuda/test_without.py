"""What a function on a GPU says where there is no CuPy, an old one, or no GPU."""

import sys

import pytest

import minigrad as mg
from minigrad.errors import ArgumentError, BackendError
from tests.compile.cuda import stand_in


def test_without_cupy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match=r'pip install "minigrad\[cuda12\]", or cuda13'):
        mg.function([], mg.constant(1.0), backend="cupy")


def test_an_old_cupy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    old = stand_in.module()
    old.__version__ = "13.6.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", old)
    with pytest.raises(BackendError, match=r"CuPy 14 or newer, and this is 13\.6\.0"):
        mg.function([], mg.constant(1.0), backend="cupy")


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", stand_in.module(devices=0))
    with pytest.raises(BackendError, match="CuPy finds no GPU"):
        mg.function([], mg.constant(1.0), backend="cupy")


def test_a_language_that_there_is_not() -> None:
    with pytest.raises(ArgumentError, match="'cupy', 'cuda'"):
        mg.function([], mg.constant(1.0)).source("opencl")
