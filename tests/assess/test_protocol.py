"""Settings that are refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archrank.assess import assess
from archrank.errors import BudgetError, LabelError, SettingsError, TableError, UnknownNameError
from archrank.spaces import NASBench201
from archrank.tables import BenchTable
from tests.assess.helpers import Greedy, Linear, Recorder

GRID: dict[str, Any] = {"labels": "val", "truth": "test", "train_sizes": [20, 40], "seeds": 3}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"train_sizes": [0]}, BudgetError, "train size must be at least 1 label, got 0"),
        ({"train_sizes": [40, 300]}, BudgetError, "train size 300 is more than the 240"),
        ({"train_sizes": []}, BudgetError, "no training sizes"),
        ({"train_sizes": [10]}, LabelError, "train size 10 is too few: greedy needs at least 30"),
        ({"seeds": 0}, BudgetError, "seeds must be at least 1, got 0"),
        ({"stages": 0}, BudgetError, "stages must be at least 1"),
        ({"top": 5}, SettingsError, "top 5 is only used with several stages"),
        ({"weak_rows": 5}, SettingsError, "weak_rows 5 is only used with weak labels"),
        ({"fine_tune": 40}, SettingsError, "fine_tune 40 needs a column in fine_tune_labels"),
        ({"fine_tune_labels": ["val"]}, SettingsError, "only used with a number of labels"),
        ({"judge": ["val", "val"]}, SettingsError, "judge names a column twice"),
        (
            {"judge": ["other_test"], "fine_tune": 241, "fine_tune_labels": ["other_val"]},
            BudgetError,
            "fine_tune 241 is more than the 240",
        ),
        ({"fine_tune": -1}, BudgetError, "fine_tune must be 0 or more labels, got -1"),
        ({"train_sizes": [239], "leave_out_training": True}, BudgetError, "leaves fewer than 2"),
        ({"labels": "vals"}, UnknownNameError, "unknown column 'vals', did you mean 'val'"),
        ({"truth": "tset"}, UnknownNameError, "did you mean 'test'"),
        ({"judge": ["tests"]}, UnknownNameError, "unknown column 'tests', did you mean"),
        ({"weak": ["proxi"]}, UnknownNameError, "unknown weak label 'proxi', did you mean 'prox"),
        ({"weak": ["file:"]}, SettingsError, "weak label 'file:': write FILE:COLUMN"),
        ({"weak": ["empty"]}, TableError, "fewer than two of the table's 240 architectures"),
        ({"weak": ["nofile.csv:x"]}, TableError, "nofile.csv"),
    ],
)
def test_what_is_refused_before_anything_runs(
    change: dict[str, Any],
    error: type[Exception],
    message: str,
    table: BenchTable,
    space: NASBench201,
    tmp_path: Path,
) -> None:
    Recorder.fits.clear()
    rankers = {"recorder": Recorder(space), "greedy": Greedy(space)}
    settings = {**GRID, "train_sizes": [40], **change}
    with pytest.raises(error, match=message):
        assess(table, rankers, out=tmp_path / "out", **settings)
    assert Recorder.fits == []
    assert not (tmp_path / "out").exists()


def test_tables_that_cannot_be_used(path: Path, space: NASBench201, tmp_path: Path) -> None:
    lines = path.read_text().splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join([*cells[:2], "", *cells[3:]])
    holes = tmp_path / "holes.csv"
    holes.write_text("\n".join(lines) + "\n")
    with pytest.raises(TableError, match=r"column 'test': row 2 \(line 4\) is empty or NaN"):
        assess(holes, [Linear(space)], **GRID)
    assess(holes, [Linear(space)], labels="val", seeds=1)  # other columns are usable
