"""The guide to tracking: its code runs, from top to bottom, as one program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guides import python_blocks, run_as_said

GUIDE = Path(__file__).parents[1] / "docs" / "tracking.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_block_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(python_blocks(GUIDE)) == 2
    run_as_said(GUIDE, capsys)
