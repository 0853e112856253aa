from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import EvaluationError
from archrank.hardware import latency, measure_latency, time_calls
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


def clock(monkeypatch: pytest.MonkeyPatch, durations: list[int]) -> None:
    """Let calls take ``durations`` nanoseconds, one after the other."""
    ticks = [t for d in durations for t in (0, d)]
    monkeypatch.setattr(latency, "perf_counter_ns", lambda: ticks.pop(0))


def test_the_extremes_are_dropped_and_the_rest_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    # ten calls, 10 % at both ends: the fastest (1) and the slowest (9000) go
    nanoseconds = [4, 1, 9000, 2, 3, 6, 5, 8, 7, 9]
    clock(monkeypatch, [n * 1_000_000 for n in nanoseconds])
    assert measure_latency(Spy(), torch.zeros(1), repeats=10) == np.mean(range(2, 10))
    clock(monkeypatch, [n * 1_000_000 for n in nanoseconds])
    everything = measure_latency(Spy(), torch.zeros(1), repeats=10, trim=0)
    assert everything == np.mean(nanoseconds)


def test_single_times_are_milliseconds_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, [1_500_000, 250_000])
    assert time_calls(Spy(), torch.zeros(1), repeats=2).tolist() == [1.5, 0.25]


def test_calls_are_in_evaluation_mode_without_gradients_or_collections() -> None:
    spy = Spy().train()
    spy.inner.eval()
    before = torch.get_num_threads()
    measure_latency(spy, torch.zeros(1), repeats=7, warmup=3, threads=1)
    assert len(spy.calls) == 10
    assert spy.calls[3:] == [(False, False, 1, False)] * 7
    assert spy.training
    assert not spy.inner.training, "each module gets its own mode back"
    assert torch.get_num_threads() == before
    assert gc.isenabled()


def test_a_network_that_fails_leaves_nothing_changed() -> None:
    network = nn.Linear(3, 2)
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="shapes"):
        measure_latency(network, torch.zeros(1, 4), threads=before + 1)
    assert network.training
    assert torch.get_num_threads() == before
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"repeats": 0}, "repeats must be a whole number of at least 1, got 0"),
        ({"warmup": -1}, "warmup must be a whole number of at least 0, got -1"),
        ({"threads": 0}, "threads must be a whole number of at least 1, got 0"),
        ({"repeats": 1.5}, "at least 1, got 1.5"),
        ({"trim": 0.5}, "below 0.5, got 0.5"),
    ],
)
def test_settings_that_measure_nothing(settings: dict[str, float], told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        measure_latency(Spy(), torch.zeros(1), **settings)  # type: ignore[arg-type]


def test_mode_and_threads_go_back() -> None:
    network, before = Spy().eval(), torch.get_num_threads()
    with torch_threads(before + 1), mode(network, training=True):
        assert network.inner.training
        assert torch.get_num_threads() == before + 1
    assert not network.training
    assert not network.inner.training
    assert torch.get_num_threads() == before
