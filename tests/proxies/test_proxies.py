from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from archrank.errors import EvaluationError
from archrank.networks import NASBench201Network
from archrank.proxies import (
    DEFAULT,
    PROXIES,
    Probe,
    grad_norm,
    jacob_cov,
    measure,
    naswot,
    snip,
    synflow,
)

CELL = ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none", "nor_conv_1x1"]
ALL = [synflow, snip, grad_norm, jacob_cov, naswot]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def cell(ops: list[str] | None = None) -> nn.Module:
    torch.manual_seed(0)
    return NASBench201Network(
        ops or CELL, channels=4, cells=1, n_classes=3, in_channels=2, reduction="pool"
    )


def batch(n: int = 6) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(n, 2, 8, 8, generator=rng), torch.arange(n) % 3


def mlp(seed: int, widths: tuple[int, ...] = (5, 4, 3), bias: bool = True) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b, bias=bias), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*layers[:-2]).double()  # the last layer gives logits


def examples(seed: int, n: int = 7) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, generator=rng, dtype=torch.float64), torch.arange(n) % 3


def test_synflow_is_the_flow_once_per_layer() -> None:
    """Each layer of a bias-free ReLU network conserves the flow: R is the product of |W|."""
    network = mlp(0, (5, 4, 6, 3), bias=False)
    weights = [p.detach().abs() for p in network.parameters() if p.dim() == 2]
    flow = float((weights[2] @ weights[1] @ weights[0]).sum())
    x, y = examples(0)
    assert synflow(network, x, y, cross_entropy) == pytest.approx(3 * flow, rel=1e-12)


def test_synflow_reads_neither_the_data_nor_the_signs() -> None:
    network, (x, y) = cell(), batch()
    first = synflow(network, x, y, cross_entropy)
    assert first == synflow(network, 7 + 0 * x, y, cross_entropy)
    for p in network.parameters():
        p.data.neg_()
    assert first == synflow(network, x, y, cross_entropy)
    network.classifier.weight.data.mul_(2)  # type: ignore[union-attr, operator]
    assert synflow(network, x, y, cross_entropy) == pytest.approx(2 * first, rel=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_snip_is_what_a_mask_on_each_weight_would_change(seed: int) -> None:
    """Against finite differences of the loss by a factor on one weight at a time."""
    network, (x, y) = mlp(seed).train(), examples(seed)
    total, step = 0.0, 1e-6
    for p in (p for p in network.parameters() if p.dim() == 2):
        flat = p.data.view(-1)
        for i, w in enumerate(flat.tolist()):
            losses = []
            for factor in (1 + step, 1 - step):
                flat[i] = factor * w
                losses.append(float(cross_entropy(network(x), y).detach()))
            flat[i] = w
            total += abs(losses[0] - losses[1]) / (2 * step)
    assert snip(network, x, y, cross_entropy) == pytest.approx(total, rel=1e-5, abs=1e-7)


def test_grad_norm_sums_the_layers_norms() -> None:
    network, (x, y) = cell().train(), batch()
    expected = grad_norm(network, x, y, cross_entropy)
    cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = [
        float(torch.linalg.vector_norm(m.weight.grad)) for m in layers if m.weight.grad is not None
    ]
    assert len(norms) > 5
    assert expected == pytest.approx(sum(norms), rel=1e-6)


def test_jacob_cov_against_the_definition() -> None:
    network, (x, y) = mlp(3).train(), examples(3, n=4)
    leaf = x.clone().requires_grad_()
    network(leaf).backward(torch.ones(4, 3, dtype=torch.float64))
    assert leaf.grad is not None
    jacobian = leaf.grad.numpy()
    v = np.linalg.eig(np.corrcoef(jacobian))[0].real
    expected = -np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5))
    assert jacob_cov(network, x, y, cross_entropy) == pytest.approx(expected, rel=1e-6)


