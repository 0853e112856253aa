from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import SPACES, AttentiveNAS, AttentiveSmall
from archrank.spaces.counting import count
from archrank.tasks import Characters, Digits, Glyphs, ImageClassification, Splits
from archrank.testing import check_space
from tests.networks.counting import check_counts

SPACE = AttentiveSmall()
SMALLEST = "8:8,8,16,24,40,48,128:11111:33333:12224"
LARGEST = "16:16,16,24,32,48,64,160:23442:55555:14444"


@dataclass(frozen=True)
class Cifar(ImageClassification):
    """Images of CIFAR's size."""

    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 10
    name = "cifar"

    def load(self) -> Splits:
        raise NotImplementedError


def test_contract() -> None:
    check_space(SPACE, task=Digits())
    check_space(AttentiveSmall(resolutions=(9, 32)))


def test_names() -> None:
    assert type(SPACES.get("attentive-small")()) is AttentiveSmall
    large = SPACES.get("attentive-small-32")()
    assert large.choices[0].options == (16, 20, 24, 32)
    assert SPACE.fingerprint() == "attentive_small"
    assert large.fingerprint() == "attentive_small(16, 20, 24, 32)"
    assert SPACE.networks(Digits()).fingerprint() != SPACE.networks(Glyphs()).fingerprint()


def test_sizes() -> None:
    assert SPACE.d == 23
    assert SPACE.size == 127_401_984 >= 10**6
    ends = np.stack([0 * SPACE.radices, SPACE.radices - 1]).astype(np.uint8)
    assert SPACE.format(ends) == [SMALLEST, LARGEST]
    smallest, largest = SPACE.networks(Glyphs(size=12)).cost(ends)["params"]
    assert 50_000 < smallest < 100_000
    assert 200_000 < largest < 500_000


@pytest.mark.parametrize(
    ("space", "task"),
    [
        (SPACE, Digits()),
        (SPACE, Glyphs(size=12)),
        (SPACE, Characters(size=15)),
        (SPACES.get("attentive_small_32")(), Cifar()),
    ],
    ids=["digits", "glyphs", "characters", "cifar"],
)
def test_closed_form_costs_equal_both_counters(
    space: AttentiveSmall, task: ImageClassification
) -> None:
    networks = space.networks(task)
    ends = np.stack([0 * space.radices, space.radices - 1]).astype(np.uint8)
    archs = np.concatenate([ends, space.sample(6, rng=np.random.default_rng(0))])
    check_counts(networks, archs, task)
    cost = networks.cost(archs)
    for i, arch in enumerate(archs):
        found = count(lambda arch=arch: networks.build(arch), task.input_shape)  # type: ignore[misc]
        assert (found.macs, found.params) == (cost["macs"][i], cost["params"][i])
        assert not found.uncounted


def test_mflops_are_millions_of_macs() -> None:
    archs = SPACE.sample(100, rng=np.random.default_rng(0))
    cost = SPACE.networks(Cifar()).cost(archs)["macs"]
    np.testing.assert_allclose(SPACE.mflops(archs), cost / 1e6)


def test_images_of_any_size_are_resized() -> None:
    network = SPACE.networks(Digits()).build(SPACE.parse([SMALLEST])[0]).eval()
    x = torch.randn(2, 1, 8, 8)
    sides = []
    network.first.register_forward_hook(lambda layer, args, out: sides.append(args[0].shape[-1]))
    for images in (x, torch.randn(2, 1, 12, 12), torch.randn(2, 1, 7, 9)):
        assert network(images).shape == (2, 10)
    assert sides == [8, 8, 8]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A0", f"expected resolution:7 widths:5 depths:5 kernels:5 expansions like {SMALLEST}"),
        (SMALLEST.replace("8:8,", "11:8,"), "resolution is one of 8, 10, 12, 16, got 11"),
        (SMALLEST.replace(":12224", ":12225"), "expand_mb5 is one of 4, got 5"),
        (SMALLEST.replace(",128:", ",8,128:"), "architecture 0: expected resolution"),
    ],
)
def test_parse_names_the_fault(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse([text])


def test_the_spaces_do_not_read_each_other() -> None:
    with pytest.raises(ArchitectureError, match="expected resolution:9 widths"):
        AttentiveNAS().parse([SMALLEST])
    with pytest.raises(SpaceError, match="different positive numbers"):
        AttentiveSmall(resolutions=(8, 8))
