"""The supernets of the AttentiveNAS spaces: parts of the largest network, and what is dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archrank.errors import ResumeError, SettingsError, SpaceError
from archrank.spaces import AttentiveNAS, AttentiveSmall
from archrank.spaces.mobile.attentive import AttentiveSpace
from archrank.spaces.mobile.attentive_small import attentive_small_32
from archrank.supernets import SupernetTraining, one_shot_scores, recalibrate
from archrank.supernets.attentivenas import AttentiveNASSupernet, ElasticBlock
from archrank.supernets.checkpoints import load_supernet
from archrank.tasks import Digits, Recipe
from archrank.testing import check_supernet
from archrank.training.loop import initialise

SPACE, TASK = AttentiveSmall(), Digits(copies=1, recipe=Recipe(epochs=1, batch_size=300))
SMALLEST = np.zeros(SPACE.d, dtype=np.uint8)
LARGEST = (SPACE.radices - 1).astype(np.uint8)
X = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def made(**options: Any) -> AttentiveNASSupernet:
    networks = SPACE.networks(TASK)
    supernet: Any = initialise(lambda: networks.supernet(**options), 0)
    assert isinstance(supernet, AttentiveNASSupernet)
    return supernet


def blocks(supernet: AttentiveNASSupernet) -> list[ElasticBlock]:
    return [module for module in supernet.modules() if isinstance(module, ElasticBlock)]


def test_contract_of_the_published_space() -> None:
    space = AttentiveNAS(resolutions=(9,))
    supernet = space.networks(TASK).supernet().double()
    options = np.arange(int(space.radices.max()))[:, None]
    rows = (options % space.radices).astype(np.uint8)
    rows[1, 1] = 0  # widths of the stem and of the first stage differ: a shortcut has weights
    check_supernet(supernet, (1, 8, 8), n=1, covering=rows)


def test_only_the_first_channels_and_the_centre_of_kernels_are_used() -> None:
    supernet = made()
    network = SPACE.networks(TASK).build(SMALLEST)
    shapes = {name: weight.shape for name, weight in network.named_parameters()}
    with torch.no_grad():
        for name, weight in supernet.named_parameters():
            inside = torch.zeros_like(weight, dtype=torch.bool)
            _, _, *rest = name.split(".")
            one = f"blocks.{name.split('.')[1]}.{'.'.join(rest[1:])}"  # one block per stage
            own = shapes.get(one if name.startswith("stages.") else name)
            if own is not None and (not name.startswith("stages.") or rest[0] == "0"):
                kept = [slice(0, size) for size in own]
                if weight.dim() == 4 and weight.shape[-1] == 5:
                    kept[2:] = [slice(1, 4)] * 2
                inside[tuple(kept)] = True
            weight[~inside] = torch.nan
    assert supernet(X, SMALLEST).isfinite().all()
    assert supernet.extract(SMALLEST)(X).isfinite().all()
    assert supernet(X, LARGEST).isnan().all()


def test_the_shortcut_is_projected_where_channels_change() -> None:
    supernet, arch = made(), LARGEST.copy()
    assert [isinstance(b.shortcut.project, nn.Conv2d) for b in supernet.stages[0]] == [True, False]
    arch[1] = 0  # 8 channels from the first convolution, 16 in the first stage
    for row, expected in ((arch, True), (LARGEST, False)):
        supernet.zero_grad()
        supernet(X, row).sum().backward()
        weight = supernet.get_parameter("stages.0.0.shortcut.project.weight")
        assert (weight.grad is not None) == expected


def test_images_that_have_the_resolution_stay() -> None:
    supernet, arch = made(), SMALLEST.copy()
    seen: list[torch.Size] = []
    supernet.first[0].register_forward_hook(lambda layer, args, out: seen.append(args[0].shape))
    arch[[0, 1]] = 3, 1  # 16 pixels, all channels
    supernet(X, arch)
    arch[0] = 0
    supernet(X, arch)
    assert [shape[-1] for shape in seen] == [16, 8]


def test_networks_that_begin_alike_share_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    supernet = made().eval()
    archs = np.stack([SMALLEST] * 6 + [LARGEST])
    archs[1, 7] = 1  # another last convolution: everything before it is shared
    archs[2, 8 + 4] = 1  # one more block at the end
    archs[3, 0] = 1  # another resolution: nothing is shared
    archs[5, 2] = 1  # another width of the first stage: the stem is shared
    runs: list[tuple[int, int]] = []
    run = ElasticBlock.run

    def spied(self: ElasticBlock, x: Any, step: Any, drop: Any) -> Any:
        runs.append((step.number, step.place))
        return run(self, x, step, drop)

    with torch.no_grad():
        expected = [supernet(X, arch) for arch in archs]
        monkeypatch.setattr(ElasticBlock, "run", spied)
        found = dict(supernet.forward_each((X,), archs))
    assert sorted(found) == list(range(7))
    for place, outputs in enumerate(expected):
        torch.testing.assert_close(found[place], outputs)
    assert len(runs) == 5 + 1 + 5 + 5 + 15  # the smallest, one more block, and three others
    assert dict(supernet.forward_each((X,), archs[:0])) == {}


def test_blocks_begin_as_their_shortcuts() -> None:
    supernet = made(zero_gamma=True)
    assert supernet.options["zero_gamma"] is True
    block, x = blocks(supernet)[1], torch.randn(2, 16, 4, 4)
    steps: Any = supernet._steps(SPACE._settings(LARGEST))
    assert torch.equal(block.run(x, steps[1], supernet.drop_connect), x)
    network = supernet.extract(LARGEST)
    assert all((b.main[-1].weight == 0).all() for b in network.blocks)  # type: ignore[union-attr]
    assert not any((b.main[-1].weight == 0).any() for b in blocks(made()))


def test_drop_connect_leaves_out_late_blocks() -> None:
    supernet = made(drop_connect=0.5).train()
    steps = supernet._steps(SPACE._settings(LARGEST))
    assert [step.drop for step in steps] == [
        *[0] * 9,  # the first three stages have 2, 3 and 4 blocks
        *(pytest.approx(place / 15) for place in range(9, 15)),
    ]
    assert not torch.equal(supernet(X, LARGEST), supernet(X, LARGEST))
    block = supernet.stages[4][1]  # type: ignore[index]
    x = torch.randn(1, 64, 2, 2).expand(400, -1, -1, -1)
    drop = supernet.drop_connect
    left_out = (block.run(x, steps[-1], drop) == x).flatten(1).all(1)  # type: ignore[operator]
    assert 130 < left_out.sum() < 250  # a probability of 7 / 15
    first = supernet.stages[4][0].run(torch.randn(3, 48, 2, 2), steps[-2], drop)  # type: ignore
    assert first.shape == (3, 64, 2, 2)  # channels change: never left out


@pytest.mark.parametrize("option", ["drop_connect", "dropout"])
def test_nothing_is_dropped_in_evaluation(option: str) -> None:
    supernet = made(**{option: 0.5}).train()
    network = supernet.extract(LARGEST)
    assert torch.equal(network(X), network(X))
    assert not torch.equal(supernet(X, LARGEST), supernet(X, LARGEST))
    assert torch.allclose(supernet.eval()(X, LARGEST), network(X), atol=1e-5)


@pytest.mark.parametrize("space", [SPACE, AttentiveNAS()], ids=["small", "published"])
def test_the_sandwich_trains_the_ends_of_every_decision(space: AttentiveSpace) -> None:
    networks = space.networks(TASK)
    assert networks.smallest.tolist() == [0] * space.d
    assert networks.largest.tolist() == (space.radices - 1).tolist()


def test_recalibrated_networks_do_not_depend_on_the_batch() -> None:
    network = recalibrate(made().extract(SMALLEST), [torch.randn(32, 1, 8, 8)])
    assert torch.allclose(network(X)[:1], network(X[:1]), atol=1e-5)


def test_a_batch_of_one_is_refused() -> None:
    supernet = made()
    with pytest.raises(SettingsError, match="batches of at least 2 examples"):
        supernet(X[:1], SMALLEST)
    with pytest.raises(SettingsError, match="batches of at least 2 examples"):
        one_shot_scores(supernet, TASK, SMALLEST[None], examples=3, batch_size=1)


def test_options_are_checked() -> None:
    with pytest.raises(SettingsError, match=r"drop_connect is 1\.5, expected a number from 0"):
        made(drop_connect=1.5)
    with pytest.raises(SpaceError, match="it has dropout, drop_connect, zero_gamma"):
        made(affine=False)


def test_checkpoints_of_another_space_are_refused(tmp_path: Any) -> None:
    training = SupernetTraining(made(zero_gamma=True), TASK)
    training.run_epoch()
    training.save(tmp_path / "net.safetensors")
    loaded = load_supernet(tmp_path / "net.safetensors", SPACE.networks(TASK))
    assert dict(loaded.options) == {"drop_connect": 0.0, "zero_gamma": True}
    again = training.supernet.eval()(X, LARGEST)
    torch.testing.assert_close(loaded(X, LARGEST), again, rtol=1e-4, atol=1e-5)
    with pytest.raises(ResumeError, match=r"space: attentive_small -> attentive_small\(16, 20"):
        load_supernet(tmp_path / "net.safetensors", attentive_small_32().networks(TASK))
