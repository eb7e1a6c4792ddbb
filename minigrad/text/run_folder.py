"""A run folder: what a training leaves behind. It holds

    weights.safetensors      the network's parameters and random states, by name: those with the
                             lowest validation loss so far, or the latest where there is none
    checkpoint.safetensors   all that the training needs to go on where it was
    config.json              settings, vocabulary, where the text is, the version of this format
    log.jsonl                one line a report: step, seconds, train_loss, val_loss (nats a symbol),
                             gradient_norm, rate
    loss.svg                 these losses as a picture
    sample.txt               a text written by the network

and the first three from before the first step.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from .. import checkpoint
from ..errors import DataError, MinigradError
from ..files import append_whole, write_atomically
from .data import Source
from .model import CharRNN
from .settings import Settings
from .training import Training
from .vocabulary import LEVELS, Vocabulary

__all__ = ["RunFolder"]

_FORMAT = 2
_CONFIGURATION, _WEIGHTS, _CHECKPOINT = (
    "config.json",
    "weights.safetensors",
    "checkpoint.safetensors",
)
_LOG = "log.jsonl"


class _OtherFormat(DataError):
    """A run folder that another version wrote: nothing is wrong with it."""


class RunFolder:
    """The folder of one training. Each file is replaced whole or not at all."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(
        cls, path: Path | str, training: Training, source: Source, **session: Any
    ) -> "RunFolder":
        """A new folder for a training that begins, and facts of the session that runs it.

        Raises DataError when there is something already, OSError (no space, no permission …) with
        nothing left over.
        """
        run = cls(path)
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise DataError(f"{path} exists already: choose another folder, nothing was changed")
        made = [folder for folder in (run.path, *run.path.parents) if not folder.exists()]
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run.save_configuration(training.settings, training.vocabulary, source)
            run.save_weights(training.network)
            run.save_checkpoint(training, **session)
        except BaseException:
            for remove in [
                *((run.path / name).unlink for name in (_CHECKPOINT, _WEIGHTS, _CONFIGURATION)),
                *(folder.rmdir for folder in made),
            ]:
                with suppress(OSError):
                    remove()
            raise
        return run

    @staticmethod
    def next_free(parent: Path | str, name: str) -> Path:
        """``parent/name-1``, or the first number that is not there yet."""
        number = 1
        while (path := Path(parent) / f"{name}-{number}").exists():
            number += 1
        return path

    # ------------------------------------------------------------ writing

    def save_configuration(
        self, settings: Settings, vocabulary: Vocabulary, source: Source
    ) -> None:
        """Write what the training is about."""
        configuration = {
            "format": _FORMAT,
            "settings": settings.as_dict(),
            "vocabulary": list(vocabulary.symbols),
            "source": {"files": list(source.files), "digest": source.digest},
        }
        text = json.dumps(configuration, indent=1, ensure_ascii=False)
        write_atomically(self.path / _CONFIGURATION, text.encode("utf-8", "surrogatepass"))

    def save_weights(self, network: CharRNN) -> None:
        """Write what a network is in use."""
        arrays = {name: p.get_value() for name, p in network.state().items()}
        write_atomically(self.path / _WEIGHTS, save(arrays))

    def save_checkpoint(self, training: Training, **session: Any) -> None:
        """Write what a training needs to go on, and facts of the session that runs it."""
        parts, facts = training.checkpoint()
        checkpoint.save(self.path / _CHECKPOINT, parts, training=facts, session=session)

    def save_sample(self, text: str) -> None:
        """Write a text that the network wrote."""
        write_atomically(self.path / "sample.txt", text.encode("utf-8", "surrogatepass"))

    def save_picture(self, svg: bytes) -> None:
        """Write the picture of the losses."""
        write_atomically(self.path / "loss.svg", svg)

    def log(self, **row: Any) -> None:
        """Add a line to the log."""
        append_whole(self.path / _LOG, (json.dumps(row) + "\n").encode())

    # ------------------------------------------------------------ reading

    def load(self) -> tuple[CharRNN, Vocabulary, Settings]:
        """The trained network. Raises DataError, saying which file is missing, damaged or unfit."""
        settings, vocabulary, _ = self.configuration()
        network = settings.network(vocabulary)
        raw = self._read(_WEIGHTS)
        try:
            arrays = load(raw)
        except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{self.path / _WEIGHTS} is damaged: {error!r}") from None
        try:
            network.load_state(arrays)
        except MinigradError as error:
            raise DataError(f"{self.path}: the weights do not fit: {error.message}") from None
        return network, vocabulary, settings

    def resume(self, training: Training) -> dict[str, Any]:
        """Set a training to where the checkpoint was taken, and the log too.

        The facts of the session that saved it. Raises DataError for a checkpoint that is missing,
        damaged or unfit.
        """
        if not (self.path / _CHECKPOINT).is_file():
            self._read(_CHECKPOINT)  # which says what is missing
        parts, facts = checkpoint.load(self.path / _CHECKPOINT)
        try:
            training.restore(parts, facts["training"])
            session: dict[str, Any] = facts["session"]
        except (KeyError, TypeError) as error:
            raise DataError(f"{self.path / _CHECKPOINT} is damaged: {error!r}") from None
        self.cut_log(training.done + 1)
        return session

    def cut_log(self, step: int) -> None:
        """Drop the lines of the log from a step on; of several for one step keep the last."""
        rows = {row["step"]: row for row in self.rows() if row["step"] < step}
        text = "".join(json.dumps(row) + "\n" for row in rows.values())
        write_atomically(self.path / _LOG, text.encode())

    def rows(self) -> list[dict[str, Any]]:
        """The lines of the log, but for one that was cut off at the end."""
        found: list[dict[str, Any]] = []
        try:
            lines = (self.path / _LOG).read_bytes().splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and isinstance(row.get("step"), int):
                    found.append(row)
        return found

    def configuration(self) -> tuple[Settings, Vocabulary, Source]:
        """What the training is about. Raises DataError when it is missing, damaged or unfit."""
        raw = self._read(_CONFIGURATION)
        try:
            found = json.loads(raw.decode("utf-8", "surrogatepass"))
            if (version := found["format"]) != _FORMAT:
                raise _OtherFormat(
                    f"{self.path} has format {version!r}, and this minigrad reads {_FORMAT}"
                )
            settings, source = Settings(**found["settings"]), found["source"]
            vocabulary = LEVELS[settings.level](found["vocabulary"])
            return settings, vocabulary, Source(tuple(source["files"]), source["digest"])
        except _OtherFormat:
            raise
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            what = error.message if isinstance(error, MinigradError) else f"{error!r:.100}"
            raise DataError(f"{self.path / _CONFIGURATION} is damaged: {what}") from None

    def _read(self, name: str) -> bytes:
        if not self.path.is_dir():
            raise DataError(f"there is no run folder {self.path}")
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            raise DataError(f"{self.path} is no complete run folder: it has no {name}") from None
