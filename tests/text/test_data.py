"""Where texts come from: files, standard input, the manual; and what is wrong with them."""

import hashlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from minigrad.errors import DataError
from minigrad.text import Source

Standard = Callable[[bytes], None]


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Standard:
    def given(raw: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), "ascii"))

    return given


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ---------------------------------------------------------------- reading

BYTES = bytes(range(256))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a b", "a b"),
        (b"\xef\xbb\xbfa\r\nb", "a\nb"),
        (b"\r\r\n\n\r", "\r\n\n\r"),
        ("é汉😀".encode(), "é汉😀"),
        ("a\ufeffb".encode(), "a\ufeffb"),
        (b"\0", "\0"),
    ],
)
@pytest.mark.parametrize("level", ["char", "word"])
def test_a_text(raw: bytes, text: str, level: str) -> None:
    Path("f").write_bytes(raw)
    found, source = Source.of(["f"]).read(level)
    assert found == text
    assert source == Source((str(Path("f").absolute()),), hashlib.sha256(text.encode()).hexdigest())


@pytest.mark.parametrize("raw", [BYTES, b"\xef\xbb\xbfa\r\nb", b"\0"])
def test_bytes_are_read_as_they_are(raw: bytes) -> None:
    Path("f").write_bytes(raw)
    found, source = Source.of(["f"]).read("byte")
    assert found == raw
    assert source.digest == hashlib.sha256(raw).hexdigest()


def test_files_are_read_as_one() -> None:
    """Each is a text by itself: also the second has no mark, and no character is of both."""
    Path("a").write_bytes(b"\xef\xbb\xbfone\r\n")
    Path("b").write_bytes(b"\xef\xbb\xbftwo")
    assert Source.of(["a", Path("b"), "a"]).read()[0] == "one\ntwoone\n"
    assert Source.of(["b", "a"]).read("byte")[0] == b"\xef\xbb\xbftwo\xef\xbb\xbfone\r\n"


def test_standard_input(standard_input: Standard) -> None:
    Path("f").write_text("1\n")
    standard_input("é\r\n".encode())
    text, source = Source.of(["f", "-"]).read()
    assert text == "1\né\n"
    assert source.files == (str(Path("f").absolute()), "-")
    standard_input(BYTES)
    assert Source.of(["-"]).read("byte")[0] == BYTES


def test_without_files_it_is_the_manual() -> None:
    text, source = Source().read()
    assert isinstance(text, str)
    assert len(text) > 100_000
    assert "yield" in text
    assert source.files == ()
    assert Source().read("byte")[0] == text.encode()
    assert Source().read() == (text, source)


@pytest.mark.parametrize(
    ("files", "name"),
    [([], "python-manual"), (["-"], "text"), (["a/log.old.txt", "b"], "log.old"), ([".x"], ".x")],
)
def test_names(files: list[str], name: str) -> None:
    assert Source.of(files).name == name


def test_a_source_is_found_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("f").write_text("text")
    source = Source.of(["f"])
    Path("below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert source.read()[0] == "text"
    assert Source.of(["../f"]).read()[0] == "text"


# ---------------------------------------------------------------- the same text again


def test_a_text_that_was_read_before() -> None:
    Path("f").write_text("text")
    Path("moved").write_text("text")
    _, source = Source.of(["f"]).read()
    assert source.read() == ("text", source)
    moved = Source(Source.of(["moved"]).files, source.digest)
    assert moved.read() == ("text", moved)
    Path("f").write_text("Text")
    with pytest.raises(DataError, match=r"the text is not that of the run any more: .*f$"):
        source.read()
    with pytest.raises(DataError, match="not that of the run any more: the manual"):
        Source((), source.digest).read()


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "^f is empty"),
        (b"\xef\xbb\xbf", "^f is empty"),
        ("naïve".encode("latin-1"), "^f is not UTF-8: byte 0xef at place 2 .level byte reads any"),
        (b"x" * 1234 + b"\xff", "^f is not UTF-8: byte 0xff at place 1,234"),
        ("é".encode()[:1], "^f is not UTF-8: byte 0xc3 at place 0"),
        (b"\xed\xa0\x80", "^f is not UTF-8: byte 0xed at place 0"),
    ],
)
def test_what_is_no_text(raw: bytes, message: str, standard_input: Standard) -> None:
    Path("f").write_bytes(raw)
    Path("good").write_text("text")
    for files in (["f"], ["good", "f"]):
        with pytest.raises(DataError, match=message):
            Source.of(files).read()
    standard_input(raw)
    with pytest.raises(DataError, match=message.replace("^f", "^standard input")):
        Source.of(["good", "-"]).read("word")


def test_a_file_elsewhere_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(DataError) as caught:
        Source.of(["../f"]).read()
    assert caught.value.message.endswith("f is empty")


@pytest.mark.parametrize("level", ["char", "byte"])
@pytest.mark.parametrize(
    ("name", "error"), [("nothing", FileNotFoundError), (".", IsADirectoryError)]
)
def test_what_is_no_file(name: str, error: type[OSError], level: str) -> None:
    with pytest.raises(error):
        Source.of([name]).read(level)
