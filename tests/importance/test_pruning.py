from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import SettingsError, SpaceError
from archrank.importance import Importance, decision_groups, prune
from archrank.spaces import HAT, NASBench201


def importance(space: HAT, **values: float) -> Importance:
    groups = decision_groups(space)
    means = np.array([values.get(name, 1.0) for name in groups])
    return Importance(tuple(groups), tuple(groups.values()), means[:, None], 0.1, "order", 50)


SPACE = HAT("small")
BEST = SPACE.sample(1, rng=np.random.default_rng(3))[0]


def test_what_is_below_the_threshold_is_fixed_as_in_the_best() -> None:
    found = prune(SPACE, importance(SPACE, dec_layers=3.0, enc_ffn=1.15), BEST, 1.15)
    assert set(found.kept) == {"dec_layers", "enc_ffn"}  # 1.15 is not below 1.15
    archs = found.space.to_origin(found.space.sample(50, rng=np.random.default_rng(0)))
    kept = [j for name in found.kept for j in decision_groups(SPACE)[name]]
    others = np.setdiff1d(np.arange(SPACE.d), kept)
    exists = SPACE.active(archs)[:, others]
    assert ((archs == BEST)[:, others] | ~exists).all()
    assert len(found.frozen) == 25 - len(kept)
    assert found.space.size == 3**3 * 4


def test_what_matters_to_one_of_several_is_kept() -> None:
    loss, latency = importance(SPACE, enc_embed=2.0), importance(SPACE, dec_layers=2.0)
    found = prune(SPACE, [loss, latency], BEST)
    assert set(found.kept) == {"enc_embed", "dec_layers"}
    assert found.importance["dec_layers"] == 2.0


def test_nothing_to_fix_leaves_the_space() -> None:
    found = prune(SPACE, importance(SPACE), BEST, 1.0)
    assert found.space is SPACE
    assert not found.frozen


def test_a_pruned_space_can_be_pruned_again() -> None:
    first = prune(SPACE, importance(SPACE, dec_layers=3.0, enc_ffn=2.0), BEST)
    best = first.space.sample(1, rng=np.random.default_rng(0))[0]
    groups = decision_groups(first.space)
    again = Importance(
        tuple(groups), tuple(groups.values()), np.array([[1.0], [4.0]]), 0.1, "order", 50
    )
    assert list(groups) == ["enc_ffn", "dec_layers"]
    found = prune(first.space, again, best)
    assert found.kept == ("dec_layers",)
    assert found.space.size == 4


def test_bad_input() -> None:
    with pytest.raises(SettingsError, match=r"threshold 0.9 is below 1"):
        prune(SPACE, importance(SPACE), BEST, 0.9)
    with pytest.raises(SpaceError, match=r"the highest is 1\.1 of 'dec_layers'"):
        prune(SPACE, importance(SPACE, dec_layers=1.1), BEST)
    groups = decision_groups(NASBench201())
    other = Importance(
        tuple(groups), tuple(groups.values()), np.ones((len(groups), 1)), 0.1, "order", 50
    )
    with pytest.raises(SettingsError, match="same groups"):
        prune(SPACE, [importance(SPACE), other], BEST)
