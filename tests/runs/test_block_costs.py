"""Costs of blocks in a search: metrics, limits and objectives from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import SettingsError, TableError
from archrank.evaluators import BlockCosts
from archrank.runs.compose import make_study
from archrank.runs.settings import SearchSettings
from archrank.spaces import NASBench201

MS = {"none": 0, "skip_connect": 0.5, "nor_conv_1x1": 1, "nor_conv_3x3": 3, "avg_pool_3x3": 1.5}


def skips(config: dict[str, str]) -> float:
    return list(config.values()).count("skip_connect")


def quality(config: dict[str, str]) -> float:
    return 1.0


skips.metrics = ["skips:maximize"]  # type: ignore[attr-defined]


@pytest.fixture
def costs(tmp_path: Path, space: NASBench201) -> Path:
    rows = [f"{c.name},{op},{MS[str(op)]}" for c in space.choices for op in c.options]
    path = tmp_path / "costs.csv"
    path.write_text("\n".join(["decision,option,phone_ms", "(constant),,2", *rows]))
    return path


def settings(path: Path, **more: Any) -> SearchSettings:
    return SearchSettings(evaluate=(f"{__name__}:skips",), block_costs=path, **more)


def test_what_breaks_a_limit_is_not_proposed(costs: Path) -> None:
    study = make_study(settings(costs, constraint=("phone_ms<=4",), strategy="random"))
    study.run(30)
    assert len(study.records) == 30
    for record in study.records:
        ms = 2 + sum(MS[op] for op in study.space.config(record.arch).values())
        assert record.values["phone_ms"] == ms <= 4


def test_a_cost_is_an_objective(costs: Path) -> None:
    study = make_study(settings(costs, metric=("skips", "phone_ms")))
    study.run(40)
    assert [o.direction for o in study.objectives] == ["maximize", "minimize"]
    front = {(r.values["skips"], r.values["phone_ms"]) for r in study.front}
    assert (6, 5.0) in front  # six skips of half a millisecond


def test_beside_a_table(costs: Path) -> None:
    study = make_study(
        SearchSettings(table="digits201", block_costs=costs, constraint=("phone_ms<=5",), initial=8)
    )
    study.run(10)
    assert all(r.values["phone_ms"] <= 5 for r in study.records)


def test_a_cost_of_blocks_and_a_column_of_a_table_are_objectives(costs: Path) -> None:
    wanted = ("valid_loss", "phone_ms")
    study = make_study(SearchSettings(table="digits201", block_costs=costs, metric=wanted))
    assert [o.metric for o in study.objectives] == list(wanted)


def test_functions_do_not_measure_costs_of_blocks(costs: Path) -> None:
    """Neither a function that declares no metrics, nor what is told."""
    limited = SearchSettings(
        metric=("quality",), block_costs=costs, constraint=("phone_ms<=4",), strategy="random"
    )
    study = make_study(replace(limited, evaluate=(f"{__name__}:quality",)))
    study.run(5)
    assert all(r.values["phone_ms"] <= 4 and r.values["quality"] == 1 for r in study.records)
    asked = make_study(replace(limited, evaluate=("told",))).ask(3)
    archs = np.stack([question.arch for question in asked])
    assert (BlockCosts(costs).bind(study.space).evaluate(archs)["phone_ms"] <= 4).all()


def test_files_that_cannot_be_used(costs: Path, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"line 2\): .* has no decision '0->1'|has no decision"):
        make_study(settings(costs, space="fbnet_cifar"))
    with pytest.raises(TableError, match="there is no such file"):
        make_study(settings(tmp_path / "gone.csv"))
    with pytest.raises(SettingsError, match="--evaluate block_costs: name the file: --block-costs"):
        make_study(SearchSettings(evaluate=("block_costs",)))
    (tmp_path / "HW.pickle").write_bytes(b"\x80\x04N.")
    with pytest.raises(
        TableError, match=r"\.pickle files are not read as tables; .* tables import"
    ):
        make_study(settings(tmp_path / "HW.pickle"))
