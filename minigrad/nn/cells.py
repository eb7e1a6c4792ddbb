"""Recurrent cells: one step each, which reads like its equations.

The matrices of all gates lie side by side in one, so that a step is two matrix products. Their
order is that of PyTorch, whose ``weight_ih_l0`` is `weight_ih` transposed.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..functions import astype, relu, sigmoid, split, tanh
from ..random import Generator
from ..types import Array
from ..variables import Parameter, Variable
from . import init
from .cell import Cell, State, initial_state, parts_of
from .layers import Dropout, LayerNorm, Rng, as_generator, standardised
from .module import Module

__all__ = ["GRUCell", "GatedCell", "LSTMCell", "RNNCell", "StackedCells"]

_EPSILON = 1e-5  # of layer normalisation, as in LayerNorm


def side_by_side(
    start: init.Init, rows: int, columns: int, gates: int, rng: np.random.Generator, dtype: Any
) -> Array:
    """Each gate's own start (rows, columns), next to each other: (rows, gates · columns)."""
    return np.concatenate([start((rows, columns), rng, dtype) for _ in range(gates)], axis=1)


class GatedCell(Cell):
    """A cell with weights for a number of gates, and what regularises them.

    Args:
        input_size, hidden_size, dtype, learned_state: as of `Cell`.
        rng: a NumPy generator, or a seed, for the initial weights and for masks.
        input_init, recurrent_init: the start of each gate's (F, H) and (H, H); biases start as
            zeros.
        recurrent_dropout: the share of h that is dropped while training, on its way into the
            products with weight_hh, the same units at all steps of the scan around (Gal and
            Ghahramani, "A theoretically grounded application of dropout in recurrent neural
            networks", 2016).
        zoneout: the share of units of the state that keep their old value in a step while training,
            one number or one for each part of the state; in use each is the mean of both,
            p · old + (1 - p) · new (Krueger et al., "Zoneout", 2017).
        layer_norm: whether x W_ih and h W_hh, each product as a whole, are normalised to mean 0 and
            variance 1 and scaled by learned gains, before the bias is added; and the c of an LSTM,
            scaled and shifted, before its tanh (Ba, Kiros and Hinton, "Layer normalization", 2016).

    Raises ArgumentError for shares outside 0 ≤ p < 1.

    One of your own:

    >>> import minigrad as mg
    >>> class Leaky(GatedCell):
    ...     gates = 1
    ...
    ...     def step(self, x, h):
    ...         return (0.9 * h + 0.1 * mg.tanh(self.of_input(x) + self.of_state(h)),)
    >>> cell = Leaky(4, 5, zoneout=0.1)
    >>> cell(mg.input("x", ("B", 4)), cell.zero_state("B"))[0].shape
    (B, 5)
    """

    gates: ClassVar[int]
    """How many matrices lie side by side in its weights."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        rng: Rng = None,
        dtype: npt.DTypeLike = "float32",
        input_init: init.Init = init.recurrent_uniform,
        recurrent_init: init.Init = init.recurrent_uniform,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, ...] = 0.0,
        layer_norm: bool = False,
        learned_state: bool = False,
    ) -> None:
        super().__init__(input_size, hidden_size, dtype, learned_state)
        rng = np.random.default_rng(rng)

        def weights(start: init.Init, rows: int) -> Array:
            return side_by_side(start, rows, hidden_size, self.gates, rng, dtype)

        self.weight_ih = Parameter(weights(input_init, input_size), "weight_ih")
        self.weight_hh = Parameter(weights(recurrent_init, self.state_sizes[0]), "weight_hh")
        columns = self.gates * hidden_size
        self.bias = Parameter(np.zeros(columns, dtype), "bias")
        self.layer_norm = layer_norm
        if layer_norm:
            self.gain_ih = Parameter(np.ones(columns, dtype), "gain_ih")
            self.gain_hh = Parameter(np.ones(columns, dtype), "gain_hh")
        self.recurrent_dropout = (
            Dropout(recurrent_dropout, rng, each_step=False) if recurrent_dropout else None
        )
        self.zoneout, self._zoneout_shares = zoneout, self._shares(zoneout)
        if self.zones_out:
            self.zoneout_rng = as_generator(rng)

    def _shares(self, zoneout: float | tuple[float, ...]) -> tuple[float, ...]:
        names = self.state_names
        shares = zoneout if isinstance(zoneout, tuple) else (zoneout,) * len(names)
        if len(shares) != len(names) or not all(
            isinstance(p, int | float) and 0 <= p < 1 for p in shares
        ):
            raise ArgumentError(
                "zoneout is a share in 0 ≤ p < 1, or a tuple with one for each of "
                f"{', '.join(names)}, and not {zoneout!r}"
            )
        return shares

    @property
    def zones_out(self) -> bool:
        """Whether any part of the state is zoned out."""
        return any(self._zoneout_shares)

    def of_input(self, x: Variable) -> Variable:
        """x W_ih + b, the part of all gates that the input gives: (B, gates · H)."""
        a = x @ self.weight_ih
        return (standardised(a, _EPSILON) * self.gain_ih if self.layer_norm else a) + self.bias

    def of_state(self, h: Variable, gates: slice = slice(None)) -> Variable:
        """h W_hh, the part of all gates, or of some, that the state gives: (B, gates · H)."""
        if self.recurrent_dropout is not None:
            h = self.recurrent_dropout(h)
        a = h @ self._columns(self.weight_hh, gates)
        if not self.layer_norm:
            return a
        return standardised(a, _EPSILON) * self._columns(self.gain_hh, gates)

    def _columns(self, weight: Parameter, gates: slice) -> Variable:
        """The columns of some gates in (…, gates · H)."""
        start, stop, _ = gates.indices(self.gates)
        if stop - start == self.gates:
            return weight
        return weight[..., start * self.hidden_size : stop * self.hidden_size]

    def settled(self, new: State, old: State) -> State:
        return tuple(map(self._zoned_out, self._zoneout_shares, new, old))

    def _zoned_out(self, p: float, new: Variable, old: Variable) -> Variable:
        if not p:
            return new
        kept: Any = p
        if self.training:
            kept = astype(self.zoneout_rng.bernoulli(p, new.shape), new.dtype).named("kept")
        return kept * old + (1 - kept) * new


_ACTIVATIONS = {"tanh": tanh, "relu": relu}


class RNNCell(GatedCell):
    """The plain recurrent cell:

        h' = tanh(x W_ih + h W_hh + b)

    with W_ih (F, H), W_hh (H, H), b (H,); the state and the output are h' (B, H) (Elman, "Finding
    structure in time", 1990).

    Args:
        activation: "tanh" or "relu". relu with ``recurrent_init=init.identity`` is the IRNN (Le,
            Jaitly and Hinton, 2015).

    and those of `GatedCell`.

    >>> import minigrad as mg
    >>> cell = RNNCell(4, 5, rng=0)
    >>> h, state = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> h.shape
    (B, 5)
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, activation: str = "tanh", **settings: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        if activation not in _ACTIVATIONS:
            raise ArgumentError(f'the activation is "tanh" or "relu", and not {activation!r}')
        self.activation = activation

    def step(self, x: Variable, *state: Variable) -> State:
        (h,) = state
        return (_ACTIVATIONS[self.activation](self.of_input(x) + self.of_state(h)),)


