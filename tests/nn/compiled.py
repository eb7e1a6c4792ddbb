"""What tests of recurrent layers share: random layers, and their values in a compiled function."""

from functools import partial
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.tree import flatten, tree_map, unflatten
from tests.helpers import Array, assert_same

T, B, F, H = 6, 4, 2, 3
exact = partial(assert_same, rtol=1e-10, atol=1e-12)
KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU, "minGRU": nn.MinGRU, "minLSTM": nn.MinLSTM}


def randomised(layer: Any, seed: int = 1) -> Any:
    """The layer with all of its parameters drawn anew, the biases too."""
    rng = np.random.default_rng(seed)
    for p in layer.parameters().values():
        p.set_value(rng.normal(size=p.shape).astype(p.dtype))
    return layer


def make(kind: str, **settings: Any) -> Any:
    """A layer of `KINDS` in float64."""
    return randomised(KINDS[kind](F, H, dtype="float64", **settings))


def start_of(layer: Any) -> Any:
    """A random state for B rows."""
    rng = np.random.default_rng(2)
    return tree_map(lambda v: rng.normal(size=v.shape), layer.zero_state(B))


def rows_of(tree: Any, rows: Any) -> Any:
    """Some of the rows of all arrays of a state."""
    return tree_map(lambda part: part[rows], tree)


class Runs:
    """A layer as a function of arrays, compiled once for each way to call it, for any T and B.

    run = Runs(layer)
    ys, state = run(xs, state, mask=mask)
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.functions: dict[Any, Any] = {}

    def __call__(self, xs: Array, state: Any = None, **rows: Any) -> tuple[Any, Any]:
        starts, _, structure = flatten(state)
        kinds = {name: np.asarray(v).dtype for name, v in rows.items()}
        key = (xs.dtype, xs.shape[2:], structure, *kinds.items())
        if key not in self.functions:
            x = mg.input("xs", ("T", "B", *xs.shape[2:]), xs.dtype)
            given = {
                name: mg.input(name, ("B",) if name == "lengths" else ("T", "B"), dtype)
                for name, dtype in kinds.items()
            }
            start = [mg.input("start", ("B", *v.shape[1:]), v.dtype) for v in starts]
            result = self.layer(x, unflatten(structure, start), **given)
            self.functions[key] = mg.function([x, *given.values(), *start], result)
        return self.functions[key](xs, *rows.values(), *starts)


def assert_equal(found: Any, expected: Any) -> None:
    """Two structures of arrays are alike, up to rounding."""
    a, b = flatten(found), flatten(expected)
    assert a[1] == b[1]
    for one, other in zip(a[0], b[0], strict=True):
        exact(one, other)
