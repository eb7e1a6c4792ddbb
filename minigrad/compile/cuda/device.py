"""CuPy, where it is; arrays that move to the GPU and stay there; kernels, compiled."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import BackendError
from ...types import cast_safely
from .half import Products

__all__ = ["Device", "compiled", "products"]

_OPTIONS = (
    "--std=c++17",  # numbers are written in hexadecimal
    "--fmad=false",  # as in C: a result does not depend on what is fused with what
)


def _cupy() -> Any:
    """The module. Raises BackendError, naming what to install, or that there is no GPU."""
    try:
        import cupy
    except ImportError as error:
        raise BackendError(
            'backend="cupy" needs CuPy 14 or newer, and it cannot be imported '
            f'({error}): pip install "minigrad[cuda12]", or cuda13, after your CUDA driver'
        ) from None
    if int(cupy.__version__.partition(".")[0]) < 14:
        raise BackendError(
            f'backend="cupy" needs CuPy 14 or newer, and this is {cupy.__version__}: '
            'pip install "minigrad[cuda12]", or cuda13, after your CUDA driver'
        )
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendError(f'backend="cupy": CuPy finds no GPU ({error})') from None
    if not count:
        raise BackendError('backend="cupy": CuPy finds no GPU')
    return cupy


def compiled(source: str) -> Callable[[str], Any]:
    """What finds a kernel of a CUDA source by its name; CuPy keeps what it has compiled."""
    get: Callable[[str], Any] = _cupy().RawModule(code=source, options=_OPTIONS).get_function
    return get


def products(name: str) -> Products:
    """Products of matrices in 16 bits."""
    return Products(_cupy(), name)


class Device:
    """A GPU, as a compiled function sees it: its `xp`, and arrays on their way to it."""

    def __init__(self) -> None:
        self.xp = _cupy()

    def cast(self, value: Any, dtype: np.dtype[Any], what: str) -> Any:
        """As `cast_safely`; what lies on the GPU stays there."""
        if not isinstance(value, self.xp.ndarray):
            return cast_safely(value, dtype, what)
        cast_safely(np.empty(0, value.dtype), dtype, what)
        return value.astype(dtype, copy=False)

    def there(self, arrays: Sequence[Any]) -> list[Any]:
        """Arrays on the GPU, each contiguous: moved or copied, if it is not."""
        return [self.xp.asarray(a, order="C") for a in arrays]

    def moved(self) -> "Moved":
        return Moved(self)


class Moved:
    """Values of parameters, on the GPU. One that was set from there is moved once, and kept."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._moved: dict[int, tuple[Any, Any]] = {}

    def __call__(self, values: list[Any]) -> list[Any]:
        return [self._one(i, value) for i, value in enumerate(values)]

    def _one(self, i: int, value: Any) -> Any:
        if type(value) is self._device.xp.ndarray and value.flags.c_contiguous:
            self._moved.pop(i, None)
            return value
        if i not in self._moved or self._moved[i][0] is not value:
            self._moved[i] = value, self._device.there([value])[0]
        return self._moved[i][1]
