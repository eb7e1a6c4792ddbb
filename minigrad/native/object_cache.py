"""Compiled objects, kept between processes in a folder that only their owner can write to.

An entry is one file, ``KEY-DIGEST.so``: what it was made from, and the SHA-256 of what is in it.
The digest stands in the name, so one rename shows both, no format of objects has to bear a trailer,
and two writers of one key can never leave the object of one beside the digest of the other.
Whatever does not match its name (a write that a power cut ended, a disk's error) is removed, not
loaded: a truncated object that is mapped into memory would kill the process, without an error.

Every step is one that other processes may take at the same time: an entry may be gone at any
moment, and one that is removed stays alive for those who have it loaded.
"""

import atexit
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

__all__ = ["building", "cache_folder", "entries", "publish", "remove"]

LARGEST_BYTES = 256 * 2**20
LARGEST_COUNT = 2000
_ENTRY = re.compile(r"[0-9a-f]{64}-[0-9a-f]{64}\.so")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_BUILDING = ".minigrad-building-"
_ABANDONED = 3600.0
"""Seconds after which a folder of that name belongs to a process that was killed."""


def cache_folder() -> Path:
    """``$MINIGRAD_CACHE``, or ``minigrad`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. What is loaded
    from there runs with all rights of the user: where others could write to it, or it cannot be
    made, it is a temporary folder of this process, with one warning."""
    folder = _chosen()
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        problem = _problem(folder)
    except OSError as error:
        problem = f"cannot be made ({error.strerror})"
    return folder if problem is None else _temporary(f"{folder} {problem}", os.getpid())


def _chosen() -> Path:
    if own := os.environ.get("MINIGRAD_CACHE"):
        return Path(os.path.abspath(os.path.expanduser(own)))
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the standard says so: a relative one is to be ignored
        base = os.path.expanduser("~/.cache")
    if not os.path.isabs(base):  # no HOME, and a user without an entry that names one
        base = "/nonexistent"
    return Path(base, "minigrad")


def _problem(folder: Path) -> str | None:
    found = os.stat(folder)
    if found.st_uid != os.getuid():
        return "belongs to another user"
    if found.st_mode & _OTHERS_WRITE:
        return "can be written to by others"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "cannot be written to"
    return None


@cache
def _temporary(problem: str, process: int) -> Path:
    """One for each process: a fork must not remove at its end what its parent uses."""
    warnings.warn(
        f"{problem}: compiled C is kept in a temporary folder, for this process alone. "
        "Set MINIGRAD_CACHE to a folder of your own.",
        RuntimeWarning,
        stacklevel=2,
    )
    folder = tempfile.mkdtemp(prefix="minigrad-")
    atexit.register(_remove_own, folder, process)
    return Path(folder)


def _remove_own(folder: str, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def entries(folder: Path, key: str) -> Iterator[Path]:
    """Entries of `key` that may be loaded. Those that may not are removed."""
    for name in sorted(name for name in os.listdir(folder) if name.startswith(key)):
        path = folder / name
        if _is_whole(path):
            with suppress(OSError):
                os.utime(path)  # the oldest are removed first: this one is in use
            yield path
        else:
            remove(path)


def _is_whole(path: Path) -> bool:
    """Whether it is a file (no link) that this user alone can write to, with the digest that its
    name says."""
    try:
        with open(path, "rb", opener=_open) as file:
            found = os.fstat(file.fileno())
            return (
                stat.S_ISREG(found.st_mode)
                and found.st_uid == os.getuid()
                and not found.st_mode & _OTHERS_WRITE
                and _digest(file.read()) == path.stem.partition("-")[2]
            )
    except OSError:
        return False


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe is not waited for


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remove(path: Path) -> None:
    """What others have removed already, or cannot be, is no error."""
    with suppress(OSError):
        path.unlink()


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A folder to compile in, on the disk of the cache; gone afterwards, whatever happens."""
    made = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def publish(folder: Path, key: str, made: Path) -> None:
    """Move a compiled object into the cache, and keep the cache within its bounds."""
    os.chmod(made, 0o600)
    os.replace(made, folder / f"{key}-{_digest(made.read_bytes())}.so")
    _shrink(folder)


def _shrink(folder: Path) -> None:
    """Remove the oldest entries of a cache that is too large, down to three quarters: so that it is
    not at its bound again at once. Files that are not ours are left alone."""
    found: list[tuple[float, int, Path]] = []
    with os.scandir(folder) as listing:
        for entry in listing:
            with suppress(OSError):  # another process has just removed it
                about = entry.stat(follow_symlinks=False)
                if _ENTRY.fullmatch(entry.name):
                    found.append((about.st_mtime, about.st_size, Path(entry.path)))
                elif entry.name.startswith(_BUILDING) and time.time() - about.st_mtime > _ABANDONED:
                    shutil.rmtree(entry.path, ignore_errors=True)
    count, size = len(found), sum(bytes for _, bytes, _ in found)
    if count <= LARGEST_COUNT and size <= LARGEST_BYTES:
        return
    for _, bytes, path in sorted(found):
        if count <= 0.75 * LARGEST_COUNT and size <= 0.75 * LARGEST_BYTES:
            break
        remove(path)
        count, size = count - 1, size - bytes
