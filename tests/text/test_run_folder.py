"""Run folders: what was saved is what is loaded, or an error says what is wrong with it."""

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.errors import DataError
from minigrad.text import Bytes, RunFolder, Sampler, Source, Vocabulary, Words
from minigrad.text.model import CELLS
from tests.text.runs import FIRST, LETTERS, SETTINGS, SOURCE, made, training


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return made(tmp_path / "run")


# ---------------------------------------------------------------- saving and loading


@pytest.mark.parametrize(
    "more",
    [
        *({"cell": cell} for cell in CELLS),
        {"layers": 2, "dropout": 0.1},
        {"recurrent_dropout": 0.1, "zoneout": 0.1, "layer_norm": True},
    ],
)
def test_what_is_saved_is_loaded(run: RunFolder, more: dict[str, Any]) -> None:
    settings = replace(SETTINGS, **more)
    run.save_configuration(settings, LETTERS, SOURCE)
    network = settings.network(LETTERS)
    rng = np.random.default_rng(0)
    for p in network.state().values():
        p.set_value(rng.uniform(0, 1e9, p.shape).astype(p.dtype))
    run.save_weights(network)
    loaded, vocabulary, found = RunFolder(str(run.path)).load()
    assert (found, vocabulary.symbols) == (settings, LETTERS.symbols)
    assert run.configuration()[2] == SOURCE
    state = loaded.state()
    assert state.keys() == network.state().keys()
    for name, p in network.state().items():
        np.testing.assert_array_equal(state[name].get_value(), p.get_value(), strict=True)


@pytest.mark.parametrize(
    ("level", "vocabulary"),
    [("char", LETTERS), ("word", Words.of("a cat, 汉\n \t", 9)), ("byte", Bytes())],
)
def test_vocabularies_of_all_levels(run: RunFolder, level: str, vocabulary: Vocabulary) -> None:
    run.save_configuration(replace(SETTINGS, level=level), vocabulary, SOURCE)
    _, found, _ = run.configuration()
    assert (type(found), found.symbols) == (type(vocabulary), vocabulary.symbols)


def test_a_loaded_network_writes_the_same_text(run: RunFolder) -> None:
    network = SETTINGS.network(LETTERS)
    first = "".join(Sampler(network, LETTERS).stream(20, seed=0))
    run.save_weights(network)
    loaded, vocabulary, _ = run.load()
    assert "".join(Sampler(loaded, vocabulary).stream(20, seed=0)) == first


def test_a_new_folder_is_complete(run: RunFolder) -> None:
    assert sorted(os.listdir(run.path)) == FIRST
    assert json.loads((run.path / "config.json").read_bytes()) == {
        "format": 2,
        "settings": SETTINGS.as_dict(),
        "vocabulary": list(LETTERS.symbols),
        "source": {"files": ["/a/text", "-"], "digest": "0123"},
    }
    run.load()


def test_log_and_sample(run: RunFolder) -> None:
    run.save_sample("é\n\ud800")
    run.save_picture(b"<svg/>")
    run.log(step=1, train_loss=2.5, val_loss=None)
    run.log(step=2, train_loss=1.5, val_loss=1.75)
    assert (run.path / "sample.txt").read_bytes() == "é\n\ud800".encode("utf-8", "surrogatepass")
    assert (run.path / "loss.svg").read_bytes() == b"<svg/>"
    lines = (run.path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == run.rows()
    assert [row["train_loss"] for row in run.rows()] == [2.5, 1.5]


def test_lines_of_a_log_that_are_none(run: RunFolder) -> None:
    assert run.rows() == []
    raw = b'{"step": 1}\n[1]\n5\n{"steps": 2}\n{"step": "2"}\n\xff\n\n{"step": 2, "x": null}\n{"ste'
    (run.path / "log.jsonl").write_bytes(raw)
    assert run.rows() == [{"step": 1}, {"step": 2, "x": None}]


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


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("name", ["new", "new/deep/down", "empty"])
def test_a_disk_full_at_the_start_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: int
) -> None:
    """Of the three files that are written at first, `before` get through."""
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
    for save in (
        lambda: run.save_configuration(SETTINGS, LETTERS, Source()),
        lambda: run.save_weights(SETTINGS.network(LETTERS)),
        lambda: run.save_checkpoint(training(), seconds=1.0),
        lambda: run.save_sample("new"),
        lambda: run.save_picture(b"new"),
    ):
        with pytest.raises(OSError, match="No space left"):
            save()
    assert {p.name: p.read_bytes() for p in run.path.iterdir()} == before


def full_after(count: int) -> Callable[[int], None]:
    left = iter(range(count))

    def fsync(_: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fsync


# ---------------------------------------------------------------- going on


def test_resume(run: RunFolder) -> None:
    """The log is as it was at the checkpoint; what came after it is forgotten."""
    t, other = training(), training(replace(SETTINGS, seed=6))
    for row in ({"step": 1}, {"step": 2, "x": 0}, {"step": 2, "x": 1}):
        run.log(**row)
    for _ in range(2):
        t.step()
    run.save_checkpoint(t, losses=[1.5], seconds=2.5)
    expected = {name: p.get_value() for name, p in t.network.state().items()}
    run.log(step=3)
    with open(run.path / "log.jsonl", "ab") as file:
        file.write(b'{"step": 4, "train_l')
    t.step()
    assert run.resume(other) == {"losses": [1.5], "seconds": 2.5}
    assert (other.done, run.rows()) == (2, [{"step": 1}, {"step": 2, "x": 1}])
    run.log(step=3)
    assert [row["step"] for row in run.rows()] == [1, 2, 3]
    for name, p in other.network.state().items():
        np.testing.assert_array_equal(p.get_value(), expected[name])
    run.resume(t)
    assert other.step() == t.step()


def test_before_the_first_step(run: RunFolder) -> None:
    assert run.resume(training(replace(SETTINGS, seed=6))) == {}
    assert (run.path / "log.jsonl").read_bytes() == b""
