"""Files that are either the old one or the new one, whole, whatever happens in between."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["append_whole", "write_atomically"]


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
