"""A cell looped over time, in one direction or in both."""

from collections.abc import Callable
from typing import Any

from ..dims import show_shape
from ..errors import ArgumentError, DTypeError, ShapeError
from ..functions import add, arange, concat, less, multiply, take_along_axis, where, zeros_like
from ..loops import scan
from ..tree import tree_map
from ..variables import Variable, as_variables
from .cell import initial_state, parts_of
from .module import Module

__all__ = ["Bidirectional", "Recurrent"]

Step = Callable[[Any, Any], tuple[Any, Any]]


class Recurrent(Module):
    """A cell applied to each step of a sequence: ``ys, state = layer(xs, state=None,
    lengths=None, mask=None)``.

        ys = []
        for x in (reversed(xs) if reverse else xs):
            y, state = cell(x, state)
            ys.append(y)                 # and put back in the order of xs when reverse
        return stack(ys), state

    xs (T, B, F) → ys (T, B, H), and the state after the last step; give it to the next call to go
    on where this one ended.

    Args:
        cell: a cell, or any function ``cell(x, state) -> (y, state)``.
        reverse: run from the last step to the first.
        unroll: True writes the steps out instead of looping (T must be an int), a number so many
            steps in each turn of the loop.
        return_sequences: whether ys are the outputs of all steps (many to many), or that of each
            row's last step alone, (B, H) (many to one): the last that is run, the first in time
            when reverse. That needs a T from 1 up.
        truncate, checkpoint: as of `mg.scan`.

    The call takes:
        state: where to start; when None, what the cell learned, or ``cell.zero_state(B)``.
        lengths: (B,) integers: row b is a sequence of lengths[b] ≤ T steps, and what follows is
            padding (a length beyond T counts as T, one below 0 as 0).
        mask: (T, B) bool, in place of lengths: which steps are a row's own; any may be missing.
            In the others its ys are zeros and its state stays as it is, so that a row's last state
            is that of its last own step, and a reversed row starts at its own last step. A row
            without steps keeps the state it starts with, and its last output is zeros. What xs has
            in the others must be finite, and does not matter.

    >>> import minigrad as mg
    >>> layer = Recurrent(mg.nn.LSTMCell(4, 5, rng=0))
    >>> ys, (h, c) = layer(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h.shape
    ((T, B, 5), (B, 5))

    Raises ShapeError for xs without time and batch, lengths that are not (B,) or a mask that is not
    (T, B), DTypeError for lengths that are not integers or a mask that is not bool, ArgumentError
    where there is no state to start from, ScanError for a cell whose state changes its form.
    """

    def __init__(
        self,
        cell: Step,
        reverse: bool = False,
        unroll: bool | int = False,
        return_sequences: bool = True,
        truncate: tuple[int, int] | None = None,
        checkpoint: str | int | None = None,
    ) -> None:
        if isinstance(cell, Recurrent | Bidirectional):
            raise ArgumentError(
                f"{type(self).__name__} loops a cell, and was given a layer: {cell!r}"
            )
        self.cell, self.reverse, self.unroll = cell, reverse, unroll
        self.return_sequences = return_sequences
        self.truncate, self.checkpoint = truncate, checkpoint

    def zero_state(self, batch: Any) -> Any:
        """Zeros to start from, for `batch` rows (a number, or a name such as "B")."""
        return self.cell.zero_state(batch)  # type: ignore[attr-defined]  # not every function has

    def initial_state(self, batch: Any) -> Any:
        """Where a sequence starts: what the cell learned, or zeros. `batch` as for `zero_state`."""
        return initial_state(self.cell, batch)

    def __call__(
        self, xs: Any, state: Any = None, lengths: Any = None, mask: Any = None
    ) -> tuple[Any, Any]:
        (xs,) = as_variables(xs)
        if xs.ndim < 2:
            raise ShapeError(
                f"a recurrent layer needs xs (time, batch, …), and had {show_shape(xs.shape)}",
                xs.where,
            )
        mask = step_mask(xs, lengths, mask)
        if state is None:
            state = self.initial_state(xs.shape[1])
        ys, state = self._run(xs, state, mask)
        if not self.return_sequences:
            ys = tree_map(lambda y: _last(y, mask, self.reverse), ys)
        return ys, state

    def _run(self, xs: Variable, state: Any, mask: Variable | None) -> tuple[Any, Any]:
        """All outputs, and the last state."""
        state, ys = scan(
            self._step if mask is None else self._masked_step,
            state,
            xs if mask is None else (xs, mask),
            reverse=self.reverse,
            unroll=self.unroll or 1,
            truncate=self.truncate,
            checkpoint=self.checkpoint,
            name=type(self.cell).__name__ if isinstance(self.cell, Module) else None,
        )
        return ys, state

    def _step(self, state: Any, x: Variable) -> tuple[Any, Any]:
        y, state = self.cell(x, state)
        return state, y

    def _masked_step(self, state: Any, row: tuple[Variable, Variable]) -> tuple[Any, Any]:
        """A step for the rows whose own it is; the others stay as they are."""
        x, mask = row  # (B, F), (B,)

        def chosen(new: Variable, old: Variable) -> Variable:
            return where(broadcastable(mask, new), new, old).named(new.name)

        y, new = self.cell(x, state)
        return tree_map(chosen, new, state), tree_map(lambda v: chosen(v, zeros_like(v)), y)


