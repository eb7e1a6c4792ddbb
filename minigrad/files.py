"""Files that are either the old one or the new one, whole, whatever happens in between."""

import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["append_whole", "save", "write_atomically"]


def save(
    path: str | os.PathLike[str],
    content: Callable[[str], bytes],
    suffixes: Collection[str],
    what: str,
    error: type[Exception],
    hint: str = "",
) -> Path:
    """Write what `content` gives for the suffix of a path, atomically. Returns the path.

    Raises `error` for a suffix that is none of these, or when the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        known = ", ".join(suffixes)
        raise error(f"{what} is saved as one of {known}, not as {path.name!r}{hint}")
    made = content(suffix)
    try:
        write_atomically(path, made)
    except OSError as problem:
        raise error(f"cannot write {path}: {problem.strerror}") from None
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name beside `path`, then move it there in one step.

    Raises OSError (no space, no permission …) with the old file as it was and nothing left over.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    with _named(path):
        try:
            with open(beside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def append_whole(path: Path, content: bytes) -> None:
    """Add to the end of a file, which need not be there. Raises OSError with the file as it was."""
    with _named(path), open(path, "ab", buffering=0) as file:
        before = file.tell()
        try:
            while content:  # a disk that fills up takes a part, and refuses the rest
                content = content[file.write(content) :]
        except BaseException:
            file.truncate(before)
            raise


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An OSError says which file it is about, and never the one beside it."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
