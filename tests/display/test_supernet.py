"""Progress of the training of a supernet: lines for a file, a bar for a terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from archrank.display import timer
from archrank.display.supernet import TrainingDisplay
from archrank.metrics import Metric
from archrank.supernets.running import Progress
from tests.display.test_search import Clock

METRICS = (Metric("accuracy", unit="fraction"), Metric("error", unit="fraction"))


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, out = Clock(), io.StringIO()
    monkeypatch.setattr(timer, "time", clock)
    with TrainingDisplay(Console(file=out, width=200), METRICS) as display:
        clock.now = 2
        display(Progress(5, 10, 1.5, 2.0, 0.1, metrics={"accuracy": 0.5}))  # too soon for a line
        clock.now = 30
        display(Progress(7, 10, 1.25, 28.0, 0.1, metrics={"accuracy": 0.625}))
        clock.now = 31
        display(Progress(3, 10, float("nan"), 1.0, 0.05, "going on from epoch 3 [1]"))
    assert out.getvalue().splitlines() == [
        "training: 7 of 10 epochs, loss 1.25, accuracy 62.50 %, elapsed 30 s, about 45 s left",
        "going on from epoch 3 [1]",
    ]


def test_a_bar_on_a_terminal() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True)
    with TrainingDisplay(console, METRICS) as display:
        display(Progress(6, 10, 1.25, 28.0, 0.1, "news", {"accuracy": 0.625}))
    shown = out.getvalue()
    assert "news" in shown
    assert "training" in shown
    assert re.search(r"6 of 10 epochs, loss 1\.25, accuracy 62\.50 %, about \d+ s left", shown)
