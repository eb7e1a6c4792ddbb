"""What the reference holds, case by case: the settings for PyTorch and for us.

This file needs neither of the two, so that `make.py` can run where PyTorch is, and the tests where
minigrad is.
"""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

T, B, F, H, P = 5, 3, 2, 4, 3
LENGTHS = [2, 4, 1]  # PyTorch has no rows of length 0
LENGTHS_AND_AN_EMPTY_ROW = [2, 0, 5]
MASK = [[1, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0], [0, 0, 1]]  # (T, B), row 1 is empty

Settings = dict[str, Any]


@dataclass(frozen=True)
class Recurrence:
    """A layer of `kind` from F to H, and how it is called."""

    kind: str
    settings: Settings = field(default_factory=dict)
    state: bool = False
    """Whether it is given a state to start from."""
    rows: str | None = None
    """"lengths" or "mask", where some steps are no row's own."""
    training: bool = False

    @property
    def directions(self) -> int:
        return 2 if self.settings.get("bidirectional") else 1

    @property
    def state_sizes(self) -> list[int]:
        """Those of the parts of the state of one cell."""
        h = self.settings.get("proj_size") or H
        return [h, H] if self.kind == "LSTM" else [h]


# ---------------------------------------------------------------- what PyTorch has too

_WAYS: dict[str, tuple[Settings, bool, str | None]] = {
    "1 layer": ({}, False, None),
    "3 layers, state": ({"num_layers": 3}, True, None),
    "lengths, state": ({}, True, "lengths"),
    "bidirectional": ({"bidirectional": True}, False, None),
    "bidirectional, 2 layers, lengths, state": (
        {"bidirectional": True, "num_layers": 2},
        True,
        "lengths",
    ),
}
_LONG = ["3 layers, state", "bidirectional, 2 layers, lengths, state"]
_CELLS: dict[str, tuple[str, Settings, list[str]]] = {
    "tanh": ("RNN", {}, [*_WAYS]),
    "relu": ("RNN", {"activation": "relu"}, _LONG),
    "lstm": ("LSTM", {}, [*_WAYS]),
    "lstm, projected": ("LSTM", {"proj_size": P}, _LONG),
    "gru": ("GRU", {}, [*_WAYS]),
}
TORCH_LAYERS = {
    f"{cell}, {way}": Recurrence(kind, {**settings, **_WAYS[way][0]}, *_WAYS[way][1:])
    for cell, (kind, settings, ways) in _CELLS.items()
    for way in ways
}

# ---------------------------------------------------------------- what it has not, as loops

