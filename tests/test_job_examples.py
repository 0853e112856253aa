"""Examples of the jobs that people come with: they run, and they are short."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
MODELS = {"Block", "build", "loss", "train", "train_and_eval"}
MADE_UP = {"measured"}  # in place of a file of the reader's


def lines_of(path: Path) -> int:
    """Count the lines without imports, docstrings, comments, empty ones and the model itself."""
    text = path.read_text(encoding="utf-8")
    comments = (line.lstrip().startswith("#") for line in text.splitlines())
    left_out = {number for number, comment in enumerate(comments, 1) if comment}
    for node in ast.walk(ast.parse(text)):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        named = isinstance(node, ast.FunctionDef | ast.ClassDef)
        model = named and node.name in MODELS | MADE_UP  # type: ignore[attr-defined]
        if docstring or model or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    written = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and number not in left_out for number, line in written)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("09_your_own_images.py", 35),
        ("10_ask_and_tell.py", 12),
        ("11_tabular_under_a_millisecond.py", 25),
        ("12_your_own_loop.py", 15),
        ("13_from_a_table.py", 10),
    ],
)
def test_it_is_short(name: str, most: int) -> None:
    assert lines_of(EXAMPLES / name) <= most


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("11_tabular_under_a_millisecond.py", "measured once more: depth="),
        ("12_your_own_loop.py", "'rmse_std'"),
    ],
)
def test_it_runs(name: str, printed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout
