"""The guide to Optuna: its code runs, from top to bottom, as one program; so the example."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from tests.guides import python_blocks, run_as_said

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "optuna.md"
EXAMPLE = ROOT / "examples" / "14_optuna.py"


@pytest.fixture(autouse=True)
def _levels_of_logging() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


def test_every_block_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(python_blocks(GUIDE)) == 3
    run_as_said(GUIDE, capsys)


def test_the_example_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = EXAMPLE.read_text(encoding="utf-8")
    Path("example.py").write_text(source.replace("n_trials=30", "n_trials=8"), encoding="utf-8")
    runpy.run_path("example.py", run_name="__main__")
    found = capsys.readouterr().out
    assert float(found.split()[0]) > 0.9
    assert "'kind'" in found
