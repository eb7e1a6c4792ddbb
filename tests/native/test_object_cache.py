"""Compiled objects on disk: found again, never trusted when they may not be, never too many."""

import os
import re
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from minigrad.errors import CompileError
from minigrad.native import load, object_cache
from minigrad.native.object_cache import cache_folder

SEVEN = "int f(void) { return 7; }"
Count = Callable[[], int]
NewProcess = Callable[[], None]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="objects are loaded on POSIX only")


def only_entry(cache: Path) -> Path:
    (entry,) = cache.iterdir()
    assert re.fullmatch(r"[0-9a-f]{64}-[0-9a-f]{64}\.so", entry.name)
    assert entry.is_file()
    assert not entry.is_symlink()
    return entry


# Found again


def test_another_process_finds_it(compiled: Count, new_process: NewProcess, cache: Path) -> None:
    for _ in range(3):
        assert load(SEVEN).f() == 7
        new_process()
    assert compiled() == 1
    only_entry(cache)


def test_eight_processes_at_once_on_an_empty_cache(compiled: Count, cache: Path) -> None:
    code = (
        "import sys; from minigrad.native import load; sys.stdin.readline();"
        "print([load(f'int f(void) {{ return {n}; }}').f() for n in range(3)])"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(8)
    ]  # fmt: skip
    for process in running:  # all of them wait for their line
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in running]
    assert said == ["[0, 1, 2]\n"] * 8
    before = compiled()
    assert 3 <= before <= 24
    assert all(object_cache._is_whole(path) for path in cache.iterdir())
    assert [load(f"int f(void) {{ return {n}; }}").f() for n in range(3)] == [0, 1, 2]
    assert compiled() == before


