"""RankNAS's figures of latency by device, on small files of the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.reproduce import reproduce
from archrank.reproduce.base import Plan
from archrank.reproduce.catalogue import find
from archrank.reproduce.page import render
from archrank.reproduce.ranknas import importance
from archrank.reproduce.ranknas.fits import LINEAR
from archrank.reproduce.ranknas.latency import FILE
from archrank.spaces import HATAverages
from archrank.spaces.transformers.hat_averages import NAMES
from archrank.tables.published import LAYOUTS
from archrank.types import Floats

N = 150
CPU, GPU = "wmt/cpu_made_up", "wmt/gpu_made_up"


def latency_of(device: str, means: Floats) -> Floats:
    """Return latencies as the paper describes them, ``(n,)``: CPUs count widths, GPUs layers."""
    column = dict(zip(NAMES, means.T, strict=True))
    if device.startswith("gpu"):
        return 50 * column["dec_layers"] + 9 * column["dec_arbitrary"]
    widths = column["dec_ffn"] / 10 + 60 * column["dec_arbitrary"] + column["enc_ffn"] / 20
    return widths + 5 * column["dec_layers"] + column["dec_embed"] / 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space, frames = HATAverages(), []
    for k, device in enumerate(("cpu_made_up", "gpu_made_up")):
        means = space.means(space.sample(N, rng=np.random.default_rng(k)))
        frame = pd.DataFrame(means.round(6), columns=list(LAYOUTS[1].columns))
        frame["task"], frame["hardware"] = "wmt", device
        frame["latency_mean_encoder"] = 3.0
        frame["latency_mean_decoder"] = latency_of(device, means)
        frames.append(frame)
    path = tmp_path_factory.mktemp("published")
    pd.concat(frames).to_csv(path / FILE, index=False)
    return path


def test_importance_tells_devices_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "JUDGES", (LINEAR,))
    found = importance.figure_5(None, Plan(quick=True, seeds=3, data=folder))
    assert len(found.rows) == 2 * 9  # HAT's spaces have six encoder layers
    order = [row.what.rpartition(": ")[2] for row in found.rows]
    assert order[:3] == ["dec_ffn", "dec_arbitrary", "enc_ffn"]
    assert order[9] == "dec_layers"
    rows = {row.what: row.ours for row in found.rows}
    assert rows[f"{GPU}, linear: dec_ffn"] == pytest.approx(1, abs=0.02)
    assert rows[f"{GPU}, linear: dec_layers"] > 3
    assert len(found.claims) == 3 + 3 + 1
    assert all(claim.holds for claim in found.claims)


def test_claims_can_fail(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.read_csv(folder / FILE)
    swapped = {"cpu_made_up": "gpu_made_up", "gpu_made_up": "cpu_made_up"}
    table["hardware"] = table["hardware"].map(swapped)
    table.to_csv(tmp_path / FILE, index=False)
    monkeypatch.setattr(importance, "JUDGES", (LINEAR,))
    found = importance.figure_5(None, Plan(seeds=1, data=tmp_path))
    verdicts = {claim.text: claim.holds for claim in found.claims}
    lasting = "GPU: the decoder's attention matters, 1.15 or more"
    assert verdicts.pop(lasting)
    assert not any(verdicts.values())
    assert "±" not in found.claims[0].measured  # one seed has no interval


def test_charts_of_importance_are_on_a_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "ARCHS", 60)
    found = reproduce("ranknas-fig5", data=folder, quick=True, seeds=1, out=tmp_path / "run")
    text = render(find("ranknas-fig5"), found)
    assert text.count('class="chart bars"') == 4  # two devices, two rankers
    assert text.count('<g class="kept"><title>') >= 4
    assert "95 % intervals over seeds" in text
    assert ".bars .kept rect" in text
    again = reproduce("ranknas-fig5", data=folder, quick=True, seeds=1, out=tmp_path / "run")
    assert [row.ours for row in again.rows] == [row.ours for row in found.rows]
