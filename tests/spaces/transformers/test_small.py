"""The Transformer spaces with sizes for CPUs: structure, costs and numbers that do not change."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import HAT, SPACES, RankNASLanguageModel, RankNASTranslation, Space
from archrank.testing import check_space
from tests.spaces.sequences import Tokens, check_costs, check_learning, few

PAIRS, WINDOWS = Tokens(input_shape=(2, 7)), Tokens(input_shape=(7,))
SMALL = {"hat_small": PAIRS, "ranknas_small": PAIRS, "ranknas_lm_small": WINDOWS}


def made(name: str) -> Space:
    space: Space = SPACES.get(name)()
    assert space.name == name
    return space


@pytest.mark.parametrize("name", SMALL)
def test_contract(name: str) -> None:
    check_space(made(name), task=SMALL[name])


@pytest.mark.parametrize("name", SMALL)
def test_costs_and_learning(name: str) -> None:
    check_costs(made(name), SMALL[name], few(made(name), 5))
    check_learning(made(name), SMALL[name], few(made(name), 1))


def test_structure_is_that_of_the_published_spaces() -> None:
    for small, published in (
        (HAT("small"), HAT()),
        (RankNASTranslation("small"), RankNASTranslation()),
        (RankNASLanguageModel("small"), RankNASLanguageModel()),
    ):
        assert list(small.starts) == list(published.starts)
        assert small.size >= 10**6
        assert small.fingerprint() != published.fingerprint()


@pytest.mark.parametrize(
    ("name", "size", "macs", "params"),
    [
        ("hat_small", 285_959_899_044, [1_597_440, 11_526_144], [57_248, 371_456]),
        ("ranknas_small", 230_645_507_374_080, [1_658_880, 11_891_712], [57_888, 386_944]),
        ("ranknas_lm_small", 14_900_031, [1_441_792, 16_252_928], [17_264, 216_960]),
    ],
)
def test_sizes(name: str, size: int, macs: list[float], params: list[float]) -> None:
    networks = made(name).networks()
    assert networks.space.size == size
    found = networks.cost(np.stack([networks.smallest, networks.largest]))
    assert found["macs"].tolist() == macs
    assert found["params"].tolist() == params


def test_averages_of_the_small_space_are_over_its_largest_options() -> None:
    space = HAT("small")
    largest = np.zeros((1, space.d), dtype=np.uint8)
    largest[0, space.starts["dec_arbitrary"] :] = 2
    assert space.summary(largest)[0].tolist() == [1] * 10


def test_unknown_task() -> None:
    with pytest.raises(SpaceError, match="wikitext103, small; got 'ptb'"):
        RankNASLanguageModel("ptb")  # type: ignore[arg-type]
