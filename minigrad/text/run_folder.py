"""A run folder: what a training leaves behind.

    weights.safetensors   the network's parameters and random states, by name
    config.json           settings, vocabulary, and the version of this format
    log.jsonl             one line a report: step, seconds, train_loss, val_loss (nats a character)
    sample.txt            a text written by the network
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import DataError, MinigradError
from ..files import write_atomically
from .model import CharRNN
from .training import Settings
from .vocabulary import Vocabulary

__all__ = ["RunFolder"]

_FORMAT = 1


class RunFolder:
    """The folder of one training. Each file is replaced whole or not at all."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path | str, settings: Settings, vocabulary: Vocabulary) -> "RunFolder":
        """A new folder with its configuration. Raises DataError when there is something already."""
        run = cls(path)
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise DataError(f"{path} exists already: choose another folder, nothing was changed")
        run.path.mkdir(parents=True, exist_ok=True)
        configuration = {
            "format": _FORMAT,
            "settings": settings.as_dict(),
            "vocabulary": list(vocabulary.symbols),
        }
        text = json.dumps(configuration, indent=1, ensure_ascii=False)
        write_atomically(run.path / "config.json", text.encode())
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
        write_atomically(self.path / "weights.safetensors", save(arrays))

    def save_sample(self, text: str) -> None:
        """Write a text that the network wrote."""
        write_atomically(self.path / "sample.txt", text.encode())

    def log(self, **row: Any) -> None:
        """Add a line to the log."""
        with open(self.path / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def load(self) -> tuple[CharRNN, Vocabulary, Settings]:
        """The trained network. Raises DataError, saying which file is missing, damaged or unfit."""
        settings, vocabulary = self._configuration()
        network = settings.network(vocabulary)
        arrays = self._weights()
        state = network.state()
        if arrays.keys() != state.keys():
            different = sorted(arrays.keys() ^ state.keys())
            raise DataError(f"{self.path}: the weights do not fit the configuration: {different}")
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
        raw = self._read("config.json")
        try:
            found = json.loads(raw)
            version = found["format"]
            if version != _FORMAT:
                raise DataError(
                    f"{self.path} has format {version}, and this minigrad reads {_FORMAT}"
                )
            return Settings(**found["settings"]), Vocabulary(found["vocabulary"])
        except DataError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{self.path / 'config.json'} is damaged: {error!r}") from None

    def _weights(self) -> dict[str, Any]:
        raw = self._read("weights.safetensors")
        try:
            return load(raw)
        except (SafetensorError, ValueError, KeyError) as error:
            raise DataError(f"{self.path / 'weights.safetensors'} is damaged: {error}") from None
