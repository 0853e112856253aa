from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.base import clone

from archrank.errors import ArchitectureError, BudgetError, LabelError, SettingsError, SpaceError
from archrank.rankers import AcrossSpaces, NotFittedError, Transferred
from archrank.rankers.across_spaces import MOST, REFERENCE
from archrank.spaces import HAT, NASBench101, NASBench201, Space
from archrank.testing import check_ranker
from archrank.types import Archs, Floats
from tests.assess.helpers import Linear

SOURCE, TARGET = NASBench201(), NASBench101()


def convolutions(space: Space, archs: Archs) -> Floats:
    """A law that holds in both spaces: 3x3 convolutions are good, poolings bad."""
    if space is TARGET:
        rows = TARGET.canonical(archs)
        used = TARGET.active(rows)[:, -5:]
        return ((rows[:, -5:] == 0) & used).sum(axis=1) - ((rows[:, -5:] == 2) & used).sum(axis=1)
    live = SOURCE.live(archs)
    return ((archs == 3) & live).sum(axis=1) - ((archs == 4) & live).sum(axis=1)


def sample(space: Space, n: int, seed: int = 0) -> Archs:
    return space.sample(n, rng=np.random.default_rng(seed))


@pytest.fixture(scope="module")
def across() -> AcrossSpaces:
    archs = sample(SOURCE, 300)
    return AcrossSpaces(SOURCE).fit(archs, convolutions(SOURCE, archs).astype(float))


def test_a_law_of_one_space_ranks_another(across: AcrossSpaces) -> None:
    cells = sample(TARGET, 300, seed=1)
    law = convolutions(TARGET, cells)
    params = TARGET.cost(cells)["params"]
    tau = kendalltau(across.learnt(TARGET, cells), law).statistic
    assert tau > 0.7
    assert tau > kendalltau(params, law).statistic + 0.2
    assert kendalltau(across.predict(TARGET, cells), law).statistic > 0.5


def test_size_alone_is_the_order_of_parameters() -> None:
    archs, cells = sample(SOURCE, 60), sample(TARGET, 80)
    ranker = AcrossSpaces(SOURCE, size=1.0).fit(archs, np.arange(60.0))
    found = ranker.predict(TARGET, cells)
    params = TARGET.cost(TARGET.canonical(cells))["params"]
    order = np.argsort(params, kind="stable")
    assert (np.diff(found[order]) >= -1e-12).all()
    assert len(np.unique(found)) > 40


def test_what_was_learnt_is_standardised(across: AcrossSpaces) -> None:
    scores = across.learnt(TARGET, TARGET.sample(REFERENCE, rng=np.random.default_rng(0)))
    assert scores.mean() == pytest.approx(0, abs=1e-6)
    assert scores.std() == pytest.approx(1, abs=1e-6)


def test_predictions_do_not_depend_on_the_batch(across: AcrossSpaces) -> None:
    cells = sample(TARGET, 50)
    whole = across.predict(TARGET, cells)
    assert across.predict(TARGET, cells[7:9]) == pytest.approx(whole[7:9], abs=1e-9)
    assert across.predict(TARGET, cells[:0]).shape == (0,)
    again = pickle.loads(pickle.dumps(across))
    assert (again.predict(TARGET, cells) == whole).all()


def test_only_the_order_of_labels_counts(across: AcrossSpaces) -> None:
    archs = sample(SOURCE, 80)
    y = np.random.default_rng(0).normal(size=80)
    cells = sample(TARGET, 40)
    a, b = (AcrossSpaces(SOURCE).fit(archs, labels) for labels in (y, np.exp(3 * y)))
    assert a.predict(TARGET, cells) == pytest.approx(b.predict(TARGET, cells))
    assert a.digest != b.digest != across.digest


