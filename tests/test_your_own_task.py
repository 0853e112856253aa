"""The guide to users' tasks: its code runs, from top to bottom, as one program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archrank.evaluators import Training
from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "your_own_task.md"


def test_every_block_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path))
    blocks = python_blocks(GUIDE)
    assert len(blocks) == 7
    names: dict[str, Any] = {"__name__": "guide"}
    for number, block in enumerate(blocks, 1):
        run_block(block, names, f"{GUIDE.name}, block {number}")
    sizes, config, features, rent, animals, shape, reviews, error = (
        capsys.readouterr().out.splitlines()
    )
    assert f"print(task.input_shape, task.class_names, task.n_outputs)  # {sizes}" in blocks[0]
    assert names["study"].best.values["params"] <= 150
    assert config == str(names["study"].best.config)
    assert f"print(rents.features)  # {features}" in blocks[2]
    assert abs(float(rent.strip("[]")) - 1020) < 100
    assert f"# {animals}\n" in blocks[4]
    assert f"# {shape}\n" in blocks[4]
    assert f"# {reviews}\n" in blocks[5]
    texts = names["texts"]
    trained = Training(names["reviews"]).bind(texts).evaluate(texts.enumerate()[2:])
    assert trained["valid_accuracy"] > 0.8
    assert "row 17 of the data" in error
