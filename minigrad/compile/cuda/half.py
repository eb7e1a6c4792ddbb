"""Products of matrices that are rounded to 16 bits, summed up in float32: what tensor cores do.

CuPy's own product of float16 rounds the sum too, so cuBLAS is called here. It sees a matrix by
columns, and so our rows as the transpose: out = a b is, to it, outᵀ = bᵀ aᵀ.
"""

from typing import Any

import numpy as np

from ...errors import BackendError

__all__ = ["Products"]


class Products:
    """``product(a, b, out=None)`` of matrices of float32, or of those that were rounded before."""

    def __init__(self, xp: Any, name: str) -> None:
        self._xp, self._cublas = xp, xp.cuda.cublas
        runtime = xp.cuda.runtime
        kinds = {"float16": runtime.CUDA_R_16F, "bfloat16": runtime.CUDA_R_16BF}
        self._dtype, self._kind, self._float32 = _dtype(name), kinds[name], runtime.CUDA_R_32F
        self._one, self._zero = np.ones(1, np.float32), np.zeros(1, np.float32)

    def rounded(self, x: Any) -> Any:
        """The same matrix in 16 bits, in the order in which it lies."""
        return x.astype(self._dtype, order="K", copy=False)

    def __call__(self, a: Any, b: Any, out: Any = None) -> Any:
        a, b = self.rounded(a), self.rounded(b)
        (m, k), n = a.shape, b.shape[1]
        if out is None:
            out = self._xp.empty((m, n), np.float32)
        if not (m and k and n):
            out.fill(0)
            return out
        (a, turn_a, lda), (b, turn_b, ldb) = _by_columns(a), _by_columns(b)
        self._cublas.gemmEx(
            *(self._xp.cuda.device.get_cublas_handle(), turn_b, turn_a, n, m, k),
            *(self._one.ctypes.data, b.data.ptr, self._kind, ldb, a.data.ptr, self._kind, lda),
            *(self._zero.ctypes.data, out.data.ptr, self._float32, n),
            *(self._cublas.CUBLAS_COMPUTE_32F, self._cublas.CUBLAS_GEMM_DEFAULT),
        )
        return out


def _dtype(name: str) -> np.dtype[Any]:
    if name == "float16":
        return np.dtype(np.float16)
    try:
        import ml_dtypes
    except ImportError:
        raise BackendError(
            'matmul_dtype="bfloat16" needs the dtype of ml_dtypes: pip install ml_dtypes'
        ) from None
    return np.dtype(ml_dtypes.bfloat16)


def _by_columns(x: Any) -> tuple[Any, int, int]:
    """A matrix, whether its columns lie one after another, which is to be turned, and how far apart
    its rows or columns are."""
    if x.flags.c_contiguous:
        return x, 0, x.shape[1]
    if x.flags.f_contiguous:
        return x, 1, x.shape[0]
    return x.copy(), 0, x.shape[1]
