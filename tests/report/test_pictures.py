"""Reports show the best architecture and those that come next, whatever the space."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.evaluators import Cost
from archrank.report.pictures import SHOWN, architecture, runners_up
from archrank.spaces import SPACES
from archrank.strategies import Random
from archrank.study import Study


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("nasbench201", "The cell"),
        ("nasbench101", "The cell"),
        ("nds_darts", "The cells"),
        ("attentivenas", "The blocks"),
        ("hat", "The layers"),
        ("gpt_s", "The layers"),
    ],
)
def test_best_and_next(name: str, title: str) -> None:
    study = Study(SPACES.get(name)(), Cost(), Random()).run(budget=8)
    results = study.results
    best = architecture(results)
    assert f"<h2>{title}</h2>" in best
    assert study.best.string in best
    others = runners_up(results)
    shown = [record for record in study.records if record.string in others]
    assert study.best not in shown
    assert len(shown) == others.count("<svg") == SHOWN
    networks = study.space.canonical(np.stack([r.arch for r in [study.best, *shown]]))
    assert len(np.unique(networks, axis=0)) == SHOWN + 1


def test_any_choices(own_study) -> None:
    results = own_study().results
    assert "<h2>Its choices</h2>" in architecture(results)
    assert "The next best" in runners_up(results)


def test_front(own_study) -> None:
    study = own_study(objectives=["accuracy", "latency_ms"])
    others = runners_up(study.results)
    assert "Others of the front" in others
    listed = {record.string for record in study.front}
    shown = {record.string for record in study.records if f">{record.string}<" in others}
    assert shown <= listed


def test_infeasible_ones_are_not_shown(own_study) -> None:
    study = own_study(constraints=["latency_ms<=16"])
    others = runners_up(study.results)
    for record in study.records:
        if f">{record.string}<" in others:
            assert record.values["latency_ms"] <= 16


def test_one_evaluation_has_no_next(own_study) -> None:
    assert runners_up(own_study(budget=1, seed=1).results) == ""
