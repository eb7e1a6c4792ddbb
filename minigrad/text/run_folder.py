"""A run folder: what a training leaves behind. It holds

    weights.safetensors   the network's parameters and random states, by name
    config.json           settings, vocabulary, and the version of this format
    log.jsonl             one line a report: step, seconds, train_loss, val_loss (nats a character)
    sample.txt            a text written by the network

and all but the log and the sample from before the first step.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import DataError, MinigradError
from ..files import append_whole, write_atomically
from .model import CharRNN
from .training import Settings
from .vocabulary import Vocabulary

__all__ = ["RunFolder"]

_FORMAT = 1
_CONFIGURATION, _WEIGHTS = "config.json", "weights.safetensors"
_SHOWN = 3  # names of weights in a message


class RunFolder:
    """The folder of one training. Each file is replaced whole or not at all."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(
        cls, path: Path | str, settings: Settings, vocabulary: Vocabulary, network: CharRNN
    ) -> "RunFolder":
        """A new folder, with its configuration and the weights that the training starts from.

        Raises DataError when there is something already, OSError (no space, no permission …) with
        nothing left over.
        """
        run = cls(path)
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise DataError(f"{path} exists already: choose another folder, nothing was changed")
        configuration = {
            "format": _FORMAT,
            "settings": settings.as_dict(),
            "vocabulary": list(vocabulary.symbols),
        }
        text = json.dumps(configuration, indent=1, ensure_ascii=False)
        made = [folder for folder in (run.path, *run.path.parents) if not folder.exists()]
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            write_atomically(run.path / _CONFIGURATION, text.encode())
            run.save(network)
        except BaseException:
            for remove in [
                (run.path / _WEIGHTS).unlink,
                (run.path / _CONFIGURATION).unlink,
                *(folder.rmdir for folder in made),
            ]:
                with suppress(OSError):
                    remove()
            raise
        return run

    @classmethod
    def next_free(cls, parent: Path | str, name: str) -> Path:
        """``parent/name-1``, or the first number that is not there yet."""
        number = 1
        while (path := Path(parent) / f"{name}-{number}").exists():
            number += 1
        return path

    def save(self, network: CharRNN) -> None:
        """Write the weights."""
        arrays = {name: p.get_value() for name, p in network.state().items()}
        write_atomically(self.path / _WEIGHTS, save(arrays))

    def save_sample(self, text: str) -> None:
        """Write a text that the network wrote."""
        write_atomically(self.path / "sample.txt", text.encode())

    def log(self, **row: Any) -> None:
        """Add a line to the log."""
        append_whole(self.path / "log.jsonl", (json.dumps(row) + "\n").encode())

    def load(self) -> tuple[CharRNN, Vocabulary, Settings]:
        """The trained network. Raises DataError, saying which file is missing, damaged or unfit."""
        settings, vocabulary = self._configuration()
        network = settings.network(vocabulary)
        arrays, state = self._weights(), network.state()
        if arrays.keys() != state.keys():
            different = sorted(arrays.keys() ^ state.keys())
            more = ", …" if len(different) > _SHOWN else ""
            raise DataError(
                f"{self.path}: the weights do not fit the configuration, which differ in "
                f"{', '.join(different[:_SHOWN])}{more}"
            )
        try:
            checked = {name: p.checked(arrays[name]) for name, p in state.items()}
        except MinigradError as error:
            raise DataError(f"{self.path}: the weights do not fit: {error.message}") from None
        for name, p in state.items():
            p.set_value(checked[name])
        return network, vocabulary, settings

    def _read(self, name: str) -> bytes:
        if not self.path.is_dir():
            raise DataError(f"there is no run folder {self.path}")
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            raise DataError(f"{self.path} is no complete run folder: it has no {name}") from None

    def _configuration(self) -> tuple[Settings, Vocabulary]:
        raw = self._read(_CONFIGURATION)
        try:
            found = json.loads(raw)
            version, settings, symbols = (found[k] for k in ("format", "settings", "vocabulary"))
            if version != _FORMAT:
                raise DataError(f"it has format {version!r}, and this minigrad reads {_FORMAT}")
            return Settings(**settings), Vocabulary(symbols)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            what = error.message if isinstance(error, MinigradError) else repr(error)
            raise DataError(f"{self.path / _CONFIGURATION} is damaged: {what}") from None

    def _weights(self) -> dict[str, Any]:
        raw = self._read(_WEIGHTS)
        try:
            return load(raw)
        except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{self.path / _WEIGHTS} is damaged: {error!r}") from None
