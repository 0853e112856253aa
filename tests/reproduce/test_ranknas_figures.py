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
from archrank.reproduce.ranknas import feed_forward, importance
from archrank.reproduce.ranknas.fits import LINEAR
from archrank.reproduce.ranknas.latency import COLUMN, FILE, load_pairs
from archrank.reproduce.ranknas.widths import Swept, matched, sweep, widths
from archrank.spaces import HAT, HATAverages
from archrank.spaces.transformers.hat_averages import NAMES
from archrank.tables.published import LAYOUTS
from archrank.types import Floats

N = 900
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
        frame = pd.DataFrame(means.round(6), columns=list(LAYOUTS[-1].columns))
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


def test_rows_are_matched(folder: Path) -> None:
    table = load_pairs(folder / FILE)[CPU]
    frame = pd.DataFrame(table.space.means(table.archs), columns=list(NAMES))  # type: ignore[attr-defined]
    frame["ms"] = table.column(COLUMN)
    share = frame["ms"] / frame.groupby(["enc_embed", "dec_embed", "dec_layers"])["ms"].transform(
        "mean"
    )
    parts = pd.qcut(frame["dec_ffn"], 5, duplicates="drop")
    expected = share.groupby(parts, observed=True).agg(["mean", "sem"])
    found = matched(table, "dec_ffn")
    np.testing.assert_allclose(found.mean, expected["mean"])
    np.testing.assert_allclose(found.half / expected["sem"], 1.97, atol=0.01)
    assert found.rises
    assert found.change > 0.3


def test_one_dimension_for_all_layers() -> None:
    space = HAT("small")
    archs = space.sample(5, rng=np.random.default_rng(0))
    swept = sweep(space, archs).reshape(5, 3, space.d)
    assert widths(space).tolist() == [32, 96, 192]
    feed_forward_columns = np.array(["_ffn_" in choice.name for choice in space.choices])
    others = space.canonical(archs)[:, None, ~feed_forward_columns]
    assert (swept[:, :, ~feed_forward_columns] == others).all()
    params = space.cost(swept.reshape(-1, space.d))["params"].reshape(5, 3)
    assert (np.diff(params) > 0).all()
    layers = 3 + space.values(archs, "dec_layers")[:, 0]
    dims = [space.values(archs, f"{stack}_embed")[:, 0] for stack in ("enc", "dec")]
    each = 3 * (2 * dims[0] + 1) + (layers - 3) * (2 * dims[1] + 1)  # weights of one channel
    np.testing.assert_array_equal(np.diff(params), each[:, None] * np.diff(widths(space)))


def timed(swept: Swept) -> dict[str, object]:
    shares = [0.9, 1.0, 1.1 + swept.seed / 100]
    return {"shares": shares, "ms": shares, "noisy": 1, "seconds": 0.0}


def test_feed_forward_dimensions(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_forward, "time_widths", timed)
    found = reproduce("ranknas-fig4", data=folder, quick=True, out=tmp_path)
    rows = {row.what: row.ours for row in found.rows}
    assert len(rows) == 2 * 2 * 5 + 3 + 3
    assert rows["this CPU: latency, 192, share of the mean"] == pytest.approx(1.105)
    losses = [rows[f"validation loss, {width}"] for width in (32, 96, 192)]
    assert all(0 < loss < 5 for loss in losses)
    assert len(set(losses)) == 3
    verdicts = {claim.text: claim.holds for claim in found.claims}
    assert verdicts["CPU: latency rises monotonically with the decoder's feed-forward dimension"]
    assert verdicts[f"CPU: latency rises monotonically with the dimension in {feed_forward.SPACE}"]
    different = "the dimension has different influences on latency and on loss"
    assert verdicts[different] == (losses[2] < losses[0])
    assert "2 of 6 latencies of this CPU are noisy" in " ".join(found.notes)
    text = render(find("ranknas-fig4"), found)
    assert text.count("<figure>") == 4
    assert f'aria-label="Loss of {feed_forward.SPACE}"' in text
