"""C source becomes a loaded object, or an error that says why not."""

import os
import re
import shlex
import shutil
import signal
import stat
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minigrad.errors import BackendError, CompileError, MinigradError
from minigrad.native import Compiler, compiler, find_compiler, load
from minigrad.native.compiler import FLAGS

SEVEN = "int f(void) { return 7; }"
Script = Callable[[str], Path]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="objects are loaded on POSIX only")
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler"
)


def fails(source: str = SEVEN) -> str:
    with pytest.raises(CompileError) as caught:
        load(source)
    return caught.value.message


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# What comes out


@needs_compiler
def test_a_function() -> None:
    assert load("int twice(int x) { return 2 * x; }").twice(21) == 42


@needs_compiler
def test_the_same_source_is_the_same_object() -> None:
    assert load(SEVEN) is load(SEVEN)
    assert load(SEVEN) is not load(SEVEN, ["-DOTHER"])
    assert load("int f(void) { return N; }", ["-DN=9"]).f() == 9


@needs_compiler
def test_flags_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "int f(void) { return N; }"
    for flags, found in {"-DN=8": 8, "'-DN=9 + 1' -g": 10}.items():
        monkeypatch.setenv("MINIGRAD_CFLAGS", flags)
        assert load(source).f() == found
    monkeypatch.setenv("MINIGRAD_CFLAGS", "-DN='8")
    assert "MINIGRAD_CFLAGS cannot be split into words" in fails(source)


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_numbers_are_as_the_source_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}")
    monkeypatch.setenv("CC", name)
    facts = {
        "a NaN is not itself": "x[4] != x[4]",
        "0 times infinity is a NaN": "x[0] * x[3] != x[0] * x[3]",
        "minus zero keeps its sign": "1 / (x[0] * -x[1]) < 0 && 1 / (-x[0] - 0) < 0",
        "x - x is not 0 for infinity": "x[3] - x[3] != 0",
        "sums are in order": "(x[2] + x[1]) - x[2] == 0",
        "products round before they are added": "x[5] * x[5] - x[6] == 0",
        "small numbers are not 0": "x[7] / 2 > 0",
        "integers wrap around": "m + 1 < m",
    }
    tests = "\n".join(f"if (!({test})) return {i};" for i, test in enumerate(facts.values(), 1))
    source = f"""
        static volatile double y[] = {{
            0, 1, 1e17, 1/0.0, 0.0/0.0, 0x1.0000002p0, 0x1.0000004p0, 2.3e-308
        }};
        int f(void) {{
            double x[8]; volatile int n = 2147483647; int m = n;
            for (int i = 0; i < 8; i++) x[i] = y[i];
            {tests}
            return 0;
        }}"""
    wrong = load(source).f()
    assert wrong == 0, list(facts)[wrong - 1]


@needs_compiler
def test_functions_of_the_mathematical_library_are_there() -> None:
    source = "#include <math.h>\nint f(int x) { return (int)lround(exp(log((double)x))); }"
    assert load(source).f(5) == 5


def test_threads_compile_once(compiled: Callable[[], int]) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load, [SEVEN, SEVEN + "\n"] * 8))
    assert len(set(map(id, found))) == compiled() == 2


# Which compiler


