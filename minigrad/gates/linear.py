"""Matrix multiplication, from 1-D to batched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..dims import Size, broadcast, product, show_shape
from ..errors import DTypeError, ShapeError
from ..graph import Gate
from ..notation import Notation
from ..types import Type
from ..variables import Variable
from .elementwise import fit

__all__ = ["Lookup", "Matmul", "SegmentSum"]


@dataclass(frozen=True)
class Matmul(Gate):
    """a @ b as in NumPy: (…, n, k) @ (…, k, m) → (…, n, m), the axes in front broadcast.

    A vector on the left is a row, on the right a column, and its axis is gone from the result.
    """

    symbol: ClassVar[str] = "@"
    verb = "multiplies matrices"
    lesson = "multiplies the gradient by the other matrix, transposed"
    notation = Notation("{0:matmul} @ {1:derivative}", "{0:matmul} \\, {1:matmul}", "matmul")

    def infer(self, a: Type, b: Type) -> Type:
        if not a.shape or not b.shape:
            raise ShapeError(
                f"{show_shape(a.shape)} @ {show_shape(b.shape)}: a matrix product needs at least "
                "one axis on each side (multiply by a scalar with *)"
            )
        inner_a, inner_b = a.shape[-1], b.shape[-2 if len(b.shape) > 1 else 0]
        if inner_a != inner_b:
            raise ShapeError(
                f"{show_shape(a.shape)} @ {show_shape(b.shape)}: the last size of the left, "
                f"{inner_a}, is not the {'first' if len(b.shape) == 1 else 'last but one'} of the "
                f"right, {inner_b}"
            )
        batch = broadcast(a.shape[:-2], b.shape[:-2])
        rows = a.shape[-2:-1]
        columns = b.shape[-1:] if len(b.shape) > 1 else ()
        return Type(batch + rows + columns, np.result_type(a.dtype, b.dtype))

    def lift(self, lifted: Sequence[bool], *inputs: Variable) -> Any:
        """Vectors become one row or one column; then the axes in front are made to line up."""
        (a, b), (up_a, up_b) = inputs, lifted
        rank_a, rank_b = a.ndim - up_a, b.ndim - up_b
        if up_a and not up_b and rank_b <= max(rank_a, 2):
            return self(a, b)  # (T, …, n, k) @ (k, m) as it stands
        left = a.expand_dims(a.ndim - 1) if rank_a == 1 else a
        right = b.expand_dims(b.ndim) if rank_b == 1 else b
        rank = max(left.ndim - up_a, right.ndim - up_b)
        left, right = (
            v.expand_dims(tuple(range(1, 1 + rank - (v.ndim - 1)))) if up else v
            for v, up in ((left, up_a), (right, up_b))
        )
        product = self(left, right)
        gone = [product.ndim - 2] * (rank_a == 1) + [product.ndim - 1] * (rank_b == 1)
        return product.squeeze(gone) if gone else product

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        if a.ndim <= 2 and b.ndim <= 2:
            return xp.dot(a, b, out=out)  # the same, with less ado for small arrays
        return xp.matmul(a, b, out=out)

    def vjp(self, cotangent: Variable, output: Variable, a: Variable, b: Variable) -> Any:
        """d a = ct @ bᵀ, d b = aᵀ @ ct, with vectors seen as one row or one column."""
        left = a.expand_dims(0) if a.ndim == 1 else a
        right = b.expand_dims(1) if b.ndim == 1 else b
        if a.ndim == 1 and b.ndim == 2:
            row = cotangent.expand_dims(0)
            return fit(cotangent @ b.mT, Type(a.shape, a.dtype)), fit(
                left.mT @ row, Type(b.shape, b.dtype)
            )
        if b.ndim == 1:
            cotangent = cotangent.expand_dims(cotangent.ndim)
        if a.ndim == 1:
            cotangent = cotangent.expand_dims(cotangent.ndim - 1)
        d_left = cotangent @ right.mT
        if right.ndim == 2 and left.ndim > 2:  # one weight for a whole batch: a single GEMM
            rows = product(left.shape[:-1])
            flat = left.reshape((rows, left.shape[-1])), cotangent.reshape((rows, right.shape[1]))
            d_right = flat[0].mT @ flat[1]
        else:
            d_right = left.mT @ cotangent
        return (
            fit(d_left, Type(left.shape, a.dtype)).reshape(a.shape),
            fit(d_right, Type(right.shape, b.dtype)).reshape(b.shape),
        )


class Lookup(Gate):
    """one_hot(ids) @ table, without the ones and zeros: ids (…), table (V, H) → (…, H).

    Where there are more ids than rows, each product that can occur is computed once, and picked:
    so a row is NaN where the product is, since 0 · ∞ is, and zeros for an id outside 0…V-1.
    """

    symbol = "look up"
    verb = "picks rows"
    lesson = "adds the gradient to the rows that were picked"
    notation = Notation(
        "onehot({0}) @ {1:derivative}",
        r"\operatorname{{onehot}}\left({0}\right) \, {1:matmul}",
        "matmul",
    )

    def infer(self, ids: Type, table: Type) -> Type:
        if ids.dtype.kind not in "iu":
            raise DTypeError(f"ids must be integers, and are {ids.dtype}")
        if len(table.shape) != 2 or table.dtype.kind != "f":
            raise ShapeError(f"a table is a matrix of floats, and not {table}")
        return Type((*ids.shape, table.shape[1]), table.dtype)

    def lift(self, lifted: Sequence[bool], ids: Variable, table: Variable) -> Any:
        return None if lifted[1] else self(ids, table)

    def forward(self, xp: Any, ids: Any, table: Any, out: Any = None) -> Any:
        rows = table.shape[0]
        if product(ids.shape) <= rows:
            one_hot = xp.equal(ids[..., None], xp.arange(rows)).astype(table.dtype)
            return xp.matmul(one_hot, table, out=out)
        products = xp.dot(xp.eye(rows + 1, rows, dtype=table.dtype), table)
        ids = ids.astype(np.int64)  # in which there is a place for one more row
        picked = xp.where((ids < 0) | (ids >= rows), rows, ids)
        return xp.take(products, picked, axis=0, out=out, mode="clip")  # quick, as none is outside

    def vjp(self, cotangent: Variable, output: Variable, ids: Variable, table: Variable) -> Any:
        rows, width = table.shape
        flat = product(ids.shape)
        return None, SegmentSum(rows)(ids.reshape((flat,)), cotangent.reshape((flat, width)))


@dataclass(frozen=True)
class SegmentSum(Gate):
    """one_hot(ids).T @ x, the sum of the rows of each id: ids (N), x (N, H) → (V, H).

    Rows are NaN where the product is, since 0 · ∞ is; an id outside 0…V-1 has none. NumPy does the
    product, which is quicker than adding rows up one by one; C adds them up.
    """

    size: Size
    symbol: ClassVar[str] = "sum rows"
    verb = "adds up the rows of each id"
    lesson = "hands the gradient of a sum to the rows that were added up"
    notation = Notation(
        "onehot({0}).T @ {1:derivative}",
        r"\operatorname{{onehot}}\left({0}\right)^{{\top}} \, {1:matmul}",
        "matmul",
    )

    def infer(self, ids: Type, x: Type) -> Type:
        if ids.dtype.kind not in "iu":
            raise DTypeError(f"ids must be integers, and are {ids.dtype}")
        if len(x.shape) != 2 or x.shape[:1] != ids.shape or x.dtype.kind != "f":
            raise ShapeError(f"x is a row of floats for each of the ids {ids}, and not {x}")
        return Type((self.size, x.shape[1]), x.dtype)

    def lift(self, lifted: Sequence[bool], ids: Variable, x: Variable) -> Any:
        return None

    def scratch(self, *types: Type) -> tuple[Type, ...]:
        ids, x = types
        return (Type((self.size, *ids.shape), x.dtype),)

    def forward(
        self, xp: Any, ids: Any, x: Any, out: Any = None, scratch: Sequence[Any] = ()
    ) -> Any:
        one_hot = scratch[0] if scratch else xp.empty((self.size, *ids.shape), x.dtype)
        xp.equal(xp.arange(self.size)[..., None], ids, out=one_hot, casting="unsafe")
        return xp.matmul(one_hot, x, out=out)

    def vjp(self, cotangent: Variable, output: Variable, ids: Variable, x: Variable) -> Any:
        return None, Lookup()(ids, cotangent)
