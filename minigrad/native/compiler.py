"""C source → a loaded shared object: by the C compiler of this machine, once for all processes.

How to call what is loaded, measured: nanoseconds a call with one pointer (Python 3.11, x86-64).

    ======================================================  =====  =====
    call                                                    CDLL   PyDLL
    ======================================================  =====  =====
    restype None, no argtypes, ``byref(struct)`` kept         113     82
    restype None, no argtypes, ``c_void_p`` kept              140    ~110
    restype None, argtypes ``c_void_p``, address as an int    137    110
    restype None, argtypes ``c_void_p``, ``byref`` kept       189    154
    argtypes ``POINTER(struct)``, ``byref`` kept              270    237
    ``array.ctypes.data`` made at each call                  1200   1200
    cffi, ABI mode, ``void *`` kept                           148
    an extension type with a vectorcall                        46     18
    ======================================================  =====  =====

So all that a program reads stands in one ``ctypes.Structure``, and ``byref`` of it is kept; its
function has ``restype = None`` and no ``argtypes`` (then never pass a bare int: it would be cut to
32 bits). `load` gives a ``CDLL``, during whose calls other threads run; ``PyDLL`` holds the GIL, to
save 30 ns. An extension, the last row without and with the GIL, needs the headers of Python.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import BackendError, CompileError
from .object_cache import building, cache_folder, entries, publish, remove

__all__ = ["FLAGS", "Compiler", "find_compiler", "load"]

FLAGS = (
    "-std=c11",
    "-fPIC",
    "-shared",
    # At -O2 alone GCC 12 leaves loops of floats unvectorised, 4 to 8 times slower; -O3 gains no
    # more on training steps, and takes 1.2 to 1.8 times as long to compile
    "-O2",
    "-ftree-vectorize",
    "-march=native",  # objects stay on this machine, whose features are part of the cache's key
    # errno and traps are of no use, and in the way of vectors: with errno sqrt is 7 times slower
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp-simd",  # the pragmas that say what is a vector; nothing of OpenMP's threads
    # No FMA but where the source says fmaf: it gains at most 10 % (a cell, Adam, a polynomial),
    # and a * b - b * a would not be 0. So + and × round as NumPy's do, on any processor.
    "-ffp-contract=off",
    "-fwrapv",  # integers wrap around, as NumPy's do
    # A plan gives the memory of dead floats to integers: these reads and writes stay in order
    "-fno-strict-aliasing",
    # And nothing of -ffast-math: NaN, infinities, -0 and the order of sums are as written.
)
TIMEOUT = 120.0
"""Seconds that a compiler may take."""

_FORMAT = 1
"""Counts up when what an entry of the cache means changes."""
_SHOWN = 20
"""Lines of a compiler's message that an error shows."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler: its command (``$CC`` may have arguments) and what it says of its version."""

    command: tuple[str, ...]
    version: str


def find_compiler() -> Compiler | None:
    """``$CC`` if it is set, else the first of cc, gcc, clang on the PATH that answers; None without
    one, and where objects are not loaded as on POSIX. It is looked for once per process, and again
    when CC or PATH change."""
    return _find(os.environ.get("CC", ""), os.environ.get("PATH", os.defpath))


@cache
def _find(cc: str, path: str) -> Compiler | None:
    if os.name != "posix":
        return None
    for words in [_words(cc)] if cc.strip() else [["cc"], ["gcc"], ["clang"]]:
        if words and (program := shutil.which(words[0], path=path)):
            command = (os.path.abspath(program), *words[1:])
            if version := _version(command):
                return Compiler(command, version)
    return None


def _asked_flags() -> list[str]:
    """The words of ``$MINIGRAD_CFLAGS``."""
    try:
        return shlex.split(os.environ.get("MINIGRAD_CFLAGS", ""))
    except ValueError as error:
        raise CompileError(f"MINIGRAD_CFLAGS cannot be split into words: {error}.") from None


def _words(cc: str) -> list[str]:
    try:
        return shlex.split(cc)
    except ValueError:  # a quotation mark that is not closed
        return []


def _version(command: tuple[str, ...]) -> str | None:
    try:
        status, said = _run([*command, "--version"], "", tempfile.gettempdir(), timeout=20.0)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.strip().partition("\n")[0] if status == 0 else None


