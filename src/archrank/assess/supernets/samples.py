"""Several architectures per update, and FairNAS (Surgery, Table 4)."""

from __future__ import annotations

from collections.abc import Iterator

from archrank.assess.supernets import published
from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import UNIFORM, Plan, Scoring
from archrank.assess.supernets.sampling import of_classes

WAYS = {"compute": "equal compute", "epochs": "equal epochs"}


class Samples(Part):
    """Monte-Carlo samples and FairNAS, at equal compute and at equal epochs.

    Compute is the number of architecture-forwards: passes of one architecture over one example.
    All sample uniformly and are judged after post de-isomorphism, as in the paper.
    """

    name = "samples"
    title = "Architectures per update, and FairNAS"
    source = "Surgery, Table 4"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield all members at the last checkpoint of each."""
        yield from plan.final(UNIFORM, "members")
        for name in plan.several:
            for way in WAYS:
                yield from plan.final(f"{name}-{way}", "members")

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of each number of samples, and its compute."""
        plan = results.plan
        for way, words in WAYS.items():
            yield from self._one(results, f"1 sample, {words}", UNIFORM, 1.0, ("1", way))
            for name, each in plan.per_update.items():
                number = "fairnas" if name == "fairnas" else name.removeprefix("samples")
                what = "FairNAS" if name == "fairnas" else f"{number} samples"
                yield from self._one(
                    results, f"{what}, {words}", f"{name}-{way}", each, (number, way)
                )

    def _one(
        self, results: Results, subject: str, kind: str, each: float, printed: tuple[str, str]
    ) -> Iterator[Row]:
        scorings = results.plan.final(kind, "members")
        scores = [of_classes(s, results.problem.group) for s in results.scores(scorings)]
        epochs = scorings[0].epoch
        yield from results.judged(
            self.name,
            subject,
            scores,
            paper=published.table_4(*printed),
            where=f"{published.EPOCHS:,} epochs of one sample"
            if printed[1] == "compute"
            else f"{published.EPOCHS:,} epochs",
        )
        yield Row(self.name, subject, "forwards", (each * epochs,))
