from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from archrank.errors import ArchitectureError, ArchrankError, LabelError
from archrank.rankers import GBDT, GaussianProcess, RandomForest
from archrank.rankers.base import NotFittedError, Ranker, check_scores
from archrank.spaces import NASBench201, Space
from archrank.types import Archs, Floats

GRADES = np.arange(12) / 11


def test_usual_scores_are_left_alone() -> None:
    for scores in (GRADES, 100 * GRADES, GRADES - 1e6, 1e-12 * GRADES, 1e12 * GRADES):
        assert check_scores(scores, 12, 2, "R").tolist() == scores.tolist()


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 5e-324 * 11, 1e170, 1.7e308])
@pytest.mark.parametrize("sign", [1, -1])
def test_scores_whose_squares_cannot_be_held(scale: float, sign: int) -> None:
    checked = check_scores(sign * scale * GRADES, 12, 2, "R")
    np.testing.assert_allclose(checked, GRADES if sign > 0 else 1 - GRADES)


def test_a_range_that_cannot_be_held() -> None:
    assert check_scores(np.array([-1.7e308, 0.0, 1.7e308]), 3, 2, "R").tolist() == [0, 0.5, 1]


def test_neighbouring_floats_differ() -> None:
    scores = np.array([0.1, np.nextafter(0.1, 1), 0.1])
    checked = check_scores(scores, 3, 2, "R")
    assert checked[1] > checked[0] == checked[2]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0, 2.0], r"R got 3 architectures but scores of shape \(2,\)"),
        ([[1.0], [2.0], [3.0]], r"scores of shape \(3, 1\)"),
        (["a", "b", "c"], "R needs numbers as scores, got type <U1"),
        ([1j, 2, 3], "numbers as scores, got type complex128"),
        ([1.0, np.nan, np.inf], "R: 2 of 3 scores are NaN or infinite, the first at row 1"),
        ([0, 1, 1], "R: the 3 scores are integers, each 0 or 1"),
        ([2.0, 2.0, 2.0], r"R: all 3 scores are 2\.0, so there is no order"),
    ],
)
def test_unusable_scores(scores: list[Any], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        check_scores(scores, 3, 2, "R")


def test_usable_scores() -> None:
    for scores in ([0.0, 1.0, 1.0], [0, 1, 2], [2, 1, 1], np.array([1, 2, 3], dtype=np.uint8)):
        checked = check_scores(scores, 3, 3, "R")
        assert checked.dtype == np.float64
        assert checked.tolist() == list(scores)


def test_too_few_scores() -> None:
    assert len(check_scores([1.0, 2.0], 2, 2, "R")) == 2
    with pytest.raises(LabelError, match="R needs at least 3 labels, got 2"):
        check_scores([1.0, 2.0], 2, 3, "R")


class Sums(Ranker):
    """Scores are sums of choices; remembers what it was given."""

    def __init__(self, space: Space, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self.seen_ = archs, scores

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        sums = archs.sum(axis=1)
        return sums, sums + 1 if return_std else None


class Unsure(Sums):
    has_std = True


def test_subclasses_get_checked_input(space: NASBench201) -> None:
    archs = [[0, 1, 2, 3, 4, 0], [4, 4, 4, 4, 4, 4], [0, 0, 0, 0, 0, 1]]
    ranker = Sums(space)
    with pytest.raises(NotFittedError, match=r"this Sums is not fitted yet; call fit\(archs, sc"):
        ranker.predict(np.array(archs))
    assert ranker.fit(np.array(archs), [3, 2, 5]) is ranker
    assert ranker.n_labels_ == 3
    assert [x.dtype for x in ranker.seen_] == [np.uint8, np.float64]
    predicted = ranker.predict(np.array(archs))
    assert predicted.dtype == np.float64
    assert predicted.tolist() == [10, 24, 1]
    for call in (lambda a: ranker.fit(a, [1, 2]), ranker.predict):
        with pytest.raises(ArchitectureError, match="choice 9"):
            call(np.array([[0, 0, 0, 0, 0, 9], [0] * 6]))
    with pytest.raises(LabelError, match="Sums needs at least 2 labels, got 1"):
        ranker.fit(np.array(archs[:1]), [1.0])


def test_uncertainty_is_given_where_there_is_one(space: NASBench201) -> None:
    archs = np.array([[0, 1, 2, 3, 4, 0], [4, 4, 4, 4, 4, 4]])
    with pytest.raises(ArchrankError, match=r"Sums predicts no standard deviation"):
        Sums(space).fit(archs, [1.0, 2.0]).predict(archs, return_std=True)
    ranker = Unsure(space).fit(archs, [1.0, 2.0])
    mean, std = ranker.predict(archs, return_std=True)
    assert (mean.tolist(), std.tolist()) == ([10, 24], [11, 25])
    assert std.dtype == np.float64
    assert ranker.predict(archs).tolist() == [10, 24]
    for values in ranker.predict(archs[:0], return_std=True):
        assert values.shape == (0,)


def test_clones_keep_what_pretraining_learnt_and_nothing_else(space: NASBench201) -> None:
    ranker = Sums(space, seed=4).fit(np.array([[0] * 6, [1] * 6]), [1.0, 2.0])
    ranker.pretrained_ = "kept"
    ranker.pretrained = ranker.other_ = "left"
    copy = clone(ranker)
    assert copy.get_params() == {"space": space, "seed": 4}
    assert {k: v for k, v in vars(copy).items() if k not in ("space", "seed")} == {
        "pretrained_": "kept"
    }


def test_copies_without_weak_labels_keep_settings_only(space: NASBench201) -> None:
    ranker = Sums(space, seed=4).fit(np.array([[0] * 6, [1] * 6]), [1.0, 2.0])
    ranker.pretrained_ = "kept"
    assert vars(ranker.without_weak_labels()) == {"space": space, "seed": 4}
    assert ranker.pretrained_ == "kept"


def test_rankers_without_pretraining_say_so(space: NASBench201) -> None:
    assert not Sums(space).can_pretrain
    assert GaussianProcess(space).can_pretrain
    with pytest.raises(ArchrankError, match=r"Sums cannot use weak labels \(a, b\)"):
        Sums(space).pretrain(np.zeros((2, 6)), {"a": [1, 2], "b": [2, 1]})


@pytest.mark.parametrize("kind", [GaussianProcess, GBDT, RandomForest])
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_rankers_learn_them(space: NASBench201, kind: type[Ranker], scale: float) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    scores = space.cost(archs)["params"] / 1e6
    plain = kind(space).fit(archs, scores).predict(archs)  # type: ignore[call-arg]
    extreme = kind(space).fit(archs, scale * scores).predict(archs)  # type: ignore[call-arg]
    assert np.corrcoef(plain, extreme)[0, 1] > 0.99


class Flat(Ranker):
    """Predicts the same for all, or the sum of the choices."""

    def __init__(self, space: Space, flat: bool = True, seed: int = 0) -> None:
        self.space = space
        self.flat = flat
        self.seed = seed

    def _fit(self, archs: Archs, scores: Floats) -> None: ...

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return np.zeros(len(archs)) if self.flat else archs.sum(axis=1).astype(float), None


def test_the_default_score_is_kendalls_tau(space: NASBench201) -> None:
    archs = space.sample(60, rng=np.random.default_rng(0))
    truth = np.random.default_rng(1).normal(size=60) + archs[:, 0]
    ranker = Flat(space, flat=False).fit(archs, truth)
    assert ranker.score(archs, truth) == pytest.approx(kendalltau(archs.sum(axis=1), truth)[0])
    assert ranker.score(archs, -truth) == pytest.approx(-ranker.score(archs, truth))
    scores = cross_val_score(ranker, archs, truth, cv=5)
    folds = [kendalltau(archs[i].sum(axis=1), truth[i])[0] for i in np.arange(60).reshape(5, 12)]
    np.testing.assert_allclose(scores, folds)
    search = GridSearchCV(ranker, {"flat": [True, False]}, cv=3).fit(archs, truth)
    assert search.best_params_ == {"flat": False}
    assert search.predict(archs).shape == (60,)


def test_scores_that_cannot_be_judged_by(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    ranker = Flat(space)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ranker.score(archs, np.arange(5.0))
    ranker.fit(archs, np.arange(5.0))
    assert ranker.score(archs, np.arange(5.0)) == 0.0
    for bad in (np.ones(5), [1.0, np.nan, 2.0, 3.0, 4.0], np.arange(4.0)):
        with pytest.raises(LabelError):
            ranker.score(archs, bad)
    with pytest.raises(LabelError):
        ranker.score(archs[:1], [1.0])


def test_rankers_of_a_pipeline_keep_their_names(space: NASBench201) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    line = make_pipeline(FunctionTransformer(), RandomForest(space, trees=5))
    line.set_params(randomforest__trees=3).fit(archs, archs.sum(axis=1))
    assert line[-1].trees == 3
    assert line.score(archs, archs.sum(axis=1)) > 0.5
    assert (line[-1].n_features_in_, line[-1].n_labels_) == (6, 30)
