"""Rules of the eight findings on made-up numbers: each can hold, fail, and not be asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archrank.assess.supernets.base import Row
from archrank.assess.supernets.findings import Evidence, Finding, clear, findings
from archrank.spaces.images import Scale
from tests.assess.supernets.conftest import TINY

SETTINGS = replace(TINY, epochs=10, seeds=3)
SCALE = Scale(channels=8, cells=2)


def row(part: str, subject: str, criterion: str, mean: float, at: float = np.nan) -> Row:
    return Row(part, subject, criterion, (mean - 0.01, mean, mean + 0.01), at)


def groups(part: str, subject: str, difference: float, tau: float) -> list[Row]:
    """Make a cheaper half that is over-estimated, and better ordered, by so much."""
    rows = []
    for g in range(10):
        half = 1 if g < 5 else -1
        rows.append(row(part, subject, "group_difference", half * difference / 2, g + 1.0))
        rows.append(row(part, subject, "group_tau", 0.5 + half * tau / 2, g + 1.0))
    return rows


def world(sign: float) -> list[Row]:
    """Make the paper's world (1), or its opposite (-1)."""
    rows = [
        row("proxies", "8 channels, 2 cells (the table)", "tau", 0.7),
        row("proxies", "4 channels, 2 cells", "tau", 0.6),
        row("proxies", "8 channels, 1 cell", "tau", 0.6 - 0.2 * sign),
        *(
            row("checkpoints", "one-shot accuracy", "p_at_5", 0.4 if e > 2 or sign > 0 else 0.1, e)
            for e in SETTINGS.kept
        ),
        *(
            row("checkpoints", "one-shot accuracy", "tau", 0.7 if e > 2 or sign < 0 else 0.4, e)
            for e in SETTINGS.kept
        ),
        row("spread", "uniform sampling", "rank", 0.2 + 0.1 * sign, 2),
        row("spread", "uniform sampling", "rank", 0.2, 10),
        row("sampling", "no de-isomorphism", "p_at_5", 0.2, 10),
        row("sampling", "no de-isomorphism", "simplest", 0.2, 10),
        *groups("groups", "one-shot accuracy", 0.2 * sign, 0.2 * sign),
    ]
    for subject in ("de-isomorphic sampling", "post de-isomorphism"):
        rows.append(row("sampling", subject, "p_at_5", 0.2 + 0.1 * sign, 10))
        rows.append(row("sampling", subject, "simplest", 0.2 - 0.1 * sign, 10))
    for name in ("MLP", "LSTM", "GATES", "RF"):
        bias = 0.3 if (name in ("MLP", "RF")) == (sign > 0) else 0.0
        rows += groups("predictors", f"{name} by MACs", bias, 0.2 * sign)
        tau = 0.6 + 0.1 * (name == "GATES")
        rows.append(row("predictors", f"{name}, ranking loss", "tau", tau))
        values = tuple(tau - 0.2 * sign + np.array([-0.1, 0.0, 0.1]) * (sign > 0))
        rows.append(Row("predictors", f"{name}, regression loss", "tau", values))
        if name in ("LSTM", "GATES"):
            for stage in range(5):
                value = 0.5 + 0.1 * sign * stage
                rows.append(row("predictors", f"{name} in stages", "p_at_01", value, stage))
    return rows


def judged(rows: list[Row], scale: Scale | None = SCALE, table: int = 6_466) -> list[Finding]:
    return findings(Evidence(rows, SETTINGS, scale, table))


def test_every_finding_can_be_reproduced_and_not() -> None:
    assert [f.verdict for f in judged(world(1))] == ["reproduced"] * 8
    assert [f.verdict for f in judged(world(-1))] == ["not reproduced"] * 8
    assert all(f.measured for f in judged(world(1)))


@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        ("proxies", {1}),
        ("checkpoints", {2}),
        ("spread", {3}),
        ("sampling", {4}),
        ("groups", {5}),
        ("predictors", {6, 7, 8}),
    ],
)
def test_findings_of_parts_that_were_left_out(part: str, numbers: set[int]) -> None:
    found = judged([r for r in world(1) if r.part != part])
    assert {f.number for f in found if f.verdict == "not asked here"} == numbers
    assert {f.number for f in found if f.verdict == "reproduced"} == set(range(1, 9)) - numbers


def test_a_thousandth_of_a_small_table_is_no_share() -> None:
    found = judged(world(1), table=4_000)
    assert [f.number for f in found if f.verdict == "not asked here"] == [8]


def test_layers_that_cannot_be_halved() -> None:
    rows = [
        row("proxies", "8 channels, 1 cell (the table)", "tau", 0.7),
        row("proxies", "4 channels, 1 cell", "tau", 0.6),
        row("proxies", "16 channels, 1 cell", "tau", 0.65),
        row("proxies", "8 channels, 2 cells", "tau", 0.55),
    ]
    first = judged(rows, Scale(channels=8, cells=1))[0]
    assert first.verdict == "not asked here"
    assert "twice the cells costs +0.150" in first.measured
    assert "twice the channels +0.050" in first.measured


def test_a_difference_is_clear_above_its_standard_error() -> None:
    assert clear(np.array([0.1]))
    assert not clear(np.array([-0.1]))
    assert clear(np.array([0.1, 0.3, 0.2]))
    assert not clear(np.array([0.0, 0.0, 0.0]))
    assert not clear(np.array([-0.4, 0.6, 0.0]))  # 0.07 with a standard error of 0.29
