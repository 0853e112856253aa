"""Trials of NAS-Bench-201: the official data of one architecture as a row of numbers.

NAS-Bench-201 (Dong & Yang, ICLR 2020) and the topology part of NATS-Bench (Dong et al., TPAMI 2021)
store an architecture in the same way: per training schedule a dictionary with ``arch_str``,
``dataset_seed`` (seeds of each data set) and ``all_results``, with a dictionary per (data set,
seed). The latter has ``epochs``, ``params`` and ``flop`` in millions, ``latency`` in seconds per
batch of 256, ``train_times`` in seconds per epoch, and ``eval_acc1es`` with keys
``<split>@<epoch>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from archrank.errors import TableError
from archrank.types import Floats

Row = dict[str, float]
SUFFIXES = {"200": "", "12": "_e12"}  # suffix of column names, by epochs of the schedule
SEEDS = (777, 888, 999)
ACCURACIES = {  # percent: column -> trained on, judged on
    "c10_val": ("cifar10-valid", "x-valid"),
    "c10_test": ("cifar10", "ori-test"),
    "c10_test_trainvalsplit": ("cifar10-valid", "ori-test"),
    "c100_val": ("cifar100", "x-valid"),
    "c100_test": ("cifar100", "x-test"),
    "in16_val": ("ImageNet16-120", "x-valid"),
    "in16_test": ("ImageNet16-120", "x-test"),
}
COSTS = {"c10": "cifar10-valid", "c100": "cifar100", "in16": "ImageNet16-120"}

COLUMNS = (
    *(f"{name}{suffix}" for suffix in SUFFIXES.values() for name in ACCURACIES),
    *(f"{name}_s{seed}" for name in ACCURACIES for seed in SEEDS),
    *(f"{data}_train_time_s{suffix}" for data in COSTS for suffix in SUFFIXES.values()),
    *(f"{data}_{cost}" for data in COSTS for cost in ("latency_ms", "params_m", "flops_m")),
)


def read_trials(schedules: Mapping[str, Any]) -> tuple[str, Row]:
    """Read an architecture's string and row: means over seeds, single seeds, times and costs.

    Args:
        schedules: ``{"200": ..., "12": ...}`` as stored; one of the two may be missing.

    Raises:
        TableError: The data differs from the official files; names the missing part.
    """
    row: Row = {}
    names = set()
    try:
        for epochs, suffix in SUFFIXES.items():
            if epochs in schedules:
                state = schedules[epochs]
                names.add(state["arch_str"])
                _add_schedule(row, state, suffix)
    except KeyError as error:
        raise TableError(f"there is no {error.args[0]!r}") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TableError(f"not as official files are: {error}") from None
    if len(names) != 1:
        raise TableError(f"expected one architecture, got {sorted(map(str, names))}")
    return str(names.pop()), row


def _add_schedule(row: Row, state: Mapping[str, Any], suffix: str) -> None:
    trials: dict[str, dict[int, Any]] = {
        data: {int(seed): state["all_results"][data, seed] for seed in seeds}
        for data, seeds in state["dataset_seed"].items()
    }
    for name, (data, split) in ACCURACIES.items():
        values = {s: v for s, t in trials.get(data, {}).items() if (v := _final(t, split)) >= 0}
        if values:
            row[f"{name}{suffix}"] = _mean(values.values())
        if not suffix:
            row |= {f"{name}_s{seed}": v for seed, v in values.items() if seed in SEEDS}
    for name, data in COSTS.items():
        runs = list(trials.get(data, {}).values())
        times = [sum(t["train_times"].values()) for t in runs if t["train_times"]]
        if times:
            row[f"{name}_train_time_s{suffix}"] = _mean(times)
        if runs and not suffix:
            _add_costs(row, name, runs)


def _final(trial: Mapping[str, Any], split: str) -> float:
    """Return the accuracy after the last epoch in percent; -1 if this split was not measured."""
    if split not in trial["eval_names"]:
        return -1.0
    value = float(trial["eval_acc1es"][f"{split}@{int(trial['epochs']) - 1}"])
    if not 0 <= value <= 100:
        raise ValueError(f"accuracy on {split} is {value:g}, expected 0..100 percent")
    return value


def _add_costs(row: Row, name: str, runs: list[Mapping[str, Any]]) -> None:
    row[f"{name}_params_m"] = _mean(float(t["params"]) for t in runs)
    row[f"{name}_flops_m"] = _mean(float(t["flop"]) for t in runs)
    latencies = [float(np.mean(list(map(float, t["latency"])))) for t in runs if t["latency"]]
    measured = [x for x in latencies if x > 0]
    if measured:
        row[f"{name}_latency_ms"] = 1000 * _mean(measured)


def _mean(values: Iterable[float]) -> float:
    numbers = [float(v) for v in values]
    if not np.isfinite(numbers).all():
        raise ValueError(f"one of {len(numbers)} measurements is not finite")
    return float(np.mean(numbers))


def to_columns(rows: list[Row]) -> dict[str, Floats]:
    """Turn rows into columns ``(n,)`` in a fixed order, without empty columns."""
    columns = {
        name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
        for name in COLUMNS
    }
    return {name: values for name, values in columns.items() if not np.isnan(values).all()}
