"""Predictors that learn true labels (Surgery, section 5): the findings that need no supernet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from archrank.assess.fitting import GROUPS, Fit, Measured, fit_stages, measures
from archrank.assess.grid import Cell
from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.labels import shortened, without_graphs
from archrank.assess.supernets.plan import Plan, Scoring
from archrank.assess.supernets.problem import TRUTH, StudyProblem
from archrank.assess.surgery_rankers import RANKING, REGRESSION, TABLE_A1

STAGES = 5  # each adds as many labels as the first, of the best predicted architectures
STAGED = ("GATES", "LSTM")  # those of Table A2
LOSSES = {"ranking": RANKING, "regression": REGRESSION}
LABELS = "labels"


class Predictors(Part):
    """Four predictors by two losses, from a few labels, and two of them in five stages.

    They learn from and are judged on all classes of the table, since they need no scores.

    The draws of labels are as many as there are seeds; each predictor is trained once per draw.
    """

    name = "predictors"
    title = "Predictors"
    source = "Surgery, section 5, Tables A1 and A2, Figs. 5 and A2"
    axis = "stage, or group of rising MACs"

    def scorings(self, plan: Plan) -> Iterable[Scoring]:
        """Return none: predictors learn the truth."""
        return ()

    def needs_more(self, plan: Plan) -> str:
        """Return why there is nothing to measure, if so."""
        return without_graphs(plan)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria by predictor and loss, by group of MACs, and by stage."""
        for (name, loss), found in self._found(results).items():
            subject = f"{name}, {loss} loss"
            first = [stages[0] for stages in found]
            printed = TABLE_A1.get((name, loss))
            tau = None if printed is None else float(np.mean(printed))
            yield _row(self.name, subject, "tau", [one["tau"] for one in first], paper=tau)
            yield _row(self.name, subject, "p_at_5", [one["p5"] for one in first])
            yield _row(self.name, subject, "br_at_1", [one["br1"] for one in first])
            if loss == "ranking":
                yield from self._by_group(results, name, first)
            if len(found[0]) > 1:
                yield from self._by_stage(name, found)

    def _by_group(
        self, results: Results, name: str, found: Sequence[Mapping[str, Any]]
    ) -> Iterator[Row]:
        n = len(results.problem.whole)
        for group in range(GROUPS):
            at = group + 1.0
            taus = [one["group_tau"][group] for one in found]
            differences = [one["group_difference"][group] / n for one in found]
            yield _row(self.name, f"{name} by MACs", "group_tau", taus, at=at)
            yield _row(self.name, f"{name} by MACs", "group_difference", differences, at=at)

    def _by_stage(self, name: str, found: Sequence[Sequence[Mapping[str, Any]]]) -> Iterator[Row]:
        for stage in range(len(found[0])):
            for criterion, key in (("tau", "tau"), ("p_at_01", "p01"), ("br_at_1", "br1")):
                values = [stages[stage][key] for stages in found]
                yield _row(self.name, f"{name} in stages", criterion, values, at=stage)

    def _found(self, results: Results) -> dict[tuple[str, str], list[list[dict[str, Any]]]]:
        """Return the criteria of each predictor and loss, by draw of labels and stage."""
        found: dict[tuple[str, str], list[list[dict[str, Any]]]] = {}
        bench = as_bench(results.problem)
        for seed in results.plan.seeds:
            for loss, makers in LOSSES.items():
                for name in makers:
                    if (name, loss) == ("RF", "regression"):
                        continue  # it has one loss, told as ranking
                    fit = _fit(results.plan, bench, name, loss, seed)
                    known = results.journal.found(
                        f"{name}, {loss} loss, {fit.cell.train_size} labels, {fit.stages} stages, "
                        f"seed {seed}",
                        partial(run, fit),
                    )
                    found.setdefault((name, loss), []).append(known)
        return found


def as_bench(problem: StudyProblem) -> Measured:
    """Return the truth, and labels in [0, 1], which the regressions of the paper's code need."""
    truth = problem.whole[TRUTH]
    labels = truth * problem.unit / 100
    if not problem.unit:
        labels = (truth - truth.min()) / np.ptp(truth)
    columns = {TRUTH: truth, LABELS: labels}
    return Measured(problem.space, problem.whole.archs, columns, problem.whole.macs)


def _fit(plan: Plan, bench: Measured, name: str, loss: str, seed: int) -> Fit:
    size = min(plan.settings.labels, len(bench) // 2)
    stages = min(STAGES, len(bench) // size) if name in STAGED and loss == "ranking" else 1
    ranker = shortened(LOSSES[loss][name](bench.space), plan)
    return Fit(Cell(name, size, seed, 0), ranker, bench, LABELS, TRUTH, stages=stages)


def run(fit: Fit) -> list[dict[str, Any]]:
    """Train in stages; return the criteria of each."""
    truth = fit.bench[fit.truth]
    return [measures(stage.scores, truth, fit.bench) for stage in fit_stages(fit)]


def _row(
    part: str,
    subject: str,
    criterion: str,
    values: Sequence[float],
    *,
    at: float = float("nan"),
    paper: float | None = None,
) -> Row:
    where = "78 of 15,625 labels" if paper is not None else ""
    return Row(part, subject, criterion, tuple(map(float, values)), at, paper, where)
