from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import SettingsError, UnknownNameError
from archrank.rankers import GaussianProcess, RandomForest
from archrank.runs.compose import make_strategy
from archrank.runs.settings import SearchSettings
from archrank.runs.weak import pretrain, weak_label
from archrank.spaces import NASBench201
from archrank.strategies import Guided
from archrank.tables import BenchTable, load_table


@pytest.fixture
def table(space: NASBench201, tmp_path: Path) -> BenchTable:
    archs = space.sample(30, rng=np.random.default_rng(0))
    rows = {"arch": space.format(archs), "oneshot": np.arange(30.0)}
    pd.DataFrame(rows).drop_duplicates("arch").to_csv(tmp_path / "weak.csv", index=False)
    return load_table(tmp_path / "weak.csv", space)


def test_labels_come_from_the_table_another_file_or_the_space(
    table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    np.testing.assert_array_equal(weak_label("oneshot", table), table.column("oneshot"))
    np.testing.assert_array_equal(weak_label("macs", table), space.cost(table.archs)["macs"])
    half = pd.DataFrame(
        {"arch": space.format(table.archs[::2]), "zc": 1.0 + np.arange(len(table))[::2]}
    )
    half.to_csv(tmp_path / "half.csv", index=False)
    found = weak_label("half.csv:zc", table, tmp_path)
    np.testing.assert_array_equal(found[::2], 1.0 + np.arange(len(table))[::2])
    assert np.isnan(found[1::2]).all()


def test_a_search_can_use_them(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    settings = SearchSettings(weak=("weak.csv:oneshot", "params"), data=tmp_path)
    strategy = make_strategy(settings, space)
    assert isinstance(strategy, Guided)
    assert isinstance(strategy.ranker, GaussianProcess)
    assert strategy.ranker.pretrained_.names == ("weak.csv:oneshot", "params")
    assert "pretrained_on" in strategy.describe()["ranker"]


@pytest.mark.parametrize("spec", [":oneshot", "weak.csv:"])
def test_half_a_spec_is_refused(table: BenchTable, spec: str) -> None:
    with pytest.raises(SettingsError, match=f"weak label '{spec}': write FILE:COLUMN"):
        weak_label(spec, table)


def test_what_cannot_be_used_is_refused(table: BenchTable, space: NASBench201) -> None:
    with pytest.raises(UnknownNameError, match="unknown weak label 'oneshott', did you mean"):
        weak_label("oneshott", table)
    with pytest.raises(SettingsError, match="RandomForest cannot use weak labels"):
        pretrain(RandomForest(space), ["macs"])
    with pytest.raises(SettingsError, match="add at least one FILE:COLUMN"):
        pretrain(GaussianProcess(space), ["macs"])
    with pytest.raises(SettingsError, match="strategy 'random' uses no weak labels"):
        make_strategy(SearchSettings(strategy="random", weak=("macs",)), space)
