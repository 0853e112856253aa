from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from tests.guides import run_block

PAGE = Path(__file__).parents[2] / "docs" / "proxies.md"


def test_the_pages_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        run_block(block, names)
    pool = names["pool"]
    assert names["ranker"].fit(pool[:10], np.arange(10.0)).predict(pool).shape == (len(pool),)
    assert len(names["study"].history) == 8
