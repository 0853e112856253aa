"""Report of a search in a supernet: its chart and its pictures, from made-up results."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.report.supernet_front import draw_front, style, symbols
from archrank.report.supernet_search import DRAWN, pictures, write_search_report
from archrank.runs.supernet_search.results import Finalist, SubnetSearch
from archrank.runs.supernet_search.settings import Bound
from archrank.spaces import AttentiveSmall, NASBench201, Space
from archrank.tables import BenchTable, load_table
from archrank.tables.writing import write_table

SPACE = AttentiveSmall()


def results(space: Space, n: int = 12, **changes: Any) -> SubnetSearch:
    """Finalists whose accuracy rises with their MACs, but for every third."""
    strings = space.format(np.unique(space.sample(n, rng=np.random.default_rng(0)), axis=0))
    finalists = tuple(
        Finalist(
            text,
            0.5,
            {"valid_accuracy": 0.5 + 0.02 * i - 0.2 * (i % 3 == 0), "macs": 1e5 * (i + 1)},
        )
        for i, text in enumerate(strings)
    )
    limits = {"macs<=500000": 5e5, "macs<=1e+06": 1e6}
    found = SubnetSearch(
        *(space.name, "digits", "valid_accuracy", "maximize", "fraction", "macs"),
        limits, finalists, 5376,
    )  # fmt: skip
    return replace(found, **changes)


@pytest.fixture
def sampled(tmp_path: Path) -> BenchTable:
    rng = np.random.default_rng(1)
    archs = np.unique(SPACE.sample(40, rng=rng), axis=0)
    columns = {"valid_accuracy": rng.uniform(0.2, 0.6, len(archs)), "macs": 1e4 * archs.sum(axis=1)}
    write_table(tmp_path / "sampled.parquet", SPACE.format(archs), columns)
    return load_table(tmp_path / "sampled.parquet", SPACE)


def test_the_front_is_drawn_beside_random_sub_networks(sampled: BenchTable) -> None:
    found = results(SPACE)
    other = results(SPACE, n=6)
    figure = draw_front(found, sampled, {"uniform": other, "worstup": other})
    assert "batch norms calibrated" in figure.caption
    without = draw_front(replace(found, calibrated=False), sampled, {})
    assert "batch norms" not in without.caption  # Transformers have none
    groups = dict(re.findall(r'<g class="(\w+)">(.*?)</g>', figure.svg))
    assert groups["dot"].count("<title>") == len(sampled)
    assert groups["front"].count("<title>") == len(found.front)
    assert groups["ring"].count("<title>") == len(found.finalists) - len(found.front)
    assert groups["best"].count("<title>") == 2
    for i, name in enumerate(("uniform", "worstup")):
        assert groups[f"o{i}"].count("<title>") == len(other.front)
        assert (f"o{i}", f"front of {name}") in figure.legend
        assert f"path.o{i} " in style(2)
        assert f"o{i}" in symbols(2)


def test_limits_of_other_costs_hold_for_the_front_and_the_best(sampled: BenchTable) -> None:
    few = (Bound("macs", "macs<=300000", 3e5),)
    found = results(SPACE, others=few)
    assert {each.value("macs") for each in found.front} == {1e5, 2e5, 3e5}
    assert {each.value("macs") for each in found.winners.values() if each} == {3e5}
    assert draw_front(found, sampled, {}).svg.count("<title>") > len(sampled)


def test_a_metric_that_is_minimised_and_finalists_without_numbers(sampled: BenchTable) -> None:
    losses = results(SPACE, direction="minimize")
    assert losses.front[0].value("macs") == 1e5
    assert "<svg" in draw_front(losses, sampled, {}).svg
    lost = tuple(replace(f, metrics={**f.metrics, "macs": None}) for f in losses.finalists)
    assert draw_front(replace(losses, finalists=lost), sampled, {}).svg == ""


@pytest.mark.parametrize("space", [SPACE, NASBench201()], ids=["attentive_small", "cells"])
def test_the_best_and_some_of_the_front_are_drawn(space: Space) -> None:
    found = results(space, n=30)
    html = pictures(found, space)
    best = {each.architecture for each in found.winners.values() if each is not None}
    assert html.count("<figure") == len(best)
    assert 1 <= html.count("<details>") <= DRAWN
    one = replace(found, limits={})
    assert "Best: of all" in pictures(one, space)


def test_a_page_is_written(sampled: BenchTable, tmp_path: Path) -> None:
    path = write_search_report(results(SPACE), tmp_path / "page.html", sampled=sampled)
    page = path.read_text()
    assert page.count("<figure") == 3
    assert "random sub-networks" in page
