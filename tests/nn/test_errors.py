"""Arguments that make no sense: what is said of them, layer by layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ArgumentError, DTypeError, MinigradError, ScanError, ShapeError

F, H = 2, 3
XS = mg.input("xs", ("T", "B", F))
HERE = mg.input("h", ("B", H))


def held(x: Any, state: Any) -> tuple[Any, Any]:
    """A cell that knows no state to start from."""
    return x, state


def cell() -> nn.GRUCell:
    return nn.GRUCell(F, H)


# what is tried: (how, the error, what it says)
CASES: dict[str, tuple[Callable[[], Any], type[MinigradError], str]] = {
    # settings of cells
    "activation": (
        lambda: nn.RNNCell(F, H, activation="sin"),
        ArgumentError,
        '"tanh" or "relu", and not \'sin\'',
    ),
    **{
        f"zoneout {p!r}": (
            lambda p=p: nn.LSTMCell(F, H, zoneout=p),
            ArgumentError,
            "zoneout is a share in 0 ≤ p < 1, or a tuple with one for each of h, c",
        )
        for p in (1.0, -0.1, "some", None, (0.1,), (0.1, 1.0), (0.1, 0.1, 0.1), [0.1, 0.1])
    },
    "zoneout of one part": (
        lambda: nn.GRUCell(F, H, zoneout=(0.1, 0.1)),
        ArgumentError,
        r"one for each of h, and not \(0.1, 0.1\)",
    ),
    **{
        f"recurrent dropout {p!r}": (
            lambda p=p: nn.GRUCell(F, H, recurrent_dropout=p),
            ArgumentError,
            f"in 0 ≤ p < 1, and not {p!r}",
        )
        for p in (1.0, -0.1, "some")
    },
    **{
        f"proj_size {size!r}": (
            lambda size=size: nn.LSTMCell(F, H, proj_size=size),
            ArgumentError,
            f"proj_size is a number from 1 up, or None, and not {size!r}",
        )
        for size in (0, -1, 1.5, "2")
    },
    # what cells are given
    "a state in parts": (
        lambda: cell()(mg.input("x", ("B", F)), (HERE,)),
        ArgumentError,
        "the state of GRUCell is h, and it was given",
    ),
    "a state of one part": (
        lambda: nn.LSTMCell(F, H)(mg.input("x", ("B", F)), HERE),
        ArgumentError,
        r"the state of LSTMCell is \(h, c\), and it was given",
    ),
    "a projected state as wide as c": (
        lambda: nn.LSTMCell(F, H, proj_size=2)(mg.input("x", ("B", F)), (HERE, HERE)),
        ShapeError,
        r"LSTMCell needs h \(…, 2\), and had \(B, 3\)",
    ),
    "rows of a linear cell": (
        lambda: nn.MinGRUCell(F, H)(mg.input("x", ("C", F)), HERE),
        ShapeError,
        r"MinGRUCell needs a row of h for each row of x, and had x \(C, 2\) with h \(B, 3\)",
    ),
    "features of a linear cell": (
        lambda: nn.MinLSTM(F, H)(mg.input("xs", ("T", "B", 5))),
        ShapeError,
        r"MinLSTMCell needs x \(…, 2\), and had \(T, B, 5\)",
    ),
    # stacked cells
    "no cells": (lambda: nn.StackedCells([]), ArgumentError, "needs at least one cell"),
    "dropout after one cell": (
        lambda: nn.StackedCells([cell()], dropout=0.5),
        ArgumentError,
        "between cells, and there is one: put an nn.Dropout after it",
    ),
    "too few states": (
        lambda: nn.StackedCells([cell(), nn.GRUCell(H, H)])(XS[0], (HERE,)),
        ArgumentError,
        "the state is a tuple of 2, one for each of the stacked cells, and not",
    ),
    # loops
    "no start": (
        lambda: nn.Recurrent(held)(XS),
        ArgumentError,
        r"has no zero_state\(batch\): give the layer a state to start from",
    ),
    "no batch": (
        lambda: nn.Recurrent(cell())(mg.input("xs", ("T",))),
        ShapeError,
        r"needs xs \(time, batch, …\), and had \(T,\)",
    ),
    "lengths and a mask": (
        lambda: nn.Recurrent(cell())(
            XS, lengths=mg.input("n", ("B",), "int64"), mask=mg.input("m", ("T", "B"), "bool")
        ),
        ArgumentError,
        "lengths and mask say the same thing: give one of them",
    ),
    "lengths that are floats": (
        lambda: nn.MinGRU(F, H)(XS, lengths=mg.input("n", ("B",))),
        DTypeError,
        "lengths are integers, and these are float32",
    ),
    "lengths for steps": (
        lambda: nn.GRU(F, H)(XS, lengths=mg.input("n", ("T",), "int64")),
        ShapeError,
        r"one for each row, \(B,\), and these are \(T,\)",
    ),
    "a mask of numbers": (
        lambda: nn.GRU(F, H)(XS, mask=mg.input("m", ("T", "B"))),
        DTypeError,
        "a mask is bool, and this is float32",
    ),
    "a mask on its side": (
        lambda: nn.Bidirectional(cell(), cell())(XS, mask=mg.input("m", ("B", "T"), "bool")),
        ShapeError,
        r"a mask has a bool for each step, \(T, B\), and this is \(B, T\)",
    ),
    "an unknown time written out": (
        lambda: nn.GRU(F, H, unroll=True)(XS),
        ScanError,
        "unroll=True needs a number of steps known now",
    ),
    "all steps of a gated cell at once": (
        lambda: nn.LinearRecurrent(cell()),
        ArgumentError,
        "all steps at once need a LinearCell, and this is GRUCell",
    ),
    "another merge": (
        lambda: nn.Bidirectional(cell(), cell(), "max"),
        ArgumentError,
        "merge is one of concat, sum, multiply, average, and not 'max'",
    ),
    "a state for one direction": (
        lambda: nn.Bidirectional(cell(), cell())(XS, HERE),
        ArgumentError,
        "the state is a tuple of 2, one for each of the directions",
    ),
    # layers of one kind
    **{
        f"num_layers {n!r}": (
            lambda n=n: nn.LSTM(F, H, num_layers=n),
            ArgumentError,
            f"num_layers is a number from 1 up, and not {n!r}",
        )
        for n in (0, -1, 1.5, True, "2")
    },
    "dropout after one layer": (
        lambda: nn.MinGRU(F, H, dropout=0.1),
        ArgumentError,
        "between layers, and there is one: put an nn.Dropout after it",
    ),
    "dropout of all": (
        lambda: nn.GRU(F, H, num_layers=2, dropout=1.0),
        ArgumentError,
        "the share p that dropout drops is in 0 ≤ p < 1, and not 1.0",
    ),
    "both ways, and in reverse": (
        lambda: nn.GRU(F, H, bidirectional=True, reverse=True),
        ArgumentError,
        "runs in reverse too: leave reverse away",
    ),
    "another merge of layers": (
        lambda: nn.GRU(F, H, bidirectional=True, merge="max"),
        ArgumentError,
        "merge is one of concat",
    ),
    "states for other layers": (
        lambda: nn.GRU(F, H, num_layers=2)(XS, (HERE,)),
        ArgumentError,
        "the state is a tuple of 2, one for each of the layers",
    ),
    "a state that is an array": (
        lambda: nn.GRU(F, H)(XS, np.zeros((2, H), "float32")),
        ArgumentError,
        "the state is a tuple of 1, one for each of the layers",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(name: str) -> None:
    how, error, message = CASES[name]
    with pytest.raises(error, match=message):
        how()
