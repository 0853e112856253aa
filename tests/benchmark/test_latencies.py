from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archrank.benchmark import latencies
from archrank.benchmark.latencies import archs_to_measure, grow_latencies
from archrank.errors import (
    BudgetError,
    EvaluationError,
    ResumeError,
    StorageError,
    TableError,
)
from archrank.evaluators import Latency
from archrank.hardware import LatencyProtocol, Timing
from archrank.hardware.measured import MeasuredLatencies
from archrank.spaces import HAT, CustomSpace, NASBench201
from archrank.tables.writing import write_table
from archrank.tasks import Digits, Glyphs

SPACE = NASBench201()
NETWORKS = SPACE.networks(Digits())
ARCHS = archs_to_measure(NETWORKS, 12)


class Counted(Latency):
    """Takes a millisecond per hundred parameters, and notes what it has timed."""

    timed: list[str]
    fails = 0

    def time(self, arch: NDArray[np.uint8], waiting: Any = None) -> Timing | str:
        self.timed.append(SPACE.format(arch[None])[0])
        if len(self.timed) == self.fails:
            return "no luck"
        if self.fails < 0 and len(self.timed) == -self.fails:
            raise KeyboardInterrupt
        params = float(self.networks.cost(arch[None])["params"][0])
        return Timing(params / 100, 0.02 if len(self.timed) == 1 else 0.01, {}, 2, False)


def counted(fails: int = 0, **protocol: Any) -> Counted:
    found = Counted(Digits(), LatencyProtocol(repeats=20, **protocol)).bind(SPACE)
    found.timed, found.fails = [], fails
    return found


def test_a_table_grows_and_measures_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "t.parquet"
    first, second = counted(), counted()
    found = grow_latencies(path, first, ARCHS[:5])
    assert (found.measured, len(found.table), len(first.timed)) == (5, 5, 5)
    assert found.noisy == first.timed[:1]
    done: list[tuple[int, int]] = []
    found = grow_latencies(path, second, ARCHS, watch=lambda *now: done.append(now))
    assert (found.measured, len(found.table)) == (7, 12)
    assert (done[0], done[-1]) == ((6, 12), (12, 12))
    assert first.timed + second.timed == SPACE.format(ARCHS) == SPACE.format(found.table.archs)
    costs = NETWORKS.cost(ARCHS)
    np.testing.assert_allclose(found.table.column("latency_ms"), costs["params"] / 100)
    assert (found.table.column("macs") == costs["macs"]).all()
    assert (found.table.column("latency_tries") == 2).all()
    read = MeasuredLatencies.read(path, SPACE)
    assert (read.protocol, read.device) == (LatencyProtocol(repeats=20), "cpu")
    assert (read.archs == ARCHS).all()
    read.require_here(Digits())


def test_what_was_measured_before_a_kill_is_kept(tmp_path: Path) -> None:
    stopped, after = counted(fails=-4), counted()
    with pytest.raises(KeyboardInterrupt):
        grow_latencies(tmp_path / "t.parquet", stopped, ARCHS)
    found = grow_latencies(tmp_path / "t.parquet", after, ARCHS)
    assert found.measured == 9
    assert stopped.timed[:3] + after.timed == SPACE.format(ARCHS)


