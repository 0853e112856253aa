"""The guide of RankNAS: its code runs as it is printed, on small data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archrank as ar
from archrank.cli import main
from archrank.evaluators import Function
from archrank.rankers import GaussianProcess, Linear
from archrank.spaces import HAT, HATAverages
from archrank.strategies import PopulationEvolution
from archrank.tables.published import LAYOUTS
from tests.guides import run_block

GUIDE = (Path(__file__).parents[1] / "docs" / "ranknas.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
FILE, PAIR = "hat_latency.csv.gz", {"task": "wmt14ende", "hardware": "cpu_xeon"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with latencies in HAT's published form, in which the guide is read."""
    space = HATAverages()
    rows = space.sample(80, rng=np.random.default_rng(0))
    frame = pd.DataFrame(space.means(rows).round(6), columns=list(LAYOUTS[-1].columns))
    frame = frame.assign(**PAIR, latency_mean_encoder=3.0)
    frame["latency_mean_decoder"] = 20 * frame["decoder_layer_num"] + frame["decoder_embed_dim"]
    frame.to_csv(tmp_path / FILE, index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_code_runs(folder: Path) -> None:
    assert len(BLOCKS) == 3
    whole, small = HAT("wmt"), HAT("small")
    archs = whole.sample(30, rng=np.random.default_rng(1))
    names: dict[str, Any] = {"archs": archs}
    run_block(BLOCKS[0], names)
    assert ar.criteria.kendall_tau(names["scores"], -whole.cost(archs)["macs"]) > 0.3
    archs = small.sample(60, rng=np.random.default_rng(2))
    cost = small.cost(archs)
    names = {"ar": ar, "space": small, "archs": archs, "best": archs[0]}
    names |= {"losses": -np.log(cost["params"]), "latencies": cost["macs"]}
    names |= {"ranker": GaussianProcess(small), "other": Linear(small)}
    names["evaluator"] = Function(lambda rows: rows.sum(axis=1), ["loss"])
    run_block(BLOCKS[1], names)
    assert "dec_layers" in names["pruning"].kept
    assert names["pruning"].space.size < small.size
    assert names["study"].strategy.after == 200
    run_block(BLOCKS[2], names)
    made = names["Mine"]()
    assert (made.archs, made.search) == (1000, "random")
    assert made.settling.tau == 0.9
    assert PopulationEvolution(published=True).published


def test_importance_is_told_as_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "archrank importance --table hat_latency.csv.gz --labels latency_ms --ranker ranknas"
    assert command in GUIDE
    few = "--archs 40 --repeats 2 --data ."
    with pytest.raises(SystemExit) as ended:
        main.main([*command.split()[1:], *few.split()])
    assert ended.value.code == 0
    assert "latency_ms wmt14ende cpu_xeon" in capsys.readouterr().out
    assert 'class="chart bars"' in Path("importance.html").read_text(encoding="utf-8")
