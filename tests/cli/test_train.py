"""train: what it reads, what it prints, and what it leaves."""

import io
import json
import os
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from minigrad.text import RunFolder
from tests.cli.calls import FILES, SMALL, TEXT, Call, assert_refused, log, train

# ---------------------------------------------------------------- train


def test_train(call: Call) -> None:
    result = train(call, "--steps", 45)
    assert (result.status, result.err) == (0, "")
    assert "1,260 characters, 15 distinct\n1 × lstm of 8, 903 weights; 45 steps" in result.out
    reports = [line for line in result.out.splitlines() if line.startswith("step ")]
    assert [line.split(":")[0] for line in reports] == ["step 20", "step 40", "step 45"]
    assert "done after 45 steps" in result.out
    assert "saved in runs/text-1\n" in result.out
    assert not {c for c in result.out if c != "\n" and not c.isprintable()}
    assert sorted(os.listdir("runs/text-1")) == FILES
    sample = Path("runs/text-1/sample.txt").read_text("utf-8")
    assert len(sample) == 500
    assert sample in result.out


def test_the_log(call: Call) -> None:
    train(call, "--steps", 500, "--out", "run")
    rows = log("run")
    columns = ["step", "seconds", "train_loss", "val_loss", "gradient_norm", "rate"]
    assert all(list(r) == columns for r in rows)
    steps = [r["step"] for r in rows]
    assert steps == sorted(set(steps))
    assert steps[-1] == 500
    assert [r["step"] for r in rows if r["val_loss"]] == [100, 200, 300, 400, 500]
    assert 100 < len(rows) < 250
    assert {r["rate"] for r in rows} == {0.002}
    assert all(0 < r["gradient_norm"] < 10 for r in rows)
    assert [r["seconds"] for r in rows] == sorted(r["seconds"] for r in rows)
    assert rows[-1]["train_loss"] < 0.8 * rows[0]["train_loss"]


def test_the_same_seed_trains_the_same_network(call: Call) -> None:
    for out, seed in (("one", 1), ("same", 1), ("other", 2)):
        train(call, "--steps", 3, "--dropout", 0.2, "--layers", 2, "--seed", seed, "--out", out)
    one, same, other = (
        Path(out, "weights.safetensors").read_bytes() for out in ("one", "same", "other")
    )
    assert one == same != other


def test_without_a_file_it_reads_the_manual_of_python(call: Call) -> None:
    result = call("train", "--steps", 1, "--hidden", 4, "--layers", 1)
    assert result.status == 0
    assert "saved in runs/python-manual-1\n" in result.out
    assert RunFolder("runs/python-manual-1").load()


def test_without_validation(call: Call) -> None:
    result = train(call, "--steps", 1, "--validation", 0, "--out", "run")
    assert result.status == 0
    assert "validation" not in result.out
    assert log("run")[-1]["val_loss"] is None


A, B = TEXT[:700], "Zz" + TEXT[:400]


@pytest.mark.parametrize(
    ("args", "given", "files"),
    [
        (["a.txt", "b.txt"], "", ["a.txt", "b.txt"]),
        (["--data", "a.txt", "--data", "b.txt"], "", ["a.txt", "b.txt"]),
        (["--data", "b.txt", "a.txt"], "", ["a.txt", "b.txt"]),
        (["-", "b.txt"], A, ["-", "b.txt"]),
        (["a.txt", "--data", "-"], B, ["a.txt", "-"]),
    ],
)
def test_several_files_are_one_text(
    call: Call, monkeypatch: pytest.MonkeyPatch, args: list[str], given: str, files: list[str]
) -> None:
    Path("a.txt").write_text(A)
    Path("b.txt").write_text(B)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    result = call("train", *args, *SMALL, "--steps", 1)
    assert "1,102 characters, 17 distinct" in result.out
    name = "text" if files[0] == "-" else "a"
    assert f"saved in runs/{name}-1\n" in result.out
    source = json.loads(Path(f"runs/{name}-1/config.json").read_text("utf-8"))["source"]
    assert source["digest"] == sha256((A + B).encode()).hexdigest()
    assert source["files"] == [f if f == "-" else str(Path(f).absolute()) for f in files]


@pytest.mark.parametrize(
    ("level", "counts"), [("word", "660 words, 12 distinct"), ("byte", "1,260 bytes, 256 distinct")]
)
def test_levels(call: Call, level: str, counts: str) -> None:
    result = train(call, "--level", level, "--steps", 1, "--out", "run")
    assert (result.status, result.err) == (0, "")
    assert counts in result.out
    assert f"bits/{level})" in result.out
    assert RunFolder("run").load()[1].level == level


def test_bytes_of_a_file_that_is_no_text(call: Call) -> None:
    Path("raw").write_bytes(bytes(range(256)) * 4)
    result = call("train", "raw", *SMALL, "--level", "byte", "--steps", 2, "--out", "run")
    assert (result.status, result.err) == (0, "")
    assert "1,024 bytes, 256 distinct" in result.out
    assert call("sample", "run", "--length", 50, "--seed", 1).status == 0


def test_names_and_texts_are_shown_as_they_are(call: Call) -> None:
    """Nothing in them is taken for markup or for the name of an emoji."""
    name = "[bold]:smile:"
    Path(f"{name}.txt").write_text(":smile: [red]" * 100)
    result = call("train", f"{name}.txt", *SMALL, "--steps", 1)
    assert f"saved in runs/{name}-1\n" in result.out
    assert Path(f"runs/{name}-1/sample.txt").read_text() in result.out


def no_text(path: Path) -> None:
    (path / "folder").mkdir()
    (path / "empty").touch()
    (path / "mark").write_bytes(b"\xef\xbb\xbf")
    (path / "short").write_text("hello" * 8)
    (path / "latin").write_bytes("naïve".encode("latin-1"))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("nothing", "No such file or directory: "),
        ("folder", "Is a directory: "),
        ("empty", "empty is empty"),
        ("mark", "mark is empty"),
        ("short", "has 36 characters, and one batch of 4 rows and 10 steps needs 41"),
        ("latin", "latin is not UTF-8: byte 0xef at place 2"),
        ("text.txt/more", "Not a directory: "),
    ],
)
def test_texts_that_cannot_be_read(call: Call, tmp_path: Path, file: str, message: str) -> None:
    no_text(tmp_path)
    result = call("train", file, *SMALL)
    assert_refused(result, message)
    assert file in result.err or file == "short"
    assert not Path("runs").exists()


def test_a_run_folder_that_exists_is_not_touched(call: Call) -> None:
    train(call, "--steps", 1, "--out", "run")
    before = {name: Path("run", name).read_bytes() for name in FILES}
    assert_refused(train(call, "--steps", 2, "--out", "run"), "run exists already")
    assert {name: Path("run", name).read_bytes() for name in os.listdir("run")} == before
