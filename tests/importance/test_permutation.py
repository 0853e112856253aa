from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import ArchrankError, LabelError, SettingsError, UnknownNameError
from archrank.importance import decision_groups, permutation_importance
from archrank.importance.permutation import pair_entropy, permute, wrong_order
from archrank.rankers import Linear, RandomForest, RankNAS
from archrank.rankers.base import NotFittedError, Ranker
from archrank.spaces import GPTS, HAT, AttentiveNAS, HATAverages, NASBench101, NASBench201, Space
from archrank.types import Archs, Floats


class Known(Ranker):
    """Knows the truth of HAT's small space: three of its decisions, with weights."""

    def __init__(self, space: Space, seed: int = 0) -> None:
        self.space, self.seed = space, seed

    def _fit(self, archs: Archs, scores: Floats) -> None: ...

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return truth(self.space, archs), None


def truth(space: Space, archs: Archs) -> Floats:
    names = [choice.name for choice in space.choices]
    weights = {"dec_layers": 8.0, "dec_embed": 2.0, "enc_ffn_1": 1.0}
    return sum(w * archs[:, names.index(n)].astype(float) for n, w in weights.items())  # type: ignore[return-value]


@pytest.fixture(scope="module")
def small() -> HAT:
    return HAT("small")


def test_what_matters_comes_first_and_the_rest_is_one(small: HAT) -> None:
    archs = small.sample(150, rng=np.random.default_rng(0))
    scores = truth(small, archs) + 1e-3 * np.arange(150)  # ties broken
    ranker = Known(small).fit(archs, scores)
    found = permutation_importance(ranker, archs, scores, by="decision", repeats=4)
    assert found.names[:3] == ("dec_layers", "dec_embed", "enc_ffn_1")
    assert (np.diff(found.mean) <= 0).all()
    assert found.mean[3:] == pytest.approx(1.0, abs=1e-12)  # the ranker does not read them
    assert found.half_width[3:] == pytest.approx(0.0, abs=1e-9)
    assert (found.half_width[:3] > 0).all()
    assert found.loss == pytest.approx(wrong_order(truth(small, archs), scores))


def test_equation_7_by_hand(space: NASBench201) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    scores = space.cost(archs)["macs"] + np.arange(30)
    ranker = RankNAS(space, rounds=5).fit(archs, scores)
    found = permutation_importance(ranker, archs, scores, repeats=3, seed=7)
    assert found.measure == "pairs"
    rng = np.random.default_rng([7, 1, 0])
    total = pair_entropy(ranker.predict(archs), scores)
    ratios = {}
    for column, choice in enumerate(space.choices):
        orders = []
        for _ in range(3):
            shuffled = archs.copy()
            shuffled[:, column] = archs[rng.permutation(30), column]
            orders.append(pair_entropy(ranker.predict(shuffled), scores) / total)
        ratios[choice.name] = orders
    for name, row in zip(found.names, found.ratios, strict=True):
        assert row == pytest.approx(ratios[name])


def test_folds_judge_rankers_on_what_they_have_not_learnt(space: NASBench201) -> None:
    archs = space.sample(80, rng=np.random.default_rng(0))
    noise = np.random.default_rng(1).normal(size=80)
    ranker = RandomForest(space, trees=10).fit(archs, noise)
    seen = permutation_importance(ranker, archs, noise, repeats=3)
    unseen = permutation_importance(ranker, archs, noise, repeats=3, folds=5)
    assert seen.loss < 0.25 < 0.4 < unseen.loss  # of noise nothing can be learnt
    assert seen.mean.max() > 1.15 * unseen.mean.max()


def test_seeds_decide_and_rankers_stay_as_they_are(small: HAT) -> None:
    archs = small.sample(60, rng=np.random.default_rng(0))
    ranker = Linear(small).fit(archs, truth(small, archs))
    before = ranker.predict(archs)
    one, two, other = (
        permutation_importance(ranker, archs, truth(small, archs), repeats=2, folds=3, seed=s)
        for s in (1, 1, 2)
    )
    assert (one.ratios == two.ratios).all()
    assert one.loss != other.loss
    assert (ranker.predict(archs) == before).all()


@pytest.mark.parametrize("space", [NASBench101(), HATAverages(), AttentiveNAS(), GPTS()])
@given(seed=st.integers(0, 2**32 - 1))
def test_permuted_rows_are_architectures(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    archs = space.sample(12, rng=rng)
    groups = list(decision_groups(space).values())
    columns = groups[seed % len(groups)]
    mixed = permute(space, archs, columns, rng=rng)
    space.validate(mixed)
    assert space.valid(mixed).all()
    others = np.setdiff1d(np.arange(space.d), columns)
    if not space.conditions:
        assert (mixed[:, others] == archs[:, others]).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_wrong_order_counts_pairs(pairs: list[tuple[int, int]]) -> None:
    scores, labels = np.array(pairs, dtype=float).T
    labels = labels + 1e-6 * np.arange(len(labels))  # no ties
    i, j = np.triu_indices(len(labels), 1)
    agreement = np.sign(scores[i] - scores[j]) * np.sign(labels[i] - labels[j])
    if (agreement != 0).all():
        wrong = (agreement < 0).sum()
        assert wrong_order(scores, labels) == pytest.approx((wrong + 0.5) / (len(i) + 1))


def test_groups(small: HAT) -> None:
    by_kind = decision_groups(small)
    assert list(by_kind)[:3] == ["enc_embed", "enc_ffn", "enc_heads"]
    assert "enc_layers" not in by_kind  # one option
    assert [len(columns) for columns in by_kind.values()] == [1, 3, 3, 1, 1, 4, 4, 4, 4]
    assert len(decision_groups(small, "decision")) == 25
    chosen = decision_groups(small, {"decoder": ["dec_layers", "dec_embed"]})
    assert len(chosen["decoder"]) == 2
    with pytest.raises(SettingsError, match="in the groups 'a' and 'b'"):
        decision_groups(small, {"a": ["dec_layers"], "b": ["dec_layers"]})
    with pytest.raises(UnknownNameError, match="dec_layer"):
        decision_groups(small, {"a": ["dec_layer"]})


def test_bad_input(small: HAT) -> None:
    archs = small.sample(20, rng=np.random.default_rng(0))
    scores = truth(small, archs)
    with pytest.raises(NotFittedError, match="folds=5"):
        permutation_importance(Linear(small), archs, scores)
    with pytest.raises(LabelError, match="at least 4 labels, got 0"):
        permutation_importance(Linear(small), archs[:0], [], folds=5)
    with pytest.raises(SettingsError, match="11 folds of 20 labels"):
        permutation_importance(Linear(small), archs, scores, folds=11)

    class Broken(Known):
        def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
            raise KeyError("weights")

    class Empty(Known):
        def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
            return np.full(len(archs), np.nan), None

    for ranker, words in ((Broken, "failed to predict 20"), (Empty, "20 of them NaN")):
        with pytest.raises(ArchrankError, match=words):
            permutation_importance(ranker(small).fit(archs, scores), archs, scores)
