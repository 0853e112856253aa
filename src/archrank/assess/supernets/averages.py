"""Averages: of the scores or the weights of several supernets, and over isomorphic members."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, MEAN, Plan, Scoring
from archrank.assess.supernets.sampling import of_classes


class Averages(Part):
    """Single supernets, and what averaging adds: over members of classes, over supernets."""

    name = "averages"
    title = "Averages"
    source = "beside Surgery, A.3, which averages three supernets' scores"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield all members at the last checkpoints, and the supernet of mean weights."""
        yield from plan.final(MAIN, "members")
        if len(plan.seeds) > 1:
            yield Scoring(MEAN, plan.settings.epochs)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of single supernets and of each average."""
        plan, group = results.plan, results.problem.group
        single = results.scores(plan.final(MAIN))
        members = [
            of_classes(scores, group) for scores in results.scores(plan.final(MAIN, "members"))
        ]
        yield from results.judged(self.name, "one supernet", single)
        yield from results.judged(self.name, "mean over isomorphic members", members)
        if len(plan.seeds) == 1:
            return
        count = len(plan.seeds)
        for words, scores in (
            (f"mean score of {count} supernets", np.mean(single, axis=0)),
            (f"mean score of {count}, and over members", np.mean(members, axis=0)),
            (
                f"mean weights of {count} supernets",
                results.scores([Scoring(MEAN, plan.settings.epochs)])[0],
            ),
        ):
            yield from results.judged(self.name, words, [scores])
