"""Checkpoints: arrays and facts in one file, which is the old one or the new one, whole.

    mg.checkpoint.save(path, {"network": net.state(), "optimizer": adam.state()}, epoch=7)
    parts, facts = mg.checkpoint.load(path)
    net.load_state(parts["network"])
    adam.load_state(parts["optimizer"])

The file is of the safetensors format; facts are JSON in its metadata.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as _serialised

from .errors import ArgumentError, DataError
from .files import write_atomically
from .types import Array
from .variables import Parameter

__all__ = ["load", "save"]

_VERSION = 1
_APART = "/"
_LARGEST = 8  # bytes of a number

Part = Mapping[str, Parameter | npt.ArrayLike]


def save(path: Path | str, parts: Mapping[str, Part], /, **facts: Any) -> None:
    """Write arrays, by part and name, and facts, which must be JSON.

    A crash at any moment leaves the old file or the new one. Raises ArgumentError for a part's name
    with a "/" and for what has no place in such a file, OSError (no space, no permission …) with
    the old file as it was.
    """
    arrays: dict[str, Array] = {}
    for part, named in parts.items():
        if _APART in part:
            raise ArgumentError(f"the name of a part has no {_APART}, and this is {part!r}")
        if not isinstance(named, Mapping):
            raise ArgumentError(
                f"part {part} is a dict of arrays, such as .state(), and not {named!r}"
            )
        for name, value in named.items():
            array = value.get_value() if isinstance(value, Parameter) else np.asarray(value)
            if array.dtype.kind not in "biuf" or array.dtype.itemsize > _LARGEST:
                raise ArgumentError(
                    f"{part}{_APART}{name} is {array.dtype}, which has no place here"
                )
            arrays[f"{part}{_APART}{name}"] = np.ascontiguousarray(array).reshape(array.shape)
    try:
        metadata = {"parts": json.dumps([*parts]), "facts": json.dumps(facts, default=_plain)}
        content = _serialised(arrays, metadata | {"version": str(_VERSION)})
    except (TypeError, ValueError, SafetensorError) as error:
        raise ArgumentError(f"this cannot be part of a checkpoint: {error}") from None
    write_atomically(Path(path), content)


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r:.60} is no JSON")


def load(path: Path | str) -> tuple[dict[str, dict[str, Array]], dict[str, Any]]:
    """The parts and the facts of a checkpoint.

    Raises DataError for a file that is not there, is damaged, or is of another version.
    """
    try:
        with safe_open(str(path), "np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no dict
    except FileNotFoundError:
        raise DataError(f"there is no checkpoint {path}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error!r}") from None
    if metadata.get("version") != str(_VERSION):
        raise DataError(
            f"{path} is no checkpoint that this minigrad reads: it has version "
            f"{metadata.get('version')!r}, and {str(_VERSION)!r} is needed"
        )
    try:
        parts: dict[str, dict[str, Array]] = {part: {} for part in json.loads(metadata["parts"])}
        for key, array in arrays.items():
            part, _, name = key.partition(_APART)
            parts[part][name] = array
        return parts, _facts(metadata["facts"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error!r}") from None


def _facts(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"facts are a dict, and these {found!r:.40}")
    return found
