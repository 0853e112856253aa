"""The guide of text tasks runs as it is printed, on small files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from archrank.tasks import TASKS
from archrank.tasks.text import decoding
from tests.guides import run_block
from tests.tasks.text.files import parallel, text

GUIDE = (Path(__file__).parents[1] / "docs" / "text.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    parallel(tmp_path)
    text(tmp_path)
    written = decoding.Translations(["a well-known b c d"], ["a well-known b c d"])
    monkeypatch.setattr(decoding, "translations", lambda network, task: written)
    names: dict[str, Any] = {"network": None}
    assert len(BLOCKS) == 3
    shapes = []
    for block in BLOCKS:
        run_block(block, names)
        shapes.append(names["task"].input_shape)
    assert shapes == [(2, 7), (512,), (512,)]
    assert names["written"] is written


def test_names_are_those_of_tasks() -> None:
    for name in ("topics", "dates", "iwslt14", "wmt14", "wikitext103"):
        assert name in TASKS.names()
        assert f"`{name}`" in GUIDE
