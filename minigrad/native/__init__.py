"""Native code: C source → a loaded shared object, and the addresses of BLAS for it to call."""

from .blas import Blas, find_blas
from .compiler import Compiler, find_compiler, load, needed_compiler, why_not
from .library import FIRST_ARRAY, Library, elementary

__all__ = [
    "FIRST_ARRAY",
    "Blas",
    "Compiler",
    "Library",
    "elementary",
    "find_blas",
    "find_compiler",
    "load",
    "needed_compiler",
    "why_not",
]
