from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archrank as ar
from archrank.errors import BudgetError, SettingsError
from archrank.evaluators import Cost
from archrank.rankers import Linear
from archrank.spaces import HAT, Space
from archrank.strategies import Guided, Pruned, Random, RegularizedEvolution, Strategy
from archrank.strategies.inside import Inside
from archrank.testing import check_strategy


def fast(space: Space) -> Guided:
    return Guided(Linear(space), candidates=100, batch_size=7)


def test_contract(space: ar.spaces.NASBench201) -> None:
    check_strategy(lambda: Pruned(Random(), after=20, ranker=Linear(space), repeats=2), space)


@pytest.mark.parametrize("kind", ["random", "guided", "evolution"])
def test_the_search_goes_on_inside(kind: str, tmp_path: Path) -> None:
    space = HAT("small")
    inner: dict[str, Strategy] = {
        "random": Random(),
        "guided": fast(space),
        "evolution": RegularizedEvolution(),
    }

    def strategy() -> Pruned:
        return Pruned(inner[kind], after=31, ranker=Linear(space), repeats=3)

    def study() -> ar.Study:
        return ar.Study(space, Cost(), strategy(), storage=tmp_path / "study.db")

    whole = ar.Study(space, Cost(), strategy()).run(budget=44)
    pruning = strategy().pruning(whole.history)
    assert pruning is not None
    assert "dec_layers" in pruning.kept
    assert "dec_self_heads" in pruning.names  # heads cost nothing
    inside = Inside(space, pruning.space).contains(whole.history.archs)  # type: ignore[arg-type]
    assert inside[31:].all()
    assert not inside[:31].all()
    if kind != "guided":
        return
    for budget in (33, 44):  # stopped just after
        resumed = study().run(budget=budget)
    assert (resumed.history.archs == whole.history.archs).all()


def test_a_part_of_a_restricted_space_keeps_its_rows() -> None:
    part = HAT("small").restrict({"dec_layers": [2, 3], "enc_embed": [64, 32]})
    smaller = part.restrict({"dec_embed": 48, "dec_ffn_0": 96})
    inside = Inside(part, smaller)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    archs = part.sample(100, rng=rng)
    for moved in (
        inside.sample(100, rng=rng),
        inside.mutate(archs, rng=rng),
        inside.crossover(archs, archs[::-1], rng=rng),
        inside.neighbors(archs[0]),
    ):
        assert inside.contains(part.validate(moved)).all()
        assert all("dec_embed=48" in text for text in part.format(moved))
    rows = inside.sample(10, rng=rng)
    assert (inside.index(rows) < inside.size).all()
    assert (part.canonical(inside.from_index(inside.index(rows))) == part.canonical(rows)).all()


def test_where_nothing_matters_the_whole_space_is_searched() -> None:
    space = HAT("small")
    noise = np.random.default_rng(0).permutation(40).astype(float)
    archs = space.sample(40, rng=np.random.default_rng(0))
    history = ar.strategies.History(space, archs, noise[:, None], np.zeros(40))
    strategy = Pruned(Random(), after=30, threshold=3.0, ranker=Linear(space), repeats=2)
    assert strategy.pruning(history) is None
    proposed = strategy.propose(history, 5, rng=np.random.default_rng(1))
    assert (proposed == Random().propose(history, 5, rng=np.random.default_rng(1))).all()


def test_bad_input() -> None:
    with pytest.raises(BudgetError, match="after"):
        Pruned(Random(), after=5)
    with pytest.raises(SettingsError, match="below 1"):
        Pruned(Random(), threshold=0.5)
