"""A training that is killed or stopped twenty times, at any moment, ends as one that never was."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import minigrad
from tests.cli.calls import FILES, TEXT, assert_same_run, without_rows_of_ctrl_c

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")

SEED = int(os.environ.get("KILL_SEED", "0"))
OPTIONS = [
    *("--cell", "rnn", "--hidden", "6", "--layers", "2", "--length", "6", "--batch", "4"),
    *("--dropout", "0.2", "--recurrent-dropout", "0.1", "--warmup", "30"),
    *("--schedule", "plateau", "--decay-patience", "1", "--report-every", "10", "--log-every", "5"),
]


class Lives:
    """Trainings in processes of their own, without matplotlib, which would take half their time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "text.txt").write_text(TEXT)
        (folder / "matplotlib.py").write_text("raise ImportError")
        source = str(Path(minigrad.__file__).parents[1])
        path = os.pathsep.join([str(folder), source])
        self.environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}

    def begin(self, *args: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "minigrad", "train", *args],
            cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def end(self, *args: str) -> float:
        """A life that is let be; the seconds from report to report."""
        times = []
        with self.begin(*args) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(b"step "):
                    times.append(time.perf_counter())
            _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
        return (times[-1] - times[0]) / max(1, len(times) - 1)


@pytest.mark.parametrize(("name", "times"), [("SIGKILL", 16), ("SIGINT", 4)])
def test_interrupted_and_resumed(tmp_path: Path, name: str, times: int) -> None:
    """Each life ends after so many reports, at most three, and a part of the next."""
    how = getattr(signal, name)
    earliest, status = (-1, -how) if name == "SIGKILL" else (0, 130)  # Python must have started
    lives, rng = Lives(tmp_path), random.Random(SEED + how)
    new = ["text.txt", *OPTIONS, "--steps", str(50 * times), "--out"]
    longest = lives.end(*new, "whole")
    for _ in range(times):
        begun = (tmp_path / "run" / "checkpoint.safetensors").exists()
        with lives.begin(*(["--resume", "run"] if begun else [*new, "run"])) as process:
            after(process, reports=rng.randrange(earliest, 4))
            time.sleep(rng.uniform(0, longest))
            process.send_signal(how)
            _, err = process.communicate(timeout=60)
        assert process.returncode == status, err
    lives.end("--resume", "run")
    assert set(FILES) - {"loss.svg"} <= set(os.listdir(tmp_path / "run"))
    if name == "SIGINT":
        without_rows_of_ctrl_c(tmp_path / "run", like=tmp_path / "whole")
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def after(process: "subprocess.Popen[bytes]", reports: int) -> None:
    """Wait until a training has begun, and has made so many reports; -1: not even begun."""
    assert process.stdout is not None
    for _ in range(2 if reports >= 0 else 0):  # lines about the text and the network
        assert process.stdout.readline()
    while reports > 0:
        line = process.stdout.readline()
        assert line, "it ended before it was killed"
        reports -= line.startswith(b"step ")
