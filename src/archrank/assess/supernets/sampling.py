"""Sampling with and without isomorphic architectures (Surgery, Table 3 and Fig. A3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archrank.assess.supernets import published
from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, UNIFORM, Plan, Scoring
from archrank.assess.supernets.spread import without_isomorphic
from archrank.criteria import group_rank_difference
from archrank.supernets.scoring import mean_of_classes
from archrank.types import Floats, Ints

NONE, SAMPLING, POST = "no de-isomorphism", "de-isomorphic sampling", "post de-isomorphism"
GROUPS = 10


class Sampling(Part):
    """Three treatments of isomorphic architectures, over checkpoints.

    Without any, all architectures are ranked; the others rank isomorphism classes. Post
    de-isomorphism averages the scores of a class's members, of the same supernets.
    """

    name = "sampling"
    title = "Sampling and de-isomorphism"
    source = "Surgery, Table 3"
    axis = "epoch"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield all members of uniform supernets, and classes of de-isomorphic ones."""
        for epoch in plan.settings.tabled:
            yield from plan.at(UNIFORM, epoch, "members")
            yield from plan.at(MAIN, epoch)

    def needs_more(self, plan: Plan) -> str:
        """Return why there is nothing to measure, if so."""
        return without_isomorphic(plan)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of the three treatments at each checkpoint."""
        problem, plan = results.problem, results.plan
        for epoch, share in plan.settings.tabled.items():
            members = results.scores(plan.at(UNIFORM, epoch, "members"))
            own = results.scores(plan.at(MAIN, epoch))
            post = [of_classes(scores, problem.group) for scores in members]
            for how, subject, scores, truth in (
                ("none", NONE, members, problem.member_truth),
                ("sampling", SAMPLING, own, problem.truth),
                ("post", POST, post, problem.truth),
            ):
                yield from results.judged(
                    self.name,
                    subject,
                    scores,
                    truth=truth,
                    at=epoch,
                    paper=published.table_3(how, share),
                    where=f"{share * published.EPOCHS:,.0f} epochs",
                )
                macs = problem.macs if len(truth) == len(problem) else problem.macs[problem.group]
                excess = tuple(over_estimation(values, truth, macs) for values in scores)
                yield Row(self.name, subject, "simplest", excess, epoch)


def of_classes(scores: Floats, group: Ints) -> Floats:
    """Return the mean score of each class, ``(n,)``, from those of its members ``(m,)``."""
    found = mean_of_classes(scores, group)
    classes: Floats = found[_first(group)]
    return classes


def over_estimation(scores: Floats, truth: Floats, macs: Floats) -> float:
    """Mean of true minus predicted rank of the tenth with the fewest MACs, as a share of all."""
    differences = group_rank_difference(scores, truth, macs, groups=GROUPS)
    known = differences[differences == differences]
    return float(known[0]) / len(scores)


def _first(group: Ints) -> Ints:
    """Return the place of a member of each class: ``(n,)``."""
    return np.unique(group, return_index=True)[1]
