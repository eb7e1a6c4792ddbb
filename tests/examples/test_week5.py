"""The examples of "The Math of Intelligence", week 5, run small."""

from pathlib import Path
from typing import Any

from tests.examples.loading import load


def test_min_char_lstm(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "text.txt").write_text("to be or not to be, that is the question. " * 20)
    loss, commonness = load("min_char_lstm").main(tmp_path / "text.txt", steps=600, reports=4)
    assert 2 < commonness < 3
    assert loss < 0.1  # it knows the sentence by heart
    out = capsys.readouterr().out
    assert "840 characters, 15 distinct" in out
    assert [line.split(",")[0] for line in out.splitlines() if ", loss" in line] == [
        f"---- step {number}" for number in (150, 300, 450, 600)
    ]
    assert "that is the question. to be or not to be" in out.split("step 600")[1]
