"""Training a `CharRNN` on a text."""

import math
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from ..autodiff import grad
from ..compile import Function, function
from ..errors import ArgumentError, DataError
from ..nn.losses import softmax_cross_entropy
from ..optim import SGD, Adagrad, Adam, AdamW, RMSprop, clip_by_global_norm
from ..tree import tree_map
from ..variables import input
from .batches import StatefulBatches
from .model import CELLS, CharRNN, state_inputs
from .vocabulary import Vocabulary

__all__ = ["OPTIMIZERS", "Settings", "Training"]

# Each with the learning rate that it is used with when none is given.
OPTIMIZERS: dict[str, tuple[Any, float]] = {
    "sgd": (SGD, 0.5),
    "adagrad": (Adagrad, 0.1),
    "rmsprop": (RMSprop, 2e-3),
    "adam": (Adam, 2e-3),
    "adamw": (AdamW, 2e-3),
}


@dataclass(frozen=True)
class Settings:
    """All that decides how a training goes, but for the text.

    `lr` None is the optimiser's usual one; `clip` is the greatest global norm of the gradient, 0
    for no limit; `validation` the share of the text, at its end, that is kept from training. Raises
    ArgumentError for a setting out of its range.
    """

    cell: str = "lstm"
    hidden: int = 128
    layers: int = 2
    length: int = 50
    batch: int = 50
    steps: int = 1200
    optimizer: str = "adam"
    lr: float | None = None
    clip: float = 5.0
    dropout: float = 0.0
    seed: int = 0
    validation: float = 0.1

    def __post_init__(self) -> None:
        least = {"hidden": 1, "layers": 1, "length": 1, "batch": 1, "steps": 1, "seed": 0}
        for name, start in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < start:
                raise ArgumentError(f"{name} must be a whole number from {start} up, not {value!r}")
        for name, known in {"cell": list(CELLS), "optimizer": list(OPTIMIZERS)}.items():
            if getattr(self, name) not in known:
                raise ArgumentError(
                    f"there is no {name} {getattr(self, name)!r}: choose one of {', '.join(known)}"
                )
        if self.lr is not None and not (self.lr > 0 and math.isfinite(self.lr)):
            raise ArgumentError(f"lr must be above 0, and is {self.lr}")
        if not (self.clip >= 0 and math.isfinite(self.clip)):
            raise ArgumentError(f"clip must be 0 (no limit) or above, and is {self.clip}")
        for name in ("dropout", "validation"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ArgumentError(f"{name} must be from 0 to below 1, and is {value}")

    def network(self, vocabulary: Vocabulary) -> CharRNN:
        """A new network of these settings."""
        return CharRNN(
            len(vocabulary), self.cell, self.hidden, self.layers, self.dropout, self.seed
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Training:
    """A text, a network, and the compiled functions that train and judge it.

    The recurrent state is carried from batch to batch, and starts anew with each pass over the
    text.

    >>> training = Training("to be or not to be, that is the question. " * 9, Settings(
    ...     hidden=8, layers=1, length=5, batch=4, steps=20))
    >>> first = training.step()
    >>> last = [training.step() for _ in range(19)][-1]
    >>> last < first
    True

    Raises DataError for a text that is empty, or too short for one batch.
    """

    def __init__(self, text: str, settings: Settings) -> None:
        if not text:
            raise DataError("the text is empty")
        self.settings = settings
        self.vocabulary = Vocabulary.of(text)
        self.network = settings.network(self.vocabulary)
        numbers = self.vocabulary.encode(text)
        cut = len(numbers) - int(len(numbers) * settings.validation)
        try:
            self.batches = StatefulBatches(numbers[:cut], settings.batch, settings.length)
        except DataError as error:
            kept = f" ({len(text) - cut:,} more are kept for validation)" if cut < len(text) else ""
            raise DataError(error.message + kept) from None
        self._held_out = numbers[cut:]
        self.length = len(text)
        self.done = 0
        self._train, self._judge = _compiled(self.network, settings)
        self._state = self._zero_state(settings.batch)

    def _zero_state(self, batch: int) -> Any:
        return tree_map(lambda v: v.eval(), self.network.zero_state(batch))

    def step(self) -> float:
        """One update on the next batch; the loss before it, in nats a character.

        Raises DataError when the loss is no number any more; the weights are then of no more use.
        """
        place = self.done % len(self.batches)
        if place == 0:
            self._state = self._zero_state(self.settings.batch)
        characters, targets = self.batches[place]
        loss, self._state = self._train(characters, targets, self._state)
        if not np.isfinite(loss):
            raise DataError(
                f"the loss is {float(loss)} at step {self.done + 1}: the training has diverged. "
                "Try a smaller lr, or a smaller clip (0 is none)"
            )
        self.done += 1
        return float(loss)

    def validate(self, most: int | None = None) -> float | None:
        """The mean loss on the text kept from training, nats a character; None if there is none.

        `most` is the number of batches after which it is enough.
        """
        count = len(self._held_out) - 1
        if count < 1:
            return None
        length = min(self.settings.length, count)
        batches = StatefulBatches(self._held_out, min(self.settings.batch, count // length), length)
        state = self._zero_state(batches.batch)
        losses = []
        for characters, targets in islice(batches, most):
            loss, state = self._judge(characters, targets, state)
            losses.append(float(loss))
        return sum(losses) / len(losses)


def _compiled(network: CharRNN, settings: Settings) -> tuple[Function, Function]:
    """(characters, targets, state) → (loss, state): one that updates the weights, one that not."""
    kind, usual_rate = OPTIMIZERS[settings.optimizer]
    optimizer = kind(lr=settings.lr or usual_rate)
    characters, targets = (input(n, ("T", "B"), "int64") for n in ("characters", "targets"))
    state = state_inputs(network)
    logits, new_state = network.train()(characters, state)
    loss = softmax_cross_entropy(logits, targets).named("loss")
    parameters = network.parameters()
    gradients = grad(loss, parameters)
    if settings.clip:
        gradients = clip_by_global_norm(gradients, settings.clip)
    updates = optimizer.updates(gradients, parameters)
    train = function([characters, targets, state], (loss, new_state), updates, name="train")
    logits, new_state = network.eval()(characters, state)
    loss = softmax_cross_entropy(logits, targets).named("loss")
    return train, function([characters, targets, state], (loss, new_state), name="judge")
