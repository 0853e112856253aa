"""The supernet of ProxylessNAS: one weight per block and operation, skips that run nothing."""

from __future__ import annotations

import numpy as np
import torch

from archrank.spaces import ProxylessNAS
from archrank.supernets.proxylessnas import ProxylessNASSupernet
from archrank.tasks import Digits
from archrank.training.layout import channels_last, layout_of

SPACE = ProxylessNAS()
X = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_what_an_architecture_trains() -> None:
    supernet = SPACE.networks(Digits()).supernet()
    assert isinstance(supernet, ProxylessNASSupernet)
    assert layout_of(supernet) is channels_last
    assert [len(block) for block in supernet.blocks] == [6] * 21  # type: ignore[arg-type]
    arch = SPACE.named("AceNAS-M1")[0]
    supernet(X, arch).sum().backward()
    trained = {n for n, p in supernet.named_parameters() if p.grad is not None}
    blocks = {tuple(map(int, n.split(".")[1:3])) for n in trained if n.startswith("blocks.")}
    assert blocks == {(j, k) for j, k in enumerate(arch.tolist()) if k < 6}
    network = SPACE.networks(Digits()).build(arch)
    assert len(trained) == len(list(network.parameters()))


def test_the_chain_is_the_same_where_a_stage_is_skipped() -> None:
    supernet = SPACE.networks(Digits()).supernet()
    assert isinstance(supernet, ProxylessNASSupernet)
    arch = np.zeros(21, dtype=np.uint8)
    arch[1:4] = 6
    seen: list[int] = []
    for j, block in enumerate(supernet.blocks):
        block[0].register_forward_hook(lambda *_, j=j: seen.append(j))  # type: ignore[index]
    supernet(X, arch)
    assert seen == [0, *range(4, 21)]


def test_extracted_networks_do_not_drop_features() -> None:
    supernet = SPACE.networks(Digits()).supernet(dropout=0.5).train()
    arch = SPACE.named("AceNAS-M1")[0]
    network = supernet.extract(arch)
    assert torch.equal(network(X), network(X))
    assert not torch.equal(supernet(X, arch), supernet(X, arch))
    assert torch.allclose(network.eval()(X), supernet.eval()(X, arch), atol=1e-6)
