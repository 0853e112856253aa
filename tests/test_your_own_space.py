"""The guide to users' spaces: its code runs, from top to bottom, as one program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "your_own_space.md"


def test_every_block_runs() -> None:
    blocks = python_blocks(GUIDE)
    assert len(blocks) == 15
    names: dict[str, Any] = {"__name__": "guide"}
    for number, block in enumerate(blocks, 1):
        run_block(block, names, f"{GUIDE.name}, block {number}")
    task = names["ar"].tasks.digits()
    widths = names["widths"]
    archs = widths.enumerate()
    counted = names["ar"].spaces.CustomSpace(
        {c.name: c.options for c in widths.choices},
        lambda config, task: widths.networks(task).build(widths.parse([_write(config)])[0]),
    )
    for name, values in counted.networks(task).cost(archs).items():
        assert values.tolist() == widths.networks(task).cost(archs)[name].tolist()


def _write(config: dict[str, Any]) -> str:
    return ",".join(f"{name}={option}" for name, option in config.items())
