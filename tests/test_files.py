"""Files that are whole: on a full disk the old one stays, and nothing is left beside it."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from minigrad.files import append_whole, write_atomically


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: a write gets through in part, then fails."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_write(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for content in (b"old", b"", b"new"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, fails, full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_atomically(path, b"new")
    assert caught.value.filename == str(path)
    assert (os.listdir(tmp_path), path.read_bytes()) == (["f"], b"old")


def test_a_write_that_does_not_fit_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with largest_file(1000), pytest.raises(OSError, match="File too large") as caught:
        write_atomically(path, b"x" * 1001)
    assert caught.value.filename == str(path)
    assert (os.listdir(tmp_path), path.read_bytes()) == (["f"], b"old")


def test_append(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for line in (b"one\n", b"two\n"):
        append_whole(path, line)
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_line_that_does_not_fit_is_not_there_in_part(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 998)
    with largest_file(1000), pytest.raises(OSError, match="File too large") as caught:
        append_whole(path, b"line\n")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"x" * 998


@pytest.mark.parametrize("write", [write_atomically, append_whole])
def test_where_no_file_can_be(tmp_path: Path, write: object) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "f", tmp_path / "folder" / "f"):
        with pytest.raises(OSError, match=r"Not a directory|No such file") as caught:
            write(path, b"new")
        assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == ["file"]
