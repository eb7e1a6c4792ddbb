"""Damaged run folders: an error says in one line which file it is, and what is wrong with it."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from minigrad import checkpoint
from minigrad.errors import DataError
from minigrad.text import RunFolder
from tests.text.runs import SETTINGS, made, training


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return made(tmp_path / "run")


def config(**changes: Any) -> Callable[[Path], object]:
    """The configuration with other entries; those of `settings` one by one."""

    def change(path: Path) -> None:
        found = json.loads((path / "config.json").read_bytes())
        changes.setdefault("settings", {})
        if isinstance(changes["settings"], dict):
            changes["settings"] = found["settings"] | changes["settings"]
        (path / "config.json").write_text(json.dumps(found | changes))

    return change


def content(name: str, raw: bytes | None) -> Callable[[Path], object]:
    """A file with other content, or None."""
    return lambda path: (path / name).unlink() if raw is None else (path / name).write_bytes(raw)


def weights(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """The weights after `change` was done to them."""

    def rewrite(path: Path) -> None:
        arrays = load_file(path / "weights.safetensors")
        change(arrays)
        save_file(arrays, path / "weights.safetensors")

    return rewrite


def cut(path: Path) -> None:
    raw = (path / "weights.safetensors").read_bytes()
    (path / "weights.safetensors").write_bytes(raw[:-1])


BIAS = "readout.bias"
HALF = b'{"a":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[0,1]}}'
DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (content("config.json", None), "no complete run folder: it has no config.json"),
    (content("config.json", b""), "config.json is damaged"),
    (content("config.json", b"{"), "config.json is damaged"),
    (content("config.json", b"\xff\xfe\xff"), "config.json is damaged"),
    (content("config.json", b"[]"), "config.json is damaged"),
    (content("config.json", b"null"), "config.json is damaged"),
    (content("config.json", b"[" * 100_000), "config.json is damaged"),
    (content("config.json", b'{"name": "of another program"}'), "config.json is damaged.*'format'"),
    (config(format=1), "run has format 1, and this minigrad reads 2"),
    (config(format=None), "run has format None"),
    (config(source=None), "config.json is damaged"),
    (config(source={"files": 5, "digest": ""}), "config.json is damaged"),
    (config(source={"files": []}), "config.json is damaged.*digest"),
    (config(settings=None), "config.json is damaged"),
    (config(settings={"colour": "red"}), "config.json is damaged.*colour"),
    (config(settings={"hidden": "3"}), "damaged: hidden must be a whole number from 1 up, not '3'"),
    (config(settings={"hidden": 3.5}), "damaged: hidden must be a whole number"),
    (config(settings={"cell": "elman"}), "damaged: there is no cell 'elman'"),
    (config(settings={"cell": ["lstm"]}), "config.json is damaged"),
    (config(settings={"lr": float("nan")}), "damaged: lr must be above 0"),
    (config(settings={"dropout": "much"}), "config.json is damaged"),
    (config(vocabulary=5), "config.json is damaged"),
    (config(vocabulary=[1, 2, 3, 4, 5]), "config.json is damaged"),
    (config(vocabulary="aabc"), "damaged: a vocabulary holds each character once, not 'a' twice"),
    (config(vocabulary="abc"), "weights do not fit: .*shape"),
    (config(settings={"hidden": 4}), "weights do not fit: .*shape"),
    (config(settings={"layers": 3}), r"weights do not fit: .*lack recurrent.*layers\.[12]"),
    (config(settings={"cell": "lstm"}), "weights do not fit"),
    (content("weights.safetensors", None), "it has no weights.safetensors"),
    (content("weights.safetensors", b""), "weights.safetensors is damaged"),
    (content("weights.safetensors", b"\xff" * 100), "weights.safetensors is damaged"),
    (content("weights.safetensors", len(HALF).to_bytes(8, "little") + HALF + b"x"), "is damaged"),
    (cut, "weights.safetensors is damaged"),
    (weights(lambda w: w.pop(BIAS)), f"weights do not fit: the values lack {BIAS}$"),
    (
        weights(lambda w: w.update(more=w[BIAS])),
        "do not fit: .* not wanted: more$",
    ),
    (
        weights(lambda w: (w.clear(), w.update(a=np.ones(1)))),
        "fit: the values lack readout.bias, .*, …$",
    ),
    (weights(lambda w: w.update({BIAS: w[BIAS][:-1].copy()})), "weights do not fit: .*shape"),
    (weights(lambda w: w.update({BIAS: w[BIAS].astype(float)})), "weights do not fit: .*float64"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_damage_is_named(run: RunFolder, damage: Callable[[Path], object], message: str) -> None:
    damage(run.path)
    with pytest.raises(DataError, match=message) as caught:
        run.load()
    assert str(run.path) in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "nothing"):
        with pytest.raises(DataError, match=f"there is no run folder .*{name}"):
            RunFolder(tmp_path / name).load()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("damage") / "run").path


@given(st.data())
def test_any_byte_may_be_damaged(original: Path, data: st.DataObject) -> None:
    """A folder with one byte changed, or cut short, is either read or refused in so many words."""
    name = data.draw(st.sampled_from(["config.json", "weights.safetensors"]))
    raw = (original / name).read_bytes()
    place = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.sampled_from([len(raw), place + 1]))
    changed = raw[:place] + data.draw(st.binary(min_size=1, max_size=1)) + raw[place + 1 : end]
    (original / name).write_bytes(changed)
    try:
        with suppress(DataError):
            RunFolder(original).load()
    finally:
        (original / name).write_bytes(raw)


# ---------------------------------------------------------------- checkpoints


def of_another(**facts: Any) -> Callable[[Path], object]:
    return lambda path: checkpoint.save(path / "checkpoint.safetensors", {}, **facts)


def of_other_settings(path: Path) -> None:
    other = training(replace(SETTINGS, hidden=4))
    RunFolder(path).save_checkpoint(other)


CHECKPOINT = "checkpoint.safetensors"
FACTS: dict[str, Any] = {"judgements": []}
BAD: list[Any] = [
    (content(CHECKPOINT, None), f"no complete run folder: it has no {CHECKPOINT}"),
    (content(CHECKPOINT, b""), f"{CHECKPOINT} is damaged"),
    (content(CHECKPOINT, b"\xff" * 99), f"{CHECKPOINT} is damaged"),
    (lambda path: os.replace(path / "weights.safetensors", path / CHECKPOINT), "no checkpoint"),
    (of_another(), f"{CHECKPOINT} is damaged: .*training"),
    (of_another(training={}, session={}), "the checkpoint does not fit: its facts are"),
    (of_another(training=FACTS, session={}), "does not fit: the values lack"),
    (of_other_settings, "does not fit: .*shape"),
    (of_another(training=None, session={}), "damaged|not fit"),
    (of_another(training=FACTS), "does not fit: the values lack"),
]


@pytest.mark.parametrize(("damage", "message"), BAD)
def test_checkpoints_that_do_not_do(
    run: RunFolder, damage: Callable[[Path], object], message: str
) -> None:
    run.log(step=1)
    damage(run.path)
    with pytest.raises(DataError, match=message) as caught:
        run.resume(training())
    assert "\n" not in caught.value.message
    assert run.rows() == [{"step": 1}]


@given(st.data())
def test_any_byte_of_a_checkpoint_may_be_damaged(original: Path, data: st.DataObject) -> None:
    raw = (original / CHECKPOINT).read_bytes()
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + data.draw(st.binary(min_size=1, max_size=1)) + raw[place + 1 :]
    (original / CHECKPOINT).write_bytes(changed)
    try:
        with suppress(DataError):
            RunFolder(original).resume(training())
    finally:
        (original / CHECKPOINT).write_bytes(raw)