class LSTMCell(GatedCell):
    """The long short-term memory:

        i = σ(x W_ii + h W_hi + b_i)        input gate
        f = σ(x W_if + h W_hf + b_f)        forget gate
        g = tanh(x W_ig + h W_hg + b_g)     what might be written
        o = σ(x W_io + h W_ho + b_o)        output gate
        c' = f ⊙ c + i ⊙ g
        h' = o ⊙ tanh(c')

    The state is (h, c), each (B, H), the output h'. The gates lie in the order i, f, g, o in
    weight_ih (F, 4H), weight_hh (H, 4H) and bias (4H,). (Hochreiter and Schmidhuber, "Long
    short-term memory", 1997; with the forget gate of Gers, Schmidhuber and Cummins, 2000.)

    Args:
        forget_bias: where the bias of the forget gate starts; with 1 the cell starts by
            remembering, which long dependencies need (Jozefowicz, Zaremba and Sutskever, 2015).
        peepholes: whether the gates see the cell: p_i ⊙ c is added in i, p_f ⊙ c in f and p_o ⊙ c'
            in o, with p_i, p_f, p_o in peephole (3H,), zeros at first (Gers and Schmidhuber,
            "Recurrent nets that time and count", 2000).
        proj_size: P; the output is then h' = (o ⊙ tanh(c')) W_hr (B, P), with weight_hr (H, P) and
            weight_hh (P, 4H) (Sak, Senior and Beaufays, "Long short-term memory based recurrent
            neural network architectures", 2014).

    and those of `GatedCell`.

    >>> import minigrad as mg
    >>> cell = LSTMCell(4, 5, rng=0)
    >>> out, (h, c) = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> out.shape, c.shape
    ((B, 5), (B, 5))
    """

    gates = 4
    state_names = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: float = 0.0,
        peepholes: bool = False,
        proj_size: int | None = None,
        **settings: Any,
    ) -> None:
        if proj_size is not None and (not isinstance(proj_size, int) or proj_size < 1):
            raise ArgumentError(f"proj_size is a number from 1 up, or None, and not {proj_size!r}")
        self.proj_size = proj_size
        rng = settings["rng"] = np.random.default_rng(settings.get("rng"))
        super().__init__(input_size, hidden_size, **settings)
        if proj_size is not None:
            start = settings.get("recurrent_init", init.recurrent_uniform)
            self.weight_hr = Parameter(
                start((hidden_size, proj_size), rng, self.dtype), "weight_hr"
            )
        bias = self.bias.get_value()
        bias[hidden_size : 2 * hidden_size] = forget_bias
        self.bias.set_value(bias)
        self.peephole = (
            Parameter(np.zeros(3 * hidden_size, self.dtype), "peephole") if peepholes else None
        )
        if self.layer_norm:
            self.norm_c = LayerNorm(hidden_size, _EPSILON, self.dtype)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.proj_size or self.hidden_size, self.hidden_size

    def step(self, x: Variable, *state: Variable) -> State:
        h, c = state
        i, f, g, o = split(self.of_input(x) + self.of_state(h), 4, axis=-1)
        if self.peephole is not None:
            p_i, p_f, p_o = split(self.peephole, 3)
            i, f = i + p_i * c, f + p_f * c
        i = sigmoid(i).named("i")
        f = sigmoid(f).named("f")
        g = tanh(g).named("g")
        c = f * c + i * g
        if self.peephole is not None:
            o = o + p_o * c
        o = sigmoid(o).named("o")
        h = o * tanh(self.norm_c(c) if self.layer_norm else c)
        return (h if self.proj_size is None else h @ self.weight_hr), c


