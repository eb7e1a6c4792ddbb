"""What programs use of CuPy, over NumPy: small, and strict where CuPy is.

Arrays here are none of NumPy's, a single number stays an array, reductions of nothing are refused,
`take` has no mode, `dot` no `out` of another dtype or order. New memory is full of NaN.
"""

import ctypes
import operator
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from tests.compile.cuda.host import Module

Key = Any


class ndarray:  # noqa: N801  # CuPy's name
    """A NumPy array that NumPy does not see."""

    __array_ufunc__ = None

    def __init__(self, array: np.ndarray, base: "ndarray | None" = None) -> None:
        assert isinstance(array, np.ndarray)
        self._array, self.base = array, base

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    __cuda_array_interface__ = property(lambda self: {"shape": self.shape})

    @property
    def flags(self) -> Any:
        contiguous = self._array.flags.c_contiguous
        return SimpleNamespace(
            c_contiguous=contiguous,
            f_contiguous=self._array.flags.f_contiguous,
            owndata=self.base is None,
        )

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self._array.ctypes.data)

    def get(self) -> np.ndarray:
        return self._array.copy()

    def copy(self, order: str = "C") -> "ndarray":
        return _new(self._array.copy(order))

    def fill(self, value: float) -> None:
        self._array.fill(value)

    # ------------------------------------------------------------ views

    def _seen(self, found: np.ndarray) -> "ndarray":
        if not np.may_share_memory(found, self._array):
            return _new(found)
        return ndarray(found, self if self.base is None else self.base)

    def view(self, dtype: Any) -> "ndarray":
        return self._seen(self._array.view(dtype))

    def reshape(self, *shape: Any) -> "ndarray":
        return self._seen(self._array.reshape(*shape))

    def transpose(self, axes: Sequence[int]) -> "ndarray":
        return self._seen(self._array.transpose(axes))

    def squeeze(self, axis: Any) -> "ndarray":
        return self._seen(self._array.squeeze(axis))

    def __getitem__(self, key: Key) -> "ndarray":
        key = key if isinstance(key, tuple) else (key,)
        assert all(k is None or k is ... or isinstance(k, int | slice) for k in key), key
        return self._seen(self._array[key if ... in key else (*key, ...)])

    def __setitem__(self, key: Key, value: Any) -> None:
        assert isinstance(value, ndarray | int | float), type(value)
        self._array[key] = _plain(value)

    def __iter__(self) -> "Iterator[ndarray]":
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    # ------------------------------------------------------------ work

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> "ndarray":
        if not copy and self.dtype == dtype:
            return self
        return _new(self._array.astype(dtype, order=order))

    def clip(self, lo: Any, hi: Any, out: "ndarray | None" = None) -> "ndarray":
        return _into(out, self._array.clip(_plain(lo), _plain(hi)))

    def _reduced(self, name: str, axis: Any, out: "ndarray | None", keepdims: bool) -> "ndarray":
        if not self.size and name in ("max", "min", "argmax", "argmin"):
            raise ValueError(f"zero-size array to reduction operation {name}, with no identity")
        if not self._array.flags.c_contiguous and out is not None:
            assert not np.may_share_memory(self._array, out._array)
        found = getattr(self._array, name)(axis=axis, keepdims=keepdims)
        return _into(out, np.asarray(found), casting="same_kind")

    def __bool__(self) -> bool:
        return bool(self._array)

    def __int__(self) -> int:
        return int(self._array)


def _reduction(name: str) -> Callable[..., ndarray]:
    def reduce(self: ndarray, axis: Any = None, out: Any = None, keepdims: bool = False) -> ndarray:
        return self._reduced(name, axis, out, keepdims)

    return reduce


def _operator(name: str, swapped: bool) -> Callable[[ndarray, Any], ndarray]:
    work = getattr(operator, name)

    def do(self: ndarray, other: Any) -> ndarray:
        x, y = self._array, _plain(other)
        return _new(np.asarray(work(y, x) if swapped else work(x, y)))

    return do


