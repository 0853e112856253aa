"""Pauses between plain lines."""

from __future__ import annotations

import pytest

from archrank.display import timer
from archrank.display.timer import MOST, QUIET, SHARE, Timer
from tests.display.test_search import Clock

MINUTE, HOUR = 60, 3600


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(timer, "time", fake)
    return fake


def lines(clock: Clock, seconds: int) -> list[float]:
    """Moments of the lines about work that reports every second."""
    began = clock.now = 5.0
    made, found = Timer(), []
    for _ in range(seconds):
        clock.now += 1
        if made.due():
            found.append(made.elapsed)
            assert made.elapsed == clock.now - began
    return found


def test_lines_become_rarer(clock: Clock) -> None:
    moments = lines(clock, 10 * HOUR)
    pauses = [after - before for before, after in zip([0.0, *moments], moments, strict=False)]
    assert moments[:6] == [10, 20, 30, 40, 50, 60]
    assert pauses == sorted(pauses)
    assert all(
        pause - 1 < min(max(QUIET, SHARE * moment), MOST) <= pause
        for pause, moment in zip(pauses, moments, strict=True)
    )
    assert pauses[-1] == MOST
    assert len([moment for moment in moments if moment <= HOUR]) <= 50
    assert len(moments) < 200


def test_work_that_reports_seldom_has_a_line_each(clock: Clock) -> None:
    made = Timer()
    for _ in range(5):
        clock.now += MOST
        assert made.due()
        assert not made.due()
