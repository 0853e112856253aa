"""Two cures for the bias against large architectures, beside the plain recipe."""

from __future__ import annotations

from collections.abc import Iterator

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import CURES, MAIN, Plan, Scoring
from archrank.assess.supernets.sampling import over_estimation


class Cures(Part):
    """Learning rates that decay more slowly for large cells, and a momentum per operation.

    Both are of "Subnet-aware dynamic supernet training" (CVPR 2025), see
    :class:`~archrank.supernets.updates.MeanPerWeight`.
    """

    name = "cures"
    title = "Cures for the bias against large architectures"
    source = "Subnet-aware dynamic supernet training, CVPR 2025"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the last checkpoints of the plain recipe and of each cure."""
        yield from plan.final(MAIN)
        for kind in plan.cures:
            yield from plan.final(kind)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of each, and the over-estimation of the cheapest tenth."""
        problem = results.problem
        for kind, words in {MAIN: "plain", **CURES}.items():
            if kind != MAIN and kind not in results.plan.cures:
                continue
            scores = results.scores(results.plan.final(kind))
            yield from results.judged(self.name, words, scores)
            excess = tuple(over_estimation(s, problem.truth, problem.macs) for s in scores)
            yield Row(self.name, words, "simplest", excess)
