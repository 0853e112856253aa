"""Charts of a run: search curve, and predicted against measured ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archrank.criteria import expected_best_of_random
from archrank.formatting import Scale, format_value
from archrank.report.chart import Axis, Chart
from archrank.report.cross_validation import CrossValidation
from archrank.report.summary import table_scores
from archrank.report.volumes import running_volumes, scaled_losses
from archrank.study.results import Results
from archrank.types import Floats, Ints

MAX_DOTS = 2000  # more would make a page of many megabytes


@dataclass(frozen=True)
class Figure:
    """Drawing with its heading, caption and legend, whose entries are (CSS class, text)."""

    title: str
    svg: str
    caption: str
    legend: tuple[tuple[str, str], ...] = ()


def search_curve(results: Results) -> Figure:
    """Draw every evaluation, the best so far, and the expected best of random search."""
    if len(results.objectives) > 1:
        return _hypervolume_curve(results)
    objective = results.objective
    metric = results.metrics[objective.metric]
    scores = objective.sign * results.column(objective.metric)  # (n,)
    counts = np.arange(1.0, len(scores) + 1)
    running = np.maximum.accumulate(np.where(results.feasible, scores, -np.inf))
    reference = table_scores(results)
    expected = None
    if reference is not None:
        at = np.unique(np.linspace(1, min(len(scores), len(reference)), 120).astype(np.int64))
        expected = expected_best_of_random(reference, at)

    shown = np.concatenate([scores[results.ok], expected if expected is not None else []])
    top = reference.max() if reference is not None else shown.max()
    low = max(shown.min(), fence(shown))
    scale = Scale.of(metric, float(np.abs(shown).max()))
    factor = objective.sign * scale.factor
    y = Axis.around(scale.label, factor * np.array([low, top]), margin=0.06)
    x = Axis("evaluations", 0, len(scores) * 1.02 + 0.5, whole=True)
    chart = Chart(x, y, f"best {metric.name} so far against evaluations")
    legend = [("best", "best so far"), ("dot", "evaluation")]

    if reference is not None:
        chart.level(factor * float(top), "limit")
    _evaluation_dots(chart, results, counts, factor * scores, legend)
    if expected is not None:
        chart.line(at.astype(np.float64), factor * expected, "random")
        legend[1:1] = [("random", "random search, expected"), ("limit", "best in the table")]
    found = np.isfinite(running)
    if found.any():
        xs = np.append(counts[found], len(scores))
        chart.line(xs, factor * np.append(running[found], running[-1]), "best", steps=True)
    if (scores[results.ok] < low).any():
        legend.append(("beyond", "off the scale"))
    return Figure("Search", chart.svg(), _curve_note(results), tuple(legend))


def fence(scores: Floats) -> float:
    """Compute the value below which scores ``(n,)`` are outliers, which the axis leaves out."""
    q1, q3 = np.quantile(scores, [0.25, 0.75])
    return float(min(q1 - 1.5 * (q3 - q1), np.quantile(scores, 0.1)))


def _evaluation_dots(
    chart: Chart, results: Results, x: Floats, y: Floats, legend: list[tuple[str, str]]
) -> None:
    constrained = bool(results.constraints)
    for kind, which, text in (
        ("infeasible", results.ok & ~results.feasible, "breaks a constraint"),
        ("dot", results.feasible, ""),
    ):
        rows = thin(np.flatnonzero(which))
        if len(rows):
            chart.dots(x[rows], y[rows], kind, titles(results, rows),
                       "ring" if kind == "infeasible" else "dot")  # fmt: skip
            if text and constrained:
                legend.append((kind, text))
    failed = thin(np.flatnonzero(~results.ok))
    if len(failed):
        bottom = np.full(len(failed), chart.y.low + 0.03 * (chart.y.high - chart.y.low))
        chart.dots(x[failed], bottom, "failed", titles(results, failed), "cross")
        legend.append(("failed", "failed"))


def _curve_note(results: Results) -> str:
    parts = []
    reference = table_scores(results)
    if reference is not None:
        rows = f"{len(reference):,} rows of the table"
        if results.constraints:
            rows += " that meet the constraints"
        parts.append(
            f"Random search is its exact expectation over the {rows}, drawn without repetition."
        )
    if len(results.ok) > MAX_DOTS:
        parts.append(f"{MAX_DOTS:,} of {len(results.ok):,} evaluations are drawn.")
    return " ".join(parts)


def _hypervolume_curve(results: Results) -> Figure:
    """Draw the share of the final hypervolume, with objectives scaled to their measured range."""
    points = results.matrix  # (n, m), higher is better
    volumes = running_volumes(scaled_losses(points, results.ok), results.feasible)
    share = 100 * volumes / (volumes[-1] or 1.0)
    x = Axis("evaluations", 0, len(points) * 1.02 + 0.5, whole=True)
    chart = Chart(x, Axis("hypervolume (% of final)", 0, 105), "hypervolume against evaluations")
    counts = np.arange(1.0, len(points) + 1)
    chart.line(counts, share, "best", steps=True)
    legend = [("best", "hypervolume of the front so far")]
    failed = thin(np.flatnonzero(~results.ok))
    if len(failed):
        chart.dots(counts[failed], np.full(len(failed), 3.0), "failed",
                   titles(results, failed), "cross")  # fmt: skip
        legend.append(("failed", "failed"))
    caption = (
        "The volume that the feasible front dominates, with each objective scaled to the range of "
        "this run's successful evaluations and the reference point 10 % beyond their worst."
    )
    return Figure("Search", chart.svg(), caption, tuple(legend))


def rank_scatter(results: Results, found: CrossValidation) -> Figure:
    """Draw predicted against measured ranks of held-out evaluations."""
    n = len(found.rows)
    ends = (n + 0.04 * n, 1 - 0.04 * n)
    x = Axis("measured rank (1 is best)", ends[1], ends[0], whole=True, ranks=True)
    y = Axis("predicted rank", ends[1], ends[0], whole=True, ranks=True)
    chart = Chart(x, y, f"predicted against measured ranks of {found.metric}")
    chart.line(np.array([1.0, n]), np.array([1.0, n]), "limit")
    chart.dots(found.measured, found.predicted, "dot", titles(results, found.rows))
    total = int(results.ok.sum())
    part = f"{n:,} of this run's {total:,}" if n < total else f"this run's {n:,}"
    note = ""
    if results.strategy is not None and results.strategy.adaptive:
        note = " Architectures that a search chose are harder to order than random ones."
    caption = (
        f"Kendall's tau {found.tau:.2f} between {found.metric} and {found.ranker}'s predictions "
        f"for evaluations it was not fitted to: five-fold cross-validation on {part} "
        f"successful evaluations.{note}"
    )
    return Figure(
        f"Ranker on {found.metric}: tau {found.tau:.2f}",
        chart.svg(),
        caption,
        (("dot", "held-out evaluation"), ("limit", "perfect order")),
    )


def thin(rows: Ints) -> Ints:
    """Select at most :data:`MAX_DOTS` of ``rows``, evenly spread."""
    if len(rows) <= MAX_DOTS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_DOTS).astype(np.int64)]


def titles(results: Results, rows: Ints) -> list[str]:
    """Write the texts that are shown when the pointer is over a mark."""
    texts = []
    for i in rows.tolist():
        record = results.records[i]
        values = [
            f"{o.metric} {format_value(record.values[o.metric], results.metrics[o.metric])}"
            for o in results.objectives
        ]
        what = ", ".join(values) if results.ok[i] else f"failed: {record.reason}"
        texts.append(f"{i + 1}: {record.string}\n{what}")
    return texts
