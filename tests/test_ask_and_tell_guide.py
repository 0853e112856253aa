"""The guide to ask and tell: its code runs, from top to bottom, as one program; so the example."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests.guides import python_blocks, run_as_said

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "ask_and_tell.md"
EXAMPLE = ROOT / "examples" / "10_ask_and_tell.py"


def test_every_block_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(python_blocks(GUIDE)) == 4
    run_as_said(GUIDE, capsys)


def test_the_example_is_short_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = EXAMPLE.read_text(encoding="utf-8")
    job = source.partition('if __name__ == "__main__":\n')[2]
    assert len([line for line in job.splitlines() if line.strip()]) <= 12
    quick = source.replace("range(30)", "range(1)")
    Path("example.py").write_text(quick.replace("< 12:", "< 4:"), encoding="utf-8")
    runpy.run_path("example.py", run_name="__main__")
    Path("example.py").write_text(quick.replace("< 12:", "< 6:"), encoding="utf-8")
    runpy.run_path("example.py", run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r"[\d.]+ +\d+ (parameters) .*", r"\1", line) for line in lines] == [
        "parameters"
    ] * 2
    assert all(int(line.split()[1]) <= 50_000 for line in lines)
