"""Figures of what networks and descent do, for docs/gallery.md: see gallery.py."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.picture import instruments, landscapes, plots
from minigrad.picture.coloured_text import coloured_text
from minigrad.text import Settings, Training, inspection

Shown = Iterator[Any]


def vanishing() -> Shown:
    """How far back a gradient reaches

    The gradient of the last state in each of the 50 steps before it. On its way back it is
    multiplied by a matrix and by a slope at each step: in the plain network it vanishes, in an
    LSTM with open forget gates it stays.
    """
    rng, flows = np.random.default_rng(0), []
    x = mg.input("x", (50, 1, 20), "float64")
    for name, cell in {
        "RNN": nn.RNNCell(20, 20, rng=rng, dtype="float64"),
        "LSTM": nn.LSTMCell(20, 20, forget_bias=3, rng=rng, dtype="float64"),
    }.items():
        hs, _ = nn.Recurrent(cell)(x)
        t = mg.trace(mg.sum(hs[-1]), {x: rng.normal(size=(50, 1, 20))})
        flows += [replace(f, name=f"{name} {f.name}") for f in instruments.gradient_flow(t)]
    yield instruments.draw_gradient_flow(flows)


def reading() -> Shown:
    """A network that reads

    A small LSTM learns to go on with a text, and its loss falls, on what it has read and on
    what it has not. Where a gate is saturated it passes no gradient. Of its 32 units one
    follows the quotes: blue is below 0, red above.
    """
    rng = np.random.default_rng(0)
    who, what = ["the cat", "the dog", "a rat"], ["how do you do", "well, well", "run", "good day"]
    text = "".join(f'{rng.choice(who)} said "{rng.choice(what)}". ' for _ in range(1000))
    run = Training(text, Settings(hidden=32, layers=1, length=30, batch=8, steps=300))
    rows = []
    for step in range(1, run.settings.steps + 1):
        row = {"step": step, "train_loss": run.step(), "val_loss": None}
        if step % 50 == 0:
            row["val_loss"] = run.validate()
        rows.append(row)
    yield plots.loss_curve(rows, unit="character")

    network, vocabulary = run.network, run.vocabulary
    yield instruments.draw_saturation(inspection.saturation(network, vocabulary, text[:1000]))

    units = inspection.activations(network, vocabulary, text[:480])
    best = inspection.best_units(units)[0]
    values = units.unit(best.layer, best.unit)
    yield coloured_text(units.pieces, values, title=str(best))


def cliff() -> Shown:
    """A cliff in the error

    The error of one recurrent unit over its two weights (Pascanu, Mikolov and Bengio, 2013).
    Gradient descent is thrown far off at the cliff; with a clipped gradient it is not.
    """
    paths = {"gradient descent": landscapes.descent()}
    paths["norm clipped at 0.1"] = landscapes.descent(max_norm=0.1)
    yield landscapes.draw_error_surface(landscapes.error_surface(), paths)


def saddle() -> Shown:
    """Optimisers racing down a saddle

    x² − y² falls away along y, but next to y = 0 the slope is almost nothing. A mark is two
    steps.
    """
    yield landscapes.draw_saddle_race(landscapes.saddle_race())


CHAPTERS = {"Instruments": [vanishing, reading, cliff, saddle]}
