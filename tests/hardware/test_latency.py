from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import EvaluationError
from archrank.hardware import LatencyProtocol, Part, Timing, latency, measure_latency, measure_parts
from archrank.hardware.latency import time_runs
from archrank.torch_state import mode, torch_threads


class Spy(nn.Module):
    """Remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.BatchNorm1d(3)
        self.calls: list[tuple[bool, bool, int, bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        self.calls.append((self.training, torch.is_grad_enabled(), threads, gc.isenabled()))
        return x


def clock(monkeypatch: pytest.MonkeyPatch, milliseconds: Sequence[float]) -> None:
    """Let calls take ``milliseconds``, one after the other."""
    ticks = [t for ms in milliseconds for t in (0, round(ms * 1_000_000))]
    monkeypatch.setattr(latency, "perf_counter_ns", lambda: ticks.pop(0))


def test_the_extremes_are_dropped_and_the_rest_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    # ten calls, 10 % at both ends: the fastest (1) and the slowest (9000) go
    times = [4, 1, 9000, 2, 3, 6, 5, 8, 7, 9]
    protocol = LatencyProtocol(repeats=10, tries=1)
    clock(monkeypatch, times)
    found = measure_latency(Spy(), torch.zeros(1), protocol)
    kept = np.arange(2, 10)
    assert found == Timing(kept.mean(), kept.std() / kept.mean(), {}, 1, True)
    clock(monkeypatch, times)
    assert measure_latency(Spy(), torch.zeros(1), replace(protocol, trim=0)).ms == np.mean(times)


def test_noisy_measurements_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = LatencyProtocol(repeats=4, trim=0, warmup=0, spread=0.05)
    noisy, quiet, noisier = [1, 2, 3, 4], [5, 5, 5, 5.5], [1, 1, 1, 9]
    clock(monkeypatch, [*noisy, *quiet, *noisier])
    found = measure_latency(Spy(), torch.zeros(1), protocol)
    assert (found.ms, found.tries, found.noisy) == (np.mean(quiet), 2, False)
    clock(monkeypatch, [*noisier, *noisy, *noisier])
    found = measure_latency(Spy(), torch.zeros(1), protocol)
    assert (found.ms, found.tries, found.noisy) == (np.mean(noisy), 3, True)


def test_parts_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    parts = [Part(name, partial(done.append, name)) for name in ("encoder", "decoder")]
    clock(monkeypatch, [1, 1, 1, 3, 5, 7])
    protocol = LatencyProtocol(repeats=3, trim=0, warmup=1, tries=1)
    found = measure_parts(Spy(), parts, protocol)
    assert done == ["encoder"] * 4 + ["decoder"] * 4
    assert (found.ms, dict(found.parts)) == (6.0, {"encoder": 1.0, "decoder": 5.0})
    assert found.spread == np.std([3, 5, 7]) / 6


def test_gpus_are_timed_between_events(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            happened.append("event")

        def elapsed_time(self, end: Event) -> float:
            assert happened[-1] == "all has ended"
            return 2.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: happened.append("all has ended"))
    protocol = LatencyProtocol(repeats=2, warmup=1)
    times = time_runs(lambda: happened.append("run"), protocol, torch.device("cuda"))
    assert times.tolist() == [2.5, 2.5]
    timed = ["event", "run", "event", "all has ended"]
    assert happened == ["run", "all has ended", *timed, *timed]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu() -> None:
    network = nn.Linear(3, 3).to("cuda")
    assert measure_latency(network, torch.zeros(2, 3, device="cuda")).ms > 0


def test_calls_are_in_evaluation_mode_without_gradients_or_collections() -> None:
    spy = Spy().train()
    spy.inner.eval()
    before = torch.get_num_threads()
    measure_latency(spy, torch.zeros(1), LatencyProtocol(repeats=7, warmup=3, tries=1))
    assert spy.calls == [(False, False, 1, False)] * 10
    assert spy.training
    assert not spy.inner.training, "each module gets its own mode back"
    assert torch.get_num_threads() == before
    assert gc.isenabled()


def test_a_network_that_fails_leaves_nothing_changed() -> None:
    network = nn.Linear(3, 2)
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="shapes"):
        measure_latency(network, torch.zeros(1, 4), LatencyProtocol(threads=before + 1))
    assert network.training
    assert torch.get_num_threads() == before
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"warmup": -1}, "warmup must be at least 0, got -1"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"repeats": 1.5}, "repeats is 1.5, expected a whole number"),
        ({"trim": 0.5}, "below 0.5, got 0.5"),
        ({"spread": 0}, "spread must be above 0, got 0"),
        ({"dtype": "int8"}, "dtype must be one of float32, float16, bfloat16, got 'int8'"),
        ({"length": 0}, "length must be at least 1, got 0"),
    ],
)
def test_settings_that_measure_nothing(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        LatencyProtocol(**settings)


def test_mode_and_threads_go_back() -> None:
    network, before = Spy().eval(), torch.get_num_threads()
    with torch_threads(before + 1), mode(network, training=True):
        assert network.inner.training
        assert torch.get_num_threads() == before + 1
    assert not network.training
    assert not network.inner.training
    assert torch.get_num_threads() == before
