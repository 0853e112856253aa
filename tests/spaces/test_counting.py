from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archrank.spaces.counting import Count, count, output_of


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))


def test_products_by_hand() -> None:
    wanted = Count(12 * 5 + 5 * 2, 12 * 5 + 5 + 5 * 2 + 2, (1, 2), frozenset())
    assert count(linear, (3, 2, 2)) == wanted
    conv = count(lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False), (4, 5, 5))
    assert conv == Count(25 * 9 * 2 * 6, 9 * 2 * 6, (1, 6, 5, 5), frozenset())


def test_frozen_parameters_do_not_count() -> None:
    assert count(lambda: linear().requires_grad_(False), (12,)).params == 0


class Calls(nn.Module):
    def __init__(self, fn: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(x)


@pytest.mark.parametrize(
    ("fn", "named"),
    [
        (lambda x: torch.fft.fft2(x).abs(), {"aten._fft_c2c"}),
        (lambda x: torch.cdist(x, x), {"aten._cdist_forward"}),
        (lambda x: x.flatten(1) @ torch.ones(192, device=x.device), {"aten.mv"}),
        (lambda x: torch.linalg.inv(x[..., :8, :8]), {"aten.linalg_inv_ex"}),
        (lambda x: (x * 2).relu().softmax(1).mean(2).cumsum(1), set()),
        (
            lambda x: torch.cat([x, x.roll(1)], 1).flip(2)[:, ::2].transpose(1, 2).contiguous(),
            set(),
        ),
        (lambda x: nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), set()),
        (lambda x: nn.functional.adaptive_avg_pool2d(nn.functional.max_pool2d(x, 2), 2), set()),
        (lambda x: torch.einsum("bchw,bdhw->bcd", x, x), set()),
        (lambda x: nn.functional.pad(x.topk(2, 1).values, (1, 1)), set()),
    ],
)
def test_only_uncounted_arithmetic_is_named(
    fn: Callable[[Tensor], Tensor], named: set[str]
) -> None:
    assert {
        name.split(".default")[0] for name in count(lambda: Calls(fn), (3, 8, 8)).uncounted
    } == (named)


def test_operations_of_others_are_named() -> None:
    with torch.library._scoped_library("archrank_test", "FRAGMENT") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CPU")
        library.impl("twice", lambda x: torch.empty_like(x), "Meta")
        found = count(lambda: Calls(torch.ops.archrank_test.twice), (3, 2, 2))
    assert found.uncounted == {"archrank_test.twice"}


class Looks(nn.Module):
    """Looks at numbers, which the meta device does not have."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        assert x.sum().item() == 0
        y = self.layer(x)
        out: Tensor = y[0] if isinstance(y, tuple) else y
        return out


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2d(5, 4, 1),
        lambda: nn.LSTM(8, 16, batch_first=True),
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
    ],
)
def test_the_cpu_counts_the_same(make: Callable[[], nn.Module]) -> None:
    shape = (5, 8, 8) if isinstance(make(), nn.Conv2d) else (5, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about nested tensors
        plain, looked = count(make, shape), count(lambda: Looks(make()), shape)
    assert plain.uncounted == looked.uncounted == set()
    assert plain[:2] == looked[:2]
    assert plain.macs > 0
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.backends.mkldnn.enabled


def test_lstm_by_hand() -> None:
    # per step: four gates, each of 8 inputs and 16 states
    assert count(lambda: nn.LSTM(8, 16, batch_first=True), (5, 8)).macs == 5 * 4 * 16 * (8 + 16)


def test_builds_that_look_at_numbers() -> None:
    def make() -> nn.Module:
        rates = [r.item() for r in torch.linspace(0, 0.1, 2)]
        return nn.Sequential(linear(), nn.Dropout(rates[1]))

    assert count(make, (12,)).macs == 70


def test_tokens() -> None:
    found = count(lambda: nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9)), (7,))
    assert (found.macs, found.output) == (7 * 4 * 9, (1, 7, 9))


def test_random_numbers_stay_as_they_are() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2), nn.Dropout())
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    count(lambda: Looks(nn.Sequential(nn.Flatten(), nn.Linear(12, 2))), (3, 2, 2))
    output_of(network, (3, 2, 2))
    assert torch.equal(torch.rand(3), wanted)


def test_errors_are_those_of_the_cpu() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        count(lambda: nn.Linear(3, 4), (12,))


def test_outputs_of_a_built_network() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 5))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert output_of(network, (3, 2, 2)) == (2, 5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert output_of(nn.LSTM(4, 4), (5, 4)) == "tuple"
    assert output_of(Looks(network), (3, 2, 2)) is None
    assert output_of(network, (4, 2, 2)) is None
