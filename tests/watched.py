"""A plugin for runs under sanitizers: products in C that are watched too, in place of BLAS."""

import ctypes
from collections.abc import Iterator
from dataclasses import replace

import pytest

from minigrad.native import Blas, library, load

_GEMM = """
void watched_KINDgemm(int order, int ta, int tb, int64_t m, int64_t n, int64_t k, REAL alpha,
                      const REAL *a, int64_t lda, const REAL *b, int64_t ldb, REAL beta,
                      REAL *c, int64_t ldc) {
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (int64_t l = 0; l < k; ++l)
                sum += (double)(ta == 112 ? a[l * lda + i] : a[i * lda + l])
                     * (tb == 112 ? b[j * ldb + l] : b[l * ldb + j]);
            c[i * ldc + j] = (REAL)(alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]));
        }
}
"""
_SOURCE = "#include <stdint.h>" + "".join(
    _GEMM.replace("KIND", kind).replace("REAL", real)
    for kind, real in {"s": "float", "d": "double"}.items()
)


def products() -> Blas | None:
    """What C code may call: the BLAS that there is, but for its products of matrices."""
    found = library.find_blas()
    if found is None or found.interface != "cblas" or found.int_bits != 64:
        return found
    loaded = load(_SOURCE)
    sgemm, dgemm = (
        ctypes.cast(getattr(loaded, f"watched_{name}"), ctypes.c_void_p).value or 0
        for name in ("sgemm", "dgemm")
    )
    return replace(found, sgemm=sgemm, dgemm=dgemm)


@pytest.fixture(scope="session", autouse=True)
def _watched_products() -> Iterator[None]:
    """BLAS was compiled unwatched: a matrix that ends too early for it would not be noticed."""
    blas = products()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "find_blas", lambda: blas)
        yield
