"""Predictors trained on one-shot labels (Surgery, A.3, question 2)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from archrank.assess.grid import Cell
from archrank.assess.supernets import published
from archrank.assess.supernets.base import Part, Results, Row, judge, rows_of
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.assess.surgery_rankers import RANKING
from archrank.errors import SpaceError
from archrank.rankers.base import Ranker
from archrank.types import Floats

ITSELF = "the one-shot labels themselves"
PREDICTOR = "GATES"  # the paper's


class Labels(Part):
    """A predictor that learns one-shot accuracies, judged on the truth.

    As in the paper the labels are means over the supernets of all seeds. It does not say how many
    trained its predictor; here it is the number of labels of the other predictors, and 5 %.
    """

    name = "labels"
    title = "Predictors trained on one-shot labels"
    source = "Surgery, A.3"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the last checkpoints of the supernets with de-isomorphic sampling."""
        yield from plan.final(MAIN)

    def needs_more(self, plan: Plan) -> str:
        """Return why there is nothing to measure, if so."""
        return without_graphs(plan)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of the labels, and of predictors that learnt some of them."""
        labels: Floats = np.mean(results.scores(results.plan.final(MAIN)), axis=0)
        where = "3 supernets"
        paper = published.LABELS["itself"]
        yield from results.judged(self.name, ITSELF, [labels], paper=paper, where=where)
        for size in sizes(results.plan):
            found = [
                results.journal.found(
                    f"{PREDICTOR} on one-shot labels of {len(results.plan.seeds)} supernets, "
                    f"{size}, seed {seed}",
                    partial(self._fit, results, labels, size, seed),
                )
                for seed in results.plan.seeds
            ]
            subject = f"{PREDICTOR} from {size} of them"
            paper = published.LABELS["predictor"]
            yield from rows_of(self.name, subject, found, paper=paper, where=where)

    def _fit(self, results: Results, labels: Floats, size: int, seed: int) -> dict[str, float]:
        """Train a predictor on some labels; return its criteria."""
        cell = Cell(PREDICTOR, size, seed, 0)
        problem = results.problem
        ranker = shortened(RANKING[PREDICTOR](problem.space), results.plan)
        rows = cell.training_rows(len(labels))
        fitted = cell.seeded(ranker).fit(problem.archs[rows], labels[rows])
        return judge(fitted.predict(problem.archs), problem.truth)


def without_graphs(plan: Plan) -> str:
    """Return why GATES cannot rank the architectures; empty if it can."""
    try:
        plan.problem.space.graph(plan.problem.archs[:1])
    except SpaceError as error:
        return f"{PREDICTOR} ranks graphs, and {error}"
    return ""


def sizes(plan: Plan) -> list[int]:
    """Return the numbers of labels, each at most half of what there is."""
    n, labels = len(plan.problem), plan.settings.labels
    return sorted({min(size, n // 2) for size in (labels, max(labels, n // 20))})


def shortened(ranker: Ranker, plan: Plan) -> Ranker:
    """Limit the training of a neural predictor, if the settings say so."""
    epochs = plan.settings.predictor_epochs
    if epochs is not None and "epochs" in ranker.get_params(deep=False):
        ranker.set_params(epochs=epochs)
    return ranker