def test_many_labels_are_a_random_part() -> None:
    archs = SOURCE.enumerate()[: MOST + 500]
    y = SOURCE.cost(archs)["macs"]
    cells = sample(TARGET, 40)
    found = [AcrossSpaces(SOURCE, seed=s).fit(archs, y).predict(TARGET, cells) for s in (0, 0, 1)]
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_representatives_differ_and_cover(across: AcrossSpaces) -> None:
    cells = sample(TARGET, 400)
    rows = across.representatives(TARGET, cells, 16)
    assert len(set(rows.tolist())) == 16
    assert (rows == across.representatives(TARGET, cells, 16)).all()
    every = across.representatives(TARGET, np.repeat(cells[:3], 4, axis=0), 12)
    assert sorted(every.tolist()) == list(range(12))  # though there are three clusters

    def farthest(chosen: np.ndarray) -> float:
        x = TARGET.common_features(cells).astype(float)
        x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
        return float(np.linalg.norm(x[:, None] - x[chosen], axis=2).min(axis=1).mean())

    random = [np.random.default_rng(s).choice(400, 16, replace=False) for s in range(10)]
    assert farthest(rows) < min(map(farthest, random))


def test_refusals(across: AcrossSpaces) -> None:
    archs, hat = sample(SOURCE, 10), HAT()
    with pytest.raises(SettingsError, match=r"size is a share from 0 to 1, got 1\.5"):
        AcrossSpaces(SOURCE, size=1.5)
    with pytest.raises(NotFittedError, match="not fitted"):
        AcrossSpaces(SOURCE).predict(TARGET, sample(TARGET, 2))
    with pytest.raises(LabelError, match="AcrossSpaces"):
        AcrossSpaces(SOURCE).fit(archs, np.zeros(10))
    with pytest.raises(ArchitectureError):
        across.predict(TARGET, archs)
    with pytest.raises(SpaceError, match="no features that other spaces share"):
        across.predict(hat, sample(hat, 2))
    with pytest.raises(SpaceError, match="no features that other spaces share"):
        AcrossSpaces(hat).fit(sample(hat, 5), np.arange(5.0))
    with pytest.raises(BudgetError, match="representatives"):
        across.representatives(TARGET, sample(TARGET, 5), 6)


# ---- with labels of the target -------------------------------------------------------------------


def test_contract_with_help(across: AcrossSpaces) -> None:
    check_ranker(lambda space, seed: Transferred(space, across, Linear(space), seed=seed), TARGET)


def test_few_labels_with_help_beat_few_without(across: AcrossSpaces) -> None:
    cells = sample(TARGET, 400, seed=3)
    law = convolutions(TARGET, cells) + np.random.default_rng(0).normal(0, 0.3, 400)
    gains = []
    for draw in range(8):
        few = np.random.default_rng(draw).choice(400, 8, replace=False)
        own = Linear(TARGET).fit(cells[few], law[few])
        helped = Transferred(TARGET, across, Linear(TARGET)).fit(cells[few], law[few])
        gains.append(helped.score(cells, law) - own.score(cells, law))
    assert np.mean(gains) > 0.03
    assert min(gains) > -0.03


def test_labels_decide_how_much_the_transfer_counts(across: AcrossSpaces) -> None:
    cells = sample(TARGET, 200, seed=4)
    z = across.learnt(TARGET, cells)
    weights = [
        Transferred(TARGET, across, Linear(TARGET)).fit(cells, y).weight_
        for y in (z, np.random.default_rng(0).normal(size=200), -z)
    ]
    assert weights[0] > 0.9
    assert abs(weights[1]) < 0.2
    assert weights[2] < -0.8


def test_without_labels_of_its_own_the_default_is_helped(across: AcrossSpaces) -> None:
    cells = sample(TARGET, 40)
    ranker = Transferred(TARGET, across).fit(cells[:20], np.arange(20.0))
    mean, std = ranker.predict(cells, return_std=True)
    assert ranker.has_std
    assert (mean == ranker.predict(cells)).all()
    assert (std > 0).all()


def test_weak_labels_are_for_its_own_ranker(across: AcrossSpaces) -> None:
    assert not Transferred(TARGET, across, Linear(TARGET)).can_pretrain
    cells = sample(TARGET, 300, seed=5)
    law = np.random.default_rng(1).normal(size=300)  # nothing but weak labels knows it
    helped = Transferred(TARGET, across).pretrain(cells, {"weak": law})
    alone = Transferred(TARGET, across)
    few = np.arange(30)
    assert helped.can_pretrain
    assert helped.fit(cells[few], law[few]).score(cells, law) > 0.45
    assert alone.fit(cells[few], law[few]).score(cells, law) < 0.3
    assert clone(helped).fit(cells[few], law[few]).score(cells, law) > 0.45
