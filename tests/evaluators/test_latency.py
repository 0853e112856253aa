from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import EvaluationError
from archrank.evaluators import EVALUATORS, Latency
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
    evaluator = Latency(Digits(), repeats=3, warmup=1)
    check_evaluator(evaluator, space, n=3, repeatable=False)
    assert not evaluator.cheap
    assert EVALUATORS.get("latency") is Latency
    assert evaluator.metrics[0].direction == "minimize"


def test_the_network_of_the_task_is_timed_as_asked() -> None:
    SEEN.clear()
    space = CustomSpace({"width": [4, 13, 8]}, build)
    evaluator = Latency(Digits(), batch_size=5, repeats=4, warmup=2, threads=1).bind(space)
    result = evaluator.evaluate(space.enumerate())
    assert np.isnan(result["latency_ms"]).tolist() == [False, True, False]
    assert result.reasons[::2] == [None, None]
    assert "ValueError: unlucky" in str(result.reasons[1])
    assert SEEN.count((torch.Size([5, 1, 8, 8]), 1)) == 2 * (4 + 2)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"repeats": 0}, "repeats must be a whole number of at least 1, got 0"),
        ({"repeats": 1.5}, "at least 1, got 1.5"),
        ({"trim": 0.7}, "below 0.5, got 0.7"),
        ({"device": "cuda:99"}, "no device 'cuda:99'"),
        ({"device": "gpu"}, "no device 'gpu'"),
    ],
)
def test_settings_that_measure_nothing(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        Latency(Digits(), **settings)


def test_what_must_agree_names_protocol_and_processor() -> None:
    told = Latency(Digits(), repeats=7).describe()
    assert told["repeats"] == 7
    assert told["processor"]
    assert told != Latency(Digits(), batch_size=2, repeats=7).describe()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_timed_and_named(space: NASBench201) -> None:
    evaluator = Latency(Digits(), repeats=3, warmup=1, device="cuda").bind(space)
    found = evaluator.evaluate(space.sample(2, rng=np.random.default_rng(0)))
    assert (found["latency_ms"] > 0).all()
    assert evaluator.describe()["processor"] == torch.cuda.get_device_name()
