"""A folder with a text in it, to call the command line in."""

from pathlib import Path
from typing import Any

import pytest

from minigrad import cli
from minigrad.picture import plots
from tests.cli.calls import TEXT, Call, Result


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Call:
    """``call("train", "text.txt")`` in a folder that has a text.txt.

    A picture of the losses takes as long as a hundred steps: tests that look at it draw it.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plots, "as_svg", lambda ax: b"<svg/>")
    (tmp_path / "text.txt").write_text(TEXT)

    def run(*args: Any) -> Result:
        with pytest.raises(SystemExit) as caught:
            cli.main([str(a) for a in args])
        out, err = capsys.readouterr()
        return Result(caught.value.code or 0, out, err)

    return run