_BEFORE = {"reset_after": False}
_BOTH = {"bidirectional": True}
_LAST = {"return_sequences": False}
LOOPS = {
    "lstm, peepholes": Recurrence("LSTM", {"peepholes": True}),
    "lstm, peepholes, projected, 2 layers": Recurrence(
        "LSTM", {"peepholes": True, "proj_size": P, "num_layers": 2}, state=True
    ),
    "tanh, layer norm": Recurrence("RNN", {"layer_norm": True}),
    "lstm, layer norm": Recurrence("LSTM", {"layer_norm": True}),
    "gru, layer norm": Recurrence("GRU", {"layer_norm": True}, state=True),
    "gru, reset before": Recurrence("GRU", _BEFORE, state=True),
    "gru, reset before, layer norm": Recurrence("GRU", {**_BEFORE, "layer_norm": True}),
    "relu, zoneout in use": Recurrence("RNN", {"activation": "relu", "zoneout": 0.25}),
    "lstm, zoneout in use": Recurrence("LSTM", {"zoneout": (0.3, 0.1)}, state=True),
    "gru, zoneout in use": Recurrence("GRU", {"zoneout": 0.25}),
    "tanh, zoneout": Recurrence("RNN", {"zoneout": 0.25}, training=True),
    "lstm, zoneout": Recurrence("LSTM", {"zoneout": (0.3, 0.1)}, state=True, training=True),
    "lstm, zoneout of c": Recurrence("LSTM", {"zoneout": (0.0, 0.5)}, training=True),
    "gru, zoneout": Recurrence("GRU", {"zoneout": 0.25}, training=True),
    "tanh, recurrent dropout": Recurrence("RNN", {"recurrent_dropout": 0.5}, training=True),
    "lstm, recurrent dropout": Recurrence(
        "LSTM", {"recurrent_dropout": 0.25, "proj_size": P}, state=True, training=True
    ),
    "gru, recurrent dropout": Recurrence("GRU", {"recurrent_dropout": 0.5}, training=True),
    "gru, reset before, recurrent dropout": Recurrence(
        "GRU", {**_BEFORE, "recurrent_dropout": 0.5}, training=True
    ),
    "lstm, recurrent dropout in use": Recurrence("LSTM", {"recurrent_dropout": 0.5}),
    "lstm, learned state, 2 layers": Recurrence("LSTM", {"learned_state": True, "num_layers": 2}),
    "gru, learned state, bidirectional": Recurrence("GRU", {"learned_state": True, **_BOTH}),
    "gru, mask": Recurrence("GRU", rows="mask"),
    "lstm, reverse, mask, state": Recurrence("LSTM", {"reverse": True}, state=True, rows="mask"),
    **{
        f"gru, bidirectional, {merge}": Recurrence("GRU", {**_BOTH, "merge": merge}, rows="mask")
        for merge in ("concat", "sum", "multiply", "average")
    },
    **{
        f"{kind}, last{name}, {rows}": Recurrence(layer, {**_LAST, **how}, state=True, rows=rows)
        for (kind, layer), (name, how), rows in product(
            [("lstm", "LSTM"), ("minGRU", "MinGRU")],
            {"": {}, ", reverse": {"reverse": True}, ", bidirectional": _BOTH}.items(),
            (None, "lengths", "mask"),
        )
        if kind == "lstm" or rows == "mask"
    },
    "minGRU": Recurrence("MinGRU"),
    "minLSTM": Recurrence("MinLSTM"),
    "minGRU, bidirectional, 2 layers": Recurrence(
        "MinGRU", {**_BOTH, "num_layers": 2}, state=True, rows="mask"
    ),
    "minLSTM, reverse": Recurrence("MinLSTM", {"reverse": True}, state=True, rows="mask"),
    "all at once": Recurrence(
        "LSTM",
        {
            "peepholes": True,
            "layer_norm": True,
            "proj_size": P,
            "zoneout": (0.3, 0.1),
            "learned_state": True,
            "num_layers": 2,
            **_BOTH,
            "merge": "average",
            **_LAST,
        },
        rows="mask",
    ),
}

# ---------------------------------------------------------------- layers and losses

LAYERS = ["linear", "linear without bias", "embedding", "layer norm", "batch norm"]
BATCH_NORM = {"momentum": 0.3, "epsilon": 1e-3}
LAYER_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Loss:
    """A loss by PyTorch's name and by ours, with targets of one kind."""

    torch: str
    ours: str
    targets: str
    reduce: str = "mean"
    ignored: int | None = None
    """The class that is left out."""


LOSSES = {
    "classes": Loss("cross_entropy", "softmax_cross_entropy", "classes"),
    "classes, sum": Loss("cross_entropy", "softmax_cross_entropy", "classes", "sum"),
    "classes, none": Loss("cross_entropy", "softmax_cross_entropy", "classes", "none"),
    "classes, but one": Loss("cross_entropy", "softmax_cross_entropy", "classes", ignored=2),
    "distributions": Loss("cross_entropy", "softmax_cross_entropy", "distributions"),
    "likelihood": Loss("nll_loss", "negative_log_likelihood", "classes"),
    "binary": Loss("binary_cross_entropy_with_logits", "sigmoid_cross_entropy", "shares"),
    "binary, none": Loss(
        "binary_cross_entropy_with_logits", "sigmoid_cross_entropy", "shares", "none"
    ),
    "squared": Loss("mse_loss", "mean_squared_error", "shares"),
    "squared, sum": Loss("mse_loss", "mean_squared_error", "shares", "sum"),
}

# ---------------------------------------------------------------- optimisers and schedules

