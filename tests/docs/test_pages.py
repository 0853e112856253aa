"""Pages of the site that are programs are run, and no page has Python that no test runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guides import MARKDOWN, python_blocks, run_as_said

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("papers/*.md")])


def test_five_minutes_are_as_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_as_said(DOCS / "start.md", capsys)


def test_the_first_search_ends_as_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from archrank.cli import main

    monkeypatch.chdir(tmp_path)
    assert main.run(["search", "--table", "digits201", "--budget", "40"]) == 0
    captured = capsys.readouterr()
    printed = (captured.out + captured.err).splitlines()
    text = (DOCS / "start.md").read_text(encoding="utf-8")
    shown = text.partition("```text\n")[2].partition("```")[0].splitlines()
    assert len(shown) > 4
    assert [line for line in shown if line not in [*printed, "..."]] == []


@pytest.mark.parametrize("page", [p for p in PAGES if python_blocks(p)], ids=lambda p: p.stem)
def test_python_of_each_page_is_run_by_a_test(page: Path) -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in ROOT.glob("tests/**/test_*.py"))
    assert f'"{page.name}"' in tests or f"/{page.name}" in tests


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_rows_of_tables_are_whole(file: Path) -> None:
    """A row that goes on in a second line would be shown as two."""
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    for table in re.findall(r"^\|.*?(?:\n\n|\Z)", text, re.M | re.S):
        cells = [len(re.findall(r"(?<!\\)\|", row)) for row in table.strip().splitlines()]
        assert set(cells) == {cells[0]}, table


def test_fenced_code_names_a_language_that_is_known() -> None:
    """A block without one is commands for a shell, which ``test_guide_commands`` types."""
    known = {"", "python", "text", "bash", "sh", "console", "yaml", "toml", "json", "{toctree}"}
    for page in PAGES:
        fences = [
            line[3:].strip() for line in page.read_text(encoding="utf-8").splitlines()
            if line.startswith("```")
        ]  # fmt: skip
        assert set(fences) <= known, page
