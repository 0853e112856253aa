"""Networks of one input and of several; latency and proxies take both."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.hardware import LatencyProtocol, measure_latency
from archrank.networks.inputs import run, to_device
from archrank.proxies import draw_batch, measure
from archrank.spaces.transformers.hat import HAT
from tests.tasks.tiny import PAD, Reversal, network_for


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 2), nn.Linear(4, 2)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        outputs: Tensor = self.left(a) + self.right(b)
        return outputs


def test_a_tuple_becomes_arguments() -> None:
    a, b = torch.randn(5, 3), torch.randn(5, 4)
    network = Sum()
    assert torch.equal(run(network, (a, b)), network(a, b))
    assert torch.equal(run(network.left, a), network.left(a))
    assert isinstance(to_device((a, b), "cpu"), tuple)
    assert to_device(a, "cpu") is a


def test_latency_of_a_network_of_two_inputs() -> None:
    assert (
        measure_latency(
            network_for(Reversal()), Reversal().example(2), LatencyProtocol(repeats=5)
        ).ms
        > 0
    )


def test_proxies_of_a_network_of_two_inputs() -> None:
    a, b = torch.randn(6, 3), torch.randn(6, 4)
    y = torch.tensor([0, 1, 0, 1, 0, 1])
    loss = nn.functional.cross_entropy
    network = Sum()
    found = measure(network, (a, b), y, loss, ("synflow", "jacob_cov", "snip", "grad_norm"))
    weights = network.left.weight, network.right.weight
    assert found.values["synflow"] == pytest.approx(
        float(sum(w.detach().double().abs().sum() for w in weights)), rel=1e-6
    )
    loss(network(a, b), y).backward()
    norms = sum(float(w.grad.norm()) for w in weights if w.grad is not None)
    assert found.values["grad_norm"] == pytest.approx(norms, rel=1e-5)


def test_proxies_of_tokens() -> None:
    task = Reversal()
    batch = draw_batch(task, batch_size=8)
    assert [len(x) for x in batch.inputs] == [8, 8]
    found = measure(network_for(task), batch.x, batch.y, task.loss, ("synflow", "grad_norm"))
    assert math.isfinite(found.values["grad_norm"])
    assert "no input of ones" in found.reasons["synflow"]


def test_translation_spaces_take_translation_tasks() -> None:
    task = Reversal(source_vocabulary=9)
    networks = HAT().networks(task)
    arch = HAT().canonical(HAT().sample(1, rng=np.random.default_rng(0)))[0]
    network = networks.build(arch)
    batch = draw_batch(task, batch_size=2)
    assert run(network, batch.x).shape == (2, task.vocabulary, batch.y.shape[1])
    (source, target), y = batch
    padded = source.new_full((2, 4), PAD), target.new_full((2, 4), PAD), y.new_full((2, 4), PAD)
    longer = [torch.cat(pair, dim=1) for pair in zip((source, target, y), padded, strict=True)]
    loss = task.loss(run(network, (source, target)), y)
    same = task.loss(run(network, (longer[0], longer[1])), longer[2])
    assert float(same.detach()) == pytest.approx(float(loss.detach()), rel=1e-5)
