"""Run folders: what was saved is what is loaded, or an error says what is wrong with it."""

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from minigrad.errors import DataError
from minigrad.text import RunFolder, Sampler, Settings, Vocabulary
from minigrad.text.model import CELLS

LETTERS = Vocabulary("ab\né汉")
SETTINGS = Settings(hidden=3, layers=2, length=7, batch=2, dropout=0.1, lr=0.25, seed=5)


def made(path: Path, settings: Settings = SETTINGS) -> RunFolder:
    return RunFolder.create(path, settings, LETTERS, settings.network(LETTERS))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return made(tmp_path / "run")


# ---------------------------------------------------------------- saving and loading


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_saved_is_loaded(tmp_path: Path, cell: str) -> None:
    settings = Settings(cell=cell, hidden=3, layers=2, dropout=0.1, seed=5)
    run = made(tmp_path / "run", settings)
    network = settings.network(LETTERS)
    rng = np.random.default_rng(0)
    for p in network.state().values():
        p.set_value(rng.uniform(0, 1e9, p.shape).astype(p.dtype))
    run.save(network)
    loaded, vocabulary, found = RunFolder(str(run.path)).load()
    assert (found, vocabulary.symbols) == (settings, LETTERS.symbols)
    state = loaded.state()
    assert state.keys() == network.state().keys()
    for name, p in network.state().items():
        np.testing.assert_array_equal(state[name].get_value(), p.get_value(), strict=True)


def test_a_loaded_network_writes_the_same_text(run: RunFolder) -> None:
    network = SETTINGS.network(LETTERS)
    first = "".join(Sampler(network, LETTERS).stream(20, seed=0))
    run.save(network)
    loaded, vocabulary, _ = run.load()
    assert "".join(Sampler(loaded, vocabulary).stream(20, seed=0)) == first


def test_a_new_folder_is_complete(run: RunFolder) -> None:
    assert sorted(os.listdir(run.path)) == ["config.json", "weights.safetensors"]
    assert json.loads((run.path / "config.json").read_bytes()) == {
        "format": 1,
        "settings": SETTINGS.as_dict(),
        "vocabulary": list(LETTERS.symbols),
    }
    run.load()


def test_log_and_sample(run: RunFolder) -> None:
    run.save_sample("é\n")
    run.log(step=1, train_loss=2.5, val_loss=None)
    run.log(step=2, train_loss=1.5, val_loss=1.75)
    assert (run.path / "sample.txt").read_text("utf-8") == "é\n"
    lines = (run.path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]


def test_the_next_free_folder(tmp_path: Path) -> None:
    assert RunFolder.next_free(tmp_path, "text") == tmp_path / "text-1"
    for number in (1, 2, 4):
        made(tmp_path / f"text-{number}")
    assert RunFolder.next_free(tmp_path, "text") == tmp_path / "text-3"


# ---------------------------------------------------------------- nothing lost, nothing left


def test_a_folder_with_something_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(DataError, match=f"{name} exists already.*nothing was changed"):
            made(tmp_path / name)
    assert os.listdir(tmp_path / "full") == ["mine"]
    assert (tmp_path / "file").read_text() == "mine"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    made(tmp_path).load()


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("name", ["new", "new/deep/down", "empty"])
def test_a_disk_full_at_the_start_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: int
) -> None:
    """Of the two files that are written at first, `before` get through."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(os, "fsync", full_after(before))
    with pytest.raises(OSError, match="No space left"):
        made(tmp_path / name)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["empty"]


def test_a_disk_full_later_keeps_what_there_was(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p.name: p.read_bytes() for p in run.path.iterdir()}
    monkeypatch.setattr(os, "fsync", full_after(0))
    for save in (lambda: run.save(SETTINGS.network(LETTERS)), lambda: run.save_sample("new")):
        with pytest.raises(OSError, match="No space left"):
            save()
    assert {p.name: p.read_bytes() for p in run.path.iterdir()} == before


def full_after(count: int) -> Callable[[int], None]:
    left = iter(range(count))

    def fsync(_: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fsync


# ---------------------------------------------------------------- damage


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
    (config(format=2), "it has format 2, and this minigrad reads 1"),
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
    (config(vocabulary="aabc"), "damaged: a vocabulary holds each character once"),
    (config(vocabulary="abc"), "weights do not fit: .*shape"),
    (config(settings={"hidden": 4}), "weights do not fit: .*shape"),
    (config(settings={"layers": 3}), r"weights do not fit the configuration.*layers\.2"),
    (config(settings={"cell": "gru"}), "weights do not fit"),
    (content("weights.safetensors", None), "it has no weights.safetensors"),
    (content("weights.safetensors", b""), "weights.safetensors is damaged"),
    (content("weights.safetensors", b"\xff" * 100), "weights.safetensors is damaged"),
    (content("weights.safetensors", len(HALF).to_bytes(8, "little") + HALF + b"x"), "is damaged"),
    (cut, "weights.safetensors is damaged"),
    (weights(lambda w: w.pop(BIAS)), f"do not fit the configuration, which differ in {BIAS}$"),
    (weights(lambda w: w.update(more=w[BIAS])), "which differ in more$"),
    (weights(lambda w: (w.clear(), w.update(a=np.ones(1)))), "which differ in a, readout.bias.*…"),
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
