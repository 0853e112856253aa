"""The guide to exports: its code runs, from top to bottom, as one program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "export.md"


def test_every_block_runs() -> None:
    blocks = python_blocks(GUIDE)
    assert len(blocks) == 3
    names: dict[str, Any] = {"__name__": "guide"}
    for number, block in enumerate(blocks, 1):
        run_block(block, names, f"{GUIDE.name}, block {number}")
    assert "as when exported" not in names["done"].stdout
    listed = set(re.findall(r"`([\w.]+\.(?:safetensors|json|py|md|svg|pt))`", GUIDE.read_text()))
    assert {path.name for path in Path(names["folder"]).iterdir()} <= listed
