from __future__ import annotations

from pathlib import Path

import pytest

from archrank.errors import StorageError
from archrank.runs.settings import SearchSettings, from_json, given, to_json


def test_json_and_back(tmp_path: Path) -> None:
    settings = SearchSettings(
        table="t.csv",
        metric=("acc", "ms:minimize"),
        constraint=("ms<=8",),
        initial=3,
        data=tmp_path,
    )
    assert from_json(to_json(settings), "here") == settings
    assert from_json({}, "here") == SearchSettings()
    with pytest.raises(StorageError, match=r"here: initial: .*got 'few'"):
        from_json({"initial": "few"}, "here")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (SearchSettings(), "nasbench201-digits-guided-seed0"),
        (SearchSettings(ranker="gbdt", seed=3), "nasbench201-digits-gbdt-seed3"),
        (
            SearchSettings(table="a/nb201.csv.gz", metric=("acc", "ms:minimize")),
            "nasbench201-nb201-acc-ms-guided-seed0",
        ),
        (
            SearchSettings(space="my.module:space", strategy="random"),
            "my.module.space-digits-random-seed0",
        ),
        (
            SearchSettings(space="nets/mine.py:space", evaluate=("nets/mine.py:mine",)),
            "mine.space-mine-guided-seed0",
        ),
        (SearchSettings(evaluate=("told",), metric=("f1",)), "nasbench201-told-f1-guided-seed0"),
        (
            SearchSettings(table="a/runs.csv", choices=("depth",), metric=("acc",)),
            "runs-acc-guided-seed0",
        ),
    ],
)
def test_run_folders_are_named_after_the_search(settings: SearchSettings, name: str) -> None:
    assert settings.default_run() == Path("runs") / name


@pytest.mark.parametrize("typed", ["../../../../x", "/tmp/x", "x%41", "a\nb", "m" * 300])
def test_run_folders_stay_below_runs(typed: str) -> None:
    for asked in (SearchSettings(metric=(typed,)), SearchSettings(task=typed)):
        assert asked.default_run().parent == Path("runs")
        assert asked.default_run() != SearchSettings(metric=(typed + "b",)).default_run()
        assert "%" not in str(asked.default_run())


def test_settings_that_were_given() -> None:
    assert given(SearchSettings()) == {}
    assert given(SearchSettings(seed=3, metric=("acc",))) == {"seed": 3, "metric": ["acc"]}
