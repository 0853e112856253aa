"""The guide to supernets: its code runs, from top to bottom, as one program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "supernets.md"


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(GUIDE)
    assert len(blocks) == 5
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks, 1):
        run_block(block, names, f"{GUIDE.name}, block {number}")
    task, best = names["task"], names["scores"]["loss"].argmin()
    x = task.load().valid.x[:64]
    with torch.no_grad():
        own, shared = names["network"](x), names["supernet"](x, names["pool"][best])
    torch.testing.assert_close(own, shared)
    assert names["logits"].shape == (16, 10)
    assert (
        names["ranker"]
        .fit(names["pool"], names["scores"]["accuracy"])
        .score(names["pool"], names["scores"]["accuracy"])
        > 0.9
    )
