"""Charts of a study of supernets: those of the Surgery, and one per table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.assess.figures import SHIFT, LogAxis
from archrank.assess.supernets.base import FORMATS, Row
from archrank.assess.supernets.scores import REFERENCES
from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.types import Floats

if TYPE_CHECKING:
    from archrank.assess.supernets.study import SupernetStudy

MOST = 6  # series of a chart
RANKS = ("br_at_1", "br_at_5", "br_at_one")  # shares that differ by orders of magnitude


@dataclass(frozen=True)
class Series:
    """One line of a chart: its name, places, means and standard deviations, ``(k,)`` each."""

    name: str
    x: Floats
    mean: Floats
    sd: Floats


def figures(study: SupernetStudy) -> dict[str, list[Figure]]:
    """Draw the figures of every part that has any, by the part's name."""
    makers: Mapping[str, Callable[[SupernetStudy], Iterator[Figure]]] = {
        "checkpoints": _checkpoints,
        "spread": _spread,
        "sampling": _sampling,
        "samples": _samples,
        "proxies": _proxies,
        "groups": _groups,
        "predictors": _predictors,
    }
    return {name: list(make(study)) for name, make in makers.items() if study.part(name)}


def _checkpoints(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("checkpoints")
    first, *others = dict.fromkeys(r.subject for r in rows if r.subject not in REFERENCES)
    correlations = [
        _series(rows, first, name, FORMATS[name].title) for name in ("tau", "spearman", "pearson")
    ]
    correlations += [_series(rows, first, "level", first)]
    correlations += [_series(rows, subject, "tau", f"tau by {subject}") for subject in others]
    yield _figure(
        "Correlation over checkpoints",
        "epoch",
        "correlation, mean score",
        correlations,
        f"By {first} unless named.",
        level=_constant(rows, "tau"),
        level_name="tau of MACs alone",
    )
    shares = [_series(rows, first, name, FORMATS[name].title) for name in ("p_at_5", "p_at_50")]
    yield _figure("Precision over checkpoints", "epoch", "P@K, %", shares,
                  f"Share of the best K by {first} that are among the true best K.")  # fmt: skip
    ranks = [_series(rows, first, name, FORMATS[name].title) for name in RANKS]
    yield _figure("Best ranking over checkpoints", "epoch", "BR@K, % of all", ranks,
                  f"True rank of the best of the top K by {first}: lower is better.",
                  log=True)  # fmt: skip


def _spread(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("spread")
    subjects = dict.fromkeys(r.subject for r in rows if not math.isnan(r.at))
    truth = next((r for r in rows if math.isnan(r.at) and r.criterion == "rank"), None)
    yield _figure(
        "Isomorphic architectures come closer",
        "epoch",
        "std of ranks, % of all",
        [_series(rows, subject, "rank", subject) for subject in subjects],
        "Mean over classes of two or more of the standard deviation of ranks.",
        level=None if truth is None else 100 * truth.mean,
        level_name="" if truth is None else truth.subject,
    )


def _sampling(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("sampling")
    subjects = [s for s in dict.fromkeys(r.subject for r in rows) if s not in REFERENCES]
    for criterion, title in (
        ("tau", "Order of all"),
        ("p_at_5", "The best 5 %"),
        ("br_at_1", "The best of the top 1 %"),
    ):
        yield _figure(
            title,
            "epoch",
            FORMATS[criterion].title,
            [_series(rows, subject, criterion, subject) for subject in subjects],
            "Without de-isomorphism all architectures are ranked, otherwise classes.",
            log=criterion in RANKS,
            level=_constant(rows, criterion),
        )


def _samples(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("samples")
    cost = {r.subject: r.mean for r in rows if r.criterion == "forwards"}
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.criterion == "tau" and row.subject in cost:
            found.setdefault(row.subject.split(",")[0], []).append(row)
    series = [
        _of([cost[r.subject] for r in chosen], chosen, name) for name, chosen in found.items()
    ]
    yield _figure(
        "Architectures per update, by compute",
        "architecture-forwards per training example",
        "tau",
        series,
        "The left point of a line is at equal compute, the right one at equal epochs.",
        level=_constant(rows, "tau"),
        log_x=True,
    )


def _proxies(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("proxies")
    cost = {r.subject: r.mean / 1000 for r in rows if r.criterion == "macs"}
    taus = {r.subject: r for r in rows if r.criterion == "tau" and r.subject in cost}
    own = next(subject for subject in taus if "(the table)" in subject)
    channels, cells = own.replace(" (the table)", "").split(", ")
    series = []
    for name, keeps in (("channels", cells), ("cells", channels)):
        chosen = [r for s, r in taus.items() if s == own or keeps in s.split(", ")]
        chosen.sort(key=lambda row: cost[row.subject])
        if len(chosen) > 1:
            series.append(_of([cost[r.subject] for r in chosen], chosen, f"number of {name}"))
    if series:
        yield _figure(
            "Proxies, by cost",
            "thousand MACs of the supernet's networks",
            "tau",
            series,
            f"Both lines pass through the table's own networks, {own.replace(' (the table)', '')}.",
            level=_constant(rows, "tau"),
            log_x=True,
        )


def _groups(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("groups")
    subjects = list(dict.fromkeys(r.subject for r in rows))
    yield from _by_group(rows, {subject: subject for subject in subjects}, "one-shot scores")


def _predictors(study: SupernetStudy) -> Iterator[Figure]:
    rows = study.part("predictors")
    by_macs = [s for s in dict.fromkeys(r.subject for r in rows) if s.endswith(" by MACs")]
    yield from _by_group(rows, {s: s.removesuffix(" by MACs") for s in by_macs}, "predictors")
    staged = [s for s in dict.fromkeys(r.subject for r in rows) if s.endswith(" in stages")]
    yield _figure(
        "Predictors at the top, by stage",
        "stage",
        "P@0.1 %, %",
        [_series(rows, s, "p_at_01", s.removesuffix(" in stages")) for s in staged],
        "Each stage adds the best predicted architectures to the labels.",
        whole=True,
    )


def _by_group(rows: Sequence[Row], subjects: Mapping[str, str], what: str) -> Iterator[Figure]:
    for criterion, title, caption in (
        ("group_tau", f"Order inside groups, {what}", "Groups of equal size; left are the cheapest"
         " architectures."),
        ("group_difference", f"Over- and under-estimation, {what}", "Mean of true minus predicted "
         "rank: above 0 a group is over-estimated, below 0 under-estimated."),
    ):  # fmt: skip
        yield _figure(
            title,
            "group of rising MACs",
            FORMATS[criterion].title,
            [_series(rows, subject, criterion, name) for subject, name in subjects.items()],
            caption,
            level=0.0,
            whole=True,
        )


# ---- drawing -----------------------------------------------------------------------------------


def _series(rows: Iterable[Row], subject: str, criterion: str, name: str) -> Series:
    chosen = [r for r in rows if (r.subject, r.criterion) == (subject, criterion)]
    chosen.sort(key=lambda row: row.at)
    return _of([row.at for row in chosen], chosen, name)


def _of(x: Sequence[float], rows: Sequence[Row], name: str) -> Series:
    """Make a series in the unit that is printed; values that are not defined are left out."""
    factor = np.array([100.0 if FORMATS[row.criterion].unit else 1.0 for row in rows])
    if rows and rows[0].criterion == "level":
        factor = np.ones(len(rows))  # beside correlations
    mean, sd = (factor * np.array([getattr(row, k) for row in rows]) for k in ("mean", "sd"))
    known = np.isfinite(mean)
    return Series(name, np.array(x, dtype=np.float64)[known], mean[known],
                  np.nan_to_num(sd[known]))  # fmt: skip


def _constant(rows: Iterable[Row], criterion: str) -> float | None:
    """Return a criterion of MACs alone, in the unit that is printed."""
    for row in rows:
        if (row.subject, row.criterion) == (REFERENCES[0], criterion) and not math.isnan(row.mean):
            return (100.0 if FORMATS[criterion].unit else 1.0) * row.mean
    return None


def _figure(
    title: str,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    caption: str,
    *,
    level: float | None = None,
    level_name: str = REFERENCES[0],
    log: bool = False,
    log_x: bool = False,
    whole: bool = False,
) -> Figure:
    """Draw lines with error bars of one standard deviation, and a level for comparison."""
    shown = [s for s in series if len(s.x)][:MOST]
    xs = np.concatenate([s.x for s in shown] or [np.zeros(1)])
    floor = 0.0 if y_label.startswith(("P@", "std")) else -math.inf  # a bar may go below
    ends = [np.concatenate([np.maximum(s.mean - s.sd, floor), s.mean + s.sd]) for s in shown]
    ys = np.concatenate([*ends, [0.0] if level is None else [level]])
    least = min((float(s.mean[s.mean > 0].min()) for s in shown if (s.mean > 0).any()), default=1.0)
    x = _log_axis(x_label, xs) if log_x else Axis.around(x_label, xs, whole=whole)
    y = _log_axis(y_label, np.maximum(ys, least)) if log else Axis.around(y_label, ys, margin=0.08)
    chart = Chart(x, y, title)
    if level is not None:
        chart.level(level, "limit")
    for i, line in enumerate(shown):
        _draw(chart, i, line, len(shown), least if log else floor)
    legend = [(f"s{i}", line.name) for i, line in enumerate(shown)]
    if level is not None and level != 0:
        legend.append(("limit", level_name))
    return Figure(title, chart.svg(), caption, tuple(legend))


def _draw(chart: Chart, i: int, line: Series, lines: int, least: float) -> None:
    share = SHIFT * (i - (lines - 1) / 2)  # bars at one place would hide each other
    if isinstance(chart.x, LogAxis):
        at = chart.x.shift(line.x, share)
    else:
        at = line.x + share * (chart.x.high - chart.x.low)
    for px, mean, sd in zip(at, line.mean, line.sd, strict=True):
        if sd > 0:
            low = max(mean - sd, least)
            chart.line(np.array([px, px]), np.array([low, mean + sd]), f"bar{i}")
    chart.line(at, np.maximum(line.mean, least), f"s{i}")
    texts = [
        f"{line.name}, {px:g}: {mean:.3g}{f' ± {sd:.2g}' if sd > 0 else ''}"
        for px, mean, sd in zip(line.x, line.mean, line.sd, strict=True)
    ]
    chart.dots(at, np.maximum(line.mean, least), f"s{i}", texts)


def _log_axis(label: str, values: Floats) -> LogAxis:
    """Make a logarithmic axis around positive values, with ticks at 1, 2, 5, 10, ...."""
    low, high = float(values.min()) / 1.3, float(values.max()) * 1.3
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
    return LogAxis(label, low, high, at=tuple(t for t in ticks if low <= t <= high))
