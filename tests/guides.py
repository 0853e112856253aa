"""Guides are programs: their blocks of Python, and how to run them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MARKDOWN = [
    file
    for folder in (".", "docs", "docs/papers", "benchmarks")
    for file in sorted((ROOT / folder).glob("*.md"))
]
"""Everything that is read on a code host and on the site."""


def python_blocks(guide: Path) -> list[str]:
    """Return the Python of a guide, block by block."""
    return re.findall(r"^```python\n(.*?)^```", guide.read_text(encoding="utf-8"), re.M | re.S)


def run_block(text: str, names: dict[str, Any], name: str = "a guide") -> None:
    """Run Python as a file of its own: without the ``from __future__`` of tests."""
    exec(compile(text, name, "exec", dont_inherit=True), names)


def run_as_said(guide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the blocks as one program; a block's comment lines, if any, are what it prints."""
    names: dict[str, Any] = {}
    for number, block in enumerate(python_blocks(guide), 1):
        capsys.readouterr()
        run_block(block, names, f"{guide.name}, block {number}")
        said = re.findall(r"^# (.*)", block, re.M)
        assert not said or capsys.readouterr().out.splitlines() == said
