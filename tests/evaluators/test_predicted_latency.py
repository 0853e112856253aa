from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import ArgumentError, EvaluationError, LabelError, TableError
from archrank.evaluators import EVALUATORS, PredictedLatency
from archrank.hardware import LatencyProtocol
from archrank.hardware.measured import described
from archrank.spaces import NASBench201
from archrank.tables.writing import write_table
from archrank.tasks import Digits
from archrank.testing import check_evaluator


def table(path: Path, space: NASBench201, n: int = 40) -> Path:
    """Latencies of a millisecond per three convolutions, and a tenth."""
    archs = space.sample(4 * n, rng=np.random.default_rng(0))
    archs = np.unique(archs, axis=0)[::2][:n]
    ms = 0.1 + (archs == 3).sum(axis=1) / 3
    about = described(Digits(), LatencyProtocol(repeats=20), "cpu")
    return write_table(path, space.format(archs), {"latency_ms": ms}, about=about)


def test_contract(space: NASBench201, tmp_path: Path) -> None:
    evaluator = PredictedLatency(table(tmp_path / "t.parquet", space))
    check_evaluator(evaluator, space, n=20)
    assert evaluator.cheap
    assert EVALUATORS.get("predicted_latency") is PredictedLatency


def test_predictions_have_a_margin(space: NASBench201, tmp_path: Path) -> None:
    evaluator = PredictedLatency(str(table(tmp_path / "t.parquet", space))).bind(space)
    archs = space.sample(300, rng=np.random.default_rng(1))
    truth = 0.1 + (archs == 3).sum(axis=1) / 3
    found = evaluator.evaluate(archs)["predicted_latency_ms"]
    assert (truth <= found * (1 + 1e-9)).mean() > 0.8
    np.testing.assert_allclose(found, evaluator.model.upper_ms(archs), rtol=1e-8)
    assert np.corrcoef(found, truth)[0, 1] > 0.9


def test_what_it_depends_on(space: NASBench201, tmp_path: Path) -> None:
    first = PredictedLatency(table(tmp_path / "t.parquet", space)).bind(space)
    moved = PredictedLatency(table(tmp_path / "u.parquet", space)).bind(space)
    more = PredictedLatency(table(tmp_path / "v.parquet", space, n=50)).bind(space)
    assert first.contents() == moved.contents() != more.contents()
    assert first.describe() == more.describe()
    assert len(pickle.dumps(first)) < 2_000
    archs = space.sample(5, rng=np.random.default_rng(1))
    again = pickle.loads(pickle.dumps(first))
    both = (each.evaluate(archs)["predicted_latency_ms"] for each in (again, first))
    np.testing.assert_array_equal(*both)


def test_what_cannot_be_used(space: NASBench201, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="does not know its space yet"):
        PredictedLatency("t.parquet").contents()
    with pytest.raises(TableError, match="no such file"):
        PredictedLatency(tmp_path / "t.parquet").bind(space)
    with pytest.raises(LabelError, match="5 measured latencies are too few"):
        PredictedLatency(table(tmp_path / "few.parquet", space, n=5)).bind(space)
    with pytest.raises(ArgumentError, match="table is 3, expected"):
        PredictedLatency(3)  # type: ignore[arg-type]