Made = tuple[str, Settings]  # a name, and the settings


@dataclass(frozen=True)
class Optimiser:
    """An optimiser, what a slot of ours is called there, and the largest norm of its gradients."""

    torch: Made
    ours: Made
    slots: dict[str, str] = field(default_factory=dict)
    max_norm: float | None = None


_MEANS = {"m": "exp_avg", "v": "exp_avg_sq"}
OPTIMISERS = {
    "sgd": Optimiser(("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1})),
    "momentum": Optimiser(
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        {"v": "momentum_buffer"},
    ),
    "nesterov": Optimiser(
        ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
        ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
        {"v": "momentum_buffer"},
    ),
    "adagrad": Optimiser(
        ("Adagrad", {"lr": 0.3, "eps": 1e-2}), ("Adagrad", {"lr": 0.3, "eps": 1e-2}), {"s": "sum"}
    ),
    "rmsprop": Optimiser(
        ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-2}),
        ("RMSprop", {"lr": 0.02, "decay": 0.9, "eps": 1e-2}),
        {"s": "square_avg"},
    ),
    "adam": Optimiser(
        ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-2}),
        ("Adam", {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-2}),
        _MEANS,
    ),
    "adamw": Optimiser(
        ("AdamW", {"lr": 0.1, "weight_decay": 0.2}),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.2}),
        _MEANS,
    ),
    **{
        f"{name} as it comes": Optimiser((name, {}), (name, {}))
        for name in ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW")
    },
    "sgd, clipped": Optimiser(("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1}), max_norm=0.5),
}

CLIPPING = {"norm above": 1.5, "norm below": 100.0, "value": 0.5}

STEPS, RATE = 20, 0.8


@dataclass(frozen=True)
class Schedule:
    """The rates of `STEPS` updates from `RATE` on; factors of schedules are multiplied."""

    torch: list[Made]
    ours: list[Made]


_COSINE = ("CosineAnnealingLR", {"T_max": 19})
_LINEAR = ("LinearLR", {"start_factor": 1 / 5, "total_iters": 4})
SCHEDULES = {
    "step": Schedule(
        [("StepLR", {"step_size": 3, "gamma": 0.5})],
        [("step", {"rate": RATE, "every": 3, "factor": 0.5})],
    ),
    "steps": Schedule(
        [("MultiStepLR", {"milestones": [2, 7, 8], "gamma": 0.5})],
        [("step", {"rate": RATE, "milestones": [2, 7, 8], "factor": 0.5})],
    ),
    "exponential": Schedule(
        [("ExponentialLR", {"gamma": 0.9})], [("exponential", {"rate": RATE, "factor": 0.9})]
    ),
    "cosine": Schedule(
        [("CosineAnnealingLR", {"T_max": 19, "eta_min": 0.1})],
        [("cosine", {"rate": RATE, "steps": 19, "end": 0.1})],
    ),
    "warm-up": Schedule([_LINEAR], [("constant", {"rate": RATE}), ("warmup", {"steps": 5})]),
    "warm-up and cosine": Schedule(
        [_LINEAR, _COSINE], [("warmup", {"steps": 5}), ("cosine", {"rate": RATE, "steps": 19})]
    ),
}

OBSERVED = [3.0, 2.0, 2.5, 2.0, 2.25, 1.0, 1.0, 1.5, 1.25, 2.0, 0.5, 0.75, 1, 2, 3, 4, 5, 6, 7, 8]
PLATEAUS = {  # patience as ours, which is PyTorch's and 1
    "plateau": {"factor": 0.5, "patience": 2},
    "impatient plateau": {"factor": 0.5, "patience": 1},
    "plateau with an end": {"factor": 0.1, "patience": 3, "least": 0.05},
}

GROUPS: dict[str, list[str]] = {
    "torch layers": [*TORCH_LAYERS],
    "loops": [*LOOPS],
    "layers": LAYERS,
    "losses": [*LOSSES],
    "optimisers": [*OPTIMISERS],
    "clipping": [*CLIPPING],
    "schedules": [*SCHEDULES],
    "plateaus": [*PLATEAUS],
}
