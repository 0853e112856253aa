"""The guide of latency runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.guides import run_block

GUIDE = (Path(__file__).parents[1] / "docs" / "latency.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)


def test_the_code_runs() -> None:
    names: dict[str, Any] = {}
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        run_block(block, names)
    assert names["found"].ms > 0
    assert len(names["study"].constraints) == 2
    assert names["phone"].command.tries == 5
    assert (names["ms"][names["fast"]] <= 8.0).mean() > 0.9
