from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import RankNASLanguageModel, RankNASTranslation
from tests.spaces.sequences import Tokens, check_costs, check_learning, few


@pytest.mark.parametrize("task", ["iwslt", "wmt"])
def test_translation(task: str) -> None:
    space = RankNASTranslation(task)  # type: ignore[arg-type]
    encoder, decoder = 4 * 3 * 3, 4 * 3 * 3 * 3
    assert space.size == 6 * encoder**6 * 6 * sum(decoder**k for k in range(1, 7))
    assert f"{space.size:.2e}" == "1.26e+23"
    check_costs(space, Tokens(input_shape=(2, 20)), few(space, 5))  # longer than some clipping


def test_translation_learns() -> None:
    space = RankNASTranslation()
    archs = few(space, 1)
    archs[0, space.starts["enc_norm"]], archs[0, space.starts["dec_norm"]] = 0, 1
    check_learning(space, Tokens(input_shape=(2, 7)), archs)


def test_norm_costs_one_more_per_pre_norm_stack() -> None:
    space = RankNASTranslation()
    archs = np.repeat(few(space, 1), 2, axis=0)
    archs[:, space.starts["dec_norm"]] = [0, 1]
    pre, post = space.cost(archs)["params"]
    assert pre - post == 2 * space.values(archs, "dec_embed")[0, 0]


def test_unknown_task() -> None:
    with pytest.raises(SpaceError, match="iwslt, wmt, small; got 'lm'"):
        RankNASTranslation("lm")  # type: ignore[arg-type]


def test_language_model() -> None:
    space = RankNASLanguageModel()
    assert space.size == 18**10 + 18**12 + 18**14
    check_costs(space, Tokens(), few(space, 6))


def test_language_model_bridges_unequal_widths() -> None:
    space = RankNASLanguageModel()
    same = "layers=10,embed=" + "-".join(["768"] * 10)
    wide = same.replace("768-768-768", "768-1024-768", 1)
    last = same[:-3] + "1024"
    rest = ",ffn=" + "-".join(["3072"] * 10) + ",heads=" + "-".join(["8"] * 10)
    costs = space.networks(Tokens()).cost(space.parse([x + rest for x in (same, wide, last)]))[
        "params"
    ]
    layer = 256 * (4 * 512 + 2 * 3072 + 6)  # what 256 more channels cost inside one layer
    assert costs - costs[0] == pytest.approx([0, layer + 2 * 768 * 1024, layer + 2 * 768 * 1024])


def test_language_model_learns() -> None:
    space = RankNASLanguageModel()
    archs = few(space, 1)
    archs[0, space.starts["layers"]] = 0  # the shallowest
    check_learning(space, Tokens(), archs)
