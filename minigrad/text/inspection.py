"""What goes on inside a `CharRNN` while it reads a text: how far back the gradient reaches, which
gates are saturated, what single units follow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autodiff import grad
from ..compile import function
from ..errors import ArgumentError, DataError
from ..functions import one_hot, sum, tanh, zeros
from ..graph import Apply, substitute
from ..loops import scan
from ..nn import LSTMCell, state_inputs
from ..nn.losses import softmax_cross_entropy
from ..picture.instruments import GradientFlow, Saturation, gate_name, spectral_norm, squashing
from ..tree import flatten, unflatten
from ..types import Array
from ..variables import Variable, input
from .model import CharRNN
from .sampling import check_finite, check_sizes, start_state
from .vocabulary import Vocabulary

__all__ = ["Activations", "activations", "best_units", "features", "gradient_flow", "saturation"]

_CHUNK = 1000  # symbols that are read at once


# ---------------------------------------------------------------- the network, opened


@dataclass(frozen=True)
class _Layer:
    """A layer as it runs: its cell, the parts of its state after each step (T, B, …), the state
    after the last step, and what is added to each part at each step, which is zero."""

    cell: Any
    parts: list[Variable]
    last: Any
    shifts: list[Variable]

    @property
    def loop(self) -> Apply:
        owner = self.parts[0].owner
        assert owner is not None
        return owner

    @property
    def names(self) -> list[str]:
        return [v.name or "h" for v in self.parts]


def _opened(network: CharRNN) -> tuple[Variable, Any, Variable, list[_Layer]]:
    """A network at work, its cells looped one by one: symbols (T, B), state, logits, layers.

    There is no variable for one step of a loop, but the gradient by a shift of h_t is that by h_t:
    each step adds its own, which is zero, wherever h_t is read (c_t is read by h_t too).
    """
    symbols, state = input("symbols", ("T", "B"), "int64"), state_inputs(network)
    xs, layers = one_hot(symbols, network.size), []
    with network.evaluating():
        for recurrent, start in zip(network.recurrent.layers, state, strict=True):
            layers.append(_looped(recurrent.cell, xs, start))
            xs = layers[-1].parts[0]
        logits = network.readout(xs)
    return symbols, state, logits, layers


def _looped(cell: Any, xs: Variable, start: Any) -> _Layer:
    begun, _, structure = flatten(start)
    shifts = [zeros((xs.shape[0], *v.shape), v.dtype) for v in begun]

    def step(state: Any, row: tuple[Variable, Any]) -> tuple[Any, Any]:
        x, added = row
        _, new = cell(x, state)
        made = {v: (v + a).named(v.name) for v, a in zip(flatten(new)[0], added, strict=True)}
        parts = []
        for v, a in zip(made, added, strict=True):
            (rebuilt,) = substitute([v], {q: shifted for q, shifted in made.items() if q is not v})
            parts.append((rebuilt + a).named(v.name))
        return unflatten(structure, parts), parts

    last, parts = scan(step, start, (xs, shifts), name=type(cell).__name__)
    return _Layer(cell, parts, last, shifts)


def _read(network: CharRNN, numbers: Array, wanted: Callable[[list[_Layer]], Any]) -> list[Array]:
    """The variables (T, B, …) that `wanted` picks of the layers, for a text (n,): (n, …) each."""
    symbols, state, _, layers = _opened(network)
    outputs = (wanted(layers), tuple(layer.last for layer in layers))
    run = function([symbols, state], outputs, name="inspection")
    now, found = start_state(network), []
    for start in range(0, len(numbers), _CHUNK):
        rows, now = run(numbers[start : start + _CHUNK, None], now)
        found.append(rows)
    joined = [np.concatenate(column)[:, 0] for column in zip(*found, strict=True)]
    for rows in joined:
        check_finite(rows)
    return joined


def _encoded(network: CharRNN, vocabulary: Vocabulary, text: str | bytes, least: int) -> Array:
    check_sizes(network, vocabulary)
    numbers = vocabulary.encode(text)  # type: ignore[arg-type]  # bytes at level byte
    if len(numbers) < least:
        raise DataError(
            f"the text has {len(numbers):,} {vocabulary.unit}, and at least {least} are needed"
        )
    return numbers


# ---------------------------------------------------------------- gradients and gates


def gradient_flow(
    network: CharRNN, vocabulary: Vocabulary, text: str | bytes
) -> list[GradientFlow]:
    """‖∂L/∂h_t‖ of each layer, L being the surprisal of the last symbol of a text: h_t is the state
    after symbol t, and what is forgotten on the way to the last one has no gradient.

    >>> network = CharRNN(3, "lstm", hidden=4, layers=2, seed=1)
    >>> [flow.name for flow in gradient_flow(network, Vocabulary("abc"), "abcab")]
    ['layer 0 h', 'layer 0 c', 'layer 1 h', 'layer 1 c']

    Of a cell with gates ‖W_hh‖ is the spectral norm of all its matrices side by side. Raises
    DataError for a text of less than 2 symbols, for what the vocabulary has not, and when the
    network has diverged.
    """
    numbers = _encoded(network, vocabulary, text, 2)
    symbols, state, logits, layers = _opened(network)
    target = input("target", ("B",), "int64")
    loss = sum(softmax_cross_entropy(logits[-1], target, reduce="none"))
    gradients = grad(loss, [layer.shifts for layer in layers])
    run = function([symbols, target, state], gradients, name="gradient flow")
    found = run(numbers[:-1, None], numbers[-1:], start_state(network))
    flows = []
    for number, (layer, parts) in enumerate(zip(layers, found, strict=True)):
        weight = getattr(layer.cell, "weight_hh", None)
        norm = None if weight is None else spectral_norm(weight.get_value())
        for name, gradient in zip(layer.names, parts, strict=True):
            norms = np.linalg.norm(gradient[:, 0].astype(np.float64), axis=-1)
            flows.append(
                GradientFlow(f"layer {number} {name}", norms, norm if name == "h" else None)
            )
    if not all(np.isfinite(flow.norms).all() for flow in flows):
        raise DataError("the network makes no finite numbers: its training has diverged")
    return flows


def saturation(network: CharRNN, vocabulary: Vocabulary, text: str | bytes) -> list[Saturation]:
    """The shares of saturated values of each gate of each layer, over a text.

    >>> network = CharRNN(3, "lstm", hidden=4, layers=1, seed=1)
    >>> [row.name for row in saturation(network, Vocabulary("abc"), "abcab")]
    ['layer 0 f', 'layer 0 g', 'layer 0 i', 'layer 0 o', 'layer 0 tanh(c)']

    Raises DataError for an empty text, for what the vocabulary has not, and when the network has
    diverged.
    """
    numbers = _encoded(network, vocabulary, text, 1)
    gates: list[tuple[str, Apply]] = []

    def wanted(layers: list[_Layer]) -> list[Variable]:
        rows = []
        for number, layer in enumerate(layers):
            loop: Any = layer.loop.gate
            found = squashing(loop.body.applies())
            gates.extend((f"layer {number} {gate_name(a)}", a) for a in found)
            rows += loop.emit(layer.loop.inputs, [a.outputs[0] for a in found])
        return rows

    values = _read(network, numbers, wanted)
    return [
        Saturation.of(name, apply.gate, rows)
        for (name, apply), rows in zip(gates, values, strict=True)
    ]


# ---------------------------------------------------------------- single units


@dataclass(frozen=True, eq=False, repr=False)
class Activations:
    """What each unit was after each symbol of a text.

    Attributes: `pieces`, the symbols as they stand in the text; `layers`, an array (n, H) for each
    layer, of tanh(c) for an LSTM, of h for others.
    """

    pieces: Sequence[str]
    layers: tuple[Array, ...]

    def unit(self, layer: int, index: int) -> Array:
        """The values (n,) of one unit, counted from 0. Raises ArgumentError where there is none."""
        if not 0 <= layer < len(self.layers):
            raise ArgumentError(f"there is no layer {layer}: they are 0 … {len(self.layers) - 1}")
        values = self.layers[layer]
        if not 0 <= index < values.shape[1]:
            raise ArgumentError(f"there is no unit {index}: they are 0 … {values.shape[1] - 1}")
        return values[:, index]

    def __repr__(self) -> str:
        sizes = " + ".join(str(values.shape[1]) for values in self.layers)
        return f"Activations of {sizes} units on {len(self.pieces):,} symbols"


def activations(network: CharRNN, vocabulary: Vocabulary, text: str | bytes) -> Activations:
    """What each unit is after each symbol of a text: of an LSTM tanh(c), else h.

    >>> network = CharRNN(3, "gru", hidden=4, layers=2, seed=1)
    >>> activations(network, Vocabulary("abc"), "abcab")
    Activations of 4 + 4 units on 5 symbols

    Raises DataError as `saturation` does.
    """
    numbers = _encoded(network, vocabulary, text, 1)

    def wanted(layers: list[_Layer]) -> list[Variable]:
        return [
            tanh(layer.parts[1]) if isinstance(layer.cell, LSTMCell) else layer.parts[0]
            for layer in layers
        ]

    pieces = vocabulary.split(text)  # type: ignore[arg-type]  # bytes at level byte
    return Activations(pieces, tuple(_read(network, numbers, wanted)))


def features(pieces: Sequence[str]) -> dict[str, Array]:
    """What a unit may follow, after each symbol of a text: (n,) each.

    >>> {name: values.tolist() for name, values in features('A("b")').items()}["inside quotes"]
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]

    Inside quotes (") and brackets: from the opening one on, up to the closing one. Line position:
    the characters since the line began. Upper case: whether the symbol's last character is.
    """
    rows = []
    quoted, depth, column, upper = False, 0, 0, False
    for piece in pieces:
        for c in piece:
            quoted ^= c == '"'
            depth = max(0, depth + (c in "([{") - (c in ")]}"))
            column = 0 if c == "\n" else column + 1
            upper = c.isupper()
        rows.append((quoted, depth > 0, column, upper))
    names = "inside quotes", "inside brackets", "line position", "upper case"
    columns = np.array(rows, np.float64).reshape(-1, len(names)).T
    return dict(zip(names, columns, strict=True))


@dataclass(frozen=True)
class Follower:
    """A unit and what it follows: `correlation` is Pearson's, below 0 where it goes against it."""

    feature: str
    layer: int
    unit: int
    correlation: float

    def __str__(self) -> str:
        return f"{self.feature}: unit {self.layer}:{self.unit}, r = {self.correlation:+.2f}"


def best_units(
    found: Activations, wanted: Mapping[str, Array] | None = None, count: int = 1
) -> list[Follower]:
    """The units that follow each feature best, from the greatest |correlation| down.

    `wanted` are features (n,) by name; those of `features` if not given. A feature that does not
    vary in this text is left out.
    """
    rows = []
    wanted = features(found.pieces) if wanted is None else wanted
    for name, values in wanted.items():
        all_units = [
            Follower(name, layer, unit, float(r))
            for layer, units in enumerate(found.layers)
            for unit, r in enumerate(_correlations(units, values))
        ]
        if np.ptp(values) > 0:
            rows += sorted(all_units, key=lambda f: -abs(f.correlation))[:count]
    return rows


def _correlations(units: Array, values: Array) -> Array:
    """Of each column (n, H) with values (n,); 0 for what does not vary."""
    x = units.astype(np.float64) - units.mean(axis=0, dtype=np.float64)
    y = values - values.mean()
    size = np.sqrt((x * x).sum(axis=0) * (y * y).sum())
    return np.divide(y @ x, size, out=np.zeros(x.shape[1]), where=size > 0)
