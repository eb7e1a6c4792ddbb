"""Files that are either the old one or the new one, whole, whatever happens in between."""

import os
import secrets
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name beside `path`, then move it there in one step.

    Raises OSError (no space, no permission …) with the old file as it was and nothing left over.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
