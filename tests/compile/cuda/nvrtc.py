"""NVIDIA's run-time compiler, where its library is: it needs no GPU."""

import ctypes
import ctypes.util
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest


@cache
def library() -> ctypes.CDLL | None:
    """NVRTC: that of the system, or of the wheel nvidia-cuda-nvrtc-cu12 (or cu13)."""
    found = [ctypes.util.find_library("nvrtc")]
    if (package := find_spec("nvidia")) is not None:
        for folder in package.submodule_search_locations or ():
            found += [str(file) for file in Path(folder).rglob("libnvrtc.so.*[0-9]")]
    for name in filter(None, found):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


needs_nvrtc = pytest.mark.skipif(library() is None, reason="no NVRTC here: CUDA is not compiled")


def compiled(source: str, options: Sequence[str] = ()) -> str:
    """The PTX of a CUDA source. Fails with what the compiler said, warnings too."""
    nvrtc = library()
    assert nvrtc is not None
    program = ctypes.c_void_p()
    text = source.encode()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"kernels.cu", 0, None, None) == 0
    given = [option.encode() for option in ("--gpu-architecture=compute_80", *options)]
    failed = nvrtc.nvrtcCompileProgram(program, len(given), (ctypes.c_char_p * len(given))(*given))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    said = log.value.decode()
    assert not failed, said
    assert not said.strip(), said
    nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
    ptx = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetPTX(program, ptx)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return ptx.value.decode()
