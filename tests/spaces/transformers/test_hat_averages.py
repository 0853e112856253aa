from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import ArchitectureError
from archrank.rankers import HATLatency
from archrank.spaces import HAT, HATAverages
from archrank.testing import check_space
from tests.effort import effort

SPACE, WHOLE = HATAverages(), HAT("union")


def test_contract() -> None:
    check_space(SPACE)


@effort
@given(seed=st.integers(0, 2**32 - 1))
def test_averages_tell_costs_and_lead_back_to_an_architecture(seed: int) -> None:
    archs = WHOLE.sample(8, rng=np.random.default_rng(seed))
    rows = SPACE.of(WHOLE, archs)
    assert SPACE.means(rows) == pytest.approx(WHOLE.means(archs), abs=1e-6)
    assert SPACE.valid(rows).all()
    assert (SPACE.of(WHOLE, np.stack([SPACE.member(row) for row in rows])) == rows).all()
    for name, values in SPACE.cost(rows).items():
        assert (values == WHOLE.cost(archs)[name]).all()


def test_hats_own_spaces_are_inside() -> None:
    for task in ("iwslt", "wmt"):
        space = HAT(task)  # type: ignore[arg-type]
        archs = space.sample(50, rng=np.random.default_rng(0))
        assert SPACE.summary(SPACE.of(space, archs)) == pytest.approx(space.summary(archs))
    small = HAT("small")
    with pytest.raises(ArchitectureError, match="architecture 0 of hat_small: enc_embed is"):
        SPACE.of(small, small.sample(1, rng=np.random.default_rng(0)))


def test_an_average_that_no_layers_have_is_refused() -> None:
    archs = SPACE.sample(1, rng=np.random.default_rng(0))
    third = SPACE.choices[6].options.index(round((512 + 512 + 1024) / 3, 6))
    archs[0, 5:7] = 0, third  # one decoder layer
    with pytest.raises(ArchitectureError, match="1 decoder layers cannot have an average dec_ffn"):
        SPACE.validate(archs)


def test_hats_latency_predictor_reads_the_ten_averages() -> None:
    archs = SPACE.sample(20, rng=np.random.default_rng(0))
    settings = {"hidden": (8,), "steps": 3}
    ranker = HATLatency(SPACE, **settings).fit(archs, -SPACE.means(archs)[:, 5])  # type: ignore[arg-type]
    assert ranker.network_[0].in_features == 10
    small = HAT("iwslt").restrict({"dec_layers": [1, 2, 3]})
    rows = small.sample(20, rng=np.random.default_rng(0))
    ranker = HATLatency(small, **settings).fit(rows, np.arange(20.0))  # type: ignore[arg-type]
    assert ranker.network_[0].in_features == 10
