"""What every elementwise gate shares: NumPy's promotion, static broadcasting, and its way back."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..dims import broadcast
from ..errors import DTypeError
from ..graph import Apply, Gate
from ..types import Type, as_dtype
from ..variables import Variable

__all__ = ["Elementwise", "aligned", "fit", "ufunc_dtype"]


class Elementwise(Gate):
    """A gate that works on each element alone, with broadcasting and promotion as NumPy has them.

    `vjp` of such a gate need not think of either: what it returns is summed over the broadcast axes
    and cast back to the type of each input.
    """

    ufunc: ClassVar[str]
    """The NumPy function that computes it."""

    scalar: ClassVar[str] = ""
    """One element, in C and in CUDA: an expression of the operands ``{0}``, ``{1}``, …

    Operands are variables that have the types of `computes_in`, so they may be repeated; the value
    is cast to the last of these types. A bool is an unsigned char, 0 or 1. Beside C's operators
    there are the functions of ``native/elementary.h``. With none, NumPy computes the gate in
    compiled C programs too.
    """

    def infer(self, *types: Type) -> Type:
        dtype = self.result_dtype(*(t.dtype for t in types))
        return Type(broadcast(*(t.shape for t in types)), dtype)

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype of the output."""
        return ufunc_dtype(self.ufunc, *dtypes)

    def computes_in(self, *dtypes: np.dtype[Any]) -> tuple[np.dtype[Any], ...]:
        """The dtypes that operands of `dtypes` are cast to, and last that of the result.

        They are those of `ufunc`; a gate without one computes in the dtype of its result.
        """
        result = self.result_dtype(*dtypes)
        ufunc = getattr(np, getattr(self, "ufunc", ""), None)
        if isinstance(ufunc, np.ufunc):
            return tuple(ufunc.resolve_dtypes((*dtypes, None)))
        return (result,) * (len(dtypes) + 1)

    def expression(self, *dtypes: np.dtype[Any]) -> str:
        """`scalar` for operands of `dtypes`; "" where there is none that does what `forward` does.

        There is none for a subclass that computes in another way and does not say so in C, nor for
        int64 compared with uint64, of which C makes two uint64.
        """
        how = {"scalar", "forward", "ufunc"}
        nearest = next(c for c in type(self).__mro__ if how & vars(c).keys())
        mixed = {"i", "u"} <= {dtype.kind for dtype in self.computes_in(*dtypes)[:-1]}
        return "" if mixed or "scalar" not in vars(nearest) else self.scalar

    def forward(self, xp: Any, *arrays: Any, **out: Any) -> Any:
        return getattr(xp, self.ufunc)(*arrays, **out)

    def in_place(self) -> bool:
        return (
            type(self).forward is Elementwise.forward
        )  # one call reads, then writes, each element

    def lift(self, lifted: Sequence[bool], *inputs: Variable) -> Variable:
        return self(*aligned(lifted, inputs))

    def pullback(
        self, apply: Apply, cotangents: Sequence[Variable | None], needed: Sequence[bool]
    ) -> Sequence[Variable | None]:
        found = super().pullback(apply, cotangents, needed)
        return [
            fit(ct, v.type) if need and ct is not None else None
            for ct, v, need in zip(found, apply.inputs, needed, strict=True)
        ]


def ufunc_dtype(name: str, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that a NumPy ufunc gives for operands of these dtypes; DTypeError for none."""
    try:
        found = getattr(np, name).resolve_dtypes((*dtypes, None))[-1]
    except TypeError:
        raise DTypeError(f"{name} takes no {', '.join(map(str, dtypes))}") from None
    if found == np.float16:  # NumPy's choice for bool and 8 bits
        taken = ", ".join(map(str, dtypes))
        raise DTypeError(
            f"float16 is not supported, which it would be of {taken}: make it a float with .astype"
        )
    return as_dtype(found)


def fit(cotangent: Variable, type: Type) -> Variable:
    """A cotangent summed over the axes that were broadcast, and cast: the transpose of both.

    (B, H) for an operand of shape (H,) → its sum over B.
    """
    extra = cotangent.ndim - len(type.shape)
    if extra:
        cotangent = cotangent.sum(axis=tuple(range(extra)))
    pairs = zip(type.shape, cotangent.shape, strict=True)
    stretched = tuple(i for i, (old, new) in enumerate(pairs) if old == 1 and new != 1)
    if stretched:
        cotangent = cotangent.sum(axis=stretched, keepdims=True)
    return cotangent.astype(type.dtype) if cotangent.dtype != type.dtype else cotangent


def aligned(lifted: Sequence[bool], inputs: Sequence[Variable]) -> list[Variable]:
    """Operands of which some have one more axis in front, made to broadcast as they did without.

    x (T, H), y (B, H), of which x is lifted → x (T, 1, H), y (B, H)
    """
    ranks = [v.ndim - up for v, up in zip(inputs, lifted, strict=True)]
    return [
        v.expand_dims(tuple(range(1, 1 + max(ranks) - rank))) if up else v
        for v, up, rank in zip(inputs, lifted, ranks, strict=True)
    ]
