from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces import SPACES
from archrank.spaces.mobile.attentivenas import NAMED, AttentiveNAS
from archrank.testing import check_space

SPACE = AttentiveNAS()
MFLOPS = {  # the released models; the paper's table rounds them to whole numbers
    "A0": 203.39,
    "A1": 279.24,
    "A2": 316.73,
    "A3": 356.52,
    "A4": 443.53,
    "A5": 490.52,
    "A6": 709.01,
}


def test_contract() -> None:
    check_space(SPACE)
    check_space(AttentiveNAS(resolutions=(8, 16)))
    assert SPACES.get("attentivenas") is AttentiveNAS


def test_size() -> None:
    assert SPACE.d == 31
    assert SPACE.size == 4 * 1536 * 6912 * 128 * 81 == 440_301_256_704


@pytest.mark.parametrize(("name", "mflops"), MFLOPS.items())
def test_published_mflops(name: str, mflops: float) -> None:
    arch = AttentiveNAS.named(name)
    assert round(SPACE.mflops(arch)[0], 2) == mflops
    assert SPACE.cost(arch)["macs"][0] == pytest.approx(SPACE.mflops(arch)[0] * 1e6)
    assert (SPACE.parse([name]) == arch).all()
    assert SPACE.format(arch) == [NAMED[name]]


def test_smallest_and_largest() -> None:
    smallest = np.zeros((1, 31), dtype=np.uint8)
    largest = (SPACE.radices - 1).astype(np.uint8)[None]
    assert round(SPACE.mflops(smallest)[0], 2) == 203.39
    assert round(SPACE.mflops(largest)[0], 2) == 1939.34
    assert (smallest == AttentiveNAS.named("A0")).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_larger_option_costs_more(seed: int) -> None:
    archs = SPACE.sample(20, rng=np.random.default_rng(seed))
    cost = SPACE.cost(archs)
    for j in range(SPACE.d):
        larger = archs.copy()
        larger[:, j] = np.minimum(larger[:, j] + 1, SPACE.radices[j] - 1)
        grown = larger[:, j] > archs[:, j]
        change = SPACE.cost(larger)["macs"] - cost["macs"]
        if not 1 <= j <= 8:  # a wider stage may save the projection of a shortcut
            assert (change[grown] > 0).all()
        assert (change[~grown] == 0).all()


def test_predictor_vector() -> None:
    vector = SPACE.predictor_vector(AttentiveNAS.named("A5"))
    assert vector.tolist() == [
        [
            *(256, 16, 16, 24, 32, 72, 112, 192, 216, 1792),
            *(1, 3, 3, 3, 4, 6, 1),
            *(3, 3, 3, 5, 3, 3, 3),
            *(1, 4, 5, 4, 4, 6, 6),
        ]
    ]
    features = SPACE.features(SPACE.sample(500, rng=np.random.default_rng(0)))
    assert features[:, :31].min() == 1
    assert features[:, :31].max() == 2
    assert (features[:, 31:].sum(1) == 31).all()
    groups = {name.split(":")[0] for name in SPACE.feature_names}
    assert groups == {"ordered", "choice"}


def test_the_released_predictor_reads_this_vector(data_dir: Path) -> None:
    path = data_dir / "attentivenas_acc_predictor.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    forest = np.load(path, allow_pickle=False)
    assert forest["feature_names"].tolist() == [c.name for c in SPACE.choices]
    for j, choice in enumerate(SPACE.choices):  # thresholds lie between the options of decision j
        thresholds = forest["threshold"][(forest["left"] >= 0) & (forest["feature"] == j)]
        options = np.array(choice.options)
        assert not len(thresholds) or options.min() < thresholds.min()
        assert not len(thresholds) or thresholds.max() < options.max()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A7", "expected resolution:9 widths"),
        (NAMED["A0"].replace("192:", "200:"), "resolution is one of 192, 224, 256, 288, got 200"),
        (NAMED["A0"].replace(":1333331:", ":1933331:"), "depth_mb2 is one of 3, 4, 5, got 9"),
        (NAMED["A0"].replace(",216,", ","), "architecture 0: expected resolution"),
        (NAMED["A0"].replace("1444466", "1444456"), "expand_mb6 is one of 6, got 5"),
    ],
)
def test_parse_names_the_fault(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse([text])


def test_unknown_names_and_views() -> None:
    with pytest.raises(UnknownNameError, match="A0, A1, A2, A3, A4, A5, A6"):
        AttentiveNAS.named("A9")
    with pytest.raises(SpaceError, match="no graph view"):
        SPACE.graph(AttentiveNAS.named("A0"))
    with pytest.raises(SpaceError, match="different positive numbers"):
        AttentiveNAS(resolutions=(32, 32))


def test_costs_follow_the_task() -> None:
    from archrank.tasks import Digits

    networks = SPACE.networks(Digits())
    archs = SPACE.sample(10, rng=np.random.default_rng(0))
    assert (networks.cost(archs)["params"] < SPACE.cost(archs)["params"]).all()
    assert SPACE.fingerprint() == "attentivenas"
    assert networks.fingerprint() != SPACE.networks().fingerprint()
