from __future__ import annotations

import math

import pytest

from archrank.reproduce.base import Claim, Comparison, Row, summary
from archrank.reproduce.text import lines, reasons, rows_of


def test_summary_is_mean_spread_and_time() -> None:
    found = [{"tau": 0.5, "seconds": 1.0}, {"tau": 0.7, "seconds": 2.0}]
    row = summary("tau", found, "tau", 0.55, why="other seeds", scale=100.0, decimals=1)
    assert row.ours == pytest.approx(60.0)
    assert row.spread == pytest.approx(10 * math.sqrt(2))
    assert (row.seeds, row.seconds) == (2, 3.0)
    assert row.difference == pytest.approx(59.45)


def test_median_of_heavy_tails() -> None:
    found = [{"br": b, "seconds": 0.0} for b in (1.0, 2.0, 400.0)]
    assert summary("BR@1", found, "br", median=True).ours == 2.0


def test_reasons_are_numbered_once_and_only_where_figures_differ() -> None:
    rows = [
        Row("same", 0.5, 0.5, why="never printed"),
        Row("other", 0.6, 0.5, why="noise"),
        Row("picture", 0.6, None, why="picture"),
        Row("again", 0.7, 0.5, why="noise"),
    ]
    assert reasons(rows) == ["noise", "picture"]
    heading, same, other, picture, again = rows_of(rows)
    assert heading[0] == "figure"
    assert same[3:] == ("+0.000", "1", "0.0", "")
    assert other[-1] == again[-1] == "[1]"
    assert (picture[1], picture[3], picture[-1]) == ("–", "–", "[2]")


def test_differences_are_those_of_printed_figures() -> None:
    assert Row("x", 0.54999, 0.55, decimals=2).difference == 0
    assert Row("x", math.nan, 0.55).difference is None


def test_claims_say_whether_they_hold() -> None:
    claims = [Claim("A beats B", True, "1 > 0"), Claim("C beats D", False, published=False)]
    told = lines(Comparison([Row("x", 1.0)], claims, ("a note",)))
    assert told == [
        "paper: A beats B -> holds: 1 > 0",
        "aim: C beats D -> does not hold",
        "note: a note",
    ]
