"""Curves of runs against loops over their evaluations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from archrank.comparison.curves import best_so_far, mean_curve, measure_of, spent
from archrank.comparison.runs import Compared, read_runs
from archrank.errors import SettingsError
from tests.comparison.conftest import Make


def two(make: Make, **options: object) -> list[Compared]:
    return read_runs([make(seed, **options) for seed in (0, 1)])


def test_best_so_far_is_that_of_a_loop(make: Make) -> None:
    for objective, better in (("accuracy", max), ("loss", min)):
        runs = two(make, objectives=objective)
        measure = measure_of(runs, None)
        for run, found in zip(runs, best_so_far(runs, measure), strict=True):
            values = [record.values[objective] for record in run.results.records]
            wanted = [better(values[: i + 1]) for i in range(len(values))]
            assert (measure.objective.sign * found).tolist() == pytest.approx(wanted)


def test_what_breaks_a_limit_is_not_best(make: Make) -> None:
    runs = two(make, constraints="latency_ms<=150")
    for run, found in zip(runs, best_so_far(runs, measure_of(runs, None)), strict=True):
        best, wanted = math.nan, []
        for record in run.results.records:
            if record.values["latency_ms"] <= 150:
                best = np.fmax(best, record.values["accuracy"])
            wanted.append(best)
        np.testing.assert_allclose(found, wanted)


def test_another_metric_is_of_what_is_best_by_the_objective(make: Make) -> None:
    runs = two(make)
    measure = measure_of(runs, "latency_ms")
    assert measure.objective.direction == "minimize"
    for run, found in zip(runs, best_so_far(runs, measure), strict=True):
        records = run.results.records
        leaders = [max(records[: i + 1], key=lambda r: r.values["accuracy"])
                   for i in range(len(records))]  # fmt: skip
        assert (-found).tolist() == [leader.values["latency_ms"] for leader in leaders]


def test_hypervolume_counts_dominated_cells(make: Make) -> None:
    """The volume of two objectives is a sum of strips; the whole is that of all runs together."""
    runs = two(make, objectives=["accuracy", "latency_ms"])
    measure = measure_of(runs, None)
    found = best_so_far(runs, measure)
    both = np.concatenate([run.results.matrix for run in runs])
    losses = 1 - (both - both.min(axis=0)) / np.ptp(both, axis=0)

    def volume(points: np.ndarray) -> float:
        area, floor = 0.0, 1.1
        for x, y in sorted(map(tuple, points)):
            if y < floor:
                area += (1.1 - x) * (floor - y)
                floor = y
        return area

    n = len(runs[0].results.records)
    for i, part in enumerate((losses[:n], losses[n:])):
        assert found[i][-1] == pytest.approx(volume(part) / volume(losses))
        assert found[i][4] == pytest.approx(volume(part[:5]) / volume(losses))


def test_costs_add_up(make: Make) -> None:
    runs = two(make)
    for run, total in zip(runs, spent(runs, "latency_ms"), strict=True):
        assert total[-1] == sum(r.values["latency_ms"] for r in run.results.records)
    for run, total in zip(runs, spent(runs, None), strict=True):
        assert total[-1] == pytest.approx(run.results.elapsed)
    with pytest.raises(SettingsError, match="no cost is below 0"):
        spent(runs, "balance")


def test_mean_curve_is_of_steps() -> None:
    xs = [np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 2.5, 3.5])]
    ys = [np.array([math.nan, 1.0, 3.0, 9.0]), np.array([2.0, 4.0, 6.0])]
    curve = mean_curve(xs, ys)
    assert curve.x.tolist() == [2.0, 2.5, 3.0, 3.5]  # from where both have a value, to an end
    assert curve.mean.tolist() == [1.5, 2.5, 3.5, 4.5]
    low, high = stats.t.interval(0.95, 1, loc=3.5, scale=stats.sem([3.0, 4.0]))
    assert (curve.low[2], curve.high[2]) == pytest.approx((low, high))


def test_curves_without_a_common_place_are_empty() -> None:
    nothing = mean_curve([np.arange(1.0, 4.0)] * 2, [np.full(3, math.nan), np.arange(3.0)])
    assert len(nothing.x) == 0
    apart = mean_curve([np.array([1.0, 2.0]), np.array([5.0, 6.0])], [np.ones(2), np.ones(2)])
    assert len(apart.x) == 0


def test_long_curves_are_thinned_to_whole_numbers() -> None:
    n = 5000
    curve = mean_curve([np.arange(1.0, n + 1)], [np.arange(1.0, n + 1)], whole=True)
    assert len(curve.x) <= 400
    assert (curve.x[0], curve.x[-1]) == (1, n)
    assert (curve.x == curve.mean).all()