def step_mask(xs: Variable, lengths: Any, mask: Any) -> Variable | None:
    """(T, B) bool: whether step t is one of row b's own; None where all are."""
    time, batch = xs.shape[:2]
    if mask is not None:
        if lengths is not None:
            raise ArgumentError("lengths and mask say the same thing: give one of them")
        (mask,) = as_variables(mask)
        if mask.dtype.kind != "b":
            raise DTypeError(f"a mask is bool, and this is {mask.dtype}", mask.where)
        if mask.shape != (time, batch):
            raise ShapeError(
                f"a mask has a bool for each step, ({time}, {batch}), and this is "
                f"{show_shape(mask.shape)}",
                mask.where,
            )
        return mask
    if lengths is None:
        return None
    (lengths,) = as_variables(lengths)
    if lengths.dtype.kind not in "iu":
        raise DTypeError(f"lengths are integers, and these are {lengths.dtype}", lengths.where)
    if lengths.shape != (batch,):
        raise ShapeError(
            f"lengths are one for each row, ({batch},), and these are {show_shape(lengths.shape)}",
            lengths.where,
        )
    return less(arange(time).expand_dims(1), lengths).named("mask")


def broadcastable(mask: Variable, values: Variable) -> Variable:
    """(…) as (…, 1, …), so that it broadcasts against `values`."""
    return mask.expand_dims(tuple(range(mask.ndim, values.ndim)))


def _last(ys: Variable, mask: Variable | None, reverse: bool) -> Variable:
    """The output of each row's last step: ys (T, B, …) → (B, …)."""
    if mask is None:
        return ys[0 if reverse else -1]
    steps = arange(ys.shape[0]).expand_dims(1)  # (T, 1)
    place = mask.argmax(axis=0) if reverse else where(mask, steps, 0).max(axis=0)  # 0 in empty rows
    place = broadcastable(place, ys[0]).expand_dims(0)  # (1, B, 1, …)
    return take_along_axis(ys, place.broadcast_to((1, *ys.shape[1:])), axis=0)[0]


MERGES: dict[str, Callable[[Variable, Variable], Variable]] = {
    "concat": lambda a, b: concat([a, b], axis=-1),
    "sum": add,
    "multiply": multiply,
    "average": lambda a, b: (a + b) / 2,
}


class Bidirectional(Module):
    """Two cells over one sequence, one from each end (Schuster and Paliwal, "Bidirectional
    recurrent neural networks", 1997).

        →ys, →state = Recurrent(forward)(xs)
        ←ys, ←state = Recurrent(backward, reverse=True)(xs)

    Called as `Recurrent` is. The outputs are put together as `merge` says, the state is a pair of
    theirs. The outputs of a row's last steps (``return_sequences=False``) are those after all of
    the sequence was read: that of the last step forward, and of the first step backward.

    Args:
        merge: "concat" (…, 2H), "sum", "multiply" or "average" (…, H).
        loop: what runs each cell, `Recurrent` or `LinearRecurrent`.
        settings: those of the loop.

    >>> import minigrad as mg
    >>> layer = Bidirectional(mg.nn.GRUCell(4, 5, rng=0), mg.nn.GRUCell(4, 5, rng=1))
    >>> ys, (h, h_backward) = layer(mg.input("xs", ("T", "B", 4)))
    >>> ys.shape, h_backward.shape
    ((T, B, 10), (B, 5))

    Raises ArgumentError for another merge, and for a state that is no pair.
    """

    def __init__(
        self,
        forward: Step,
        backward: Step,
        merge: str = "concat",
        loop: type[Recurrent] = Recurrent,
        **settings: Any,
    ) -> None:
        if merge not in MERGES:
            raise ArgumentError(f"merge is one of {', '.join(MERGES)}, and not {merge!r}")
        self.merge = merge
        self.forward = loop(forward, **settings)
        self.backward = loop(backward, reverse=True, **settings)

    def zero_state(self, batch: Any) -> tuple[Any, Any]:
        """Zeros to start from, for `batch` rows."""
        return self.forward.zero_state(batch), self.backward.zero_state(batch)

    def initial_state(self, batch: Any) -> tuple[Any, Any]:
        """Where both start: what was learned, or zeros. `batch` as for `zero_state`."""
        return self.forward.initial_state(batch), self.backward.initial_state(batch)

    def __call__(
        self, xs: Any, state: Any = None, lengths: Any = None, mask: Any = None
    ) -> tuple[Any, tuple[Any, Any]]:
        starts = (None, None) if state is None else parts_of(state, 2, "directions")
        ys, last = self.forward(xs, starts[0], lengths, mask)
        ys_backward, last_backward = self.backward(xs, starts[1], lengths, mask)
        merged = tree_map(MERGES[self.merge], ys, ys_backward)
        return merged, (last, last_backward)
