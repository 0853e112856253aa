"""RankNAS, Fig. 1: what HAT's and RankNAS's searches cost, step by step.

The paper states four ratios: rankers are trained 10.34 times faster (section 5.3) or in 80 % less
time (section 7), pruning saves 75 % of the search (5.3), and the whole is 11.53 times faster (7).
"""

from __future__ import annotations

import time

import numpy as np

from archrank.report.chart import Axis, Chart, Groups
from archrank.report.figures import Figure
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row
from archrank.reproduce.bench import Bench
from archrank.reproduce.ranknas.extent import extent_of, told, workplace
from archrank.reproduce.ranknas.models import HAT, RANKNAS, Repetition, Runs, total
from archrank.reproduce.ranknas.rows import EXTRAPOLATED, STEPS, row_of
from archrank.reproduce.ranknas.searching import HAT_TIMED, PARTS
from archrank.reproduce.ranknas.stopwatch import PATIENCE
from archrank.types import Floats

UNPRUNED = "RankNAS*"
METHODS = (HAT, UNPRUNED, RANKNAS)
WIDTH = 0.6  # of a bar, in the distance of two
FASTER, LESS_SEARCH, OVERALL, LESS_TRAINING = 10.34, 75.0, 11.53, 80.0


def spend(repetition: Repetition) -> Found:
    """Search as HAT, and as RankNAS with and without pruning; return the costs by method."""
    start = time.perf_counter()
    searches = repetition.searches()
    found: Found = {
        HAT: searches.hat(),
        UNPRUNED: searches.ranknas(prune=False),
        RANKNAS: searches.ranknas(),
        "supernet": repetition.trainings.trained()["cpu_seconds"],
    }
    return found | {"seconds": time.perf_counter() - start}


def figure_1(bench: Bench | None, plan: Plan) -> Comparison:
    """Compare the CPU seconds of the steps of HAT's and RankNAS's searches."""
    extent = extent_of(plan)
    with workplace(plan) as folder:
        jobs = [
            Repetition("hat_small", number, extent, folder, METHODS, ("cpu",), plan.announce)
            for number in range(plan.seeds)
        ]
        found = plan.map(spend, jobs)
    costs = {  # (repetitions, parts) of each
        method: np.array([[run[method]["cpu_seconds"][part] for part in PARTS] for run in found])
        for method in METHODS
    }
    supernets = np.array([run["supernet"] for run in found])
    rows = [row_of("supernet, which all share: CPU s", supernets, found, why=PICTURE, decimals=1)]
    for method, each in costs.items():
        why = EXTRAPOLATED if method == HAT else PICTURE
        for i, part in enumerate(PARTS):
            if each[:, i].any():
                what = f"{method}: {STEPS[part]}, CPU s"
                rows.append(row_of(what, each[:, i], found, why=why if i == 0 else PICTURE))
        rows.append(row_of(f"{method}: all, CPU s", each.sum(axis=1), found, why=why, decimals=1))
        for key, what in (("scored", "in all"), ("settled", "until settled")):
            values = np.array([run[method][key] for run in found])
            rows.append(
                row_of(
                    f"{method}: architectures scored, {what}",
                    values,
                    found,
                    why=PICTURE,
                    decimals=0,
                )
            )
    ratios = _ratios(found, costs)
    notes = (
        "labels: latencies, and for RankNAS losses; fits: of the rankers or HAT's perceptron; "
        "pruning: importance of decisions; search: evolution, and RankNAS's finalists, which the "
        "supernet scores and which are timed",
        f"a search has settled when its best has not changed for {PATIENCE} generations; both run "
        f"for {extent.generations}, as published, so pruning cannot save any of these",
        f"HAT measures {HAT_TIMED:,} latencies, RankNAS {extent.labels} and as many losses: the "
        "paper does not say how many, so the first ratio follows from this choice",
        "the paper's text says IWSLT'14, the figure's caption WMT'14",
        *told(plan),
    )
    return Comparison(rows + ratios[0], ratios[1], notes, (_chart(costs, supernets),))