def test_failures_are_told_and_tried_again(tmp_path: Path) -> None:
    evaluator = counted(fails=2)
    found = grow_latencies(tmp_path / "t.parquet", evaluator, ARCHS[:3])
    assert found.failed == {evaluator.timed[1]: "no luck"}
    assert len(found.table) == 2
    assert grow_latencies(tmp_path / "t.parquet", counted(), ARCHS[:3]).measured == 1
    with pytest.raises(EvaluationError, match=r"no latency could be measured; .*: no luck"):
        grow_latencies(tmp_path / "u.parquet", counted(fails=1), ARCHS[:1])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"threads": 2}, "latency.protocol.threads: 1 -> 2"),
        ({"dtype": "bfloat16"}, "dtype: float32 -> bfloat16"),
        ({"batch_size": 4}, "batch_size: 1 -> 4"),
    ],
)
def test_other_circumstances_are_refused(
    changed: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    grow_latencies(path, counted(), ARCHS[:3])
    before = path.read_bytes()
    with pytest.raises(ResumeError, match=f"measured otherwise.*{told}"):
        grow_latencies(path, counted(**changed), ARCHS)
    assert path.read_bytes() == before


def test_recipes_change_no_latency(tmp_path: Path) -> None:
    """Those of older tables, which tell the recipe, included."""
    path = tmp_path / "t.parquet"
    longer = Digits(recipe=replace(Digits().recipe, epochs=77))
    table = grow_latencies(path, counted(), ARCHS[:3]).table
    assert "recipe" not in table.raw.about["task"]
    MeasuredLatencies.read(path, SPACE).require_here(longer)
    columns = {name: table.column(name) for name in table.metrics}
    about = {**table.raw.about, "task": longer.identity()}
    assert "recipe" in about["task"]
    write_table(path, SPACE.format(table.archs), columns, about=about)
    MeasuredLatencies.read(path, SPACE).require_here(Digits())
    assert grow_latencies(path, counted(), ARCHS[:4]).measured == 1


def test_other_machines_versions_and_tasks_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    grow_latencies(path, counted(), ARCHS[:3])
    table = MeasuredLatencies.read(path, SPACE)
    with pytest.raises(TableError, match=r"do not compare .*task: Digits -> Glyphs"):
        table.require_here(Glyphs())
    there = {"archrank": "9", "torch": "9.1", "processor": "a toaster"}
    monkeypatch.setattr("archrank.hardware.measured.environment", lambda: there)
    told = r"processor: .* -> a toaster; latency.versions.archrank: .* -> 9; .*torch: .* -> 9.1"
    with pytest.raises(TableError, match=told):
        table.require_here(Digits())
    with pytest.raises(ResumeError, match=told):
        grow_latencies(path, counted(), ARCHS)


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet", SPACE.format(ARCHS), {"score": np.arange(12.0)})
    with pytest.raises(TableError, match="no table of latencies; name another file"):
        grow_latencies(path, counted(), ARCHS)
    with pytest.raises(TableError, match="archrank tables latency writes one"):
        MeasuredLatencies.read(path, SPACE)
    with pytest.raises(StorageError, match=r"name .*t.parquet"):
        grow_latencies(tmp_path / "t.csv", counted(), ARCHS)
    about = {"latency": {"device": "cpu", "protocol": {"repeats": -1}}}
    write_table(path, SPACE.format(ARCHS), {"latency_ms": np.arange(12.0)}, about=about)
    with pytest.raises(TableError, match="how latencies were measured is damaged"):
        MeasuredLatencies.read(path, SPACE)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    lock = latencies._lock(path)
    with pytest.raises(StorageError, match="another archrank process measures latencies for"):
        grow_latencies(path, counted(), ARCHS)
    lock.release()


def test_more_architectures_begin_as_fewer_do() -> None:
    networks = HAT("small").networks()
    few, many = archs_to_measure(networks, 70, seed=1), archs_to_measure(networks, 200, seed=1)
    assert (many[:70] == few).all()
    assert len(np.unique(many, axis=0)) == 200
    assert (few[0] == networks.smallest).all()
    assert (few[1] == networks.largest).all()
    assert len(archs_to_measure(networks, 1)) == 1
    assert (archs_to_measure(networks, 70, seed=2)[2:] != few[2:]).any()


def test_spaces_of_few_architectures() -> None:
    space = CustomSpace({"depth": [1, 2, 3]}, build=lambda config, task: None)
    with pytest.raises(BudgetError, match=r"n 4: .* has 3 architectures"):
        archs_to_measure(space.networks(Digits()), 4)
