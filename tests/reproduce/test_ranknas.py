"""Reproductions on measurements of Transformers, on small files of the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import SettingsError
from archrank.reproduce import reproduce
from archrank.reproduce.base import Plan
from archrank.reproduce.ranknas import fits, language, latency
from archrank.spaces import GPTS, HATAverages
from archrank.tables.published import LAYOUTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hat, gpt = HATAverages(), GPTS()
    frames = []
    for k, device in enumerate(("cpu", "gpu")):
        rows = hat.sample(90, rng=np.random.default_rng(k))
        frame = pd.DataFrame(hat.means(rows).round(6), columns=list(LAYOUTS[-1].columns))
        frame["task"], frame["hardware"] = "wmt", device
        frame["latency_mean_encoder"] = 3.0
        frame["latency_mean_decoder"] = (
            20 * frame["decoder_layer_num"] + hat.cost(rows)["macs"] / 1e9
        )
        frames.append(frame)
    pd.concat(frames).to_csv(tmp_path / latency.FILE, index=False)
    archs = gpt.sample(120, rng=np.random.default_rng(2))
    cells = [dict(part.split("=") for part in text.split(",")) for text in gpt.format(archs)]
    cost = gpt.cost(archs)
    measured = {language.LOSS: -np.log(cost["params"])} | dict.fromkeys(
        language.LATENCIES, cost["macs"] / 1e9
    )
    pd.DataFrame(cells).assign(**measured).to_csv(tmp_path / language.FILE, index=False)
    return tmp_path


def test_latencies_of_every_pair(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "QUICK_SIZES", (20, 50))
    monkeypatch.setattr(latency, "MANY", 50)
    found = latency.ranking(None, Plan(quick=True, seeds=1, epochs=2, data=folder))
    taus = {row.what: row.ours for row in found.rows if row.what.endswith("tau")}
    assert len(taus) == 2 * 2 * len(fits.MAKERS)
    assert taus["wmt/gpu,   50 labels, default: tau"] > 0.9
    assert taus["wmt/cpu,   20 labels, decoder layers: tau"] == pytest.approx(1.0)
    errors = {row.what: row.ours for row in found.rows if row.what.endswith("mean error")}
    assert len(errors) == 2 * len(fits.MAKERS)  # of rankers that only order: calibrated
    assert errors["wmt/cpu,   50 labels, decoder layers: mean error"] < 5  # of 23 to 123 ms
    assert len(found.claims) == 6


def test_perplexity_and_pruning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "SIZES", (50, 100))
    monkeypatch.setattr(language, "RANKERS", (fits.DEFAULT, fits.RANKNAS))
    monkeypatch.setattr(language, "PRUNINGS", {"200, half": (40, None), "200, 1.15": (40, 1.15)})
    monkeypatch.setattr(language, "JUDGES", (fits.LINEAR,))
    monkeypatch.setattr(language, "SAMPLED", 200)
    found = language.ranking(None, Plan(quick=True, seeds=1, data=folder))
    rows = {row.what: row.ours for row in found.rows}
    assert rows["perplexity, 100 labels, default: tau"] > 0.8
    assert rows["pruned (200, half) by linear, each decision: decisions fixed of 27"] == 13
    assert len(found.claims) == 2


def test_there_are_no_built_in_tables(folder: Path) -> None:
    with pytest.raises(SettingsError, match="remove --tables builtin"):
        reproduce("ranknas-latency", data=folder, tables="builtin")
