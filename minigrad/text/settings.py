"""`Settings`: all that decides how a training goes, but for the text."""

import math
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

from .. import optim
from ..errors import ArgumentError
from ..nn import GatedCell
from ..variables import Variable
from .model import CELLS, CharRNN
from .vocabulary import LEVELS, Vocabulary

__all__ = ["OPTIMIZERS", "SCHEDULES", "Settings"]

# Each with the learning rate that it is used with when none is given.
OPTIMIZERS: dict[str, tuple[Any, float]] = {
    "sgd": (optim.SGD, 0.5),
    "adagrad": (optim.Adagrad, 0.1),
    "rmsprop": (optim.RMSprop, 2e-3),
    "adam": (optim.Adam, 2e-3),
    "adamw": (optim.AdamW, 2e-3),
}
# Each with the decay that it has when none is given; cosine and constant have none.
SCHEDULES = {"constant": None, "step": 0.97, "exponential": 0.97, "cosine": None, "plateau": 0.5}
# Settings of one optimiser only, and what that calls them.
_OF_ONE_OPTIMIZER = {
    "momentum": ("sgd", "momentum"),
    "decay_rate": ("rmsprop", "decay"),
    "weight_decay": ("adamw", "weight_decay"),
}
_OF_GATED_CELLS = ("recurrent_dropout", "zoneout", "layer_norm")


def _setting(default: Any, help: str, **allowed: Any) -> Any:
    """A setting with its meaning, and what it may be: `choices`, or the numbers from `least` up,
    `above` or `below` others."""
    return field(default=default, metadata={"help": help, **allowed})


