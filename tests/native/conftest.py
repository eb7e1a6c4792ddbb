"""A cache of its own for each test, and compilers that are scripts."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from minigrad.native import compiler, object_cache

CC = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, not there yet; nothing is loaded."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MINIGRAD_CACHE", str(folder))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(compiler, "_loaded", {})
    object_cache._temporary.cache_clear()
    return folder


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Make the compiler a shell script: it tells its version, and does these lines instead of
    compiling. A source that any other compiler made is compiled anew: its version is another."""

    def write(lines: str) -> Path:
        path = tmp_path / f"cc{len(list(tmp_path.glob('cc*')))}"
        path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo {path.name} 1.0 && exit\n{lines}\n'
        )
        path.chmod(0o755)
        monkeypatch.setenv("CC", f"'{path}'")
        return path

    return write


@pytest.fixture
def compiled(
    tmp_path: Path, script: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], int]:
    """How often the compiler has compiled something."""
    if CC is None:
        pytest.skip("there is no C compiler")
    log = tmp_path / "log"
    log.touch()
    script(f"echo once >> '{log}'; exec '{CC}' \"$@\"")
    return lambda: log.read_text().count("once")


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on nothing is loaded, as in a process that has just begun."""
    return lambda: monkeypatch.setattr(compiler, "_loaded", {})
