"""The guide to comparing runs: its code runs, from top to bottom, as one program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guides import run_as_said

GUIDE = Path(__file__).parents[1] / "docs" / "comparing.md"


def test_every_block_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_as_said(GUIDE, capsys)
    assert {path.suffix for path in Path("comparison").iterdir()} == {".html", ".svg", ".csv"}
