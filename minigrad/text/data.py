"""Where a text comes from: files, standard input, or the manual that every Python carries."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

from ..errors import DataError

__all__ = ["Source"]

_STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Source:
    """Files that are read one after the other; "-" is standard input, none at all the manual.

    `digest` is the SHA-256 of what was read from them, once it is known.
    """

    files: tuple[str, ...] = ()
    digest: str | None = None

    @classmethod
    def of(cls, files: Sequence[Path | str]) -> "Source":
        """Files as they will be found from any folder."""
        return cls(
            tuple(str(f) if str(f) == _STANDARD_INPUT else str(Path(f).absolute()) for f in files)
        )

    @property
    def name(self) -> str:
        """A name for what is made of it."""
        if not self.files:
            return "python-manual"
        first = self.files[0]
        return "text" if first == _STANDARD_INPUT else Path(first).stem

    def read(self, level: str = "char") -> tuple[str | bytes, "Source"]:
        """The text, as bytes at level byte, and this source with its digest.

        Raises DataError for what is empty, is not UTF-8 (but at level byte), or has another digest
        than it had; OSError for what cannot be read.
        """
        if self.files:
            raw = b"".join(_read(name, level) for name in self.files)
        else:
            raw = "\n".join(topic for _, topic in sorted(topics.items())).encode()
        digest = hashlib.sha256(raw).hexdigest()
        if self.digest not in (None, digest):
            raise DataError(
                f"the text is not that of the run any more: {', '.join(self.files) or 'the manual'}"
            )
        return raw if level == "byte" else raw.decode(), Source(self.files, digest)


def _read(name: str, level: str) -> bytes:
    """One file whole; text as UTF-8 without a mark, its lines ended by a newline alone."""
    shown = "standard input" if name == _STANDARD_INPUT else _shown(name)
    raw = sys.stdin.buffer.read() if name == _STANDARD_INPUT else Path(name).read_bytes()
    if level != "byte":
        try:
            raw = raw.decode().removeprefix("\ufeff").replace("\r\n", "\n").encode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{shown} is not UTF-8: byte 0x{raw[error.start]:02x} at place {error.start:,} "
                "(level byte reads any file)"
            ) from None
    if not raw:
        raise DataError(f"{shown} is empty")
    return raw


def _shown(name: str) -> str:
    """A file as a person would call it here."""
    path = Path(name)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else name
