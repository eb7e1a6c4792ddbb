"""Training a `CharRNN` on a text."""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autodiff import grad
from ..compile import Function, function
from ..errors import DataError, MinigradError
from ..functions import astype, concat, stack
from ..nn import state_inputs
from ..nn.losses import softmax_cross_entropy
from ..optim import clip_by_global_norm, clip_by_value, global_norm
from ..tree import flatten, tree_map
from ..types import Array
from ..variables import Parameter, Variable, constant, input, set_values
from ..where import naming
from .batches import StatefulBatches
from .sampling import start_state
from .settings import Settings
from .vocabulary import LEVELS, Vocabulary, Words

__all__ = ["Training"]

_RECENT = 20  # steps whose figures are kept
_EXPLODED = 3, 10.0  # times the loss of a guess, and nats: beyond both a training has failed


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

    Args:
        text: str, or bytes at level byte. Its last parts are kept for validation and test.
        vocabulary: that of the text if not given.
        detect_nan: run with ``check_nan``: slower, and the error names the gate where the first NaN
            or infinity appears, and the line of the layer or optimiser that it belongs to.

    Attributes: `steps`, the updates that it is to make; `judgements`, what `judge` found at which
    of them.

    Raises DataError for a text that is empty, or too short for one batch.
    """

    def __init__(
        self,
        text: str | bytes,
        settings: Settings,
        vocabulary: Vocabulary | None = None,
        detect_nan: bool = False,
    ) -> None:
        if not text:
            raise DataError("the text is empty")
        self.settings = settings
        self.vocabulary = vocabulary or _vocabulary(text, settings)
        self.network = settings.network(self.vocabulary)
        numbers = self.vocabulary.encode(text)  # type: ignore[arg-type]  # bytes at level byte
        self.length = len(numbers)
        training, self._validation, self._test = self._parted(numbers)
        self.batches = self._batches(training)
        self.steps = settings.total_steps(len(self.batches))
        rate, self._plateau = settings.rate(len(self.batches))
        self.optimizer = settings.new_optimizer(rate)
        # What a step leaves is parameters, so that one call moves all or nothing on.
        self._done = Parameter(0, "done")
        self._latest = Parameter(np.zeros((_RECENT, 3)), "latest")
        self._carried = tree_map(
            lambda a: Parameter(a, "carried"), start_state(self.network, settings.batch)
        )
        with naming("nn", "optim", "text") if detect_nan else nullcontext():
            self._train, self._judge = self._compiled(rate, detect_nan)
        self.judgements: dict[int, float | None] = {}

    @property
    def done(self) -> int:
        """The updates so far."""
        return int(self._done.get_value())

    @property
    def latest(self) -> Array:
        """Loss, gradient norm and rate of up to 20 steps: (n, 3)."""
        return self._latest.get_value()[_RECENT - min(self.done, _RECENT) :]

    @property
    def gradient_norm(self) -> float:
        """That of the latest step, before clipping; NaN before the first."""
        return float(self.latest[-1, 1]) if self.done else math.nan

    @property
    def rate(self) -> float:
        """The learning rate of the latest step; NaN before the first."""
        return float(self.latest[-1, 2]) if self.done else math.nan

    @property
    def best_step(self) -> int | None:
        """The step at which `judge` found the lowest loss; None where it never did."""
        losses = {step: loss for step, loss in self.judgements.items() if loss is not None}
        return min(losses, key=losses.__getitem__) if losses else None

    @property
    def waited(self) -> int:
        """How many judgements have passed since the best."""
        best = self.best_step or 0
        return sum(step > best for step, loss in self.judgements.items() if loss is not None)

    def _parted(self, numbers: Array) -> tuple[Array, Array, Array]:
        """The parts for training, validation and test, in this order."""
        s, count = self.settings, len(numbers)
        tested = count - int(count * s.test)
        validated = tested - int(count * s.validation)
        return numbers[:validated], numbers[validated:tested], numbers[tested:]

    def _batches(self, numbers: Array) -> StatefulBatches:
        s, unit = self.settings, self.vocabulary.unit
        try:
            return StatefulBatches(numbers, s.batch, s.length, unit)
        except DataError as error:
            kept = self.length - len(numbers)
            more = f" ({kept:,} more are kept for validation and test)" if kept else ""
            raise DataError(error.message + more) from None

    def _compiled(self, rate: float | Variable, detect_nan: bool) -> tuple[Function, Function]:
        """The step, (symbols, targets) → loss, gradient norm, learning rate; and what judges,
        (symbols, targets, state) → (loss, state)."""
        symbols, targets = (input(n, ("T", "B"), "int64") for n in ("symbols", "targets"))
        state = state_inputs(self.network)
        with self.network.evaluating():
            logits, new_state = self.network(symbols, state)
        loss = softmax_cross_entropy(logits, targets).named("loss")
        judge = function([symbols, targets, state], (loss, new_state), name="judge")

        symbols, targets = (
            input(n, ("T", self.settings.batch), "int64") for n in ("symbols", "targets")
        )
        logits, new_state = self.network(symbols, self._carried)
        loss = softmax_cross_entropy(logits, targets).named("loss")
        parameters = self.network.parameters()
        gradients = grad(loss, parameters)
        norm = global_norm(gradients)
        if self.settings.clip_value:
            gradients = clip_by_value(gradients, self.settings.clip_value)
        if self.settings.clip:
            gradients = clip_by_global_norm(gradients, self.settings.clip)
        outputs = (loss, norm, rate if isinstance(rate, Variable) else constant(rate))
        latest = stack([astype(v, "float64") for v in outputs])
        updates = [
            *self.optimizer.updates(gradients, parameters),
            (self._latest, concat([self._latest[1:], latest.expand_dims(0)])),
            *zip(flatten(self._carried)[0], flatten(new_state)[0], strict=True),
            (self._done, self._done + 1),
        ]
        train = function([symbols, targets], outputs, updates, name="train", check_nan=detect_nan)
        return train, judge

    def step(self) -> float:
        """One update on the next batch; the loss before it, in nats a symbol.

        Raises DataError when the loss or the gradient is no number any more, or the loss has
        exploded; the weights are then of no more use.
        """
        place = self.done % len(self.batches)
        if place == 0:
            for p in flatten(self._carried)[0]:
                p.set_value(np.zeros(p.shape, p.dtype))
        loss, norm, rate = map(float, self._train(*self.batches[place]))
        factor, least = _EXPLODED
        exploded = loss > max(least, factor * math.log(len(self.vocabulary)))
        if exploded or not (math.isfinite(loss) and math.isfinite(norm)):
            raise DataError(
                f"the loss is {loss:.4g} at step {self.done:,}, and the norm of the gradient "
                f"{norm:.4g}: the training has diverged. Try a smaller lr (it was {rate:.4g}), a "
                "warm-up, or a smaller clip (0 is none)"
            )
        return loss

    def validate(self, most: int | None = None) -> float | None:
        """The mean loss on the text kept for validation, nats a symbol; None if there is none.

        It is read as the training text is: what does not fill a batch at its end is left out.
        `most` is the number of batches after which it is enough.
        """
        return self._loss_on(self._validation, most)

    def test(self) -> float | None:
        """The mean loss on the text kept for the test, as of `validate`."""
        return self._loss_on(self._test, None)

    def _loss_on(self, numbers: Array, most: int | None) -> float | None:
        count = len(numbers) - 1
        if count < 1:
            return None
        length = min(self.settings.length, count)
        batches = StatefulBatches(numbers, min(self.settings.batch, count // length), length)
        state = start_state(self.network, batches.batch)
        losses = []
        for symbols, targets in islice(batches, most):
            loss, state = self._judge(symbols, targets, state)
            losses.append(float(loss))
        return sum(losses) / len(losses)

    def judge(self, most: int | None = None) -> float | None:
        """`validate`, and take note of it, for the best weights, early stopping and plateaus."""
        self.judgements[self.done] = loss = self.validate(most)
        self._tell_plateau()
        return loss

    def _tell_plateau(self) -> None:
        """From all judgements: whatever came in between, told once more is told right."""
        if self._plateau is not None:
            self._plateau.replay(loss for loss in self.judgements.values() if loss is not None)

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or patience with its loss has ended."""
        patience = self.settings.patience
        return self.done >= self.steps or (patience > 0 and self.waited >= patience)

    # ------------------------------------------------------------ checkpoints

    def checkpoint(self) -> tuple[dict[str, dict[str, Parameter]], dict[str, Any]]:
        """All that decides how it goes on: parts and facts for `minigrad.checkpoint`."""
        carried, paths, _ = flatten(self._carried)
        parts = {
            "network": self.network.state(),
            "optimizer": self.optimizer.state(),
            "carried": dict(zip(paths, carried, strict=True)),
            "training": {"done": self._done, "latest": self._latest},
        }
        return parts, {"judgements": [*self.judgements.items()]}

    def restore(
        self, parts: Mapping[str, Mapping[str, npt.ArrayLike]], facts: Mapping[str, Any]
    ) -> None:
        """Go on where a `checkpoint` was taken: all of it, or nothing.

        Raises DataError where it does not fit the settings.
        """
        mine, _ = self.checkpoint()
        try:
            judgements = {int(step): loss and float(loss) for step, loss in facts["judgements"]}
            set_values(_joined(mine), _joined(parts))
        except MinigradError as error:
            raise DataError(f"the checkpoint does not fit: {error.message}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the checkpoint does not fit: its facts are {facts!r:.80}") from error
        self.judgements = judgements
        self._tell_plateau()


def _joined(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        f"{part} {name}": value for part, named in parts.items() for name, value in named.items()
    }


def _vocabulary(text: str | bytes, settings: Settings) -> Vocabulary:
    """That of a text at the level of the settings."""
    kind = LEVELS[settings.level]
    return kind.of(text, settings.words) if issubclass(kind, Words) else kind.of(text)  # type: ignore[arg-type]
