"""Published tables as somebody's CSV export: a column per choice, whatever else they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import TableError
from archrank.rankers import Calibrated, GaussianProcess
from archrank.tables.own import read_table
from archrank.tables.published import GPT_S, LAYOUTS

AVERAGES = list(LAYOUTS[-1].columns)
PAIRS = {
    ("iwslt14deen", "gpu_titanxp"): 1998,
    ("wmt14ende", "cpu_xeon"): 2000,
    ("wmt14ende", "gpu_titanxp"): 2000,
    ("wmt14enfr", "cpu_raspberrypi"): 1999,
}


@pytest.fixture(scope="module")
def hat(data_dir: Path) -> Path:
    return data_dir / "hat_latency.csv.gz"


@pytest.fixture(scope="module")
def gpt(data_dir: Path) -> Path:
    return data_dir / "hwgpt_s.csv.gz"


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_ten_averages_of_each_device(hat: Path, pair: tuple[str, str]) -> None:
    where = dict(zip(("task", "hardware"), pair, strict=True))
    table = read_table(hat, AVERAGES, "latency_ms", where=where, average=True)
    assert (len(table), len(table.failed)) == (PAIRS[pair], 0)
    assert table.constant == ("encoder_layer_num",)
    frame = pd.read_csv(hat)
    frame = frame[(frame.task == pair[0]) & (frame.hardware == pair[1])]
    total = frame.latency_mean_encoder + frame.latency_mean_decoder
    expected = total.groupby([frame[name] for name in AVERAGES]).mean()
    found = pd.Series(table.values, index=table.space.format(table.archs)).sort_index()
    rows = [dict(zip(AVERAGES, key, strict=True)) for key in expected.index]
    keys = table.space.format(np.array([table.space.from_config(row) for row in rows]))
    assert np.allclose(found, pd.Series(expected.to_numpy(), index=keys).sort_index())


def test_devices_are_choices_if_they_are_said_to_be(hat: Path) -> None:
    with pytest.raises(TableError, match="measurements of 4 kinds"):
        read_table(hat, AVERAGES, "latency_ms", average=True)
    with pytest.raises(TableError, match="measurements of 3 kinds"):
        read_table(hat, [*AVERAGES, "task"], "latency_ms", average=True)
    table = read_table(hat, [*AVERAGES, "task", "hardware"], "latency_ms", average=True)
    assert len(table) == sum(PAIRS.values())


def test_rankers_learn_frames_of_the_file(hat: Path) -> None:
    where = {"task": "wmt14ende", "hardware": "cpu_xeon"}
    table = read_table(hat, AVERAGES, "latency_ms", where=where)
    frame = pd.read_csv(hat).query("hardware == 'cpu_xeon'").sample(frac=1, random_state=0)
    frame = frame.assign(ms=frame.latency_mean_encoder + frame.latency_mean_decoder)
    known, rest = frame.iloc[:60], frame.iloc[60:400]
    assert GaussianProcess(table.space).fit(known, -known.ms).score(rest, -rest.ms) > 0.8
    value, sd = Calibrated(GaussianProcess(table.space)).fit(known, known.ms).predict(rest)
    assert np.abs(value - rest.ms).mean() < 0.25 * rest.ms.std()
    assert (np.abs(value - rest.ms) <= 2 * sd).mean() > 0.85


def test_a_column_per_layer_spans_the_published_space(gpt: Path) -> None:
    published = read_table(gpt, target="perplexity")
    frame = pd.read_csv(gpt)
    lists = [frame[name].str.split("-", expand=True).add_prefix(name[0]) for name in GPT_S[3:]]
    wide = pd.concat([frame[["embed_dim", "n_layer", "bias", "perplexity"]], *lists], axis=1)
    table = read_table(wide, wide.columns.drop("perplexity"), "perplexity")
    assert table.space.size == published.space.size
    assert len(table) == len(published) == 10_000
    assert (table.scores == published.scores).all()


def test_other_columns_of_the_file_are_choices(gpt: Path) -> None:
    with pytest.raises(TableError, match=r"'n_head' has 9,870 different texts.*read as one of gpt"):
        read_table(gpt, GPT_S, "perplexity")
    table = read_table(gpt, ["embed_dim", "macs"], "accuracy", average=True)
    macs = np.array(table.space.choices[1].options)
    published = read_table(gpt, target="accuracy", where={"n_layer": 12, "bias": "0"})
    assert (len(macs), macs[0], macs[-1]) == (256, pd.read_csv(gpt).macs.min(), macs.max())
    assert 0 < len(published) < 10_000