def load(source: str, extra_flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The shared object of this C source, compiled unless one is in memory or in the cache.

    The same source is one object: set ``restype`` of its functions once. It stays in memory until
    the process ends. The words of ``$MINIGRAD_CFLAGS`` are flags too, the last ones: with
    ``-g -fsanitize=address`` all that a program reads and writes is watched (``.ci/sanitize``).
    Raises BackendError without a compiler, and CompileError if it fails or has no room.
    """
    compiler = needed_compiler()
    flags = (*FLAGS, *extra_flags, *_asked_flags())
    key = _key(source, flags, compiler)
    with _turns.setdefault(key, threading.Lock()):
        if key not in _loaded:
            try:
                _loaded[key] = _from_cache(key) or _compiled(key, source, flags, compiler)
            except OSError as error:
                raise CompileError(f"There is no folder to compile C in: {error}.") from None
        return _loaded[key]


_loaded: dict[str, ctypes.CDLL] = {}
_turns: dict[str, threading.Lock] = {}
_hung: set[Compiler] = set()  # those that took too long: nobody should wait for one twice


def needed_compiler() -> Compiler:
    """The compiler. Raises BackendError where there is none."""
    if compiler := find_compiler():
        return compiler
    raise BackendError(
        f"Compiling to C needs a C compiler, and {why_not()}. Install one (Debian, Ubuntu: "
        "apt install gcc libc6-dev; Fedora: dnf install gcc; macOS: xcode-select --install), "
        "or set CC to its command."
    )


def why_not() -> str | None:
    """Why C cannot be compiled and called here; None where it can."""
    if sys.implementation.name != "cpython" or sys.maxsize < 2**32:
        return "this Python is no CPython of 64 bits"
    if compiler := find_compiler():
        return "the C compiler did not end when it was last asked" if compiler in _hung else None
    asked = os.environ.get("CC", "").strip()
    return f"CC={asked} is no program that answers --version" if asked else (
        "there is no cc, gcc or clang on the PATH that answers --version"
    )  # fmt: skip


def _key(source: str, flags: tuple[str, ...], compiler: Compiler) -> str:
    """Of all that decides what comes out."""
    parts = (_FORMAT, source, flags, compiler, platform.machine(), _processor())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@cache
def _processor() -> str:
    """What ``-march=native`` stands for: the model, and the features that the system shows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    facts = {tuple(part.strip() for part in line.partition(":")[::2]) for line in lines}
    return "\n".join(sorted(f"{name}: {said}" for name, said in facts if name in _CPUINFO))


_CPUINFO = {
    "vendor_id", "cpu family", "model", "model name", "flags",  # x86
    "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features",  # ARM
    "cpu", "isa", "uarch", "features",  # POWER, RISC-V, s390
}  # fmt: skip


def _from_cache(key: str) -> ctypes.CDLL | None:
    for path in entries(cache_folder(), key):
        try:
            return ctypes.CDLL(str(path))
        except OSError:  # made on a machine with a newer C library, or removed just now
            remove(path)
    return None


def _compiled(key: str, source: str, flags: tuple[str, ...], compiler: Compiler) -> ctypes.CDLL:
    """Loaded first, then moved into the cache: so no entry is one that cannot be loaded, and nobody
    can remove it in between."""
    folder = cache_folder()
    with building(folder) as beside:
        made = beside / "object.so"
        command = [*compiler.command, *flags, "-x", "c", "-", "-o", made.name, "-lm"]
        _compile(command, source, beside)
        try:
            library = ctypes.CDLL(str(made))
        except OSError as error:
            said = str(error).replace(f"{made}: ", "")
            raise CompileError(
                f"The compiled C cannot be loaded: {said}. (If no program may be run "
                f"from {folder}, set MINIGRAD_CACHE to a folder where one may.)"
            ) from None
        with suppress(OSError):  # it is loaded; the next process will have to compile again
            publish(folder, key, made)
    return library


def _compile(command: list[str], source: str, folder: Path) -> None:
    shown = shlex.join(command)
    try:
        status, said = _run(command, source, folder, TIMEOUT)
    except subprocess.TimeoutExpired:
        _hung.update(filter(None, [find_compiler()]))
        raise CompileError(f"The C compiler did not end within {TIMEOUT:g} s.\n  {shown}") from None
    except OSError as error:
        raise CompileError(f"The C compiler cannot be run: {error.strerror}.\n  {shown}") from None
    if status:
        ended = f"failed with status {status}" if status > 0 else f"was ended by signal {-status}"
        raise CompileError("\n  ".join([f"The C compiler {ended}.", shown, *_shortened(said)]))
    if not (folder / "object.so").is_file():
        raise CompileError("\n  ".join(["The C compiler wrote nothing.", shown, *_shortened(said)]))


def _shortened(said: str) -> list[str]:
    """Its first lines: later errors often follow from the first ones."""
    lines = [line[:300] for line in said.strip().splitlines()]
    left = len(lines) - _SHOWN
    return lines if left <= 0 else [*lines[:_SHOWN], f"… and {left} more lines"]


def _run(
    command: Sequence[str], source: str, folder: str | Path, timeout: float
) -> tuple[int, str]:
    """Run a compiler in `folder`, and in a process group of its own: at a timeout or an interrupt
    it ends with all the programs that it has started. What it leaves then is in `folder`. (An
    interrupt within Popen closes the pipe: then a compiler finds its source at an end.)"""
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | {"LC_ALL": "C", "TMPDIR": str(folder)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0,
    )  # fmt: skip
    with process:
        try:
            said, _ = process.communicate(source.encode("utf-8", "surrogatepass"), timeout)
        except BaseException:
            with suppress(OSError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return process.returncode, said.decode(errors="replace")
