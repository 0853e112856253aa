"""The guide to tables of measurements: its code runs as one program; so does the example."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests.guides import python_blocks, run_as_said

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "your_own_table.md"
EXAMPLE = ROOT / "examples" / "13_from_a_table.py"


def test_every_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(python_blocks(GUIDE)) == 5
    run_as_said(GUIDE, capsys)


def test_the_example_is_short_and_finds_good_ones(capsys: pytest.CaptureFixture[str]) -> None:
    job = EXAMPLE.read_text(encoding="utf-8").partition('if __name__ == "__main__":\n')[2]
    assert len([line for line in job.splitlines() if line.strip()]) <= 10
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    means, stds = zip(*(re.findall(r"\d\.\d+", line)[:2] for line in lines), strict=True)
    assert list(means) == sorted(means, reverse=True)
    assert all(0 < float(std) < 0.2 for std in stds)
    assert 0.7 < float(means[0]) < 0.9
