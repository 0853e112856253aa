"""Tables of the blog "Learning to Rank Architectures": a tiny recursive ranker and its searches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archrank import criteria
from archrank.rankers.base import Ranker
from archrank.rankers.recursive.ranker import Recursive
from archrank.reproduce.base import Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import Bench
from archrank.types import Floats, Ints

TRAIN = 900
SEED_SIZE, ITERATIONS, CANDIDATES, TAKEN = 10, 40, 100, 5  # 10 + 40 x 5 = 210 evaluations
PAPER_LOSSES = {
    "mse": {"rho": 0.712, "tau": 0.554, "r2": 0.100, "mae": 0.039},
    "mixed": {"rho": 0.779, "tau": 0.617, "r2": 0.017, "mae": 0.076},
}
PAPER_PAIRS = {"mse": 71.0, "mixed": 78.0}
PAPER_RHO = {"c10": 0.779, "c100": 0.785, "in16": 0.770}
PAPER_BEST = {  # guided, random
    "c10": (94.37, 93.78),
    "c100": (73.20, 71.16),
    "in16": (46.50, 45.37),
}
PAPER_EVALUATIONS = (25, 210)  # evaluations to 94 %: "~25" and "210+" (never)

MEASURES = {"rho": "Spearman", "tau": "Kendall tau", "r2": "R2", "mae": "MAE"}
TITLES = {"mse": "MSE only", "mixed": "50% ranking + 50% MSE"}
SETTINGS = (
    "theirs: one seed, 100 test cells, width 256, labels from .85 to 1.0 (.946, .992: training "
    "accuracies, it seems); ours: all other cells, width 32, validation accuracies from .1 to .92"
)
PAIRS = "the blog takes rho for the share of pairs; its tau .554 and .617 mean 77.7 and 80.9 %"
NOTES = ("epochs, batch and learning rate are not in the blog; ours are Recursive's defaults",)
UNTUNED = "labels as they are train with a learning rate and decay chosen for standardised ones"
SEARCH = "one run of theirs; ours: mean over runs, predictor of another size"


@dataclass(frozen=True, eq=False)
class Trial:
    """Settings of one run: a seed, 900 labels of ``c10_val``, a loss."""

    seed: int
    bench: Bench
    ranker: Ranker


def trials(bench: Bench, plan: Plan, loss: str = "mixed", *, as_is: bool = False) -> list[Trial]:
    """Make one trial per seed; on a small table, for tests, half of the rows are trained on.

    ``as_is`` is the published form: labels are not standardised, and the margin is 0.01.
    """
    form: dict[str, Any] = {"standardise": False, "margin": 0.01} if as_is else {}
    ranker = plan.shortened(Recursive(bench.space, loss, **form))  # type: ignore[arg-type]
    return [Trial(seed, bench, ranker) for seed in range(plan.seeds)]


def _fitted(trial: Trial) -> tuple[Floats, Ints, float]:
    """Fit a ranker; return scores of all cells, rows that were not trained on, and seconds."""
    bench = trial.bench
    order = np.random.default_rng([trial.seed, TRAIN]).permutation(len(bench))
    train, rest = np.split(order, [min(TRAIN, len(bench) // 2)])
    start = time.perf_counter()
    # fractions, as the blog has them
    ranker = trial.ranker.set_params(seed=trial.seed)
    ranker.fit(bench.archs[train], bench["c10_val"][train] / 100)
    return ranker.predict(bench.archs), rest, time.perf_counter() - start


def run_losses(trial: Trial) -> Found:
    """Compute criteria on the cells that were not trained on."""
    scores, rest, seconds = _fitted(trial)
    s, y = scores[rest], trial.bench["c10_val"][rest] / 100
    return {
        "rho": criteria.spearman(s, y),
        "tau": criteria.kendall_tau(s, y),
        "r2": float(1 - ((s - y) ** 2).mean() / y.var()),
        "mae": float(np.abs(s - y).mean()),
        "pairs": criteria.pair_accuracy(s, y),
        "seconds": seconds,
    }


def losses(bench: Bench, plan: Plan) -> Comparison:
    """Compare squared error with the mean of squared error and a margin ranking loss."""
    rows: list[Row] = []
    claims: list[Claim] = []
    for as_is in (False, True):
        form = "labels as they are, margin 0.01" if as_is else "standardised labels, margin 0.1"
        means: dict[tuple[str, str], float] = {}
        for loss in PAPER_LOSSES:
            found = plan.map(run_losses, trials(bench, plan, loss, as_is=as_is))
            rows += _loss_rows(loss, found, form)
            means |= {(key, loss): float(np.mean([r[key] for r in found])) for key in MEASURES}
        claims += _loss_claims(means, form)
    return Comparison(rows, claims, (*NOTES, UNTUNED))


def _loss_rows(loss: str, found: Sequence[Found], form: str) -> list[Row]:
    paper = PAPER_LOSSES[loss]
    rows = [
        summary(f"{title:11}  {TITLES[loss]}, {form}", found, key, paper[key], why=SETTINGS)
        for key, title in MEASURES.items()
    ]
    what = f"{'pairs right':11}  {TITLES[loss]}, {form}, %"
    right = PAPER_PAIRS[loss]
    rows.append(summary(what, found, "pairs", right, why=PAIRS, decimals=1, scale=100.0))
    return rows


def _loss_claims(means: dict[tuple[str, str], float], form: str) -> list[Claim]:
    up = all(means[key, "mixed"] > means[key, "mse"] for key in ("rho", "tau"))
    down = means["r2", "mixed"] < means["r2", "mse"] and means["mae", "mixed"] > means["mae", "mse"]
    change = means["tau", "mixed"] - means["tau", "mse"]
    errors = f"MAE {means['mae', 'mse']:.3f} -> {means['mae', 'mixed']:.3f}"
    return [
        Claim("the mixed loss ranks better", up, f"{form}: tau {change:+.3f} (blog +0.063)"),
        Claim("and regresses worse", down, f"{form}: {errors}"),
    ]


def run_transfer(trial: Trial) -> Found:
    """Compute rank correlations on both data sets, and run a guided search on each."""
    scores, rest, seconds = _fitted(trial)
    found: Found = {"seconds": seconds}
    for data in PAPER_RHO:
        if f"{data}_test" not in trial.bench.columns:
            continue
        val, test = trial.bench[f"{data}_val"], trial.bench[f"{data}_test"]
        found[f"{data} rho"] = criteria.spearman(scores[rest], val[rest])
        found[f"{data} tau"] = criteria.kendall_tau(scores[rest], val[rest])
        found[f"{data} mae"] = float(np.abs(scores[rest] - val[rest] / 100).mean())
        for guided in (True, False):
            best = np.maximum.accumulate(test[_walk(scores, trial.seed, guided)])
            who = "guided" if guided else "random"
            found[f"{data} {who}"] = float(best[-1])
            reached = np.flatnonzero(best >= trial.bench.goal)
            found[f"{data} {who} to goal"] = float(reached[0] + 1 if len(reached) else len(best))
    return found


def _walk(scores: Floats, seed: int, guided: bool) -> Ints:
    """Choose the rows to evaluate, in order.

    Guided: 10 random rows, then 40 times the 5 best predicted of 100 random rows. Otherwise as many
    random rows. As in the blog, the predictor is never refitted, and rows may repeat or be among
    the predictor's labels.
    """
    rng = np.random.default_rng([seed, int(guided)])
    n = len(scores)
    if not guided:
        return rng.permutation(n)[: SEED_SIZE + ITERATIONS * TAKEN]
    parts = [rng.choice(n, min(SEED_SIZE, n), replace=False)]
    for _ in range(ITERATIONS):
        candidates = rng.choice(n, min(CANDIDATES, n), replace=False)
        parts.append(candidates[np.argsort(-scores[candidates], kind="stable")[:TAKEN]])
    return np.concatenate(parts)


def search(bench: Bench, plan: Plan) -> Comparison:
    """Best test accuracy after 210 evaluations on CIFAR-10, and evaluations until 94 %."""
    found = plan.map(run_transfer, trials(bench, plan))
    rows = _best(found, "c10")
    why = f"{SEARCH}; median; both leave out the 900 labels of the predictor"
    for who, paper in zip(("guided", "random"), PAPER_EVALUATIONS, strict=True):
        what = f"c10  {who} search, evaluations to {bench.goal:.4g} %"
        key = f"c10 {who} to goal"
        rows.append(summary(what, found, key, paper, why=why, decimals=0, median=True))
    claim = Claim(
        "guided search finds better cells than random search, in fewer evaluations",
        rows[0].ours > rows[1].ours and rows[2].ours < rows[3].ours,
        f"{rows[3].ours / rows[2].ours:.1f} times fewer (blog: 8 to 10)",
    )
    return Comparison(rows, [claim], (*NOTES, "searched on test accuracy, as in the blog"))


def _best(found: Sequence[Found], data: str) -> list[Row]:
    return [
        summary(
            f"{data:4} {who} search, best test %",
            found,
            f"{data} {who}",
            paper,
            why=SEARCH,
            decimals=2,
        )
        for who, paper in zip(("guided", "random"), PAPER_BEST[data], strict=True)
    ]


def transfer(bench: Bench, plan: Plan) -> Comparison:
    """Zero-shot transfer: rank correlation and search on other data with the ranker of CIFAR-10.

    ImageNet16-120 is included if the table has the columns ``in16_val`` and ``in16_test``.
    """
    found = plan.map(run_transfer, trials(bench, plan))
    here = [data for data in PAPER_RHO if f"{data}_test" in bench.columns]
    rows = []
    for data in here:
        rho = PAPER_RHO[data]
        kind = "in domain" if data == "c10" else "zero-shot"
        rows.append(summary(f"{data:4} {kind} Spearman", found, f"{data} rho", rho, why=SETTINGS))
        rows.append(summary(f"{data:4} {kind} tau", found, f"{data} tau"))
        rows.append(summary(f"{data:4} {kind} MAE", found, f"{data} mae"))
    for data in here:
        rows += _best(found, data)
    own = rows[0].ours
    claims = [
        Claim(
            f"ranking quality barely degrades on another data set: {data}",
            own - row.ours < 0.05,
            f"Spearman {own:.3f} -> {row.ours:.3f}",
        )
        for data, row in zip(here[1:], rows[3::3], strict=False)
    ]
    note = "ImageNet16-120 (rho .770, best 46.50 against 45.37) is not run: not in the table"
    return Comparison(rows, claims, NOTES if "in16" in here else (*NOTES, note))
