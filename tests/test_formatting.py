"""Numbers as they are printed in terminals and reports."""

from __future__ import annotations

import pytest

from archrank.formatting import Scale, duration, format_value, is_count, whole_duration
from archrank.metrics import Metric


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (Metric("accuracy", unit="fraction"), 0.91606, "91.61 %"),
        (Metric("accuracy", unit="percent"), 91.606, "91.61 %"),
        (Metric("macs"), 220_119_680, "220.1 M"),
        (Metric("params"), 950, "950"),
        (Metric("c10_flops_m"), 220.11968, "220.1"),
        (Metric("latency_ms", unit="ms"), 8.12345, "8.123 ms"),
        (Metric("score"), -123_456.7, "-123,457"),
        (Metric("score"), 0.000012345, "1.234e-05"),
        (Metric("accuracy", unit="fraction"), 1.0, "100.00 %"),
        (Metric("latency_ms", unit="ms"), 12345.6, "12,346 ms"),
        (Metric("params"), -1500, "-1.5 k"),
        (Metric("score"), 1e15, "1.000e+15"),
        (Metric("score"), float("nan"), "–"),
        (Metric("accuracy", unit="fraction"), float("inf"), "–"),
    ],
)
def test_values(metric: Metric, value: float, text: str) -> None:
    assert format_value(value, metric) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00001, "< 0.1 ms"), (0.0123, "12.3 ms"), (0.1, "0.1 s"), (59.97, "1 min 00 s"),
        (61, "1 min 01 s"), (3600, "1 h 00 min"), (7_322, "2 h 02 min"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts() -> None:
    assert is_count("macs")
    assert is_count("c10_params")
    assert not is_count("c10_params_m")


@pytest.mark.parametrize(
    ("metric", "largest", "factor", "label"),
    [
        (Metric("accuracy", unit="fraction"), 0.9, 100.0, "accuracy (%)"),
        (Metric("accuracy", unit="percent"), 90, 1.0, "accuracy (%)"),
        (Metric("macs"), 2.2e8, 1e-6, "macs (M)"),
        (Metric("macs"), 999, 1.0, "macs"),
        (Metric("latency_ms", unit="ms"), 1e4, 1.0, "latency_ms (ms)"),
    ],
)
def test_axes(metric: Metric, largest: float, factor: float, label: str) -> None:
    assert Scale.of(metric, largest) == Scale(factor, label)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (8.4, "8 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3720, "1 h 02 min")],
)
def test_durations_of_displays_that_count(seconds: float, text: str) -> None:
    assert whole_duration(seconds) == text