for _name in ("sum", "max", "min", "all", "any", "argmax", "argmin"):
    setattr(ndarray, _name, _reduction(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor"):
    _plain_name = _name.rstrip("_")
    setattr(ndarray, f"__{_plain_name}__", _operator(_name, swapped=False))
    setattr(ndarray, f"__r{_plain_name}__", _operator(_name, swapped=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "rshift", "lshift"):
    setattr(ndarray, f"__{_name}__", _operator(_name, swapped=False))
ndarray.__abs__ = lambda self: _new(np.abs(self._array))  # type: ignore[attr-defined]
ndarray.__neg__ = lambda self: _new(-self._array)  # type: ignore[attr-defined]


def _plain(value: Any) -> Any:
    """What NumPy may see. CuPy takes numbers, and arrays of its own."""
    if isinstance(value, ndarray):
        return value._array
    if isinstance(value, bool | int | float | np.generic):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _new(found: Any) -> ndarray:
    """An array with memory of its own."""
    array = np.asarray(found)
    return ndarray(array if array.flags.owndata else array.copy())


def _into(out: ndarray | None, found: np.ndarray, casting: Any = "same_kind") -> ndarray:
    if out is None:
        return _new(found)
    assert isinstance(out, ndarray)
    assert out.shape == found.shape
    np.copyto(out._array, found, casting=casting)
    return out


# ---------------------------------------------------------------- the module


def _elementwise(name: str) -> Callable[..., ndarray]:
    def do(*operands: Any, out: Any = None, casting: Any = "same_kind") -> ndarray:
        found = getattr(np, name)(*map(_plain, operands))
        return _into(out, np.asarray(found), casting)

    return do


def empty(shape: Any, dtype: Any) -> ndarray:
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[:] = 0xFF
    return ndarray(array)


def asarray(value: Any, dtype: Any = None, order: str | None = None) -> ndarray:
    if isinstance(value, ndarray):
        same = dtype is None or value.dtype == dtype
        if same and (order != "C" or value.flags.c_contiguous):
            return value
        return value.astype(dtype or value.dtype, order=order or "K")
    return _new(np.array(value, dtype, order=order or "K"))


def array(value: Any, dtype: Any = None) -> ndarray:
    return _new(np.array(value._array if isinstance(value, ndarray) else value, dtype))


def copyto(dst: ndarray, src: Any, casting: Any = "same_kind", where: Any = None) -> None:
    np.copyto(dst._array, _plain(src), casting, where=True if where is None else _plain(where))


def dot(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    if out is not None:
        if np.result_type(a.dtype, b.dtype) != out.dtype:
            raise ValueError("Not supported dtype combination.")
        if not out.flags.c_contiguous:
            raise ValueError("Output array must be C-contiguous")
    return _into(out, np.asarray(np.dot(a._array, b._array)))


def matmul(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    return _into(out, np.asarray(np.matmul(a._array, b._array)))


def concatenate(tup: Sequence[ndarray], axis: int = 0, out: Any = None) -> ndarray:
    return _into(out, np.concatenate([a._array for a in tup], axis))


def stack(tup: Sequence[ndarray], axis: int = 0, out: Any = None) -> ndarray:
    return _into(out, np.stack([a._array for a in tup], axis))


def cumsum(a: ndarray, axis: int, out: Any = None) -> ndarray:
    return _into(out, np.cumsum(a._array, axis))


def broadcast_to(a: ndarray, shape: Any) -> ndarray:
    return a._seen(np.broadcast_to(a._array, shape))


def flip(a: ndarray, axis: int) -> ndarray:
    return a._seen(np.flip(a._array, axis))


class RawModule:
    """Kernels of a CUDA source, run on the host."""

    def __init__(self, code: str, options: Sequence[str]) -> None:
        assert "--fmad=false" in options
        self._module = Module(code)

    def get_function(self, name: str) -> Callable[..., None]:
        def launch(grid: tuple[int], block: tuple[int], given: Sequence[Any]) -> None:
            assert grid[0] > 0
            assert all(type(a) is int or a.flags.c_contiguous for a in given)
            numbers = [a if type(a) is int else a._array.ctypes.data for a in given]
            self._module.run(name, *grid, *block, numbers)

        return launch


class CUDARuntimeError(RuntimeError):
    pass


_KINDS = {0: np.dtype(np.float32), 2: np.dtype(np.float16)}


def _matrix(pointer: int, kind: int, rows: int, columns: int, apart: int) -> np.ndarray:
    """A matrix as cuBLAS sees it: columns one after another, so far apart."""
    assert apart >= rows
    dtype = _KINDS[kind]
    memory = (ctypes.c_char * (dtype.itemsize * apart * columns)).from_address(pointer)
    return np.frombuffer(memory, dtype).reshape(columns, apart)[:, :rows].T


def gemm_ex(
    handle: int, turn_a: int, turn_b: int, m: int, n: int, k: int,
    alpha: int, a: int, a_kind: int, lda: int, b: int, b_kind: int, ldb: int,
    beta: int, c: int, c_kind: int, ldc: int, compute: int, algorithm: int,
) -> None:  # fmt: skip
    """c = a b, each turned or not, of 16 bits, added up in float32."""
    assert (handle, compute, algorithm) == (7, 68, -1)
    assert _matrix(alpha, 0, 1, 1, 1) == 1
    assert _matrix(beta, 0, 1, 1, 1) == 0
    left = _matrix(a, a_kind, k, m, lda).T if turn_a else _matrix(a, a_kind, m, k, lda)
    right = _matrix(b, b_kind, n, k, ldb).T if turn_b else _matrix(b, b_kind, k, n, ldb)
    _matrix(c, c_kind, m, n, ldc)[:] = left.astype("float32") @ right.astype("float32")


def module(devices: int = 1) -> ModuleType:
    """A module to be called cupy."""
    cupy = ModuleType("cupy")
    names = "add divide equal exp isfinite log maximum multiply negative power subtract where"
    for name in (*names.split(), "logaddexp", "floor_divide", "remainder", "less", "tanh", "sin"):
        setattr(cupy, name, _elementwise(name))
    for function in (
        *(ndarray, empty, asarray, array, copyto, dot, matmul, concatenate, stack, cumsum),
        *(broadcast_to, flip, RawModule),
    ):
        setattr(cupy, function.__name__, function)
    cupy.__version__ = "14.0.0"  # type: ignore[attr-defined]
    cupy.zeros = lambda shape, dtype: _new(np.zeros(shape, dtype))  # type: ignore[attr-defined]
    cupy.arange = lambda n: _new(np.arange(n))  # type: ignore[attr-defined]
    cupy.shape = lambda a: a.shape  # type: ignore[attr-defined]
    runtime = SimpleNamespace(
        getDeviceCount=lambda: devices,
        CUDARuntimeError=CUDARuntimeError,
        CUDA_R_32F=0,
        CUDA_R_16F=2,
        CUDA_R_16BF=14,
    )
    cublas = SimpleNamespace(gemmEx=gemm_ex, CUBLAS_COMPUTE_32F=68, CUBLAS_GEMM_DEFAULT=-1)
    device = SimpleNamespace(get_cublas_handle=lambda: 7)
    cupy.cuda = SimpleNamespace(  # type: ignore[attr-defined]
        runtime=runtime, cublas=cublas, device=device
    )
    return cupy
