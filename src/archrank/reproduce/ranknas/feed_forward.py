"""RankNAS, Fig. 4: impact of the feed-forward dimension on latency and validation loss.

The paper's are of WMT'14 on a CPU and a GPU. Ours are HAT's published latencies, in which all
decisions vary, so rows are matched; and networks of ``hat_small`` on this machine's CPU, and their
losses in a supernet, in which all else is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import find_table
from archrank.reproduce.ranknas.extent import extent_of, told, workplace
from archrank.reproduce.ranknas.latency import FILE, load_pairs
from archrank.reproduce.ranknas.trainings import networks_of
from archrank.reproduce.ranknas.widths import (
    MATCHED,
    SPACE,
    STACKS,
    Curve,
    Swept,
    columns,
    matched,
    score_widths,
    time_widths,
    widths,
)
from archrank.types import Floats

TIMED, SCORED = 8, 64  # architectures whose dimension is changed
QUICK_TIMED, QUICK_SCORED = 2, 4
ALMOST = 0.02  # relative change up to which latency is almost unchanged
NOTES = (
    f"HAT's latencies: rows with the same {', '.join(MATCHED)} are compared, as shares of their "
    f"mean, by fifths of the mean dimension over layers; almost unchanged: by {ALMOST:.0%} at most",
    f"this CPU and the losses: networks of {SPACE} on dates, the dimension of all layers set to "
    "the same, all else as it was drawn; latencies as shares of an architecture's mean",
)


def figure_4(bench: None, plan: Plan) -> Comparison:
    """Compare latencies and losses by feed-forward dimension."""
    extent = extent_of(plan)
    pairs = load_pairs(find_table(FILE, plan.data))
    published = {
        (pair, stack): matched(table, column)
        for pair, table in pairs.items()
        for stack, column in STACKS.items()
    }
    timed, scored = (QUICK_TIMED, QUICK_SCORED) if plan.quick else (TIMED, SCORED)
    with workplace(plan) as folder:
        jobs = [Swept(seed, extent, 1, folder, plan.announce) for seed in range(timed)]
        latencies = plan.map(time_widths, jobs)
        jobs = [Swept(seed, extent, scored, folder, plan.announce) for seed in range(plan.seeds)]
        losses = plan.map(score_widths, jobs)
    x = widths(networks_of(SPACE, extent).space)
    here = Curve.of(x, columns(latencies, "shares"))
    loss = Curve.of(x, columns(losses, "losses"))
    rows = [
        Row(f"{pair}: latency, {stack} {at:.0f}, share of the mean", value, why=PICTURE)
        for (pair, stack), curve in published.items()
        for at, value in zip(curve.x, curve.mean, strict=True)
    ]
    rows += _rows(x, "this CPU: latency, {}, share of the mean", latencies, "shares")
    rows += _rows(x, "validation loss, {}", losses, "losses")
    return Comparison(
        rows,
        _claims(published, here, loss),
        (*NOTES, *_noisy(latencies), *told(plan)),
        _figures(published, here, loss),
    )


# ---- what is told ------------------------------------------------------------------------------


def _noisy(runs: Sequence[Found]) -> list[str]:
    noisy, of = sum(run["noisy"] for run in runs), sum(len(run["ms"]) for run in runs)
    line = f"{noisy} of {of} latencies of this CPU are noisy: something else was running"
    return [line] if noisy else []


def _rows(x: Floats, what: str, runs: Sequence[Found], key: str) -> list[Row]:
    return [
        summary(
            what.format(f"{width:.0f}"),
            [{"value": run[key][k], "seconds": run["seconds"] / len(x)} for run in runs],
            "value",
            why=PICTURE,
        )
        for k, width in enumerate(x)
    ]


def _claims(published: Mapping[tuple[str, str], Curve], here: Curve, loss: Curve) -> list[Claim]:
    claims = []
    for (pair, stack), curve in published.items():
        measured = f"{pair}: {curve.change:+.1%} from {curve.x[0]:.0f} to {curve.x[-1]:.0f}"
        if "cpu" in pair:
            text = f"CPU: latency rises monotonically with the {stack}'s feed-forward dimension"
            claims.append(Claim(text, curve.rises, measured))
        else:
            text = f"GPU: latency almost does not change with the {stack}'s feed-forward dimension"
            still = float(np.ptp(curve.mean)) <= ALMOST
            claims.append(Claim(text, still, measured))
    at = f"from {here.x[0]:.0f} to {here.x[-1]:.0f}"
    return [
        *claims,
        Claim(
            f"CPU: latency rises monotonically with the dimension in {SPACE}",
            here.rises,
            f"this CPU: {here.change:+.1%} {at}",
        ),
        Claim(
            "the dimension has different influences on latency and on loss",
            here.change * loss.change < 0,
            f"{at}: latency of this CPU {here.change:+.1%}, loss {loss.change:+.1%}",
        ),
    ]


def _figures(
    published: Mapping[tuple[str, str], Curve], here: Curve, loss: Curve
) -> tuple[Figure, ...]:
    share = "latency, share of the mean"
    by_stack = [
        draw(
            f"Latency by the {stack}'s feed-forward dimension",
            share,
            {pair: curve for (pair, of), curve in published.items() if of == stack},
            "HAT's measurements: means of rows with the same embeddings and decoder layers, by "
            "fifths of the mean dimension. Bars are intervals of 95 % over rows.",
        )
        for stack in STACKS
    ]
    over = "Bars are intervals of 95 % over {}, where there are several."
    return (
        *by_stack,
        draw(f"Latency of {SPACE}", share, {"this CPU": here}, over.format("architectures")),
        draw(f"Loss of {SPACE}", "validation loss", {"loss": loss}, over.format("supernets")),
    )


def draw(title: str, label: str, curves: Mapping[str, Curve], caption: str) -> Figure:
    """Draw curves of means with intervals by feed-forward dimension."""
    halves = {name: np.nan_to_num(curve.half) for name, curve in curves.items()}
    ends = [c.mean + sign * halves[name] for name, c in curves.items() for sign in (-1, 1)]
    x = Axis.around("feed-forward dimension", np.concatenate([c.x for c in curves.values()]))
    chart = Chart(x, Axis.around(label, np.concatenate(ends)), title)
    for i, (name, curve) in enumerate(curves.items()):
        for at, mean, half in zip(curve.x, curve.mean, halves[name], strict=True):
            if half > 0:
                chart.line(np.full(2, at), np.array([mean - half, mean + half]), f"bar{i}")
        texts = [f"{name}, {at:.0f}: {m:.3f}" for at, m in zip(curve.x, curve.mean, strict=True)]
        chart.line(curve.x, curve.mean, f"s{i}")
        chart.dots(curve.x, curve.mean, f"s{i}", texts)
    legend = tuple((f"s{i}", name) for i, name in enumerate(curves))
    return Figure(title, chart.svg(), caption, legend)