@pytest.mark.parametrize(
    "name", ["with spaces and 'quotes'", "ünïcødé ∂", "-rf", "a*b[c]?", "a/b/c"]
)
def test_any_path(name: str, tmp_path: Path, compiled: Count, new_process: NewProcess,
                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    folder = tmp_path / "x" / name
    monkeypatch.setenv("MINIGRAD_CACHE", str(folder))
    for _ in range(2):
        assert load(SEVEN).f() == 7
        new_process()
    assert compiled() == 1
    only_entry(folder)


# Not trusted


def flip_a_bit(entry: Path) -> None:
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 1
    entry.write_bytes(content)


def link(entry: Path) -> None:
    elsewhere = entry.parent.parent / "elsewhere.so"
    entry.rename(elsewhere)
    entry.symlink_to(elsewhere)


def pipe(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry)


def folder(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()


def sound_but_no_object(entry: Path) -> None:
    entry.write_text("text")
    key = entry.name.partition("-")[0]
    entry.rename(entry.with_name(f"{key}-{object_cache._digest(b'text')}.so"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda entry: entry.write_bytes(b""),
    "truncated": lambda entry: os.truncate(entry, entry.stat().st_size // 2),
    "longer": lambda entry: entry.write_bytes(entry.read_bytes() + b"\0"),
    "zeros": lambda entry: entry.write_bytes(bytes(entry.stat().st_size)),
    "no object": lambda entry: entry.write_text("text"),
    "a bit flipped": flip_a_bit,
    "sound, but no object": sound_but_no_object,
    "a link": link,
    "a link to nowhere": lambda entry: (entry.unlink(), entry.symlink_to("nonesuch")),
    "a pipe": pipe,
    "open to others": lambda entry: entry.chmod(0o622),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_compiled_again_once(
    damage: Callable[[Path], object], compiled: Count, new_process: NewProcess, cache: Path
) -> None:
    load(SEVEN)
    damage(only_entry(cache))
    for _ in range(2):
        new_process()
        assert load(SEVEN).f() == 7
        assert compiled() == 2
        only_entry(cache)


def test_a_folder_in_the_way(compiled: Count, new_process: NewProcess, cache: Path) -> None:
    load(SEVEN)
    folder(next(cache.iterdir()))
    new_process()
    assert load(SEVEN).f() == 7


def test_a_file_of_another_user(compiled: Count, new_process: NewProcess, cache: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    load(SEVEN)
    entry = only_entry(cache)
    new_process()
    about = entry.stat()
    foreign = os.stat_result([*about[:4], os.getuid() + 1, *about[5:10]])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", lambda file: foreign)
        assert list(object_cache.entries(cache, entry.name.partition("-")[0])) == []
    assert not entry.exists()
    assert load(SEVEN).f() == 7
    assert compiled() == 2


def test_one_that_is_gone_before_it_is_loaded(compiled: Count, new_process: NewProcess,
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    load(SEVEN)
    new_process()
    is_whole = object_cache._is_whole
    monkeypatch.setattr(
        object_cache, "_is_whole", lambda path: is_whole(path) and path.unlink() is None
    )
    assert load(SEVEN).f() == 7
    assert compiled() == 2


@pytest.mark.parametrize(
    ("of", "step"), [(os, "chmod"), (os, "replace"), (object_cache, "_shrink")]
)
def test_what_cannot_be_kept_is_loaded_all_the_same(
    of: object, step: str, compiled: Count, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(of, step, full)
    assert load(SEVEN).f() == 7
    assert not list(cache.glob(".*"))


def test_where_nothing_can_be_made_it_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(object_cache.tempfile, "mkdtemp", full)
    with pytest.raises(CompileError, match="No space left"):
        load(SEVEN)


# Where


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name, value in {"MINIGRAD_CACHE": "", "HOME": str(home), "XDG_CACHE_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == home / ".cache" / "minigrad"
    assert stat.S_IMODE((home / ".cache" / "minigrad").stat().st_mode) == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == home / ".cache" / "minigrad"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "minigrad"
    monkeypatch.setenv("MINIGRAD_CACHE", "~/here")
    assert cache_folder() == home / "here"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGRAD_CACHE", "there")
    assert cache_folder() == tmp_path / "there"


def test_without_home_it_is_in_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    pwd = pytest.importorskip("pwd")
    for name in ("MINIGRAD_CACHE", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert object_cache._chosen() == Path(home, ".cache", "minigrad")


def test_a_link_to_a_folder_of_ones_own(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "large disk").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "large disk")
    assert cache_folder() == cache


def refused(reason: str) -> Path:
    """It is a temporary folder then, with one warning."""
    with pytest.warns(RuntimeWarning, match=f"{reason}.*Set MINIGRAD_CACHE") as caught:
        folder = cache_folder()
    assert len(caught) == 1
    assert cache_folder() == folder  # and no second warning
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.name.startswith("minigrad-")
    return folder


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to(mode: int, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(mode)
    refused(re.escape(f"{cache} can be written to by others"))


def test_a_folder_that_others_can_read(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o755)
    assert cache_folder() == cache


def test_a_folder_of_another_user(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    refused("belongs to another user")


def test_a_folder_that_is_read_only(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(mode=0o500)
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may do all
    refused("cannot be written to")


def test_a_home_that_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "makedirs", read_only)
    refused(r"cannot be made \(Read-only file system\)")


def test_a_file_in_the_way(cache: Path) -> None:
    cache.touch()
    refused(r"cannot be made \(File exists\)")


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MINIGRAD_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert object_cache._chosen() == Path("/nonexistent/minigrad")


USES_A_TEMPORARY_FOLDER = """
import os, sys
from minigrad.native import load, object_cache
seven = load("int f(void) { return 7; }").f()
folder = object_cache.cache_folder()
if child := os.fork():
    os.waitpid(child, 0)
    print(seven, len(os.listdir(folder)), folder)
"""


def test_a_temporary_folder_is_gone_when_its_process_ends(compiled: Count, cache: Path) -> None:
    cache.touch()
    done = subprocess.run(
        [sys.executable, "-c", USES_A_TEMPORARY_FOLDER],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    seven, count, folder = done.stdout.split(maxsplit=2)
    assert (seven, count) == ("7", "1")  # the end of a fork has not removed it
    assert done.stderr.count("RuntimeWarning") == 1
    assert not os.path.exists(folder.strip())


# Not too many


def fill(cache: Path, count: int, size: int = 10) -> list[Path]:
    """Whole entries of other keys, each a minute older than the one after it."""
    cache.mkdir(mode=0o700, exist_ok=True)
    made = []
    for i in range(count):
        content = bytes([i]) * size
        made.append(cache / f"{i:064x}-{object_cache._digest(content)}.so")
        made[-1].write_bytes(content)
        then = time.time() - 60 * (count - i)
        os.utime(made[-1], (then, then))
    return made


@pytest.mark.parametrize(("bound", "largest"), [("LARGEST_COUNT", 8), ("LARGEST_BYTES", 800_000)])
def test_the_oldest_go_first(bound: str, largest: int, compiled: Count, cache: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(object_cache, bound, largest)
    old = fill(cache, 8, 100_000)
    (used,) = object_cache.entries(cache, f"{1:064x}")
    load(SEVEN)
    left = {path for path in old if path.exists()}
    assert left == {used, *old[4:]}  # with the new one three quarters, by either bound
    assert len(list(cache.iterdir())) == len(left) + 1


def test_within_the_bounds_all_stay(compiled: Count, cache: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(object_cache, "LARGEST_COUNT", 9)
    old = fill(cache, 8)
    load(SEVEN)
    assert all(path.exists() for path in old)


def test_other_files_are_left_alone(compiled: Count, cache: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(object_cache, "LARGEST_COUNT", 0)
    fill(cache, 2)
    (cache / "thesis.tex").write_text("mine")
    (cache / "building-plans").mkdir()
    for name, age in [("new", 0), ("old", 2 * 3600)]:
        folder = cache / f".minigrad-building-{name}"
        folder.mkdir()
        (folder / "object.so").touch()
        os.utime(folder, (time.time() - age,) * 2)
    os.utime(cache / "building-plans", (0, 0))
    assert load(SEVEN).f() == 7
    assert {path.name for path in cache.iterdir()} == {
        "thesis.tex", "building-plans", ".minigrad-building-new",
    }  # fmt: skip


def test_one_that_another_process_removes_meanwhile(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_cache, "LARGEST_COUNT", 1)
    old = fill(cache, 4)
    remove = object_cache.remove

    def too_late(path: Path) -> None:
        path.unlink()
        remove(path)

    monkeypatch.setattr(object_cache, "remove", too_late)
    object_cache._shrink(cache)
    assert not any(path.exists() for path in old)


def test_with_warnings_as_errors_nothing_is_said_of_a_good_folder(compiled: Count) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(SEVEN).f() == 7
