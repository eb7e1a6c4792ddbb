"""``minigrad draw rnn`` and its like: a small recurrent network, run once on random numbers."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import typer

from ..errors import DataError
from ..functions import concat, sum
from ..loops import scan
from ..nn import GRUCell, LSTMCell, RNNCell
from ..tracing import trace
from ..variables import Variable, input
from .pictures import GraphFormat, Out, Theme, draw_app, file_for, is_page, save_graph

__all__ = ["NETWORKS", "Network"]

_DTYPE = "float64"
_HELP = "A small one, run on random numbers: values are blue, gradients of Σ h² red."
_LARGEST = 1000  # size of anything that is drawn


class Network:
    """A network while it is built, for one row of a batch, x (T, F) and h (H,), and values for the
    inputs that it has so far."""

    def __init__(self, features: int, hidden: int, length: int, seed: int) -> None:
        self.features, self.hidden, self.length = features, hidden, length
        self.rng = np.random.default_rng(seed)
        self.values: dict[Variable, Any] = {}

    def sequence(self, name: str) -> Variable:
        """An input (T, F) of random numbers."""
        return self._input(name, self.rng.normal(size=(self.length, self.features)))

    def loop(
        self,
        kind: Callable[..., Any],
        xs: Variable,
        name: str,
        state: Any = None,
        reverse: bool = False,
    ) -> tuple[Any, Variable]:
        """A new cell over a sequence, from zeros: its last state, and its outputs (T, H)."""
        cell = kind(xs.shape[1], self.hidden, rng=self.rng, dtype=_DTYPE)

        def step(state: Any, x: Variable) -> tuple[Any, Variable]:
            y, state = cell(x, state)
            return state, y

        if state is None:
            zeros = np.zeros(self.hidden)
            parts = tuple(self._input(f"{part}_0", zeros) for part in cell.state_names)
            state = parts if len(parts) > 1 else parts[0]
        return scan(step, state, xs, reverse=reverse, name=name)

    def _input(self, name: str, value: Any) -> Variable:
        v = input(name, value.shape, _DTYPE)
        self.values[v] = value
        return v


def _one_layer(kind: Callable[..., Any], name: str) -> Callable[[Network], Variable]:
    return lambda net: net.loop(kind, net.sequence("x"), name)[1]


def _stacked(net: Network) -> Variable:
    _, hs = net.loop(RNNCell, net.sequence("x"), "layer 1")
    return net.loop(RNNCell, hs, "layer 2")[1]


def _bidirectional(net: Network) -> Variable:
    x = net.sequence("x")
    _, forward = net.loop(RNNCell, x, "forward")
    _, backward = net.loop(RNNCell, x, "backward", reverse=True)
    return concat([forward, backward], axis=1)


def _encoder_decoder(net: Network) -> Variable:
    state, _ = net.loop(RNNCell, net.sequence("x"), "encoder")
    return net.loop(RNNCell, net.sequence("y"), "decoder", state)[1]


NETWORKS: Mapping[str, tuple[str, Callable[[Network], Variable]]] = {
    "rnn": ("A plain recurrent network", _one_layer(RNNCell, "RNN")),
    "lstm": ("A long short-term memory", _one_layer(LSTMCell, "LSTM")),
    "gru": ("A gated recurrent unit", _one_layer(GRUCell, "GRU")),
    "stacked": ("Two recurrent layers, one above the other", _stacked),
    "bidirectional": ("Two recurrent layers, one from each end", _bidirectional),
    "encoder-decoder": ("One network reads x, another goes on with y", _encoder_decoder),
}
"""What each is in words, and how its outputs (T, …) are built; the loss is the sum of their
squares."""


def _size(option: str, help: str) -> Any:
    return typer.Option(option, min=1, max=_LARGEST, metavar="N", help=help)


def _add_command(name: str, what: str, outputs_of: Callable[[Network], Variable]) -> None:
    """``minigrad draw NAME``, with the options that all networks share."""

    def command(
        unroll: Annotated[
            int | None,
            typer.Option(
                min=1,
                metavar="N",
                help="Draw N steps beside each other: the first ones and the last.",
            ),
        ] = None,
        folded: Annotated[
            bool,
            typer.Option(
                "--folded",
                help="Draw one step, its state fed back through a delay: the default. With "
                "--unroll both are drawn, as NAME-folded and NAME-unrolled.",
            ),
        ] = False,
        plain: Annotated[bool, typer.Option("--plain", help="Without numbers.")] = False,
        features: Annotated[int, _size("--input", "Numbers in each x.")] = 2,
        hidden: Annotated[int, _size("--hidden", "Numbers in each h.")] = 3,
        steps: Annotated[int, _size("--steps", "Steps in all.")] = 4,
        seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the random numbers.")] = 0,
        to: Out = None,
        format: GraphFormat = None,
        theme: Theme = "light",
    ) -> None:
        file = file_for(name, to, format)
        if is_page(file) and (plain or unroll):
            raise DataError(f"--plain and --unroll are for pictures, and {file} is a page")
        net = Network(features, hidden, steps, seed)
        ys = outputs_of(net)
        loss = sum(ys * ys).named("loss")
        run = None if plain else trace(loss, net.values)
        if folded and unroll:
            save_graph(loss, run, file.parent / f"{file.stem}-folded{file.suffix}", theme)
            file = file.parent / f"{file.stem}-unrolled{file.suffix}"
        save_graph(loss, run, file, theme, unroll=unroll)

    draw_app.command(name, help=f"{what}. {_HELP}")(command)


for _name, (_what, _outputs_of) in NETWORKS.items():
    _add_command(_name, _what, _outputs_of)