def test_jacob_cov_is_best_where_gradients_are_uncorrelated() -> None:
    class Given(nn.Module):
        """A network whose input gradients are the rows of a matrix."""

        def __init__(self, rows: Tensor) -> None:
            super().__init__()
            self.rows = rows

        def forward(self, x: Tensor) -> Tensor:
            return (x * self.rows).sum(1, keepdim=True)

    hadamard = torch.tensor([[1.0, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    x, y = torch.zeros(3, 4), torch.zeros(3)
    apart = jacob_cov(Given(hadamard), x, y, cross_entropy)
    assert apart == pytest.approx(-3 * (np.log1p(1e-5) + 1 / (1 + 1e-5)))
    mixed = hadamard + 0.5 * hadamard[:1]
    assert jacob_cov(Given(mixed), x, y, cross_entropy) < apart


def test_naswot_counts_the_units_that_agree() -> None:
    network, (x, y) = cell().train(), batch(5)
    codes: list[np.ndarray[Any, Any]] = []
    for m in network.modules():
        if isinstance(m, nn.ReLU):
            m.register_forward_hook(lambda m, a, out: codes.append((out > 0).flatten(1).numpy()))
    network(x)
    code = np.concatenate(codes, axis=1)
    kernel = [[float((a == b).sum()) for b in code] for a in code]
    expected = np.linalg.slogdet(kernel)[1]
    codes.clear()
    assert naswot(network, x, y, cross_entropy) == pytest.approx(expected, rel=1e-9)


def test_naswot_of_equal_examples_is_low_but_finite() -> None:
    network, (x, y) = cell(), batch(6)
    twins = x[[0, 0, 1, 2, 3, 4]]
    worse = naswot(network, twins, y, cross_entropy)
    assert np.isfinite(worse)
    assert worse < naswot(network, x, y, cross_entropy)


@pytest.mark.parametrize("proxy", ALL, ids=lambda p: p.__name__)
@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_bit_for_bit(proxy: Callable[..., float], training: bool) -> None:
    network, (x, y) = cell().train(training), batch()
    network.head.eval()  # type: ignore[union-attr]
    state = {k: v.clone() for k, v in network.state_dict().items()}
    modes, images = [m.training for m in network.modules()], x.clone()
    first = proxy(network, x, y, cross_entropy)
    assert all(torch.equal(state[k], v) for k, v in network.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert [m.training for m in network.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert torch.equal(x, images)
    assert not x.requires_grad
    with torch.no_grad():  # the caller's switch does not matter either
        assert proxy(network, x, y, cross_entropy) == first


def test_one_pass_gives_what_each_proxy_gives_alone() -> None:
    network, (x, y) = cell(), batch()
    passes = []
    network.stem.register_forward_hook(lambda *a: passes.append(1))  # type: ignore[union-attr]
    values, reasons = measure(network, x, y, cross_entropy)
    assert len(passes) == 2  # one for synflow, one for the four others
    assert tuple(values) == DEFAULT
    assert not reasons
    for name, value in values.items():
        assert PROXIES.get(name)(network, x, y, cross_entropy) == value


def test_a_cell_without_a_path_carries_no_signal() -> None:
    network, (x, y) = cell(["none"] * 6), batch()
    values, reasons = measure(network, x, y, cross_entropy)
    assert (values["synflow"], values["snip"], values["grad_norm"]) == (0, 0, 0)
    assert np.isnan(values["jacob_cov"])
    assert reasons == {
        "jacob_cov": "jacob_cov: EvaluationError: the outputs depend on 0 of 6 examples"
    }
    assert values["naswot"] < naswot(cell(), x, y, cross_entropy)


def test_what_a_proxy_is_not_defined_for() -> None:
    tokens, y = torch.zeros(4, 3, dtype=torch.int64), torch.zeros(4, dtype=torch.int64)
    words = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(12, 3))
    for proxy in (jacob_cov, synflow):
        with pytest.raises(EvaluationError, match="int64"):
            proxy(words, tokens, y, cross_entropy)
    assert snip(words, tokens, y, cross_entropy) > 0
    with pytest.raises(EvaluationError, match="no rectifier module"):
        naswot(words, tokens, y, cross_entropy)
    with pytest.raises(EvaluationError, match="no trainable weights"):
        snip(nn.Flatten(), torch.zeros(4, 3), y, cross_entropy)


def test_a_users_proxy_and_one_that_is_not_finite() -> None:
    network, (x, y) = cell(), batch()
    values, reasons = measure(
        network, x, y, cross_entropy, (f"{__name__}:depth", f"{__name__}:bad")
    )
    assert values["depth"] == len(list(network.modules()))
    assert np.isnan(values["bad"])
    assert reasons == {"bad": "bad is inf"}


def depth(network: nn.Module, inputs: Tensor, targets: Tensor, loss: object) -> float:
    return float(len(list(network.modules())))


def bad(network: nn.Module, inputs: Tensor, targets: Tensor, loss: object) -> float:
    return float("inf")


def test_a_probe_of_unused_weights_has_zero_gradients() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(5, 3), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)  # type: ignore[no-any-return]

    x, y = torch.randn(4, 5), torch.zeros(4, dtype=torch.int64)
    network = Half()
    used, unused = Probe(network, x, y, cross_entropy).weight_gradients
    assert float(used.abs().sum()) > 0
    assert float(unused.abs().sum()) == 0
    assert synflow(network, x, y, cross_entropy) > 0
