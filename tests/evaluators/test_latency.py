from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import ArchrankError
from archrank.evaluators import EVALUATORS, Latency
from archrank.hardware import LatencyProtocol
from archrank.spaces import CustomSpace, NASBench201
from archrank.tasks import Digits
from archrank.testing import check_evaluator

SEEN: list[tuple[torch.Size, int]] = []


class Seen(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        SEEN.append((x.shape, torch.get_num_threads()))
        return x.new_zeros(len(x), 10)


def build(config: dict[str, Any], task: object) -> nn.Module:
    if config["width"] == 13:
        raise ValueError("unlucky")
    return Seen()


def test_contract(space: NASBench201) -> None:
    evaluator = Latency(Digits(), LatencyProtocol(repeats=3, warmup=1))
    check_evaluator(evaluator, space, n=3, repeatable=False)
    assert not evaluator.cheap
    assert EVALUATORS.get("latency") is Latency
    assert evaluator.metrics[0].direction == "minimize"


def test_the_network_of_the_task_is_timed_as_asked() -> None:
    SEEN.clear()
    space = CustomSpace({"width": [4, 13, 8]}, build)
    evaluator = Latency(Digits(), LatencyProtocol(4, 2, tries=1, batch_size=5)).bind(space)
    result = evaluator.evaluate(space.enumerate())
    assert np.isnan(result["latency_ms"]).tolist() == [False, True, False]
    assert result.reasons[::2] == [None, None]
    assert "ValueError: unlucky" in str(result.reasons[1])
    assert SEEN.count((torch.Size([5, 1, 8, 8]), 1)) == 2 * (4 + 2)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here: .* Measure on 'cpu'"),
        ({"device": "gpu"}, "device 'gpu' cannot be used here"),
        ({"protocol": 300}, "Latency: protocol is 300, expected an archrank LatencyProtocol"),
    ],
)
def test_what_cannot_be_measured_with(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ArchrankError, match=told):
        Latency(Digits(), **settings)


def test_what_must_agree_names_protocol_and_processor() -> None:
    told = Latency(Digits(), LatencyProtocol(repeats=7)).describe()
    assert told["protocol"]["repeats"] == 7
    assert told["processor"]
    assert told != Latency(Digits(), LatencyProtocol(repeats=7, batch_size=2)).describe()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_timed_and_named(space: NASBench201) -> None:
    evaluator = Latency(Digits(), LatencyProtocol(repeats=3), "cuda").bind(space)
    found = evaluator.evaluate(space.sample(2, rng=np.random.default_rng(0)))
    assert (found["latency_ms"] > 0).all()
    assert evaluator.describe()["processor"] == torch.cuda.get_device_name()
