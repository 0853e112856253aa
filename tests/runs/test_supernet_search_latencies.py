"""Latencies that a search in a supernet measures: it tells that it waits for others."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from archrank import isolation
from archrank.hardware import LatencyProtocol
from archrank.runs.supernet_search.latencies import Latencies
from archrank.runs.supernet_search.memory import Memory
from archrank.spaces import NASBench201
from archrank.tasks import Digits

pytestmark = pytest.mark.skipif(isolation.fcntl is None, reason="this system has no shared locks")


def test_waiting_for_others_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_LOCKS", str(tmp_path / "locks"))
    began, may_end = threading.Event(), threading.Event()
    told: list[tuple[str, int, int]] = []

    def train() -> None:
        with isolation.busy():
            began.set()
            may_end.wait(60)

    def watch(doing: str, done: int, of: int) -> None:
        told.append((doing, done, of))
        may_end.set()

    space = NASBench201()
    protocol = LatencyProtocol(repeats=1, warmup=0, tries=1)
    latencies = Latencies(space.networks(Digits()), Memory(tmp_path, space), protocol, "cpu", watch)
    archs = space.sample(2, rng=np.random.default_rng(0))
    other = threading.Thread(target=train)
    other.start()
    assert began.wait(60)
    assert np.isfinite(latencies.measure(archs)).all()
    other.join(60)
    assert told == [(isolation.WAITING, 0, 2), ("measuring latencies", 2, 2)]
