from __future__ import annotations

import numpy as np
import pytest

import archrank as ar
from archrank.errors import BudgetError, SettingsError
from archrank.spaces import NASBench201
from archrank.strategies import Promoted, Shorts
from archrank.testing import check_strategy
from tests.strategies.helpers import history, some, tiny


def test_contract(space: NASBench201) -> None:
    archs = some(space, 40)
    check_strategy(lambda: Promoted(Shorts(archs, np.arange(40.0)), each=3), space)


def test_the_best_of_the_first_short_trainings_go_on() -> None:
    space = tiny()
    archs = some(space, 12)
    scores = np.array([3.0, 9, 1, 5, np.nan, 7, 2, 8, 0, 4, 6, 10])
    strategy = Promoted(Shorts(archs, scores), each=3, batch_size=2)
    rng = np.random.default_rng(0)
    first = strategy.propose(history(space, archs[:0], []), 2, rng=rng)
    assert (first == archs[[1, 5]]).all()  # of six, a failed one among them
    known = history(space, first, [0.0, np.nan])
    second = strategy.propose(known, 2, rng=rng)
    assert (second == archs[[11, 7]]).all()  # of twelve
    allowed = history(space, first, [0.0, 0.0], allowed=lambda rows: (rows != archs[11]).any(1))
    assert (strategy.propose(allowed, 2, rng=rng) == archs[[7, 10]]).all()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_more_short_trainings_change_no_earlier_proposal(space: NASBench201, batch: int) -> None:
    archs = some(space, 200)
    scores = np.random.default_rng(1).normal(size=200)
    whole = Promoted(Shorts(archs, scores), each=4, batch_size=batch)
    for budget in range(1, 12):
        n = whole.shorts_for(budget)
        assert n < 4 * (budget + batch)
        part = Promoted(Shorts(archs[:n], scores[:n]), each=4, batch_size=batch)
        for k in range(budget):  # whatever is left out of the history
            known = history(space, archs[100 : 100 + k], np.zeros(k))
            rows = [
                strategy.propose(known, batch, rng=np.random.default_rng(0))
                for strategy in (whole, part)
            ]
            assert (rows[0] == rows[1]).all()


def test_random_ones_where_short_trainings_run_out() -> None:
    space = tiny()
    strategy = Promoted(Shorts(some(space, 3), np.zeros(3)), each=1)
    study = ar.Study(space, ar.evaluators.Function(lambda config: config["depth"]), strategy)
    assert len({r.string for r in study.run(budget=24).records}) == 24


def test_bad_settings() -> None:
    with pytest.raises(BudgetError, match="Promoted: each must be at least 1, got 0"):
        Promoted(each=0)
    with pytest.raises(BudgetError, match="evaluations"):
        Promoted().shorts_for(0)
    empty = history(tiny(), some(tiny(), 0), [])
    with pytest.raises(SettingsError, match="does not know its short trainings yet"):
        Promoted().propose(empty, 1, rng=np.random.default_rng(0))


def test_what_made_the_short_trainings_is_part_of_a_run() -> None:
    one, other = (Promoted(made_by={"fidelity": f}).describe() for f in ("3", "6"))
    assert one != other
    assert one == {"strategy": "promoted", "each": 4, "batch_size": 2, "fidelity": "3"}
