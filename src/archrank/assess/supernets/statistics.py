"""Batch statistics against recalibrated ones, shared against own classifiers, more examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.errors import SettingsError
from archrank.supernets.readout import refit_classifier

EXAMPLES = 512


class BatchStatistics(Part):
    """The same supernets, scored with either statistics, own classifiers, or more examples."""

    name = "statistics"
    title = "Statistics of batch norms, own classifiers, more examples"
    source = "beside Surgery, section 4.1, which uses those of the batch"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield all scorings of the last checkpoints."""
        for found in ways(plan).values():
            yield from found

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of each, by accuracy and by loss."""
        for words, scorings in ways(results.plan).items():
            for name in results.tables.signals:
                scores = results.scores(scorings, name)
                yield from results.judged(self.name, f"{words}, {name}", scores)


def ways(plan: Plan) -> dict[str, list[Scoring]]:
    """Return the scorings of each way to measure, one per seed, by a description."""
    plain = plan.final(MAIN)
    found = {
        "batch statistics": plain,
        "recalibrated statistics": [replace(s, statistics="recalibrated") for s in plain],
    }
    if _can_be_refitted(plan):
        found["batch statistics, classifiers in closed form"] = [
            replace(s, readout=True) for s in plain
        ]
    held_out = len(plan.problem.task.load().valid.y)
    if plan.settings.images is not None and plan.settings.images < held_out:
        every: list[Scoring] = [replace(s, examples="all") for s in plain]
        found[f"batch statistics, all {held_out:,} examples"] = every
    return found


def _can_be_refitted(plan: Plan) -> bool:
    """Tell whether networks end in a linear classifier, and classes have examples."""
    problem = plan.problem
    network = problem.space.networks(problem.task).build(problem.archs[0]).eval()
    try:
        refit_classifier(network, [problem.task.load().train.take(slice(0, EXAMPLES))])
    except SettingsError:
        return False
    return True