def test_the_first_of_cc_gcc_clang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler() is None
    for name in ("clang", "gcc", "cc"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text(f"#!/bin/sh\necho {name} 1.0\necho and more")
        (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        assert find_compiler() == Compiler((str(folder / name),), f"{name} 1.0")


def test_cc_goes_first_and_may_have_arguments(script: Script) -> None:
    path = script("exit 1")
    assert find_compiler() == Compiler((str(path),), f"{path.name} 1.0")
    for asked in (
        f"env X='a b' '{path}'",
        f"{shutil.which('env')} X=a\\ b {shlex.quote(str(path))}",
    ):
        os.environ["CC"] = asked  # `script` puts it back
        assert find_compiler() == Compiler(
            (str(shutil.which("env")), "X=a b", str(path)), f"{path.name} 1.0"
        )


def test_it_is_asked_once_until_the_environment_changes(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = script("exit 1")
    assert find_compiler() is find_compiler()
    second = script("exit 1")
    assert find_compiler().command == (str(second),)
    monkeypatch.setenv("CC", str(first))
    assert find_compiler().version == f"{first.name} 1.0"


@pytest.mark.parametrize("asked", ["", "  ", "nonesuch", "/nonesuch/cc", "'", "false"])
def test_no_compiler(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", asked)
    if not asked.strip():
        monkeypatch.setenv("PATH", "/nonesuch")
    assert find_compiler() is None
    with pytest.raises(BackendError, match=r"C compiler.*apt install gcc.*or set CC") as caught:
        load(SEVEN)
    assert f"CC={asked} is" in str(caught.value) or not asked.strip()


# What goes wrong


def test_a_compile_error_is_one_of_ours() -> None:
    assert issubclass(CompileError, MinigradError)
    assert issubclass(CompileError, RuntimeError)


@needs_compiler
def test_an_error_in_the_source_is_shown() -> None:
    message = fails("int f(void) { return nonesuch; }")
    assert re.match(r"The C compiler failed with status \d+\.\n", message)
    assert f" {' '.join(FLAGS)} -x c - -o object.so -lm\n" in message
    assert "1:22: error: " in message
    assert "nonesuch" in message


@needs_compiler
def test_a_function_that_is_nowhere() -> None:
    assert "cannot be loaded: undefined symbol: nonesuch. " in fails(
        "int nonesuch(void); int f(void) { return nonesuch(); }"
    ).replace("'", "")


def test_a_long_message_is_shortened(script: Script) -> None:
    path = script("for i in 1 2 3 4 5 6 7 8; do echo a $i; echo b; echo c; done; exit 3")
    lines = fails().splitlines()
    assert lines[0] == "The C compiler failed with status 3."
    assert lines[1].startswith(f"  {path} ")
    assert lines[2:6] == ["  a 1", "  b", "  c", "  a 2"]
    assert lines[20:] == ["  a 7", "  b", "  … and 4 more lines"]


def test_a_compiler_that_does_not_read(script: Script) -> None:
    script("echo no; exit 1")
    assert fails("//" + "x" * 10**6).endswith("\n  no")


def test_a_compiler_that_is_killed(script: Script) -> None:
    script("kill -9 $$")
    assert fails().startswith("The C compiler was ended by signal 9.\n")


def test_a_compiler_that_writes_nothing(script: Script) -> None:
    script("echo nothing to do")
    assert fails().startswith("The C compiler wrote nothing.\n")


def test_a_compiler_that_writes_something_else(script: Script) -> None:
    script("echo text > object.so")
    assert fails().startswith("The compiled C cannot be loaded: ")


def test_a_compiler_that_is_gone(script: Script) -> None:
    path = script("exit 1")
    assert find_compiler() is not None
    path.unlink()
    assert fails().startswith("The C compiler cannot be run: No such file or directory.\n")


def test_a_compiler_that_hangs_is_ended_with_its_children(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "TIMEOUT", 0.5)
    script(f"sleep 60 & echo $! > '{tmp_path}/child'; wait")
    assert fails().startswith("The C compiler did not end within 0.5 s.\n")
    is_gone(int((tmp_path / "child").read_text()))


def test_an_interrupt_ends_the_compiler(script: Script, tmp_path: Path, cache: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        script(f"sleep 60 & echo $! > '{tmp_path}/child'; sleep 0.3; kill -INT $PPID; wait")
        with pytest.raises(KeyboardInterrupt):
            load(SEVEN)
    finally:
        signal.signal(signal.SIGINT, before)
    is_gone(int((tmp_path / "child").read_text()))
    assert list(cache.iterdir()) == []


def is_gone(process: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(process):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.01)


@pytest.mark.parametrize("lines", ["exit 1", "echo x > object.so", "echo x > $TMPDIR/left; exit 1"])
def test_a_failure_leaves_nothing_behind(lines: str, script: Script, cache: Path) -> None:
    script(lines)
    fails()
    assert list(cache.iterdir()) == []


def test_after_a_failure_it_is_tried_again(script: Script, tmp_path: Path) -> None:
    script(f"echo once >> '{tmp_path}/log'; exit 1")
    for count in (1, 2):
        fails()
        assert (tmp_path / "log").read_text() == "once\n" * count


def test_no_shell_sees_the_flags(script: Script, tmp_path: Path) -> None:
    script(f"printf '%s\\n' \"$@\" > '{tmp_path}/said'; exit 1")
    with pytest.raises(CompileError):
        load(SEVEN, ["-DX=`touch y` $HOME; *"])
    assert "-DX=`touch y` $HOME; *\n" in (tmp_path / "said").read_text()


# What an object is known by


def test_the_key_is_of_all_that_decides_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gcc = Compiler(("/bin/cc",), "gcc 12")

    def key(source: str = "s", flags: tuple[str, ...] = ("-a",), by: Compiler = gcc) -> str:
        return compiler._key(source, flags, by)

    first = key()
    assert key() == first
    assert re.fullmatch("[0-9a-f]{64}", first)
    keys = [
        first, key("t"), key(flags=()), key(flags=("-a", "-b")), key(flags=("-a-b",)),
        key("s-a", ()), key(by=Compiler(("/bin/cc", "-m32"), "gcc 12")),
        key(by=Compiler(("/bin/cc",), "gcc 13")), key("\ud800 ∂"),
    ]  # fmt: skip
    for patched, value in [("_processor", lambda: "other"), ("_FORMAT", -1)]:
        with monkeypatch.context() as patch:
            patch.setattr(compiler, patched, value)
            keys.append(key())
    with monkeypatch.context() as patch:
        patch.setattr(compiler.platform, "machine", lambda: "other")
        keys.append(key())
    assert len(set(keys)) == len(keys) == 12


@pytest.mark.skipif(sys.platform != "linux", reason="processors are described there")
def test_the_processor_is_its_model_and_features() -> None:
    described = compiler._processor()
    assert re.search(r"(?mi)^(flags|features|isa|cpu): \S", described)
    assert "MHz" not in described


@needs_compiler
def test_the_folder_and_its_files_are_the_users_alone(cache: Path) -> None:
    before = os.umask(0)
    try:
        load(SEVEN)
    finally:
        os.umask(before)
    (entry,) = cache.iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
