"""The supernet of FBNet: weights per block and candidate; skips that change the shape have some."""

from __future__ import annotations

import numpy as np
import torch

from archrank.spaces import FBNet
from archrank.supernets.fbnet import FBNetSupernet
from archrank.tasks import Digits

SPACE = FBNet(head=40)
X = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
CHANGING = (1, 5, 9, 13, 17, 21)  # blocks that change the shape


def test_what_an_architecture_trains() -> None:
    supernet = SPACE.networks(Digits()).supernet()
    assert isinstance(supernet, FBNetSupernet)
    sizes = [len(block) for block in supernet.blocks]  # type: ignore[arg-type]
    assert sizes == [9 if j in CHANGING else 8 for j in range(22)]
    arch = SPACE.sample(1, rng=np.random.default_rng(0))[0]
    arch[:3] = 8
    supernet(X, arch).sum().backward()
    trained = {n for n, p in supernet.named_parameters() if p.grad is not None}
    blocks = {tuple(map(int, n.split(".")[1:3])) for n in trained if n.startswith("blocks.")}
    run = {(j, k) for j, k in enumerate(arch.tolist()) if k < 8 or j in CHANGING}
    assert blocks == run
    network = SPACE.networks(Digits()).build(arch)
    assert len(trained) == len(list(network.parameters()))


def test_extracted_networks_have_the_names_of_built_ones() -> None:
    networks = SPACE.networks(Digits())
    supernet = networks.supernet(dropout=0.5)
    for arch in SPACE.sample(3, rng=np.random.default_rng(1)):
        built = networks.build(arch)
        names = [name for name, _ in built.named_parameters()]
        extracted = supernet.extract(arch)
        assert [name for name, _ in extracted.named_parameters()] == names
        assert torch.allclose(extracted.eval()(X), supernet.eval()(X, arch), atol=1e-6)
