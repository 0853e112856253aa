"""Supernets trained on a part of the space alone (Surgery, A.3, question 1)."""

from __future__ import annotations

from collections.abc import Iterator

from archrank.assess.supernets import published
from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.types import Floats, Ints

NAMES = {
    "random": "random architectures",
    "best": "the predicted best tenth",
    "costliest": "the quarter with the most MACs",
}


class Subsets(Part):
    """Trained on a subset or on everything, judged on that subset and on everything.

    The subsets are some random architectures, as in the paper; the best tenth by a predictor that
    learnt the truth of the random ones; and the quarter with the most multiply-accumulates. Each
    seed draws its own random ones.
    """

    name = "subsets"
    title = "Supernets trained on a subset"
    source = "Surgery, A.3"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the last checkpoints of supernets on everything, and on each subset."""
        yield from plan.final(MAIN)
        for name in NAMES:
            yield from plan.final(f"subset-{name}")

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of either training on either population."""
        plan = results.plan
        everything = results.scores(plan.final(MAIN))
        for name, words in NAMES.items():
            kind = f"subset-{name}"
            alone = results.scores(plan.final(kind))
            parts = [t.subset for t in plan.trainings.values() if t.kind == kind]
            rows = [part for part in parts if part is not None]
            for trained, scores in (("all", everything), ("subset", alone)):
                on = "everything" if trained == "all" else words
                for judged in ("subset", "all"):
                    where = words if judged == "subset" else "everything"
                    tau = published.SUBSET_TAU[trained, judged] if name == "random" else None
                    if name != "random" and (trained, judged) == ("all", "all"):
                        continue  # told already
                    yield from self._one(
                        results,
                        f"trained on {on}, judged on {where}",
                        scores,
                        rows if judged == "subset" else None,
                        tau,
                    )

    def _one(
        self,
        results: Results,
        subject: str,
        scores: list[Floats],
        rows: list[Ints] | None,
        tau: float | None,
    ) -> Iterator[Row]:
        """Judge each seed's scores on its own subset, or on everything."""
        paper = {} if tau is None else {"tau": tau}
        if rows is None:
            yield from results.judged(self.name, subject, scores, paper=paper, where="78 of 15,625")
            return
        truth = results.problem.truth
        found = [
            list(results.judged(self.name, subject, [s[r]], truth=truth[r]))
            for s, r in zip(scores, rows, strict=True)
        ]
        for of_seeds in zip(*found, strict=True):
            values = tuple(row.values[0] for row in of_seeds)
            criterion = of_seeds[0].criterion
            yield Row(
                self.name,
                subject,
                criterion,
                values,
                paper=paper.get(criterion),
                where="78 of 15,625",
            )
