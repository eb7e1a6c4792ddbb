"""A folder with a text in it, to call the command line in."""

from pathlib import Path
from typing import Any

import pytest

from minigrad import cli
from tests.cli.calls import TEXT, Call, Result


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Call:
    """``call("train", "text.txt")`` in a folder that has a text.txt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)

    def run(*args: Any) -> Result:
        with pytest.raises(SystemExit) as caught:
            cli.main([str(a) for a in args])
        out, err = capsys.readouterr()
        return Result(caught.value.code or 0, out, err)

    return run
