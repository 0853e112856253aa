"""Contract check of supernets."""

from __future__ import annotations

import numpy as np
import torch

from archrank.supernets.base import Supernet
from archrank.testing._require import require


def check_supernet(
    supernet: Supernet, input_shape: tuple[int, int, int], *, n: int = 4, seed: int = 0
) -> None:
    """Check that ``supernet`` keeps the contract of :class:`~archrank.supernets.Supernet`.

    Args:
        supernet: The network to check; its mode and weights are not changed.
        input_shape: Channels, height and width of its images.
        n: Number of architectures to run.
        seed: Seed of architectures and images.

    Raises:
        AssertionError: The supernet breaks a rule; the message names it.
    """
    name = type(supernet).__name__
    archs = supernet.space.sample(n, rng=np.random.default_rng(seed))
    x = torch.randn(4, *input_shape, generator=torch.Generator().manual_seed(seed))
    training = supernet.training
    supernet.eval()
    try:
        with torch.no_grad():
            first = [supernet(x, arch) for arch in archs]
            again = [supernet(x, arch) for arch in archs[::-1]][::-1]
            alone = [supernet.extract(arch).eval()(x) for arch in archs]
    finally:
        supernet.train(training)
    for i, (a, b, c) in enumerate(zip(first, again, alone, strict=True)):
        require(torch.equal(a, b), f"{name}: architecture {i} depends on which one ran before it")
        require(
            torch.allclose(a, c, atol=1e-5),
            f"{name}: extract(arch) gives other outputs than forward(x, arch) for architecture {i}",
        )
    before = [p.detach().clone() for p in supernet.parameters()]
    with torch.no_grad():
        for parameter in supernet.extract(archs[0]).parameters():
            parameter.add_(1.0)
    require(
        all(torch.equal(a, b) for a, b in zip(before, supernet.parameters(), strict=True)),
        f"{name}: extract(arch) must copy weights, not share them",
    )
