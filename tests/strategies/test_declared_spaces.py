"""Strategies in spaces of sets, blocks and numbers on grids."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import archrank as ar
from archrank.evaluators import Function
from archrank.rankers import Linear
from archrank.spaces import CustomSpace, from_choices
from archrank.strategies import Guided, Pruned, Random, RegularizedEvolution, Strategy
from archrank.strategies.inside import Inside
from archrank.testing import check_space, check_strategy
from tests.spaces.declared import four_of_24, mixed

SPACES = [four_of_24(), mixed()]


def fast(space: CustomSpace) -> Guided:
    return Guided(Linear(space), candidates=200, batch_size=7)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("kind", ["random", "evolution", "guided"])
def test_contract(space: CustomSpace, kind: str) -> None:
    make: dict[str, Callable[[], Strategy]] = {
        "random": Random,
        "evolution": RegularizedEvolution,
        "guided": lambda: fast(space),
    }
    check_strategy(make[kind], space)


def test_guided_search_finds_a_set() -> None:
    space = four_of_24()
    wanted = {3, 7, 11, 20}
    fn = Function(lambda config: len(wanted & set(config["attention"])))
    study = ar.Study(space, fn, fast(space), seed=0)
    assert study.run(90).best.values["score"] == 4


def test_a_search_goes_on_inside_a_smaller_space() -> None:
    space = four_of_24()
    fn = Function(lambda config: -abs(config["attention"][0] - 5))
    study = ar.Study(space, fn, Pruned(Random(), after=20, ranker=Linear(space), repeats=2))
    assert len(study.run(30).records) == 30
    smaller = space.restrict({"attention": range(12), "attention.3": True})
    inside = Inside(space, smaller)
    drawn = inside.mutate(
        space.sample(40, rng=np.random.default_rng(0)), rng=np.random.default_rng(1)
    )
    found = {inside.config(arch)["attention"] for arch in drawn}
    assert all(3 in members and max(members) < 12 and len(members) == 4 for members in found)
    assert inside.contains(drawn).all()
    check_space(smaller)


def test_guided_search_in_a_space_of_few_decisions_with_many_options() -> None:
    """Too many architectures to rank all, and mutants of fewer decisions than usually change."""
    space = from_choices({name: ar.Int(0, 255, points=256) for name in "ab"})
    assert space.size > Guided().candidates
    fn = Function(lambda config: -abs(config["a"] - 200) - abs(config["b"] - 17))
    study = ar.Study(space, fn, Guided(candidates=300), seed=0)
    assert study.run(20).best.values["score"] > -8
