"""Every supernet against the contract, in double precision, and what else all have in common."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.supernets import Supernet
from archrank.supernets.statistics import use_batch_statistics
from archrank.testing import check_supernet
from tests.supernets.small import SMALL, TASK, Small


@pytest.fixture(params=SMALL, scope="module")
def small(request: pytest.FixtureRequest) -> Small:
    torch.set_num_threads(1)
    return SMALL[request.param]


@pytest.fixture(scope="module")
def supernet(small: Small) -> Supernet:
    return small.supernet()


def images(small: Small) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(3, *small.input_shape, generator=generator, dtype=torch.float64)


def test_contract(small: Small, supernet: Supernet) -> None:
    assert supernet.space.fingerprint() == small.make().fingerprint()
    check_supernet(supernet, small.input_shape, n=2, covering=small.covering(supernet.space))


def test_the_extracted_network_is_what_the_space_builds(small: Small, supernet: Supernet) -> None:
    supernet.eval()
    for arch in supernet.space.sample(2, rng=np.random.default_rng(1)):
        network = supernet.extract(arch)
        alone = supernet.space.networks(TASK).build(arch)
        assert type(network) is type(alone)
        theirs = [(name, p.shape) for name, p in alone.named_parameters()]
        assert [(name, p.shape) for name, p in network.named_parameters()] == theirs
        x = images(small)
        use_batch_statistics(alone).double().load_state_dict(network.state_dict())
        assert torch.allclose(alone.eval()(x), supernet(x, arch), atol=1e-9)


def test_gradients_are_those_of_the_extracted_network(small: Small, supernet: Supernet) -> None:
    supernet.train()
    x, weights = images(small), torch.linspace(-1, 1, 30, dtype=torch.float64)
    arch = supernet.space.sample(1, rng=np.random.default_rng(2))[0]
    network = supernet.extract(arch)
    sums = []
    for found, output in ((supernet, supernet(x, arch)), (network, network(x))):
        (output.flatten() * weights).sum().backward()
        sums.append(sum(float(p.grad.sum()) for p in found.parameters() if p.grad is not None))
    supernet.zero_grad(set_to_none=True)
    assert sums[0] == pytest.approx(sums[1], rel=1e-6, abs=1e-9)


def test_without_scale_and_shift(small: Small) -> None:
    if "affine" not in small.make().supernet_options:
        pytest.skip("batch norms of this supernet always have a scale and a shift")
    supernet = small.supernet(affine=False).float().train()
    assert dict(supernet.options) == {"affine": False}
    arch = supernet.space.sample(1, rng=np.random.default_rng(3))[0]
    network, x = supernet.extract(arch), images(small).float()
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert torch.allclose(network(x), supernet(x, arch), atol=1e-6)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not norms or any(norm.weight is None for norm in norms)
