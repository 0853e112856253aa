"""Your own ranker: any scikit-learn style model that orders architectures.

A ranker implements ``_fit`` and ``_predict`` on checked input; everything else (cloning,
cross-validation, guided search, contract checks) follows.
"""

import numpy as np
from sklearn.linear_model import RidgeCV

import archrank as ar
from archrank.rankers import Ranker
from archrank.testing import check_ranker


class Linear(Ranker):
    """Ridge regression on the space's features."""

    def __init__(self, space, largest_penalty=100.0, seed=0):
        self.space = space
        self.largest_penalty = largest_penalty
        self.seed = seed

    def _fit(self, archs, scores):
        penalties = np.geomspace(0.01, self.largest_penalty, 9)
        self.model_ = RidgeCV(penalties).fit(self.space.features(archs), scores)

    def _predict(self, archs, return_std):
        return self.model_.predict(self.space.features(archs)), None


space = ar.spaces.NASBench201()
check_ranker(Linear, space)  # the same checks that archrank's own rankers pass
print("Linear keeps the contract")


def quality(config):
    """A made-up measurement: convolutions good, pooling bad."""
    worth = {"nor_conv_3x3": 3, "nor_conv_1x1": 2, "skip_connect": 1, "avg_pool_3x3": -1, "none": 0}
    return sum(worth[op] for op in config.values())


evaluator = ar.evaluators.Function(quality)
study = ar.Study(space, evaluator, ar.strategies.Guided(Linear(space)), seed=0).run(budget=30)
print(f"best of 30: {study.best.values['score']:.0f} of 18 possible, {study.best.string}")