def _ratios(found: Runs, costs: dict[str, Floats]) -> tuple[list[Row], list[Claim]]:
    """Compare what the paper states with the same of ours."""
    training = {method: each[:, :2].sum(axis=1) for method, each in costs.items()}
    whole = {method: np.array([total(run[method]) for run in found]) for method in METHODS}
    settled = {
        method: np.array([run[method]["settled_seconds"] for run in found]) for method in METHODS
    }
    scored = {  # one at least: a labelled architecture is found without
        method: np.array([max(1, run[method]["settled"]) for run in found]) for method in METHODS
    }
    faster, overall = training[HAT] / training[RANKNAS], whole[HAT] / whole[RANKNAS]
    less_search = 100 * (1 - settled[RANKNAS] / settled[UNPRUNED])
    less_scored = 100 * (1 - scored[RANKNAS] / scored[UNPRUNED])
    rows = [
        row_of(
            "labels and fits, HAT over RankNAS (section 5.3)",
            faster,
            found,
            paper=FASTER,
            why="follows from the numbers of labels",
            decimals=2,
        ),
        row_of(
            "labels and fits, less than HAT's, % (section 7)",
            100 * (1 - 1 / faster),
            found,
            paper=LESS_TRAINING,
            why="contradicts the paper's 10.34 times, which is 90 %",
            decimals=1,
        ),
        row_of(
            "search until settled, less by pruning, % of architectures (section 5.3)",
            less_scored,
            found,
            paper=LESS_SEARCH,
            why="the paper tells time, which is hundredths of a second here",
            decimals=1,
        ),
        row_of(
            "search until settled, less by pruning, % of CPU s",
            less_search,
            found,
            why="without the importance of decisions and the finalists",
            decimals=1,
        ),
        row_of(
            "all, HAT over RankNAS (section 7)",
            overall,
            found,
            paper=OVERALL,
            why="without the supernet",
            decimals=2,
        ),
    ]
    claims = [
        Claim(
            "rankers are trained faster than HAT's (counts as held from 5 times, which is 80 %)",
            bool(faster.mean() >= 5),
            f"{faster.mean():.2f} times",
        ),
        Claim(
            "pruning reduces the search (counts as held if it scores a quarter less until settled)",
            bool(less_scored.mean() >= 25),
            f"{less_scored.mean():.1f} % less scored, {less_search.mean():.1f} % less CPU time",
        ),
        Claim(
            "the whole is about ten times cheaper than HAT's (counts as held from 5 times)",
            bool(overall.mean() >= 5),
            f"{overall.mean():.2f} times",
        ),
    ]
    return rows, claims


def _chart(costs: dict[str, Floats], supernets: Floats) -> Figure:
    """Draw the means of the steps as stacked bars, one per method."""
    means = np.stack([each.mean(axis=0) for each in costs.values()])  # (methods, parts)
    ends = means.cumsum(axis=1)
    title = "CPU seconds of each search, without the supernet"
    y = Axis("CPU seconds", 0.0, 1.05 * float(ends.max()))
    chart = Chart(Groups.of("method", list(costs)), y, title)
    for i, part in enumerate(PARTS):
        texts = [
            f"{method}, {STEPS[part]}: {seconds:.1f} CPU s"
            for method, seconds in zip(costs, means[:, i], strict=True)
        ]
        low = ends[:, i] - means[:, i]
        chart.bars(np.arange(float(len(costs))), low, ends[:, i], WIDTH, f"s{i}", texts)
    caption = (
        f"The supernet takes {supernets.mean():.0f} CPU seconds more, which all share. HAT's "
        "labels are extrapolated."
    )
    legend = tuple((f"s{i}", STEPS[part]) for i, part in enumerate(PARTS))
    return Figure(title, chart.svg(), caption, legend)
