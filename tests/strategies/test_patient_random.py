from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import BudgetError
from archrank.spaces import CustomSpace
from archrank.strategies.patient_random import PatientRandom
from archrank.types import Archs, Floats
from tests.strategies.helpers import rows, tiny

SPACE = CustomSpace({f"d{j}": list(range(9)) for j in range(9)}, build=lambda config, task: None)
NOTHING = SPACE.sample(0, rng=np.random.default_rng(0))


def total(archs: Archs) -> Floats:
    return archs.sum(axis=1).astype(np.float64)


def batches(how: PatientRandom, seed: int = 0) -> list[Floats]:
    """Scores of every batch of a search."""
    seen: list[Floats] = []

    def score(archs: Archs) -> Floats:
        seen.append(total(archs))
        return seen[-1]

    found = how.run(SPACE, score, total, start=NOTHING, seed=seed)
    assert len(rows(found.archs)) == len(found) == sum(map(len, seen))
    return seen


@pytest.mark.parametrize("patience", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_it_stops_when_the_best_has_not_changed(seed: int, patience: int) -> None:
    seen = batches(PatientRandom(batch=20, patience=patience), seed)
    assert {len(each) for each in seen} == {20}
    best = np.maximum.accumulate([each.max() for each in seen])
    vain = [int((best[: i + 1] == best[i]).sum()) - 1 for i in range(len(best))]
    assert vain[-1] == patience
    assert max(vain[:-1]) < patience


def test_the_number_of_batches_is_limited() -> None:
    assert len(batches(PatientRandom(batch=5, patience=9, batches=2))) == 2
    assert PatientRandom().evaluations == 100_000


def test_uniform_draws_within_the_limits() -> None:
    how = PatientRandom(batch=400, batches=1)
    found = how.run(SPACE, total, total, start=NOTHING, limits=(30.0,))
    assert found.costs.max() <= 30
    free = how.run(SPACE, total, total, start=NOTHING)
    counts = np.stack([np.bincount(column, minlength=9) for column in free.archs.T])
    assert counts.min() > 15  # 44 each, with a standard deviation of 6.3
    again = how.run(SPACE, total, total, start=NOTHING, limits=(30.0,))
    np.testing.assert_array_equal(found.archs, again.archs)


def test_a_small_space_is_searched_whole() -> None:
    space = tiny()
    found = PatientRandom(batch=10, patience=3).run(space, total, total, start=NOTHING[:, :3])
    assert rows(found.archs) == rows(space.enumerate())


def test_scores_that_are_not_numbers_are_no_progress() -> None:
    def nothing(archs: Archs) -> Floats:
        return np.full(len(archs), np.nan)

    found = PatientRandom(batch=4, patience=2).run(SPACE, nothing, total, start=NOTHING)
    assert len(found) == 8
    assert len(found.best()) == 0


@pytest.mark.parametrize("name", ["batch", "patience", "batches"])
def test_wrong_settings(name: str) -> None:
    with pytest.raises(BudgetError, match=name):
        PatientRandom(**{name: 0})
