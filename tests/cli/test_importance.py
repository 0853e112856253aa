from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.cli.main import run
from archrank.spaces import HATAverages
from archrank.tables.published import LAYOUTS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_of_a_table_one_chart_per_device(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = HATAverages()
    frames = []
    for k, (device, column) in enumerate({"gpu": 5, "cpu": 2}.items()):
        rows = space.sample(80, rng=np.random.default_rng(k))
        numbers = space.means(rows)
        frame = pd.DataFrame(numbers.round(6), columns=list(LAYOUTS[-1].columns))
        frame["task"], frame["hardware"] = "wmt", device
        frame["latency_mean_encoder"] = numbers[:, column] + np.arange(80) / 1e4
        frame["latency_mean_decoder"] = 1.0
        frames.append(frame)
    pd.concat(frames).to_csv("hat.csv", index=False)
    command = ["importance", "--table", "hat.csv", "--labels", "latency_ms", "--archs", "70"]
    assert run([*command, "--ranker", "linear", "--repeats", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["importance"]
    assert list(found) == ["latency_ms wmt gpu", "latency_ms wmt cpu"]
    first = [one["decisions"][0]["name"] for one in found.values()]
    assert first == ["dec_layers", "enc_ffn"]
    page = (folder / "importance.html").read_text()
    assert page.count('class="chart bars"') == 2
    one = [*command, "--where", "hardware=cpu", "--ranker", "linear", "--repeats", "3"]
    assert run([*one, "--out", "one.html"]) == 0
    printed = capsys.readouterr().out
    assert "latency_ms wmt cpu" in printed
    assert "enc_ffn" in printed.splitlines()[1]
    assert "searched" in printed.splitlines()[1]
    assert (folder / "one.html").read_text().count('class="chart bars"') == 1


def test_of_a_run_and_a_pruned_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = ["search", "--table", "digits201", "--metric", "valid_accuracy", "--ranker", "linear"]
    assert run([*search, "--budget", "40", "--prune", "30:1.1", "--run", "one"]) == 0
    said = capsys.readouterr().err
    assert "pruned after 30 evaluations" in said or "not pruned" in said
    command = ["importance", "one", "--repeats", "2", "--by", "decision", "--json"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)["importance"]["valid_accuracy"]
    assert found["architectures"] == 40
    assert found["measure"] == "order"
    assert len(found["decisions"]) == 6
