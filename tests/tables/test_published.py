from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import TableError, UnknownNameError
from archrank.evaluators import Table
from archrank.spaces import GPTS, HAT, HATAverages
from archrank.tables import load_table
from archrank.tables.files import read_raw
from archrank.tables.published import LAYOUTS

HAT_COLUMNS = tuple(LAYOUTS[-1].columns)


@pytest.fixture
def latencies(tmp_path: Path) -> Path:
    """Latencies of HAT's form: 30 architectures on each of two devices, one of them twice."""
    space = HATAverages()
    frames = []
    for k, device in enumerate(("cpu", "gpu")):
        rows = space.sample(30, rng=np.random.default_rng(k))
        rows[7] = rows[3]
        frame = pd.DataFrame(space.means(rows).round(6), columns=list(HAT_COLUMNS))
        frame.insert(0, "hardware", device)
        frame.insert(0, "task", "iwslt")
        frame["latency_mean_encoder"] = np.arange(30.0) + k
        frame["latency_mean_decoder"] = 100.0
        frames.append(frame)
    path = tmp_path / "latencies.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


def test_hats_latencies_are_read_as_they_are(latencies: Path) -> None:
    space = HATAverages()
    table = load_table(latencies, space, where={"hardware": "gpu"})
    assert table.metrics == ("latency_ms", "latency_mean_encoder", "latency_mean_decoder")
    assert table.directions["latency_ms"] == "minimize"
    assert len(table) == 29
    rows = space.sample(30, rng=np.random.default_rng(1))
    assert (np.delete(rows, 7, axis=0) == table.archs).all()
    expected = np.arange(30.0) + 101
    expected[3] = (expected[3] + expected[7]) / 2  # one row for both, with their mean
    assert table.column("latency_ms").tolist() == np.delete(expected, 7).tolist()


def test_devices_are_not_mixed(latencies: Path) -> None:
    with pytest.raises(TableError, match="--where task=iwslt hardware=cpu") as caught:
        load_table(latencies, HATAverages())
    assert "iwslt cpu; iwslt gpu" in str(caught.value)
    with pytest.raises(TableError, match="values of 'hardware' are cpu, gpu"):
        load_table(latencies, HATAverages(), where={"hardware": "tpu"})
    with pytest.raises(UnknownNameError, match="'device'"):
        load_table(latencies, HATAverages(), where={"device": "cpu"})


def test_messages_name_the_rows_of_the_file(latencies: Path) -> None:
    frame = pd.read_csv(latencies)
    frame.loc[45, "latency_mean_decoder"] = np.nan
    frame.to_csv(latencies, index=False)
    table = load_table(latencies, HATAverages(), where={"hardware": "gpu"})
    with pytest.raises(TableError, match=r"row 45 \(line 47\) is empty"):
        table.objective("latency_ms")
    frame["encoder_ffn_embed_dim_avg"] = frame["encoder_ffn_embed_dim_avg"].replace(
        frame.loc[31, "encoder_ffn_embed_dim_avg"], 777
    )
    frame.to_csv(latencies, index=False)
    with pytest.raises(TableError, match=r"row 31 \(line 33\): expected enc_ffn"):
        load_table(latencies, HATAverages(), where={"hardware": "gpu"})


def test_language_models_are_read_as_they_are(tmp_path: Path) -> None:
    space = GPTS()
    archs = space.sample(20, rng=np.random.default_rng(0))
    cells = [dict(part.split("=") for part in text.split(",")) for text in space.format(archs)]
    frame = pd.DataFrame(cells).assign(perplexity=np.arange(20.0), gpulat_a100=1.0)
    path = tmp_path / "gpt.csv"
    frame.to_csv(path, index=False)
    table = load_table(path, space)
    assert (table.archs == archs).all()
    assert table.metrics == ("perplexity", "gpulat_a100")
    found = Table(path, "perplexity").bind(space).evaluate(archs[5:7])  # as in a search
    assert found["perplexity"].tolist() == [5.0, 6.0]


def test_a_column_arch_comes_first(tmp_path: Path) -> None:
    space = HAT("union")
    archs = space.sample(3, rng=np.random.default_rng(0))
    frame = pd.DataFrame({"arch": space.format(archs), "latency_ms": [1.0, 2.0, 3.0]})
    for column in HAT_COLUMNS:
        frame[column] = 1
    path = tmp_path / "own.csv"
    frame.to_csv(path, index=False)
    assert read_raw(path).space == ""
    assert (load_table(path, space).archs == archs).all()
