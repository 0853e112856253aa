"""The recommended architecture of a run: the best by what is believed, not by luck.

Where scores are noisy, as of trainings with other seeds, the highest score of a run is in part its
luckiest. The recommended architecture has the best score by what similar architectures scored, too
(:mod:`archrank.study.beliefs`), and by its repetitions where there are any. It is decided once, at
the end of a run, and kept with it, so that whoever reads the run is told the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from archrank.errors import FAILURES
from archrank.evaluators.base import Evaluator
from archrank.spaces.base import Space
from archrank.strategies.guided import default_ranker
from archrank.strategies.inside import whole_of
from archrank.study.beliefs import Beliefs, believe
from archrank.study.objectives import Goals
from archrank.study.recommendation import Recommendation
from archrank.study.repetitions import by_place, failed, measured
from archrank.study.results import Results
from archrank.types import Archs, Bools, Floats, Ints

FEWEST = 12  # successful evaluations; fewer tell too little about the noise
LEARNT = 1024  # evaluations that the ranker learns, at most: half of them the best
SAMPLE = 2000  # random architectures that tell how good the best percent of the space is
WIDER = 2.0  # what is chosen is surer of itself than right: measured on tables
BEST = 0.01  # share of the space that is called best


def is_noisy(evaluator: Evaluator, goals: Goals) -> bool:
    """Tell whether the one objective comes out otherwise with other seeds, as far as is known."""
    if len(goals.objectives) > 1:
        return False
    again = repeated_part(evaluator, goals).again(1)
    return again is not None and goals.objectives[0].metric in {m.name for m in again.metrics}


def repeated_part(evaluator: Evaluator, goals: Goals) -> Evaluator:
    """Return the part of an evaluator that measures the first objective."""
    metric = goals.objectives[0].metric
    return next(p for p in evaluator.parts() if metric in {m.name for m in p.metrics})


class Recommending:
    """Beliefs about the architectures of a run that may be recommended.

    Args:
        results: of the run; at least :data:`FEWEST` evaluations have succeeded.
        space: of the run.

    Attributes:
        rows: numbers of the records that may be recommended, ``(k,)``: feasible, and not failed
            when they were trained again.
        beliefs: about their scores, higher is better.

    Raises:
        LabelError: scores that nothing can be learnt from, such as equal ones.
    """

    def __init__(self, results: Results, space: Space) -> None:
        self._results = results
        self._space = space
        known = np.flatnonzero(results.ok)
        scores = results.matrix[known, 0]
        learnt = _learnt(scores)
        self._ranker = default_ranker(whole_of(space)).for_search()  # tells the best apart
        self._ranker.fit(results.archs[known[learnt]], scores[learnt])
        repeated = by_place(results.repetitions)
        metric, sign = results.objective.metric, results.objective.sign
        lists = [repeated.get(results.records[i].key, []) for i in known.tolist()]
        again = [[sign * v for v in measured(each, metric)] for each in lists]
        beliefs = believe(scores, self._ranker.predict(results.archs[known]), again)
        sound = np.array([not failed(each, metric) for each in lists])
        may = results.feasible[known] & (sound if sound[results.feasible[known]].any() else True)
        self.rows: Ints = known[may]
        self.beliefs = _of(beliefs, may)

    def recommendation(self) -> Recommendation:
        """Return the recommended architecture."""
        results, beliefs = self._results, self.beliefs
        i = int(beliefs.mean.argmax())
        expected = self._spread_of(results.archs[self.rows[i]][None])
        sd = WIDER * float(np.hypot(beliefs.line[1] * expected, beliefs.sd[i]))
        return Recommendation(
            results.records[int(self.rows[i])].key,
            value=results.objective.sign * float(beliefs.mean[i]),
            sd=sd,
            top=self._top(float(beliefs.mean[i]), sd),
            evaluations=len(results.records),
            repetitions=len(results.repetitions),
        )

    def _spread_of(self, arch: Archs) -> float:
        """Return the standard deviation of the ranker's expectation of ``arch: (1, d)``."""
        return float(_predicted(self._ranker, arch)[1][0])

    def _top(self, mean: float, sd: float) -> float:
        """Return the probability that a score is among the best percent of the space."""
        value, slope = self.beliefs.line
        sample = self._space.sample(SAMPLE, rng=np.random.default_rng(0))
        expected, spread = _predicted(self._ranker, sample)
        draws = expected + spread * np.random.default_rng(1).standard_normal(len(sample))
        bound = value + slope * float(np.quantile(draws, 1 - BEST))
        return float(ndtr((mean - bound) / max(sd, 1e-12)))


def recommend(results: Results, space: Space, evaluator: Evaluator) -> Recommendation | None:
    """Return the recommended architecture of a run; ``None``: the one with the highest score.

    That is where scores are not noisy as far as is known, where there are several objectives or
    too few evaluations, or where nothing can be learnt from them.
    """
    if not is_noisy(evaluator, results.goals) or not results.feasible.any():
        return None
    if results.ok.sum() < FEWEST:
        return None
    try:
        return Recommending(results, space).recommendation()
    except FAILURES:  # equal scores; features of a user's space that fail
        return None


def _predicted(ranker: Any, archs: Archs) -> tuple[Floats, Floats]:
    mean, spread = ranker.predict(archs, return_std=True)
    return mean, spread


def _learnt(scores: Floats) -> Ints:
    """Return numbers of the scores to learn: all, or the best and as many of the rest."""
    if len(scores) <= LEARNT:
        return np.arange(len(scores))
    order = np.argsort(-scores, kind="stable")
    rest = order[LEARNT // 2 :]
    some = rest[np.linspace(0, len(rest) - 1, LEARNT // 2).astype(int)]
    return np.sort(np.concatenate([order[: LEARNT // 2], some]))


def _of(beliefs: Beliefs, rows: Bools) -> Beliefs:
    return Beliefs(
        beliefs.mean[rows],
        beliefs.sd[rows],
        beliefs.noise,
        beliefs.trainings[rows],
        beliefs.line,
    )
