"""Scores of trained supernets beside MACs and parameters alone, and their combination."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.types import Floats

COMBINED = "rank average with MACs"
REFERENCES = ("MACs alone", "params alone")


class Scores(Part):
    """The last checkpoint: one-shot accuracy, one-shot loss, and both averaged with MACs."""

    name = "scores"
    title = "One-shot scores, and MACs alone"
    source = "beside Surgery, section 4"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the last checkpoints of the supernets with de-isomorphic sampling."""
        yield from plan.final(MAIN)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of each score, and of their combination."""
        scorings = results.plan.final(MAIN)
        signals = [results.scores(scorings, name) for name in results.tables.signals]
        for name, scores in zip(results.tables.signals, signals, strict=True):
            yield from results.judged(self.name, f"one-shot {name}", scores)
        both = [
            rank_average(*of_seed, results.problem.macs) for of_seed in zip(*signals, strict=True)
        ]
        yield from results.judged(self.name, COMBINED, both)


def references(results: Results, part: str) -> Iterator[Row]:
    """Yield the criteria of MACs and of parameters, larger first, to stand beside a part's."""
    problem = results.problem
    for subject, cost in zip(REFERENCES, (problem.macs, problem.params), strict=True):
        yield from results.judged(part, subject, [cost])


def rank_average(*scores: Floats) -> Floats:
    """Return the mean rank by several scores, ``(n,)``, higher is better; ties share theirs."""
    from scipy.stats import rankdata

    return np.asarray(np.mean([rankdata(values) for values in scores], axis=0))
