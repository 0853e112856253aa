"""Charts of AttentiveNAS's figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from archrank.report.chart import Axis, Chart, Groups
from archrank.report.figures import Figure
from archrank.types import Floats

ROOM = 0.8  # of the distance of two groups that their marks fill
Regimes = Sequence[Sequence[float]]
"""Accuracies of the sub-networks of each regime."""


def boxes(samplings: Mapping[str, Sequence[Regimes]], regimes: Sequence[str]) -> Figure:
    """Draw box plots of accuracies by regime, a box for each sampling (Fig. 5).

    Args:
        samplings: accuracies of each sampling, by repetition and regime.
        regimes: their names.
    """
    values = {  # (regimes, 5) of each, of the sub-networks of all repetitions together
        name: 100
        * np.stack(
            [
                np.quantile(np.concatenate([run[i] for run in runs]), (0, 0.25, 0.5, 0.75, 1))
                for i in range(len(regimes))
            ]
        )
        for name, runs in samplings.items()
    }
    y = Axis.around("accuracy (%)", np.concatenate(list(values.values())).ravel())
    title = "Accuracies of random sub-networks by regime of FLOPs"
    chart = Chart(Groups.of("MFLOPs", regimes), y, title)
    for i, (name, each) in enumerate(values.items()):
        texts = [
            f"{name}, {regime} MFLOPs: {' / '.join(f'{v:.1f}' for v in five)} %"
            for regime, five in zip(regimes, each, strict=True)
        ]
        chart.boxes(
            _places(i, len(values), regimes), each, 0.7 * ROOM / len(values), f"s{i}", texts
        )
    caption = (
        "Boxes reach from the first to the third quartile, lines to minimum and maximum. All "
        "samplings are measured on the same sub-networks, of all repetitions together."
    )
    return Figure(title, chart.svg(), caption, _legend(list(values)))


def gains(
    samplings: Mapping[str, Floats], regimes: Sequence[str], interval: Callable[[Floats], float]
) -> Figure:
    """Draw the mean gain over uniform sampling by regime, with intervals (Fig. 6).

    Args:
        samplings: gains ``(repetitions, regimes)`` of each sampling.
        regimes: their names.
        interval: half the width of a mean's interval.
    """
    means = {name: 100 * each.mean(axis=0) for name, each in samplings.items()}
    halves = {
        name: np.nan_to_num(100 * np.array([interval(column) for column in each.T]))
        for name, each in samplings.items()
    }
    ends = [means[name] + sign * halves[name] for name in means for sign in (-1, 1)]
    y = Axis.around("gain over Uniform (points)", np.concatenate([*ends, [0.0]]))
    title = "Gain of the best sub-network over uniform sampling"
    chart = Chart(Groups.of("MFLOPs", regimes), y, title)
    chart.level(0.0, "limit")
    for i, (name, mean) in enumerate(means.items()):
        at = _places(i, len(means), regimes)
        for x, centre, half in zip(at, mean, halves[name], strict=True):
            if half > 0:
                chart.line(
                    np.array([x, x]), np.array([centre - half, centre + half]), f"bar{i + 1}"
                )
        texts = [
            f"{name}, {regime} MFLOPs: {centre:+.2f}"
            for regime, centre in zip(regimes, mean, strict=True)
        ]
        chart.dots(at, mean, f"s{i + 1}", texts)
        chart.line(at, mean, f"s{i + 1}")
    caption = (
        "Best sub-networks are found on validation images, and measured on test images. Bars are "
        "intervals of 95 % over repetitions, where there are several."
    )
    legend = (*_legend(list(means), first=1), ("limit", "Uniform"))
    return Figure(title, chart.svg(), caption, legend)


def _places(i: int, of: int, regimes: Sequence[str]) -> Floats:
    """Return where the marks of the ``i``-th sampling are: beside those of the others."""
    places: Floats = np.arange(float(len(regimes))) + ROOM * ((i + 0.5) / of - 0.5)
    return places


def _legend(names: Sequence[str], first: int = 0) -> tuple[tuple[str, str], ...]:
    return tuple((f"s{i}", name) for i, name in enumerate(names, start=first))


def scatter(title: str, predicted: Floats, measured: Floats) -> Figure:
    """Draw predicted against measured ranks ``(n,)``; 1 is best."""
    n = len(measured)
    ends = (1 - 0.04 * n, 1.04 * n)
    x = Axis("measured rank (1 is best)", *ends, whole=True, ranks=True)
    y = Axis("predicted rank", *ends, whole=True, ranks=True)
    chart = Chart(x, y, f"{title}: predicted against measured ranks")
    chart.line(np.array([1.0, n]), np.array([1.0, n]), "limit")
    texts = [f"measured {m:g}, predicted {p:g}" for p, m in zip(predicted, measured, strict=True)]
    chart.dots(measured, predicted, "dot", texts)
    return Figure(
        title,
        chart.svg(),
        f"{n:,} sub-networks that the forest has not seen, of the first repetition.",
        (("dot", "sub-network"), ("limit", "perfect order")),
    )
