"""The guide to users' evaluators: its code runs, from top to bottom, as one program."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "your_own_evaluator.md"


def test_every_block_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = python_blocks(GUIDE)
    assert len(blocks) == 8
    guide = ModuleType("guide_to_evaluators")
    monkeypatch.setitem(sys.modules, guide.__name__, guide)  # so that what it defines pickles
    names: dict[str, Any] = vars(guide)
    for number, block in enumerate(blocks, 1):
        run_block(block, names, f"{GUIDE.name}, block {number}")
    assert names["study"].best.values == {"quality": 48.0, "energy_mj": 256.0}
    printed = capsys.readouterr().out.splitlines()[-2:]
    said = re.findall(r"# (.*)", blocks[-2])
    assert [", ".join(ast.literal_eval(line)) for line in printed] == said