class GRUCell(GatedCell):
    """The gated recurrent unit:

        r = σ(x W_ir + h W_hr + b_r)                    reset gate
        z = σ(x W_iz + h W_hz + b_z)                    update gate
        n = tanh(x W_in + b_n + r ⊙ (h W_hn + b_hn))    what is new
        h' = (1 - z) ⊙ n + z ⊙ h

    The state and the output are h' (B, H). The gates lie in the order r, z, n in weight_ih (F, 3H),
    weight_hh (H, 3H) and bias (3H,); bias_hn is (H,).

    Args:
        reset_after: whether r scales the product h W_hn, which can so be part of one matrix
            product, as above, in cuDNN and PyTorch, and in the first arXiv version of Cho et al.,
            "Learning phrase representations using RNN encoder-decoder" (2014, 1406.1078v1); or, if
            not, h before the product: n = tanh(x W_in + b_n + (r ⊙ h) W_hn), without b_hn, as from
            version 3 on.

    and those of `GatedCell`.

    >>> import minigrad as mg
    >>> cell = GRUCell(4, 5, rng=0)
    >>> h, state = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> h.shape
    (B, 5)
    """

    gates = 3

    def __init__(
        self, input_size: int, hidden_size: int, reset_after: bool = True, **settings: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.reset_after = reset_after
        if reset_after:
            self.bias_hn = Parameter(np.zeros(hidden_size, self.dtype), "bias_hn")

    def step(self, x: Variable, *state: Variable) -> State:
        (h,) = state
        x_r, x_z, x_n = split(self.of_input(x), 3, axis=-1)
        if self.reset_after:
            h_r, h_z, h_n = split(self.of_state(h), 3, axis=-1)
        else:
            h_r, h_z = split(self.of_state(h, slice(0, 2)), 2, axis=-1)
        r = sigmoid(x_r + h_r).named("r")
        z = sigmoid(x_z + h_z).named("z")
        new = r * (h_n + self.bias_hn) if self.reset_after else self.of_state(r * h, slice(2, 3))
        n = tanh(x_n + new).named("n")
        return ((1 - z) * n + z * h,)


class StackedCells(Module):
    """Several cells as one: the output of each is the input of the next.

    The state is a tuple of theirs.

    Args:
        cells: the cells, lowest first.
        dropout: the share of values dropped between a cell and the next while training, anew at
            each step; never on the way through time (Zaremba, Sutskever and Vinyals, "Recurrent
            neural network regularization", 2014).
        rng: for the dropout, see `Dropout`.

    >>> import minigrad as mg
    >>> cell = StackedCells([LSTMCell(4, 5), GRUCell(5, 3)])
    >>> out, ((h0, c0), h1) = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> out.shape
    (B, 3)

    Raises ArgumentError without cells, for dropout where there is no cell after the first, and for
    a state that has not one part for each cell.
    """

    def __init__(
        self, cells: Iterable[Any], dropout: float = 0.0, rng: Rng | Generator = None
    ) -> None:
        self.cells = tuple(cells)
        if not self.cells:
            raise ArgumentError("StackedCells needs at least one cell")
        if dropout and len(self.cells) == 1:
            raise ArgumentError(
                "dropout is applied between cells, and there is one: put an nn.Dropout after it"
            )
        self.dropout = Dropout(dropout, rng) if dropout else None

    def zero_state(self, batch: Any) -> tuple[Any, ...]:
        """Zeros for all of the cells."""
        return tuple(cell.zero_state(batch) for cell in self.cells)

    def initial_state(self, batch: Any) -> tuple[Any, ...]:
        """The states that the cells start from."""
        return tuple(initial_state(cell, batch) for cell in self.cells)

    def __call__(self, x: Any, state: Any) -> tuple[Any, tuple[Any, ...]]:
        states = parts_of(state, len(self.cells), "stacked cells")
        new = []
        for i, (cell, old) in enumerate(zip(self.cells, states, strict=True)):
            if i > 0 and self.dropout:
                x = self.dropout(x)
            x, part = cell(x, old)
            new.append(part)
        return x, tuple(new)