@dataclass(frozen=True)
class Settings:
    """All that decides how a training goes, but for the text.

    Raises ArgumentError for a setting out of its range, or of another cell, optimiser or schedule.
    What each means stands beside it, and in ``minigrad train --help``.
    """

    cell: str = _setting("lstm", f"The kind of layers: {', '.join(CELLS)}.", choices=CELLS)
    hidden: int = _setting(128, "Units in each layer.", least=1)
    layers: int = _setting(2, "Recurrent layers.", least=1)
    level: str = _setting("char", f"The symbols it reads: {', '.join(LEVELS)}.", choices=LEVELS)
    words: int = _setting(10_000, "At level word: how many it knows, the most frequent.", least=1)
    length: int = _setting(50, "Symbols in a step, through which gradients flow.", least=1)
    batch: int = _setting(50, "Texts read side by side.", least=1)
    steps: int = _setting(1200, "Updates of the weights.", least=1)
    epochs: float | None = _setting(None, "In place of steps: passes over the text.", above=0)
    optimizer: str = _setting("adam", f"One of {', '.join(OPTIMIZERS)}.", choices=OPTIMIZERS)
    lr: float | None = _setting(
        None,
        "Learning rate; usually " + ", ".join(f"{n} {r}" for n, (_, r) in OPTIMIZERS.items()) + ".",
        above=0,
    )
    momentum: float | None = _setting(None, "Of sgd.", least=0, below=1)
    decay_rate: float | None = _setting(
        None, "Of rmsprop: what its mean keeps; usually 0.99.", least=0, below=1
    )
    weight_decay: float | None = _setting(None, "Of adamw; usually 0.01.", least=0)
    schedule: str = _setting(
        "constant", f"Of the learning rate: {', '.join(SCHEDULES)}.", choices=SCHEDULES
    )
    warmup: int = _setting(0, "Updates in which the learning rate rises to its full size.", least=0)
    decay: float | None = _setting(
        None,
        "Factor of the rate: each epoch (step, exponential; 0.97), each plateau (0.5).",
        above=0,
    )
    decay_after: float = _setting(
        0.0, "Epochs before the rate decays (step, exponential).", least=0
    )
    decay_patience: int = _setting(2, "Reports without a new best that are a plateau.", least=1)
    clip: float = _setting(5.0, "Greatest norm of the gradient; 0: any.", least=0)
    clip_value: float = _setting(0.0, "Greatest element of the gradient; 0: any.", least=0)
    dropout: float = _setting(0.0, "Share dropped between layers.", least=0, below=1)
    recurrent_dropout: float = _setting(
        0.0, "Share of the state dropped on its way through time.", least=0, below=1
    )
    zoneout: float = _setting(
        0.0, "Share of the state that keeps its old value in a step.", least=0, below=1
    )
    layer_norm: bool = _setting(False, "Normalise the layers' products.")
    forget_bias: float = _setting(0.0, "Of lstm: where the forget gates' biases start.")
    validation: float = _setting(
        0.1, "Share kept from training, to judge it while it goes on.", least=0, below=1
    )
    test: float = _setting(0.0, "Share kept from all of that, for the last word.", least=0, below=1)
    patience: int = _setting(0, "Stop after so many reports without a new best; 0: never.", least=0)
    seed: int = _setting(0, "Of weights, masks and samples.", least=0)

    def __post_init__(self) -> None:
        for f in fields(self):
            _check(f, getattr(self, f.name))
        if self.validation + self.test >= 1:
            raise ArgumentError(
                f"validation and test leave nothing to train on: {self.validation} + {self.test}"
            )
        for name, (owner, _) in _OF_ONE_OPTIMIZER.items():
            if getattr(self, name) is not None and self.optimizer != owner:
                raise ArgumentError(f"{name} is a setting of {owner}, not of {self.optimizer}")
        if self.decay is not None and SCHEDULES[self.schedule] is None:
            raise ArgumentError(f"the schedule {self.schedule} has no decay: choose another")
        if self.decay_after and self.schedule not in ("step", "exponential"):
            raise ArgumentError(f"the schedule {self.schedule} has no decay_after: choose another")
        for name in _OF_GATED_CELLS:
            if getattr(self, name) and not issubclass(CELLS[self.cell].kind, GatedCell):
                raise ArgumentError(f"{self.cell} has no {name}: choose another cell")
        if self.forget_bias and self.cell != "lstm":
            raise ArgumentError(f"forget_bias is a setting of lstm, not of {self.cell}")
        if self.dropout and self.layers == 1:
            raise ArgumentError("dropout is applied between layers, and there is one")
        if self.schedule == "plateau" and (self.decay or 0) >= 1:
            raise ArgumentError(f"the decay at a plateau is below 1, and not {self.decay}")
        if not self.validation and (self.patience or self.schedule == "plateau"):
            raise ArgumentError("patience and the schedule plateau need text for validation")

    def network(self, vocabulary: Vocabulary) -> CharRNN:
        """A new network of these settings."""
        names = (*_OF_GATED_CELLS, "forget_bias")
        more = {name: value for name in names if (value := getattr(self, name))}
        return CharRNN(
            len(vocabulary), self.cell, self.hidden, self.layers, self.dropout, self.seed, **more
        )

    def total_steps(self, batches: int) -> int:
        """The number of updates in a training with so many batches in an epoch."""
        return self.steps if self.epochs is None else max(1, round(self.epochs * batches))

    def rate(self, batches: int) -> tuple[float | Variable, optim.Plateau | None]:
        """The learning rate, as a number or a schedule, and what must be told of plateaus."""
        rate = self.lr or OPTIMIZERS[self.optimizer][1]
        decay = self.decay or SCHEDULES[self.schedule] or 1.0
        start = self.decay_after * batches
        plateau = None
        scheduled: float | Variable = rate
        match self.schedule:
            case "step":
                late = max(0.0, start - batches)  # the first time is at the end of its epoch
                scheduled = optim.step(rate, batches, decay, count=optim.update_count() - late)
            case "exponential":
                scheduled = optim.exponential(rate, decay, batches, start)
            case "cosine":
                scheduled = optim.cosine(rate, self.total_steps(batches))
            case "plateau":
                plateau = optim.Plateau(rate, decay, self.decay_patience)
                scheduled = plateau.rate
        return (optim.warmup(self.warmup) * scheduled if self.warmup else scheduled), plateau

    def new_optimizer(self, rate: float | Variable) -> optim.Optimizer:
        """The optimiser, with its own settings."""
        own = {
            theirs: value
            for name, (_, theirs) in _OF_ONE_OPTIMIZER.items()
            if (value := getattr(self, name)) is not None
        }
        optimizer: optim.Optimizer = OPTIMIZERS[self.optimizer][0](lr=rate, **own)
        return optimizer

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _check(f: "Field[Any]", value: Any) -> None:
    """ArgumentError for a value that this setting cannot have."""
    name, allowed = f.name, f.metadata
    if value is None and f.default is None:
        return
    if "choices" in allowed:
        if value not in allowed["choices"]:
            known = ", ".join(allowed["choices"])
            raise ArgumentError(f"there is no {name} {value!r}: choose one of {known}")
    elif isinstance(f.default, bool):
        if not isinstance(value, bool):
            raise ArgumentError(f"{name} must be True or False, not {value!r}")
    elif isinstance(f.default, int):
        least = allowed["least"]
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ArgumentError(f"{name} must be a whole number from {least} up, not {value!r}")
    elif not (isinstance(value, int | float) and _inside(value, allowed)):
        bounds = "a finite number"
        if "above" in allowed:
            bounds = f"above {allowed['above']}"
        elif "least" in allowed:
            end = f"to below {allowed['below']}" if "below" in allowed else "up"
            bounds = f"from {allowed['least']} {end}"
        raise ArgumentError(f"{name} must be {bounds}, and is {value!r}")


def _inside(value: float, allowed: Mapping[str, float]) -> bool:
    """Whether a number is finite and in its bounds."""
    least, above = allowed.get("least", value), allowed.get("above", -math.inf)
    return least <= value < allowed.get("below", math.inf) and value > above  # NaN is not
