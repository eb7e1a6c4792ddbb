"""The README and docs/ say what is true: their code runs, their commands are those of CI."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_code_of_a_page_runs_and_prints_what_its_comments_say(
    page, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks(page, "python"):
        capsys.readouterr()
        exec(compile(block, str(page), "exec"), namespace)
        printed = capsys.readouterr().out
        for said in re.findall(r"^print\(.*\)\s+# ([-\[\d].*)$", block, re.M):
            assert said in printed


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_and_picture_is_there(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_ci_runs_the_readme_test_command():
    (command,) = [b.strip() for b in blocks(ROOT / "README.md", "sh") if "pytest" in b]
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")
