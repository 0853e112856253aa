"""A whole quick study on tiny networks: every part, resume after a kill, bad input."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archrank.assess import StudySettings, SupernetStudy, study_supernets
from archrank.assess.supernets import outline, score_tables
from archrank.assess.supernets.base import FORMATS
from archrank.assess.supernets.settings import PARTS
from archrank.errors import (
    BudgetError,
    ResumeError,
    SettingsError,
    StorageError,
    TableError,
    UnknownNameError,
)
from archrank.spaces import NASBench201, from_choices
from archrank.supernets.training import SupernetTraining
from archrank.tables.base import load_table
from archrank.tables.writing import write_table
from archrank.tasks import Glyphs
from tests.assess.supernets.conftest import SPACE, TASK, TINY


def study(table: Any, settings: StudySettings = TINY, **options: Any) -> SupernetStudy:
    return study_supernets(table, settings, **{"space": SPACE, "task": TASK} | options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def found(truth_file: Path, folder: Path) -> SupernetStudy:
    return study(truth_file, out=folder)


def test_every_part_has_numbers(found: SupernetStudy) -> None:
    assert found.skipped == {}
    for name in PARTS:
        rows = found.part(name)
        assert rows, name
        assert {row.criterion for row in rows} <= FORMATS.keys()
        assert all(len(row.values) in (1, 2) for row in rows)
    assert [finding.number for finding in found.findings] == list(range(1, 9))
    left_out = [f.number for f in found.findings if f.verdict == "not asked here"]
    assert left_out == [8]  # the table is small
    for name in ("scores", "checkpoints", "sampling", "samples", "proxies", "averages"):
        assert {"MACs alone", "params alone"} <= {row.subject for row in found.part(name)}


def test_the_same_call_repeats_nothing(
    found: SupernetStudy, truth_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained_again(*arguments: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(SupernetTraining, "run_epoch", trained_again)
    again = study(truth_file, out=folder)
    assert _numbers(again) == _numbers(found)
    fewer = study(truth_file, replace(TINY, parts=("groups",)), out=folder)
    assert _numbers(fewer) == [row for row in _numbers(found) if row[0] == "groups"]


def _numbers(found: SupernetStudy) -> list[tuple[Any, ...]]:
    rows = [
        (r.part, r.subject, r.criterion, None if np.isnan(r.at) else r.at, np.nan_to_num(r.values))
        for r in found.rows
    ]
    return [(*row[:4], tuple(row[4])) for row in rows]


class Killed(BaseException):
    pass


def test_a_study_that_is_killed_goes_on(
    truth_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(TINY, parts=("sampling",), seeds=1)
    times: list[tuple[float, float]] = []
    whole = study(truth_file, settings, out=tmp_path / "whole", progress=lambda *t: times.append(t))
    done = [d for d, _ in times]
    assert done == sorted(done)
    assert times[-1][0] == pytest.approx(times[-1][1])
    steps = [0]

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            steps[0] += 1
            if steps[0] > 1:
                raise Killed
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(SupernetTraining, "run_epoch", killing(SupernetTraining.run_epoch))
    monkeypatch.setattr(score_tables, "one_shot_scores", killing(score_tables.one_shot_scores))
    monkeypatch.setattr(outline, "_pace", lambda workshop: outline.Pace(1.0, 1.0))
    kills = 0
    while True:
        steps[0] = 0
        try:
            found = study(truth_file, settings, out=tmp_path / "killed")
            break
        except Killed:
            kills += 1
            assert kills < 20
    assert kills == 2 * 2 + 2 * 2 - 1  # two trainings of two epochs, two tables of each
    assert _numbers(found) == _numbers(whole)
    for path in (tmp_path / "whole" / "scores").iterdir():
        assert path.read_bytes() == (tmp_path / "killed" / "scores" / path.name).read_bytes()


def test_workers_give_the_same_numbers(truth_file: Path, pool: Executor) -> None:
    settings = replace(TINY, parts=("groups", "averages"), epochs=1)
    times: list[tuple[float, float]] = []
    found = study(truth_file, settings, executor=pool, progress=lambda *t: times.append(t))
    assert _numbers(found) == _numbers(study(truth_file, settings))
    assert times[-1][0] == pytest.approx(times[-1][1])


class Enough(BaseException):
    pass


def test_work_is_told_before_it_begins(
    truth_file: Path, tmp_path: Path, found: SupernetStudy, folder: Path
) -> None:
    def told(place: Path, settings: StudySettings) -> str:
        lines: list[str] = []

        def announce(work: outline.Outline) -> None:
            lines.extend(work.lines())
            raise Enough

        with pytest.raises(Enough):
            study(truth_file, settings, out=place, announce=announce)
        return "\n".join(lines)

    before = told(tmp_path, TINY)
    # 900 images, 2 epochs; 3 samples for the same compute: 2 / 3 = 1 epoch
    for part in ("24 isomorphism classes", "2 x 2 epochs, 1.8 k", "2 x 1 epochs, 2.7 k"):
        assert part in before
    assert not (tmp_path / "trainings").exists()
    after = told(folder, TINY)
    assert after.count("2 done") == 15
    assert "about 0 s of work to go" in told(folder, replace(TINY, parts=("scores",)))


def test_the_report_and_the_raw_results(found: SupernetStudy, tmp_path: Path) -> None:
    page = found.report(tmp_path / "report.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<figure") >= 12
    assert "paper, 1,000 epochs" in page
    raw = found.raw()
    tau = raw[(raw.part == "scores") & (raw.criterion == "tau")]
    assert len(tau) == 3 * 2 + 2
    values = found.to_json()
    assert values["findings"][0]["verdict"] == found.findings[0].verdict
    assert values["scale"] == {"channels": 2, "cells": 2, "reduction": "pool"}


class Perceptron(nn.Module):
    """One hidden layer, of which smaller networks have the first units and the first pixels."""

    def __init__(self, config: dict[str, int], task: Any) -> None:
        super().__init__()
        self.config = config
        self.hidden = nn.Linear(config["pixels"], config["width"])
        self.head = nn.Linear(config["width"], 10)

    def forward(self, x: torch.Tensor, config: dict[str, int] | None = None) -> torch.Tensor:
        c = config or self.config
        w, p = c["width"], c["pixels"]
        weight, bias = self.hidden.weight[:w, :p], self.hidden.bias[:w]
        x = nn.functional.linear(x.flatten(1)[:, :p], weight, bias).relu()
        return nn.functional.linear(x, self.head.weight[:, :w], self.head.bias)


def test_a_space_of_ones_own(tmp_path: Path) -> None:
    """It has no graphs, no scale and nothing isomorphic: what can be asked is asked."""
    largest = {"width": 24, "pixels": 64}
    choices = {"width": [4, 8, 12, 16, 20, 24], "pixels": [16, 32, 48, 64]}
    space = from_choices(choices, Perceptron, supernet=lambda task: Perceptron(largest, task))
    archs = space.enumerate()
    columns = {"accuracy": np.random.default_rng(0).random(24)}
    path = write_table(tmp_path / "own.parquet", space.format(archs), columns)
    found = study(path, replace(TINY, metric="accuracy", archs=None), space=space)
    assert set(found.skipped) == {"spread", "sampling", "proxies", "labels", "predictors"}
    assert "no graph view" in found.skipped["labels"]
    asked = [f.number for f in found.findings if f.verdict != "not asked here"]
    assert asked == [2, 5]
    assert {row.part for row in found.rows} == set(PARTS) - set(found.skipped)
    assert "nothing to measure" in found.report(tmp_path / "report.html").read_text()


def test_bad_input(truth_file: Path, tmp_path: Path, found: SupernetStudy, folder: Path) -> None:
    with pytest.raises(TableError, match=r"s there, and .* as a network for task 'digits'"):
        study(truth_file, space=NASBench201())
    with pytest.raises(SettingsError, match=r"was measured on Digits, .* use task digits"):
        study(truth_file, task=Glyphs())
    with pytest.raises(UnknownNameError, match="did you mean 'test_accuracy'"):
        study(truth_file, replace(TINY, metric="test_acuracy"))
    with pytest.raises(TableError, match="is this a table of"):
        study(truth_file, space="nds_darts")
    with pytest.raises(ResumeError, match="epochs: 2 -> 6"):
        study(truth_file, replace(TINY, epochs=6), out=folder)
    with pytest.raises(UnknownNameError, match="unknown part of the study 'smaples'"):
        replace(TINY, parts=("smaples",))
    with pytest.raises(BudgetError, match="epochs"):
        replace(TINY, epochs=0)
    with pytest.raises(SettingsError, match="shares of all epochs"):
        replace(TINY, checkpoints=(2.0,))
    silent = load_table(truth_file, SPACE)
    silent = replace(silent, raw=replace(silent.raw, about={}))
    with pytest.raises(SettingsError, match="--task"):
        study(silent, task=None)
    elsewhere = SPACE.restrict({c.name: [c.options[0]] for c in SPACE.choices[1:]})
    with pytest.raises(TableError, match="a study needs 20 or more"):
        study(truth_file, space=elsewhere)


def test_a_damaged_table_of_scores(truth_file: Path, tmp_path: Path) -> None:
    settings = replace(TINY, parts=("scores",), seeds=1)
    study(truth_file, settings, out=tmp_path)
    (path,) = (tmp_path / "scores").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises((StorageError, TableError), match=path.name):
        study(truth_file, settings, out=tmp_path)
    path.unlink()
    study(truth_file, settings, out=tmp_path)
