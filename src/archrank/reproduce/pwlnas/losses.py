"""Losses of predictors on six tasks of three spaces, judged at the top.

Ji et al., "Loss Functions for Predictor-based Neural Architecture Search" (ICCV 2025), compare
eight losses on 13 tasks of five spaces and change them in the course of a search (PWLNAS).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from archrank.criteria import kendall_tau, n_at, precision_at
from archrank.rankers.base import Ranker
from archrank.rankers.graphs.gates import GATES
from archrank.rankers.mlp import MLP
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.pwlnas.tasks import Task, load_tasks
from archrank.types import Floats

SIZES = (25, 100)  # labels; the searches of the paper have up to 150
REGRESSION, RANKING, WEIGHTED = (
    ("mse",),
    ("hinge", "ranknet", "list_mle"),
    ("exp_mse", "mape", "warp"),
)
MIXED, PIECEWISE = "blog_mixed", ("hinge_mape", "list_mle_warp")
SINGLE = (*REGRESSION, *RANKING, *WEIGHTED)
LOSSES = (*SINGLE, MIXED, *PIECEWISE)
TITLES = {
    "mse": "squared error",
    "hinge": "hinge (HR)",
    "ranknet": "logistic (LR)",
    "list_mle": "ListMLE",
    "exp_mse": "exponential weights (EW)",
    "mape": "MAPE",
    "warp": "WARP",
    "blog_mixed": "squared error + hinge",
    "hinge_mape": "hinge, then MAPE",
    "list_mle_warp": "ListMLE, then WARP",
}
CRITERIA = {"tau": ("tau", 1.0, 3), "p5": ("P@5 %", 100.0, 1), "p05": ("P@0.5 %", 100.0, 1)}
MAKERS: Mapping[str, Callable[..., Ranker]] = {
    "perceptron": partial(MLP, encoding="features", hidden=(200, 200)),
    "GATES": GATES,
}
SETTINGS = f"{PICTURE}, of a predictor of its own; mean over six tasks"
FOUND = f"{PICTURE}, of a predictor of its own"
NOTES = (
    "predictors: the perceptron has two layers of 200 on archrank's features of the space, GATES "
    "is as archrank has it; each loss has the training that hinge has",
    "the paper itself was not at hand: losses, criteria and statements are as summaries of it have "
    "them; its predictor is a graph convolution trained in settings of its own, and its tasks are "
    "13, of five spaces",
    "its mixed loss adds a sequence loss to the squared error (MSE+SR); ours, half hinge",
    "it changes the loss with the number of labels that a search has; here the first half of the "
    "epochs of each training has the first loss",
    "not run: its searches (NAS-Bench-201, CIFAR-10, test error of PWLNAS 5.63 %; NAS-Bench-101, "
    "5.80 %; DARTS, 2.47 %), and its other predictors, of which it prints, in a space that the "
    "summaries do not name, N@10 of a perceptron 251 by squared error, 24 by hinge, 23 by ListMLE, "
    "113 by WARP, and of a Transformer 147, 8.4 by hinge and 3.8 by WARP",
)


@dataclass(frozen=True, eq=False)
class Job:
    """One fit: a predictor, a task, a loss, the number of labels, a seed that draws them."""

    kind: str
    task: Task
    loss: str
    n: int
    seed: int
    epochs: int | None = None


def run_job(job: Job) -> Found:
    """Fit, and judge on the rows that were not learnt; equal scores count as random."""
    task = job.task
    order = np.random.default_rng([job.seed, 0]).permutation(len(task.archs))
    learnt, rest = np.split(order, [job.n])
    ranker = MAKERS[job.kind](task.space, objective=job.loss, seed=job.seed)
    start = time.process_time()
    Plan(epochs=job.epochs).shortened(ranker).fit(task.archs[learnt], task.labels[learnt])
    scores, truth = ranker.predict(task.archs[rest]), task.truth[rest]
    seconds = time.process_time() - start
    if np.ptp(scores) == 0:
        scores = np.random.default_rng(job.seed).permutation(len(rest)).astype(np.float64)
    return {
        "tau": kendall_tau(scores, truth),
        "p5": precision_at(scores, truth, 0.05),
        "p05": precision_at(scores, truth, max(len(rest) // 200, 1)),
        "n10": n_at(scores, truth, 10),
        "seconds": seconds,
    }


def perceptron(bench: None, plan: Plan) -> Comparison:
    """Compare losses of a perceptron on the features of a space."""
    return compare("perceptron", plan)


def gates(bench: None, plan: Plan) -> Comparison:
    """Compare losses of GATES, a graph network."""
    return compare("GATES", plan)


def compare(kind: str, plan: Plan) -> Comparison:
    """Compare losses on every task, from few labels to many."""
    tasks = load_tasks(plan.data)
    cells: dict[tuple[int, str, str], list[Found]] = {}
    for n in SIZES:
        seeds = range(plan.seeds)
        keys = [(task, loss) for task in tasks for loss in LOSSES]
        jobs = [Job(kind, t, loss, n, seed, plan.epochs) for t, loss in keys for seed in seeds]
        results = iter(plan.map(run_job, jobs))
        for task, loss in keys:
            cells[n, task.name, loss] = [next(results) for _ in seeds]
    names = [task.name for task in tasks]
    rows = [row for n in SIZES for row in _means(cells, names, n)]
    last = SIZES[-1]
    rows += [
        summary(
            f"N@10  {last} labels  {name:11}  {TITLES[loss]}",
            cells[last, name, loss], "n10", why=FOUND, decimals=1,
        )
        for name in names
        for loss in LOSSES
    ]  # fmt: skip
    return Comparison(rows, _claims(Standing(cells, names), SIZES), NOTES)


def _means(cells: dict[tuple[int, str, str], list[Found]], names: list[str], n: int) -> list[Row]:
    """Return rows of means over tasks: a run is a seed."""
    rows = []
    for key, (title, scale, decimals) in CRITERIA.items():
        for loss in LOSSES:
            runs = [
                {key: np.mean([r[key] for r in each]), "seconds": sum(r["seconds"] for r in each)}
                for each in zip(*(cells[n, name, loss] for name in names), strict=True)
            ]
            what = f"{title:7}  {n:>3} labels  {TITLES[loss]}"
            rows.append(summary(what, runs, key, why=SETTINGS, decimals=decimals, scale=scale))
    return rows


@dataclass(frozen=True)
class Standing:
    """Results by number of labels, task and loss."""

    cells: dict[tuple[int, str, str], list[Found]]
    names: Sequence[str]

    def of(self, n: int, loss: str, key: str = "p5") -> Floats:
        """Return means over seeds, by task: ``(tasks,)``."""
        return np.array(
            [np.mean([run[key] for run in self.cells[n, name, loss]]) for name in self.names]
        )

    def mean(self, n: int, losses: Sequence[str], key: str = "p5") -> float:
        """Return the mean over tasks and some losses."""
        return float(np.mean([self.of(n, loss, key) for loss in losses]))

    def best(self, n: int, losses: Sequence[str], key: str = "p5") -> str:
        """Return the loss with the highest mean over tasks."""
        return max(losses, key=lambda loss: self.mean(n, [loss], key))


def _claims(found: Standing, sizes: Sequence[int]) -> list[Claim]:
    few, many = sizes[0], sizes[-1]

    def percent(n: int, losses: Sequence[str]) -> str:
        return f"{100 * found.mean(n, losses):.1f}"

    worst = [
        (n, task)
        for n in sizes
        for task in range(len(found.names))
        if min(found.of(n, loss)[task] for loss in SINGLE) == found.of(n, "mse")[task]
    ]
    cells = len(sizes) * len(found.names)
    parts = max(found.mean(many, [loss]) for loss in ("mse", "hinge"))
    claims = [
        Claim(
            "squared error finds the top worst of all single losses, on most tasks",
            2 * len(worst) > cells,
            f"P@5 % is the lowest on {len(worst)} of {cells} tasks and sizes",
        ),
        Claim(
            "with few labels hinge and ListMLE are best",
            found.best(few, SINGLE) in ("hinge", "list_mle"),
            f"P@5 % from {few} labels: best {TITLES[found.best(few, SINGLE)]}; ranking losses "
            f"{percent(few, RANKING)}, weighted ones {percent(few, WEIGHTED)}",
        ),
        Claim(
            "with more labels weighted losses are best",
            found.best(many, SINGLE) in WEIGHTED,
            f"P@5 % from {many} labels: best {TITLES[found.best(many, SINGLE)]}; ranking losses "
            f"{percent(many, RANKING)}, weighted ones {percent(many, WEIGHTED)}",
        ),
        Claim(
            "regression and ranking together are no better than one of them",
            found.mean(many, [MIXED]) <= parts,
            f"P@5 % from {many} labels: {percent(many, [MIXED])}, the better of both "
            f"{100 * parts:.1f}",
        ),
    ]
    for loss, (first, then) in zip(
        PIECEWISE, (("hinge", "mape"), ("list_mle", "warp")), strict=True
    ):
        better = max(found.mean(many, [part]) for part in (first, then))
        claims.append(
            Claim(
                f"{TITLES[loss]} finds the top better than both, within one training",
                found.mean(many, [loss]) > better,
                f"P@5 % from {many} labels: {percent(many, [loss])}, the better of both "
                f"{100 * better:.1f}",
                published=False,
            )
        )
    return claims
