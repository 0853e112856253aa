"""Repeated trainings of one architecture: their seeds, and mean and spread of what they measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from archrank.metrics import Metric
from archrank.types import Floats

STD = "_std"


def seeds_of(seed: int, arch: NDArray[np.uint8], run: int = 0) -> tuple[int, int]:
    """Return the seeds of a training run of ``arch: (d,)``: of initial weights, of the rest.

    They depend on the study's seed, the architecture and the number of the run alone.
    """
    words = np.random.SeedSequence([seed, run, *arch.tolist()]).generate_state(2)
    return int(words[0]), int(words[1])


def with_spread(metrics: Sequence[Metric], runs: int) -> tuple[Metric, ...]:
    """Return the metrics of several runs: each mean, then each standard deviation, ``..._std``.

    Example:
        >>> [m.name for m in with_spread([Metric("accuracy")], 3)]
        ['accuracy', 'accuracy_std']
    """
    spread = [replace(m, name=f"{m.name}{STD}", direction="minimize") for m in metrics]
    return (*metrics, *spread) if runs > 1 else tuple(metrics)


def mean_and_spread(values: Floats) -> Floats:
    """Return means of ``(runs, m)`` numbers, followed by standard deviations if there are runs.

    ``(m,)`` of one run, ``(2 m,)`` of several; deviations are those of a sample.
    """
    if len(values) == 1:
        return np.asarray(values[0])
    return np.concatenate([np.mean(values, axis=0), np.std(values, axis=0, ddof=1)])
