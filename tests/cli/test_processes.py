"""The command line in a process of its own: signals, and output that goes nowhere."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad import cli
from minigrad.text import RunFolder
from tests.cli.calls import FILES, SMALL, TEXT

MAIN = [sys.executable, "-c", "from minigrad.cli import main; main()"]


ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
    "PYTHONPATH": str(Path(minigrad.__file__).parents[1]),
    "PYTHONIOENCODING": "utf-8",
}


def test_python_m(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minigrad", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, check=True)
    assert done.stdout.decode().strip() == f"minigrad {minigrad.__version__}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop(tmp_path: Path, told: signal.Signals) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    command = [*MAIN, "train", "text.txt", *SMALL, "--steps", "100000", "--out", "run"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "characters" in process.stdout.readline()
        process.send_signal(told)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "stopped by you after" in out
    assert sorted(os.listdir(tmp_path / "run")) == FILES
    assert RunFolder(tmp_path / "run").load()


def test_a_reader_that_has_enough() -> None:
    """As in ``minigrad verify | head -1``: no traceback, and no message either."""
    with subprocess.Popen(
        [*MAIN, "verify"], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a full disk at hand")
def test_output_that_cannot_be_written() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*MAIN, "verify"], env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (2, b"minigrad: No space left on device\n")


def test_a_console_without_our_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    with pytest.raises(SystemExit):
        cli.main(["verify"])
    sys.stdout.flush()
    assert b"f = (x + y) ? z" in raw.getvalue()
